//! The last line of gated cells.

use std::sync::Arc;

use veilflow_ir::{Node, Op, Shape, Tensor, ValueId};

use super::rewriter::Rewriter;
use crate::error::Result;

/// (α·z + β)·c + z·h = z·(h + α·c) + β·c for constants α and β: one private product instead of two. In a GRU
/// α = −1 and β = 1, so it is z·(h − c) + c.
pub(super) fn interpolate(
    rewriter: &mut Rewriter<'_>,
    node: &Node,
    inputs: &[ValueId],
) -> Result<Option<ValueId>> {
    let product = |rewriter: &Rewriter<'_>, id| {
        rewriter.sole_producer(id).filter(|n| n.op == Op::Mul).map(|n| n.inputs)
    };
    let (Some(a), Some(b)) = (product(rewriter, inputs[0]), product(rewriter, inputs[1])) else {
        return Ok(None);
    };
    for (left, right) in [(&a, &b), (&b, &a)] {
        for (gate, c) in [(left[0], left[1]), (left[1], left[0])] {
            for (z, h) in [(right[0], right[1]), (right[1], right[0])] {
                if let Some(line) = Line::of(rewriter, gate, z)
                    && [z, c, h].iter().all(|&id| {
                        rewriter.shape(id) == rewriter.old_shape(node.output)
                            && rewriter.constant_of(id).is_none()
                    })
                {
                    return line.interpolate(rewriter, node, z, c, h).map(Some);
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
    /// The line of z that `gate` is, if it is one and nothing else reads it.
    fn of(rewriter: &Rewriter<'_>, gate: ValueId, z: ValueId) -> Option<Self> {
        let last = rewriter.sole_producer(gate).filter(|n| n.op == Op::Add)?;
        let beta = rewriter.constant_of(last.inputs[1])?;
        if last.inputs[0] == z {
            let one = Tensor::from_fn(Shape::new([]).ok()?, |_| 1.0);
            return Some(Self { alpha: Arc::new(one), beta });
        }
        let first = rewriter.sole_producer(last.inputs[0]).filter(|n| n.op == Op::Mul && n.inputs[0] == z)?;
        Some(Self { alpha: rewriter.constant_of(first.inputs[1])?, beta })
    }

    fn interpolate(
        &self,
        rewriter: &mut Rewriter<'_>,
        node: &Node,
        z: ValueId,
        c: ValueId,
        h: ValueId,
    ) -> Result<ValueId> {
        let output = rewriter.old_name(node.output);
        let all = |t: &Tensor, value: f32| t.data().iter().all(|&v| v == value);
        let difference = if all(&self.alpha, -1.0) {
            rewriter.emit(&node.name, &format!("{output}.difference"), Op::Sub, &[h, c])?
        } else {
            let scaled = times(rewriter, node, c, &self.alpha)?;
            rewriter.emit(&node.name, &format!("{output}.difference"), Op::Add, &[h, scaled])?
        };
        let moved = rewriter.emit(&node.name, &format!("{output}.moved"), Op::Mul, &[z, difference])?;
        let rest = times(rewriter, node, c, &self.beta)?;
        rewriter.emit(&node.name, output, Op::Add, &[moved, rest])
    }
}

/// x times a constant.
fn times(rewriter: &mut Rewriter<'_>, node: &Node, x: ValueId, factor: &Tensor) -> Result<ValueId> {
    if factor.data().iter().all(|&v| v == 1.0) {
        return Ok(x);
    }
    let output = rewriter.old_name(node.output);
    let factor = rewriter.constant(&format!("{output}.factor"), factor.clone())?;
    rewriter.emit(&node.name, &format!("{output}.scaled"), Op::Mul, &[x, factor])
}
