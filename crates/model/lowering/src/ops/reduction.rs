//! What is made of the elements along some dimensions.

use veilflow_ir::{Function, Op, ValueId, layout};

use super::axis::axis;
use super::normalise::reduction_axes;
use crate::error::{Refusal, Result};
use crate::literal::Literal;
use crate::lowering::{Lowered, Lowering};
use crate::scope::Binding;

/// What `make` makes of input 0 over the axes. It leaves each of them with one element.
fn reduce(
    node: &mut Lowering<'_>,
    known: impl Fn(&[f64]) -> f64,
    make: impl FnOnce(&mut Lowering<'_>, ValueId, &[usize]) -> Result<ValueId, Refusal>,
) -> Lowered {
    let keep = node.attributes.int("keepdims")?.unwrap_or(1) != 0;
    if let Some(x) = node.literal(0) {
        return reduce_known(node, &x, keep, known);
    }
    let x = node.value(0)?;
    let shape = node.shape(x).clone();
    let axes = reduction_axes(node, shape.rank())?;
    if axes.is_empty() && shape.rank() > 0 {
        return node.last(Op::Identity, &[x]);
    }
    let made = make(node, x, &axes)?;
    let kept = |i: &usize| keep || !axes.contains(i);
    let dims: Vec<usize> =
        (0..shape.rank()).filter(kept).map(|i| if axes.contains(&i) { 1 } else { shape[i] }).collect();
    let made = node.reshaped(made, &dims)?;
    node.last(Op::Identity, &[made])
}

/// The same of known numbers: what exporters make of shapes and masks.
fn reduce_known(node: &mut Lowering<'_>, x: &Literal, keep: bool, known: impl Fn(&[f64]) -> f64) -> Lowered {
    let shape = x.shape()?;
    let axes = reduction_axes(node, shape.rank())?;
    node.draft.spend_elements(shape.elements())?;
    let (parts, count) = layout::summands(&x.numbers(), &shape, &axes);
    let values = parts.chunks_exact(count).map(known);
    let kept = |i: &usize| keep || !axes.contains(i);
    let dims = (0..shape.rank()).filter(kept).map(|i| if axes.contains(&i) { 1 } else { shape[i] }).collect();
    Ok(Binding::Literal(match x {
        Literal::Integers(_) => Literal::integers(dims, values.map(|v| v as i64).collect()),
        Literal::Floats(_) => Literal::floats(dims, values.map(|v| v as f32).collect())?,
    }))
}

fn over(node: &Lowering<'_>, x: ValueId, axes: &[usize]) -> usize {
    axes.iter().map(|&a| node.shape(x)[a]).product()
}

pub(super) fn sum(node: &mut Lowering<'_>) -> Lowered {
    reduce(node, |v| v.iter().sum(), |node, x, axes| node.summed(x, axes))
}

pub(super) fn sum_square(node: &mut Lowering<'_>) -> Lowered {
    reduce(
        node,
        |v| v.iter().map(|v| v * v).sum(),
        |node, x, axes| {
            let squares = node.mul(x, x)?;
            node.summed(squares, axes)
        },
    )
}

pub(super) fn l1(node: &mut Lowering<'_>) -> Lowered {
    reduce(
        node,
        |v| v.iter().map(|v| v.abs()).sum(),
        |node, x, axes| {
            let magnitudes = node.magnitude(x)?;
            node.summed(magnitudes, axes)
        },
    )
}

pub(super) fn l2(node: &mut Lowering<'_>) -> Lowered {
    reduce(
        node,
        |v| v.iter().map(|v| v * v).sum::<f64>().sqrt(),
        |node, x, axes| {
            let squares = node.mul(x, x)?;
            let sums = node.summed(squares, axes)?;
            node.function(Function::Sqrt, sums)
        },
    )
}

pub(super) fn log_sum(node: &mut Lowering<'_>) -> Lowered {
    reduce(
        node,
        |v| v.iter().sum::<f64>().ln(),
        |node, x, axes| {
            let sums = node.summed(x, axes)?;
            node.function(Function::Log, sums)
        },
    )
}

/// max + ln Σ exp(x − max).
pub(super) fn log_sum_exp(node: &mut Lowering<'_>) -> Lowered {
    reduce(
        node,
        |v| v.iter().map(|v| v.exp()).sum::<f64>().ln(),
        |node, x, axes| {
            let largest = node.largest(x, axes)?;
            let below = node.sub(x, largest)?;
            let powers = node.exp(below)?;
            let sums = node.summed(powers, axes)?;
            let log = node.function(Function::Log, sums)?;
            node.add(largest, log)
        },
    )
}

pub(super) fn max(node: &mut Lowering<'_>) -> Lowered {
    if let Some((x, keeps)) = node.masked(0) {
        let rank = node.shape(x).rank();
        let keep = node.attributes.int("keepdims")?.unwrap_or(1) != 0;
        return match reduction_axes(node, rank)?[..] {
            [axis] if keep => {
                let filled = node.filled(x, axis, &keeps)?;
                node.largest(filled, &[axis]).map(Binding::Value)
            }
            _ => Err("the maximum of masked scores over several axes".into()),
        };
    }
    let most = |v: &[f64]| v.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    reduce(node, most, |node, x, axes| node.largest(x, axes))
}

pub(super) fn min(node: &mut Lowering<'_>) -> Lowered {
    let least = |v: &[f64]| v.iter().copied().fold(f64::INFINITY, f64::min);
    reduce(node, least, |node, x, axes| node.smallest(x, axes))
}

/// Products of halves, again and again.
pub(super) fn prod(node: &mut Lowering<'_>) -> Lowered {
    reduce(
        node,
        |v| v.iter().product(),
        |node, x, axes| {
            let shape = node.shape(x).clone();
            let kept: Vec<usize> = (0..shape.rank()).filter(|i| !axes.contains(i)).collect();
            let perm: Vec<usize> = axes.iter().chain(&kept).copied().collect();
            let count = over(node, x, axes);
            let rows = node.transposed(x, &perm)?;
            let mut rows = node.reshaped(rows, &[count, shape.elements() / count])?;
            while let size @ 2.. = node.shape(rows)[0] {
                let half = size / 2;
                let (low, high) = (node.sliced(rows, 0, 0..half)?, node.sliced(rows, 0, half..2 * half)?);
                let product = node.mul(low, high)?;
                rows = if size == 2 * half {
                    product
                } else {
                    let odd = node.sliced(rows, 0, size - 1..size)?;
                    node.concatenated(&[product, odd], 0)?
                };
            }
            let dims: Vec<usize> =
                (0..shape.rank()).map(|i| if axes.contains(&i) { 1 } else { shape[i] }).collect();
            node.reshaped(rows, &dims)
        },
    )
}

pub(super) fn mean(node: &mut Lowering<'_>) -> Lowered {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    reduce(node, mean, |node, x, axes| node.averaged(x, axes))
}

/// The place of the largest or smallest element along an axis.
fn place(node: &mut Lowering<'_>, smallest: bool) -> Lowered {
    let keep = node.attributes.int("keepdims")?.unwrap_or(1) != 0;
    let last = node.attributes.flag("select_last_index")?;
    let x = node.value(0)?;
    let shape = node.shape(x).clone();
    let axis = axis(node.attributes.int("axis")?.unwrap_or(0), shape.rank(), false)?;
    let mut perm: Vec<usize> = (0..shape.rank()).filter(|&i| i != axis).collect();
    perm.push(axis);
    let size = shape[axis];
    let mut x = if smallest { node.negated(x)? } else { x };
    if last {
        x = node.gathered(x, axis, (0..size).rev().collect())?;
    }
    let rows = node.transposed(x, &perm)?;
    let mut index = node.step("index", Op::ArgMax, &[rows])?;
    if last {
        index = node.less_from((size - 1) as f32, index)?;
    }
    let mut dims = shape.to_vec();
    dims[axis] = 1;
    if !keep {
        dims.remove(axis);
    }
    let index = node.reshaped(index, &dims)?;
    node.last(Op::Identity, &[index])
}

pub(super) fn arg_max(node: &mut Lowering<'_>) -> Lowered {
    place(node, false)
}

pub(super) fn arg_min(node: &mut Lowering<'_>) -> Lowered {
    place(node, true)
}
