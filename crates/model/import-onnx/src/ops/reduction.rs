//! Sums over dimensions, and what is made of them.

use veilflow_ir::{Function, Op, Shape, ValueId, Window};

use super::axis::{axes, axis};
use super::elementwise::scalar;
use crate::error::{Refusal, Result};
use crate::lowering::{Lowered, Lowering};

/// What a reduction runs over, and the shape of its result.
struct Reduction {
    axes: Vec<usize>,
    /// How many elements of the input one of the output is made of.
    count: usize,
    result: Shape,
}

fn reduction(node: &mut Lowering<'_>, x: &Shape) -> Result<Reduction, Refusal> {
    let keep = node.attributes.int("keepdims")?.unwrap_or(1) != 0;
    let nothing_by_default = node.attributes.flag("noop_with_empty_axes")?;
    let chosen = axes(node)?.unwrap_or_default();
    let mut axes = chosen.iter().map(|&a| axis(a, x.rank(), false)).collect::<Result<Vec<_>, _>>()?;
    if axes.is_empty() && !nothing_by_default {
        axes = (0..x.rank()).collect();
    }
    axes.sort_unstable();
    axes.dedup();
    let kept = |i: &usize| keep || !axes.contains(i);
    let dims = (0..x.rank()).filter(kept).map(|i| if axes.contains(&i) { 1 } else { x[i] });
    let result = Shape::new(dims.collect::<Vec<_>>())?;
    Ok(Reduction { count: axes.iter().map(|&a| x[a]).product(), axes, result })
}

/// What `make` makes of the elements of input 0, or of their squares. It keeps each reduced dimension as 1.
fn reduce(
    node: &mut Lowering<'_>,
    squares: bool,
    make: impl FnOnce(&mut Lowering<'_>, ValueId, &Reduction) -> Result<ValueId, Refusal>,
) -> Lowered {
    let mut x = node.value(0)?;
    let shape = node.shape(x).clone();
    let reduction = reduction(node, &shape)?;
    if squares {
        x = node.step("squares", Op::Mul, &[x, x])?;
    }
    let made = make(node, x, &reduction)?;
    node.last(Op::Reshape { shape: reduction.result }, &[made])
}

fn total(node: &mut Lowering<'_>, x: ValueId, reduction: &Reduction) -> Result<ValueId, Refusal> {
    node.step("sums", Op::ReduceSum { axes: reduction.axes.clone() }, &[x])
}

pub(super) fn sum(node: &mut Lowering<'_>) -> Lowered {
    reduce(node, false, total)
}

pub(super) fn sum_square(node: &mut Lowering<'_>) -> Lowered {
    reduce(node, true, total)
}

pub(super) fn l2(node: &mut Lowering<'_>) -> Lowered {
    reduce(node, true, |node, squares, reduction| {
        let sums = total(node, squares, reduction)?;
        node.step("root", Op::Apply { function: Function::Sqrt }, &[sums])
    })
}

/// Over height and width of an image an average pooling, else a sum times 1/n.
pub(super) fn mean(node: &mut Lowering<'_>) -> Lowered {
    reduce(node, false, |node, x, reduction| {
        if let [1, _, height, width] = **node.shape(x)
            && reduction.axes == [2, 3]
        {
            let window = Window::new([height, width]);
            return node.step("mean", Op::AveragePool { window, include_padding: false }, &[x]);
        }
        let sums = total(node, x, reduction)?;
        let factor = scalar(node, "factor", 1.0 / reduction.count as f32)?;
        node.step("mean", Op::Mul, &[sums, factor])
    })
}
