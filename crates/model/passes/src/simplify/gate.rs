//! The last line of gated cells.

use std::sync::Arc;

use veilflow_ir::{Node, Op, Shape, Tensor, ValueId};

use super::rewriter::Rewriter;
use crate::error::Result;

/// (α·z + β)·c + z·h = z·(h + α·c) + β·c for constants α, β: one private product instead of two. With α = −1, β = 1, as in
/// a GRU, it is z·(h − c) + c.
pub(super) fn interpolate(r: &mut Rewriter<'_>, node: &Node, inputs: &[ValueId]) -> Result<Option<ValueId>> {
    let product = |r: &Rewriter<'_>, id| r.sole_producer(id).filter(|n| n.op == Op::Mul).map(|n| n.inputs);
    let (Some(a), Some(b)) = (product(r, inputs[0]), product(r, inputs[1])) else { return Ok(None) };
    for (left, right) in [(&a, &b), (&b, &a)] {
        for (gate, c) in [(left[0], left[1]), (left[1], left[0])] {
            for (z, h) in [(right[0], right[1]), (right[1], right[0])] {
                if let Some(line) = Line::of(r, gate, z)
                    && [z, c, h]
                        .iter()
                        .all(|&id| r.shape(id) == r.old_shape(node.output) && r.constant_of(id).is_none())
                {
                    return line.interpolate(r, node, z, c, h).map(Some);
                }
            }
        }
    }
    Ok(None)
}

/// α·z + β.
struct Line {
    alpha: Arc<Tensor>,
    beta: Arc<Tensor>,
}

impl Line {
    /// The line of z that `gate` is, if nothing else reads it.
    fn of(r: &Rewriter<'_>, gate: ValueId, z: ValueId) -> Option<Self> {
        let last = r.sole_producer(gate).filter(|n| n.op == Op::Add)?;
        let beta = r.constant_of(last.inputs[1])?;
        if last.inputs[0] == z {
            let one = Tensor::from_fn(Shape::new([]).ok()?, |_| 1.0);
            return Some(Self { alpha: Arc::new(one), beta });
        }
        let first = r.sole_producer(last.inputs[0]).filter(|n| n.op == Op::Mul && n.inputs[0] == z)?;
        Some(Self { alpha: r.constant_of(first.inputs[1])?, beta })
    }

    fn interpolate(
        &self,
        r: &mut Rewriter<'_>,
        node: &Node,
        z: ValueId,
        c: ValueId,
        h: ValueId,
    ) -> Result<ValueId> {
        let output = r.old_name(node.output);
        let all = |t: &Tensor, value: f32| t.data().iter().all(|&v| v == value);
        let difference = if all(&self.alpha, -1.0) {
            r.emit(&node.name, &format!("{output}.difference"), Op::Sub, &[h, c])?
        } else {
            let scaled = times(r, node, c, &self.alpha)?;
            r.emit(&node.name, &format!("{output}.difference"), Op::Add, &[h, scaled])?
        };
        let moved = r.emit(&node.name, &format!("{output}.moved"), Op::Mul, &[z, difference])?;
        let rest = times(r, node, c, &self.beta)?;
        r.emit(&node.name, output, Op::Add, &[moved, rest])
    }
}

/// x times a constant.
fn times(r: &mut Rewriter<'_>, node: &Node, x: ValueId, factor: &Tensor) -> Result<ValueId> {
    if factor.data().iter().all(|&v| v == 1.0) {
        return Ok(x);
    }
    let output = r.old_name(node.output);
    let factor = r.constant(&format!("{output}.factor"), factor.clone())?;
    r.emit(&node.name, &format!("{output}.scaled"), Op::Mul, &[x, factor])
}
