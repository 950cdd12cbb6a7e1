//! Attention as one op, its relatives, and the rotation of positions that goes with it.

mod flexible;
mod linear;
mod mask;
mod rotary;

use veilflow_ir::{Function, ValueId};

use crate::error::{Refusal, Result};
use crate::lowering::Lowering;
use crate::scope::Binding;
pub(super) use flexible::flexible;
pub(super) use linear::linear;
use mask::{Places, with_mask};
pub(super) use rotary::rotary;

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

/// Keys or values once for each head of the queries that shares them.
fn repeated(node: &mut Lowering<'_>, x: ValueId, heads: usize) -> Result<ValueId, Refusal> {
    let shared = node.shape(x)[1];
    if heads == shared {
        return Ok(x);
    }
    node.gathered(x, 1, (0..heads).map(|h| h / (heads / shared)).collect())
}

/// softmax(scale·Q·Kᵀ + mask)·V, head by head; then the keys and values, and the scores at some stage.
pub(super) fn attention(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let causal = node.attributes.flag("is_causal")?;
    let (q_heads, kv_heads) = (node.attributes.size("q_num_heads")?, node.attributes.size("kv_num_heads")?);
    let softcap = node.attributes.float("softcap")?.filter(|&c| c != 0.0);
    let mode = node.attributes.int("qk_matmul_output_mode")?.unwrap_or(0);
    let scale = node.attributes.float("scale")?;
    let mut bound = |name| node.attributes.int(name).map(|bound| bound.and_then(|b| usize::try_from(b).ok()));
    let window = [bound("left_window_size")?, bound("right_window_size")?];
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
    k = repeated(node, k, heads)?;
    v = repeated(node, v, heads)?;
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
    Places { causal, window, past, lengths }.mark(&mut keeps, [batch, length, total])?;
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
