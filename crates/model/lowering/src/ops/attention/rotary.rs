//! The rotation of positions that goes with attention.

use veilflow_ir::Op;

use super::by_heads;
use crate::error::Result;
use crate::lowering::{Lowered, Lowering};

/// Pairs of elements turned by the angles of their positions.
pub(in crate::ops) fn rotary(node: &mut Lowering<'_>) -> Lowered {
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
