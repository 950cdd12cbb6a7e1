//! Attention as one op, and the rotation of positions that goes with it.

use veilflow_ir::{Function, Op, ValueId};

use super::arithmetic::masked;
use crate::error::{Refusal, Result};
use crate::literal::Literal;
use crate::lowering::{Lowered, Lowering};
use crate::scope::Binding;

/// An input as `[batch, heads, length, width]`.
fn by_heads(node: &mut Lowering<'_>, index: usize, heads: Option<usize>) -> Result<ValueId, Refusal> {
    let x = node.value(index)?;
    match (&node.shape(x).to_vec()[..], heads) {
        ([_, _, _, _], _) => Ok(x),
        (&[batch, length, width], Some(heads)) if heads > 0 && width % heads == 0 => {
            let x = node.reshaped(x, &[batch, length, heads, width / heads])?;
            node.transposed(x, &[0, 2, 1, 3])
        }
        (dims, heads) => Err(format!("input {index} of dimensions {dims:?} for {heads:?} heads").into()),
    }
}

/// softmax(scale·Q·Kᵀ + mask)·V, head by head; then the keys and values, and the scores at some stage.
pub(super) fn attention(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let causal = node.attributes.flag("is_causal")?;
    let (q_heads, kv_heads) = (node.attributes.size("q_num_heads")?, node.attributes.size("kv_num_heads")?);
    let softcap = node.attributes.float("softcap")?.filter(|&c| c != 0.0);
    let mode = node.attributes.int("qk_matmul_output_mode")?.unwrap_or(0);
    let scale = node.attributes.float("scale")?;
    node.attributes.ignore(&["softmax_precision"]);
    let lengths = if node.has_input(6) { Some(node.integers(6)?) } else { None };
    let query = node.value(0)?;
    let flat = node.shape(query).rank() == 3;
    let q = by_heads(node, 0, q_heads)?;
    let (mut k, mut v) = (by_heads(node, 1, kv_heads)?, by_heads(node, 2, kv_heads)?);
    let mut past = 0;
    if node.has_input(4) && node.has_input(5) {
        let (key, value) = (node.value(4)?, node.value(5)?);
        past = node.shape(key)[2];
        k = node.concatenated(&[key, k], 2)?;
        v = node.concatenated(&[value, v], 2)?;
    }
    let present = [k, v].map(Binding::Value);
    let [batch, heads, length, width] = node.shape(q).to_vec()[..] else { return Err("no heads".into()) };
    let (shared, total) = (node.shape(k)[1], node.shape(k)[2]);
    if shared == 0 || heads % shared != 0 {
        return Err(format!("{heads} heads of queries for {shared} of keys").into());
    }
    if heads > shared {
        let repeated = || (0..heads).map(|h| h / (heads / shared)).collect::<Vec<usize>>();
        k = node.gathered(k, 1, repeated())?;
        v = node.gathered(v, 1, repeated())?;
    }
    let scale = scale.unwrap_or(1.0 / (width as f32).sqrt());
    let q = node.scaled(q, scale)?;
    let k = node.flipped(k)?;
    let raw = node.product(q, k)?;
    let mut shown = raw;
    // Caps come before masks.
    let mut scores = raw;
    if let Some(cap) = softcap {
        let scaled = node.scaled(scores, 1.0 / cap)?;
        let limited = node.function(Function::Tanh, scaled)?;
        scores = node.scaled(limited, cap)?;
    }
    if mode == 1 {
        shown = scores;
    }
    let mut keeps = vec![true; node.shape(scores).elements()];
    node.draft.spend_elements(keeps.len())?;
    if node.has_input(3) {
        scores = with_mask(node, scores, total, &mut keeps)?;
    }
    if let Some(lengths) = &lengths {
        if causal || lengths.len() != batch {
            return Err("lengths of padded keys with a causal mask".into());
        }
        let per = keeps.len() / batch;
        keeps.iter_mut().enumerate().for_each(|(i, keep)| *keep &= ((i % total) as i64) < lengths[i / per]);
    }
    if causal {
        for (i, keep) in keeps.iter_mut().enumerate() {
            *keep &= i % total <= i / total % length + past;
        }
    }
    if mode == 2 {
        if keeps.contains(&false) && node.has_output(3) {
            return Err("masked scores as an output aren't supported: they are infinite".into());
        }
        shown = scores;
    }
    let weights = if keeps.contains(&false) {
        node.masked_softmax(scores, 3, &keeps)?
    } else {
        node.softmax_over(scores, &[3])?
    };
    if mode == 3 {
        shown = weights;
    }
    let mut y = node.product(weights, v)?;
    if flat {
        let depth = node.shape(y)[3];
        y = node.transposed(y, &[0, 2, 1, 3])?;
        y = node.reshaped(y, &[batch, length, heads * depth])?;
    }
    let [key, value] = present;
    Ok(vec![Binding::Value(y), key, value, Binding::Value(shown)])
}

/// Scores plus the mask in input 3: truth values that are known leave scores out, numbers are added.
fn with_mask(
    node: &mut Lowering<'_>,
    scores: ValueId,
    total: usize,
    keeps: &mut [bool],
) -> Result<ValueId, Refusal> {
    let shape = node.shape(scores).clone();
    match node.literal(3) {
        Some(Literal::Integers(bits)) => {
            let mut bits = (bits.dims.clone(), bits.values.clone());
            pad_mask(&mut bits.0, &mut bits.1, total, 0);
            let bits = crate::numbers::stretch(&bits.1, &bits.0, &shape);
            keeps.iter_mut().zip(bits).for_each(|(keep, bit)| *keep &= bit != 0);
            Ok(scores)
        }
        Some(Literal::Floats(mask)) => {
            let (mut dims, mut values) = (mask.shape().to_vec(), mask.data().to_vec());
            pad_mask(&mut dims, &mut values, total, f32::NEG_INFINITY);
            let mask = veilflow_ir::Tensor::new(veilflow_ir::Shape::new(dims)?, values)?;
            let Binding::Masked(scores, by_mask) = masked(node, scores, &mask)? else { return Ok(scores) };
            keeps.iter_mut().zip(by_mask.iter()).for_each(|(keep, &also)| *keep &= also);
            Ok(scores)
        }
        None => {
            let mask = node.value(3)?;
            if node.shape(mask).last() != Some(&total) {
                return Err("a private mask shorter than the keys".into());
            }
            node.add(scores, mask)
        }
    }
}

/// A mask that is shorter than the keys leaves the rest out.
fn pad_mask<T: Copy>(dims: &mut [usize], values: &mut Vec<T>, total: usize, fill: T) {
    let Some(last) = dims.last_mut().filter(|last| **last > 0 && **last < total) else { return };
    let missing = total - *last;
    let rows = values.chunks(*last).map(|row| [row, &vec![fill; missing]].concat());
    *values = rows.collect::<Vec<_>>().concat();
    *last = total;
}

/// Pairs of elements turned by the angles of their positions.
pub(super) fn rotary(node: &mut Lowering<'_>) -> Lowered {
    let interleaved = node.attributes.flag("interleaved")?;
    let heads = node.attributes.size("num_heads")?.filter(|&h| h > 0);
    let part = node.attributes.size("rotary_embedding_dim")?.filter(|&d| d > 0);
    let input = node.value(0)?;
    let flat = node.shape(input).rank() == 3;
    let x = by_heads(node, 0, heads)?;
    let [batch, heads, length, width] = node.shape(x).to_vec()[..] else { return Err("no heads".into()) };
    let turned = part.unwrap_or(width);
    if turned > width || turned % 2 != 0 {
        return Err(format!("{turned} of {width} elements").into());
    }
    let half = turned / 2;
    let mut caches = Vec::with_capacity(2);
    for index in [1, 2] {
        let mut cache = node.value(index)?;
        if node.has_input(3) {
            let positions = node.integers(3)?;
            let rows = positions.iter().map(|&p| usize::try_from(p)).collect::<Result<Vec<_>, _>>();
            cache = node.gathered(cache, 0, rows.map_err(|_| "a negative position")?)?;
        }
        if node.shape(cache).elements() == batch * length * half {
            cache = node.reshaped(cache, &[batch, 1, length, half])?;
        } else {
            cache = node.reshaped(cache, &[1, 1, length, half])?;
        }
        caches.push(cache);
    }
    let (cos, sin) = (caches[0], caches[1]);
    let pick = |node: &mut Lowering<'_>, which: usize| {
        let index = |i: usize| if interleaved { 2 * i + which } else { i + which * half };
        node.gathered(x, 3, (0..half).map(index).collect())
    };
    let (a, b) = (pick(node, 0)?, pick(node, 1)?);
    let (ac, bs) = (node.mul(a, cos)?, node.mul(b, sin)?);
    let (as_, bc) = (node.mul(a, sin)?, node.mul(b, cos)?);
    let (real, imaginary) = (node.sub(ac, bs)?, node.add(as_, bc)?);
    let mut parts = vec![real, imaginary];
    if turned < width {
        parts.push(node.sliced(x, 3, turned..width)?);
    }
    let mut y = node.concatenated(&parts, 3)?;
    if interleaved {
        let order = (0..turned).map(|i| i / 2 + i % 2 * half).chain(turned..width).collect();
        y = node.gathered(y, 3, order)?;
    }
    if flat {
        y = node.transposed(y, &[0, 2, 1, 3])?;
        y = node.reshaped(y, &[batch, length, heads * width])?;
    }
    node.last(Op::Identity, &[y])
}
