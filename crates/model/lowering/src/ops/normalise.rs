//! Normalisations: softmax over any axis, and those by mean and variance or by a norm.

use veilflow_ir::{Function, Op, ValueId};

use super::axis::{axes, axis};
use crate::error::{Refusal, Result};
use crate::lowering::{Lowered, Lowering};
use crate::scope::Binding;

fn made(built: Result<ValueId, Refusal>) -> Lowered {
    built.map(Binding::Value)
}

/// The axes that are normalised together. Before opset 13 they are all from the given one on.
fn softmax_axes(node: &mut Lowering<'_>, x: ValueId) -> Result<Vec<usize>, Refusal> {
    let (rank, old) = (node.shape(x).rank(), node.opset() < 13);
    let axis = axis(node.attributes.int("axis")?.unwrap_or(if old { 1 } else { -1 }), rank, old)?;
    Ok(if old { (axis..rank).collect() } else { vec![axis] })
}

/// Over all elements it is left to whoever reads the output: it tells no more than its argument.
pub(super) fn softmax(node: &mut Lowering<'_>) -> Lowered {
    if let Some((x, keeps)) = node.masked(0) {
        return match softmax_axes(node, x)?[..] {
            [axis] => made(node.masked_softmax(x, axis, &keeps)),
            _ => Err("a masked softmax over several axes".into()),
        };
    }
    let x = node.value(0)?;
    let axes = softmax_axes(node, x)?;
    let over: usize = axes.iter().map(|&a| node.shape(x)[a]).product();
    if over == node.shape(x).elements() && !node.is_known(x) {
        return Ok(Binding::Softmax(x));
    }
    made(node.softmax_over(x, &axes))
}

pub(super) fn log_softmax(node: &mut Lowering<'_>) -> Lowered {
    let x = node.value(0)?;
    let axes = softmax_axes(node, x)?;
    made(node.log_softmax_over(x, &axes))
}

/// 1 at the largest element, else 0.
pub(super) fn hardmax(node: &mut Lowering<'_>) -> Lowered {
    let x = node.value(0)?;
    let axes = softmax_axes(node, x)?;
    let shape = node.shape(x).clone();
    let before: usize = shape[..axes[0]].iter().product();
    let (rows, restore) = if axes.len() == 1 && axes[0] + 1 < shape.rank() {
        let mut perm: Vec<usize> = (0..shape.rank()).filter(|&i| i != axes[0]).collect();
        perm.push(axes[0]);
        let mut inverse = vec![0; perm.len()];
        perm.iter().enumerate().for_each(|(i, &p)| inverse[p] = i);
        (node.transposed(x, &perm)?, Some(inverse))
    } else {
        (node.reshaped(x, &[before, shape.elements() / before])?, None)
    };
    let size = *node.shape(rows).last().unwrap_or(&1);
    let index = node.step("index", Op::ArgMax, &[rows])?;
    let hot = one_hot(node, index, size)?;
    match restore {
        Some(perm) => made(node.transposed(hot, &perm)),
        None => made(node.reshaped(hot, &shape)),
    }
}

/// For integers along a last dimension of 1: 1 at the place that each names, along `size` places.
pub(super) fn one_hot(node: &mut Lowering<'_>, index: ValueId, size: usize) -> Result<ValueId, Refusal> {
    let places = node.table(&[size], |i| i as f32)?;
    let distance = node.sub(index, places)?;
    let magnitude = node.magnitude(distance)?;
    let near = node.inverted(magnitude)?;
    node.relu(near)
}

/// (x − mean)/√(variance + ε) over some axes. With 1/√n in the place of the mean's 1/n, the sum of squares is
/// what the root is taken of.
fn standardised(
    node: &mut Lowering<'_>,
    x: ValueId,
    axes: &[usize],
    epsilon: f32,
) -> Result<ValueId, Refusal> {
    let mean = node.averaged(x, axes)?;
    let centred = node.sub(x, mean)?;
    Ok(scaled_to_one(node, centred, axes, epsilon)?.0)
}

/// x/√(mean of x² + ε) over some axes, and what x is multiplied by.
fn scaled_to_one(
    node: &mut Lowering<'_>,
    x: ValueId,
    axes: &[usize],
    epsilon: f32,
) -> Result<(ValueId, ValueId), Refusal> {
    let squares = node.mul(x, x)?;
    let variance = node.averaged(squares, axes)?;
    let variance = node.shifted(variance, epsilon)?;
    let inverse = node.function(Function::ReciprocalSqrt, variance)?;
    Ok((node.mul(x, inverse)?, inverse))
}

/// x times input 1, plus input 2 if there is one.
fn scaled_and_shifted(node: &mut Lowering<'_>, x: ValueId, dims: Option<&[usize]>) -> Lowered {
    let mut x = x;
    for (index, op) in [(1, Op::Mul), (2, Op::Add)] {
        if node.has_input(index) {
            let mut parameter = node.value(index)?;
            if let Some(dims) = dims {
                parameter = node.reshaped(parameter, dims)?;
            }
            x = node.step("affine", op, &[x, parameter])?;
        }
    }
    node.last(Op::Identity, &[x])
}

/// Also the means, and the inverses of the standard deviations.
pub(super) fn layer(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let epsilon = node.attributes.float("epsilon")?.unwrap_or(1e-5);
    node.attributes.ignore(&["stash_type"]);
    let x = node.value(0)?;
    let rank = node.shape(x).rank();
    let axis = axis(node.attributes.int("axis")?.unwrap_or(-1), rank, false)?;
    let axes: Vec<usize> = (axis..rank).collect();
    let mean = node.averaged(x, &axes)?;
    let centred = node.sub(x, mean)?;
    let (x, inverse) = scaled_to_one(node, centred, &axes, epsilon)?;
    Ok(vec![scaled_and_shifted(node, x, None)?, Binding::Value(mean), Binding::Value(inverse)])
}

pub(super) fn rms(node: &mut Lowering<'_>) -> Lowered {
    let epsilon = node.attributes.float("epsilon")?.unwrap_or(1e-5);
    node.attributes.ignore(&["stash_type"]);
    let x = node.value(0)?;
    let rank = node.shape(x).rank();
    let axis = axis(node.attributes.int("axis")?.unwrap_or(-1), rank, false)?;
    let (x, _) = scaled_to_one(node, x, &(axis..rank).collect::<Vec<_>>(), epsilon)?;
    scaled_and_shifted(node, x, None)
}

/// The dimensions of parameters over channels.
fn over_channels(rank: usize, channels: usize) -> Vec<usize> {
    [vec![channels], vec![1; rank.saturating_sub(2)]].concat()
}

pub(super) fn instance(node: &mut Lowering<'_>) -> Lowered {
    let epsilon = node.attributes.float("epsilon")?.unwrap_or(1e-5);
    let x = node.value(0)?;
    let shape = node.shape(x).clone();
    if shape.rank() < 3 {
        return Err(format!("input of shape {shape}, without room behind its channels").into());
    }
    let x = standardised(node, x, &(2..shape.rank()).collect::<Vec<_>>(), epsilon)?;
    scaled_and_shifted(node, x, Some(&over_channels(shape.rank(), shape[1])))
}

/// Parameters run over groups before opset 21, over channels since.
pub(super) fn group(node: &mut Lowering<'_>) -> Lowered {
    let epsilon = node.attributes.float("epsilon")?.unwrap_or(1e-5);
    node.attributes.ignore(&["stash_type"]);
    let groups = node.attributes.size("num_groups")?.ok_or("attribute `num_groups` is missing")?;
    let x = node.value(0)?;
    let shape = node.shape(x).clone();
    if shape.rank() < 2 || groups == 0 || !shape[1].is_multiple_of(groups) {
        return Err(format!("{groups} groups of the channels of {shape}").into());
    }
    let rows = node.reshaped(x, &[shape[0], groups, shape.elements() / shape[0] / groups])?;
    let rows = standardised(node, rows, &[2], epsilon)?;
    if node.opset() < 21 {
        let made = scaled_and_shifted(node, rows, Some(&[groups, 1]))?;
        let Binding::Value(x) = made else { return Ok(made) };
        return self::made(node.reshaped(x, &shape));
    }
    let x = node.reshaped(rows, &shape)?;
    scaled_and_shifted(node, x, Some(&over_channels(shape.rank(), shape[1])))
}

pub(super) fn mean_variance(node: &mut Lowering<'_>) -> Lowered {
    let x = node.value(0)?;
    let rank = node.shape(x).rank();
    let chosen = node.attributes.ints("axes")?.unwrap_or_else(|| vec![0, 2, 3]);
    let axes = chosen.iter().map(|&a| axis(a, rank, false)).collect::<Result<Vec<_>, _>>()?;
    made(standardised(node, x, &axes, 1e-9))
}

/// What is added to a norm, so that zeros over it are zero.
const TINY: f32 = 1e-8;

/// x over its norm along an axis.
pub(super) fn lp(node: &mut Lowering<'_>) -> Lowered {
    let p = node.attributes.int("p")?.unwrap_or(2);
    let x = node.value(0)?;
    let rank = node.shape(x).rank();
    let axis = axis(node.attributes.int("axis")?.unwrap_or(-1), rank, false)?;
    let inverse = match p {
        1 => {
            let magnitudes = node.magnitude(x)?;
            let sums = node.summed(magnitudes, &[axis])?;
            let sums = node.shifted(sums, TINY)?;
            node.function(Function::Reciprocal, sums)?
        }
        2 => {
            let squares = node.mul(x, x)?;
            let sums = node.summed(squares, &[axis])?;
            let sums = node.shifted(sums, TINY)?;
            node.function(Function::ReciprocalSqrt, sums)?
        }
        p => return Err(format!("p = {p} isn't supported, only 1 and 2").into()),
    };
    node.last(Op::Mul, &[x, inverse])
}

/// x/(bias + α/n · Σ x²)^β, where sums run over the n channels around each.
pub(super) fn lrn(node: &mut Lowering<'_>) -> Lowered {
    let alpha = node.attributes.float("alpha")?.unwrap_or(1e-4);
    let beta = node.attributes.float("beta")?.unwrap_or(0.75);
    let bias = node.attributes.float("bias")?.unwrap_or(1.0);
    let size = node.attributes.size("size")?.ok_or("attribute `size` is missing")?;
    let x = node.value(0)?;
    let shape = node.shape(x).clone();
    if shape.rank() < 2 || size == 0 {
        return Err(format!("{size} channels of an input of shape {shape}").into());
    }
    let (channels, before) = (shape[1], (size - 1) / 2);
    let squares = node.mul(x, x)?;
    // Windows over channels, with zeros beyond the first and the last.
    let rank = shape.rank();
    let (mut pads, mut ends) = (vec![0; rank], vec![0; rank]);
    (pads[1], ends[1]) = (before, size - 1 - before);
    let padded = node.step("padded", Op::Pad { before: pads, after: ends, value: 0.0 }, &[squares])?;
    let indices = (0..channels).flat_map(|c| c..c + size).collect();
    let windows = node.gathered(padded, 1, indices)?;
    let dims = [&shape[..1], &[channels, size, shape.stride(1)]].concat();
    let windows = node.reshaped(windows, &dims)?;
    let sums = node.summed(windows, &[2])?;
    let sums = node.reshaped(sums, &shape)?;
    let scaled = node.scaled(sums, alpha / size as f32)?;
    let base = node.shifted(scaled, bias)?;
    let factor = super::arithmetic::power(node, base, -beta)?;
    node.last(Op::Mul, &[x, factor])
}

/// Known parameters fold into a line; private ones, and statistics of the batch, take roots.
pub(super) fn batch(node: &mut Lowering<'_>) -> Lowered {
    let epsilon = node.attributes.float("epsilon")?.unwrap_or(1e-5);
    node.attributes.ignore(&["momentum", "spatial", "is_test"]);
    if node.attributes.flag("training_mode")? {
        return Err("training mode isn't supported: export the model for inference".into());
    }
    let inputs = [node.value(0)?, node.value(1)?, node.value(2)?, node.value(3)?, node.value(4)?];
    if inputs[1..].iter().all(|&id| node.draft.graph.constant_of(id).is_some()) {
        return node.last(Op::BatchNormalization { epsilon }, &inputs);
    }
    let [x, scale, shift, mean, variance] = inputs;
    let shape = node.shape(x).clone();
    let dims = over_channels(shape.rank(), *shape.get(1).ok_or("needs a channel dimension")?);
    let variance = node.shifted(variance, epsilon)?;
    let inverse = node.function(Function::ReciprocalSqrt, variance)?;
    let factor = node.mul(scale, inverse)?;
    let mean = node.reshaped(mean, &dims)?;
    let centred = node.sub(x, mean)?;
    let (factor, shift) = (node.reshaped(factor, &dims)?, node.reshaped(shift, &dims)?);
    let scaled = node.mul(centred, factor)?;
    node.last(Op::Add, &[scaled, shift])
}

/// The axes of a reduction are parsed here for ops that normalise by them.
pub(super) fn reduction_axes(node: &mut Lowering<'_>, rank: usize) -> Result<Vec<usize>, Refusal> {
    let nothing_by_default = node.attributes.flag("noop_with_empty_axes")?;
    let chosen = axes(node)?.unwrap_or_default();
    let mut axes = chosen.iter().map(|&a| axis(a, rank, false)).collect::<Result<Vec<_>, _>>()?;
    if axes.is_empty() && !nothing_by_default {
        axes = (0..rank).collect();
    }
    axes.sort_unstable();
    axes.dedup();
    Ok(axes)
}
