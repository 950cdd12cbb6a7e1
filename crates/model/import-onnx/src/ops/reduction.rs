//! Sums over dimensions, and what is made of them.

use veilflow_ir::{Function, Op, Shape, ValueId, Window};

use super::elementwise::scalar;
use super::{Lowered, axes, axis};
use crate::lowering::{Lowering, Refusal};

/// What a reduction runs over, and the shape of its result.
struct Reduction {
    axes: Vec<usize>,
    /// Elements of the input for each of the output.
    count: usize,
    result: Shape,
}

fn reduction(l: &mut Lowering<'_>, x: &Shape) -> Result<Reduction, Refusal> {
    let keep = l.attributes.int("keepdims")?.unwrap_or(1) != 0;
    let nothing_by_default = l.attributes.flag("noop_with_empty_axes")?;
    let chosen = axes(l)?.unwrap_or_default();
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

/// What is made of the reduced elements of input 0, or of their squares, by `make`: it keeps the reduced dimensions.
fn reduce(
    l: &mut Lowering<'_>,
    squares: bool,
    make: impl FnOnce(&mut Lowering<'_>, ValueId, &Reduction) -> Result<ValueId, Refusal>,
) -> Lowered {
    let mut x = l.value(0)?;
    let shape = l.shape(x).clone();
    let reduction = reduction(l, &shape)?;
    if squares {
        x = l.step("squares", Op::Mul, &[x, x])?;
    }
    let made = make(l, x, &reduction)?;
    l.last(Op::Reshape { shape: reduction.result }, &[made])
}

fn total(l: &mut Lowering<'_>, x: ValueId, reduction: &Reduction) -> Result<ValueId, Refusal> {
    l.step("sums", Op::ReduceSum { axes: reduction.axes.clone() }, &[x])
}

pub(super) fn sum(l: &mut Lowering<'_>) -> Lowered {
    reduce(l, false, total)
}

pub(super) fn sum_square(l: &mut Lowering<'_>) -> Lowered {
    reduce(l, true, total)
}

pub(super) fn l2(l: &mut Lowering<'_>) -> Lowered {
    reduce(l, true, |l, squares, reduction| {
        let sums = total(l, squares, reduction)?;
        l.step("root", Op::Apply { function: Function::Sqrt }, &[sums])
    })
}

/// An average pooling where it runs over the height and width of an image, else a sum by 1/n.
pub(super) fn mean(l: &mut Lowering<'_>) -> Lowered {
    reduce(l, false, |l, x, reduction| {
        if let [1, _, height, width] = **l.shape(x)
            && reduction.axes == [2, 3]
        {
            let window = Window::new([height, width]);
            return l.step("mean", Op::AveragePool { window, include_padding: false }, &[x]);
        }
        let sums = total(l, x, reduction)?;
        let factor = scalar(l, "factor", 1.0 / reduction.count as f32)?;
        l.step("mean", Op::Mul, &[sums, factor])
    })
}
