//! Ops that take slices of their input. Which ones is known at import.

use veilflow_ir::{Op, Shape};

use super::axis::axis;
use crate::error::{Refusal, Result};
use crate::literal::Literal;
use crate::lowering::{Lowered, Lowering, Operand};
use crate::scope::Binding;

/// The axis attribute, for an input of this rank.
fn axis_attribute(node: &mut Lowering<'_>, rank: usize) -> Result<usize, Refusal> {
    axis(node.attributes.int("axis")?.unwrap_or(0), rank, false)
}

/// Slices by index along an axis. The dimensions of the indices take the axis's place.
pub(super) fn gather(node: &mut Lowering<'_>) -> Lowered {
    let x = node.operand(0)?;
    let shape = node.operand_shape(&x)?;
    let axis = axis_attribute(node, shape.rank())?;
    let Some(Literal::Integers(chosen)) = node.literal(1) else {
        return Err("its indices must be a constant of integers".into());
    };
    let size = shape[axis] as i64;
    let index = |&i: &i64| {
        let from_front = if i < 0 { i.saturating_add(size) } else { i };
        usize::try_from(from_front).map_err(|_| Refusal::from(format!("index {i} along {size} elements")))
    };
    let indices = chosen.values.iter().map(index).collect::<Result<Vec<usize>, _>>()?;
    if chosen.dims.len() == 1 {
        return Ok(node.moved("", Op::Gather { axis, indices }, &[x])?.into());
    }
    let dims = [&shape[..axis], &chosen.dims, &shape[axis + 1..]].concat();
    let taken = node.moved("taken", Op::Gather { axis, indices }, &[x])?;
    Ok(node.moved("", Op::Reshape { shape: Shape::new(dims)? }, &[taken])?.into())
}

/// The start, end, axis and step of each cut: attributes before opset 10, inputs since.
fn cuts(node: &mut Lowering<'_>) -> Result<Vec<[i64; 4]>, Refusal> {
    let (starts, ends, axes, steps) = if node.opset() < 10 {
        let mut list = |name| node.attributes.ints(name);
        let missing = "attributes `starts` and `ends` are missing";
        (list("starts")?.ok_or(missing)?, list("ends")?.ok_or(missing)?, list("axes")?, None)
    } else {
        let optional = |i| if node.has_input(i) { node.integers(i).map(Some) } else { Ok(None) };
        (node.integers(1)?, node.integers(2)?, optional(3)?, optional(4)?)
    };
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return Err("starts, ends, axes and steps differ in number".into());
    }
    Ok((0..starts.len()).map(|i| [starts[i], ends[i], axes[i], steps[i]]).collect())
}

/// The indices from `start` to before `end` by `step`. Both limits are brought into the range of `size`
/// elements by the rules of ONNX.
fn range(start: i64, end: i64, step: i64, size: usize) -> Result<Vec<usize>, Refusal> {
    let size = size as i64;
    let clamp = |at: i64, low, high| (if at < 0 { at.saturating_add(size) } else { at }).clamp(low, high);
    let stride = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
    match step {
        0 => Err("a step of 0".into()),
        1.. => Ok((clamp(start, 0, size)..clamp(end, 0, size)).step_by(stride).map(|i| i as usize).collect()),
        _ => {
            let (first, last) = (clamp(start, 0, size - 1), clamp(end, -1, size - 1));
            Ok((last + 1..=first).rev().step_by(stride).map(|i| i as usize).collect())
        }
    }
}

pub(super) fn slice(node: &mut Lowering<'_>) -> Lowered {
    let mut x = node.operand(0)?;
    let cuts = cuts(node)?;
    for (i, &[start, end, along, step]) in cuts.iter().enumerate() {
        let shape = node.operand_shape(&x)?;
        let axis = axis(along, shape.rank(), false)?;
        node.draft.spend_elements(shape[axis])?;
        let indices = range(start, end, step, shape[axis])?;
        let suffix = if i + 1 == cuts.len() { String::new() } else { format!("cut{i}") };
        x = node.moved(&suffix, Op::Gather { axis, indices }, &[x])?;
    }
    Ok(x.into())
}

/// Parts of the given sizes: an attribute before opset 13, an input since. Without sizes, parts are as even
/// as can be.
pub(super) fn split(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let x = node.operand(0)?;
    let shape = node.operand_shape(&x)?;
    let axis = axis_attribute(node, shape.rank())?;
    let count = node.output_count();
    let given = match node.attributes.ints("split")? {
        None if node.has_input(1) => Some(node.integers(1)?),
        attribute => attribute,
    };
    if node.attributes.size("num_outputs")?.is_some_and(|n| n != count) {
        return Err(format!("`num_outputs` differs from its {count} outputs").into());
    }
    let largest = shape[axis].div_ceil(count.max(1));
    let sizes = match given {
        Some(sizes) => sizes.iter().map(|&s| usize::try_from(s)).collect::<Result<Vec<usize>, _>>(),
        None => Ok((0..count).map(|i| largest.min(shape[axis].saturating_sub(i * largest))).collect()),
    };
    let sizes = sizes.map_err(|_| "a part of negative size")?;
    let total = sizes.iter().try_fold(0usize, |sum, &s| sum.checked_add(s));
    if sizes.len() != count || total != Some(shape[axis]) {
        return Err(format!("{} elements in {count} parts of sizes {sizes:?}", shape[axis]).into());
    }
    node.draft.spend_elements(shape[axis])?;
    let mut first = 0;
    let mut parts = Vec::with_capacity(count);
    for (i, size) in sizes.into_iter().enumerate() {
        if node.has_output(i) {
            node.at_output(i);
            let indices = (first..first + size).collect();
            parts.push(node.moved("", Op::Gather { axis, indices }, std::slice::from_ref(&x))?.into());
        } else {
            parts.push(Binding::Unreadable("it has no name".into()));
        }
        first += size;
    }
    Ok(parts)
}

/// Broadcast to a shape: the only slice of each stretched dimension is taken again and again.
pub(super) fn expand(node: &mut Lowering<'_>) -> Lowered {
    let x = node.operand(0)?;
    let from = node.operand_shape(&x)?;
    let dims = node.integers(1)?.into_iter().map(usize::try_from).collect::<Result<Vec<usize>, _>>();
    let target = Shape::new(dims.map_err(|_| "a negative dimension")?)?;
    let to = from.broadcast(&target).ok_or_else(|| format!("{from} doesn't broadcast to {target}"))?;
    let mut dims = vec![1; to.rank() - from.rank()];
    dims.extend_from_slice(&from);
    let stretched: Vec<usize> = (0..to.rank()).filter(|&i| dims[i] != to[i]).collect();
    let suffix = |last: bool| if last { "" } else { "stretched" };
    let mut x: Operand =
        node.moved(suffix(stretched.is_empty()), Op::Reshape { shape: Shape::new(dims)? }, &[x])?;
    for (i, &axis) in stretched.iter().enumerate() {
        node.draft.spend_elements(to[axis])?;
        let op = Op::Gather { axis, indices: vec![0; to[axis]] };
        x = node.moved(suffix(i + 1 == stretched.len()), op, &[x])?;
    }
    Ok(x.into())
}
