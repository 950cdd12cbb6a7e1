//! Ops that take slices of their input. Which ones is known at import.

use veilflow_ir::{Op, Shape};

use super::axis::{axis, axis_attribute};
use super::normalise::one_hot;
use super::places::{element_places, flat_places, known_indices};
use crate::error::{Refusal, Result};
use crate::literal::Literal;
use crate::lowering::{Lowered, Lowering, Operand};
use crate::scope::Binding;

/// Slices by index along an axis. The dimensions of the indices take the axis's place.
pub(super) fn gather(node: &mut Lowering<'_>) -> Lowered {
    let x = node.operand(0)?;
    let shape = node.operand_shape(&x)?;
    let axis = axis_attribute(node, shape.rank())?;
    let Some(Literal::Integers(chosen)) = node.literal(1) else { return gather_private(node, axis) };
    if chosen.values.is_empty() {
        return Ok(Binding::Literal(Literal::list(Vec::new())));
    }
    let size = shape[axis] as i64;
    let index = |&i: &i64| {
        let from_front = if i < 0 { i.saturating_add(size) } else { i };
        usize::try_from(from_front).map_err(|_| Refusal::from(format!("index {i} along {size} elements")))
    };
    let indices = chosen.values.iter().map(index).collect::<Result<Vec<usize>, _>>()?;
    if chosen.dims.len() == 1 && shape.rank() > 0 {
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
        let mut optional = |i| if node.has_input(i) { node.integers(i).map(Some) } else { Ok(None) };
        let (axes, steps) = (optional(3)?, optional(4)?);
        (node.integers(1)?, node.integers(2)?, axes, steps)
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
        // What one cut left of it may be nothing.
        let dims = node.operand_dims(&x);
        let axis = axis(along, dims.len(), false)?;
        node.draft.spend_elements(dims[axis])?;
        let indices = range(start, end, step, dims[axis])?;
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

/// Rows of a known table by private indices: the place of each among all, times the table.
fn gather_private(node: &mut Lowering<'_>, axis: usize) -> Lowered {
    let table = node.value(0)?;
    let shape = node.shape(table).clone();
    let given = node.indices(1).filter(|(rows, _)| *node.shape(*rows).last().unwrap_or(&0) >= shape[axis]);
    let (indices, chosen) = match &given {
        Some((rows, dims)) => (*rows, dims.clone()),
        None => {
            let indices = node.value(1)?;
            (indices, node.shape(indices).clone())
        }
    };
    let mut perm: Vec<usize> = (0..shape.rank()).filter(|&i| i != axis).collect();
    perm.insert(0, axis);
    let rows = node.transposed(table, &perm)?;
    let rows = node.reshaped(rows, &[shape[axis], shape.elements() / shape[axis]])?;
    let places = if given.is_some() {
        // Places beyond the table's end are never taken.
        let classes = *node.shape(indices).last().unwrap_or(&1);
        let flat = node.reshaped(indices, &[chosen.elements(), classes])?;
        node.sliced(flat, 1, 0..shape[axis])?
    } else {
        let column = node.reshaped(indices, &[chosen.elements(), 1])?;
        one_hot(node, column, shape[axis])?
    };
    let taken = node.matmul(places, rows)?;
    let rest = [&shape[..axis], &shape[axis + 1..]].concat();
    let taken = node.reshaped(taken, &[&chosen[..], &rest].concat())?;
    // The dimensions of the indices take the axis's place.
    let (behind, count) = (chosen.rank(), chosen.rank() + rest.len());
    let mut perm: Vec<usize> = (behind..behind + axis).collect();
    perm.extend(0..behind);
    perm.extend(behind + axis..count);
    let taken = node.transposed(taken, &perm)?;
    node.last(Op::Identity, &[taken])
}

pub(super) fn gather_elements(node: &mut Lowering<'_>) -> Lowered {
    let x = node.operand(0)?;
    let shape = node.operand_shape(&x)?;
    let axis = axis_attribute(node, shape.rank())?;
    let (dims, values) = known_indices(node, 1)?;
    let indices = element_places(node, &shape, axis, &dims, &values)?;
    let flat = node.moved("flat", Op::Reshape { shape: Shape::new([shape.elements()])? }, &[x])?;
    let taken = node.moved("taken", Op::Gather { axis: 0, indices }, &[flat])?;
    Ok(node.moved("", Op::Reshape { shape: Shape::new(dims)? }, &[taken])?.into())
}

pub(super) fn gather_nd(node: &mut Lowering<'_>) -> Lowered {
    let batch = node.attributes.size("batch_dims")?.unwrap_or(0);
    let x = node.operand(0)?;
    let shape = node.operand_shape(&x)?;
    let (dims, values) = known_indices(node, 1)?;
    let Some((&depth, outer)) = dims.split_last() else { return Err("indices without dimensions".into()) };
    if batch > outer.len() || batch + depth > shape.rank() || dims[..batch] != shape[..batch] {
        return Err(format!("indices of dimensions {dims:?} for {shape}").into());
    }
    let count: usize = outer.iter().product();
    let per: usize = outer[batch..].iter().product();
    let at = |i: usize| {
        let mut index = vec![0i64; batch];
        let mut rest = i / per;
        for k in (0..batch).rev() {
            index[k] = (rest % shape[k]) as i64;
            rest /= shape[k];
        }
        index.extend(&values[i * depth..(i + 1) * depth]);
        Some(index)
    };
    let run: usize = shape[batch + depth..].iter().product();
    let places = flat_places(node, &shape, at, count)?;
    let indices: Vec<usize> = places.iter().map(|p| p / run).collect();
    let rows = Shape::new([shape.elements() / run, run])?;
    let flat = node.moved("flat", Op::Reshape { shape: rows }, &[x])?;
    let taken = node.moved("taken", Op::Gather { axis: 0, indices }, &[flat])?;
    let result = [outer, &shape[batch + depth..]].concat();
    Ok(node.moved("", Op::Reshape { shape: Shape::new(result)? }, &[taken])?.into())
}

/// Slices along an axis, or elements of all, where a known condition holds.
pub(super) fn compress(node: &mut Lowering<'_>) -> Lowered {
    let x = node.operand(0)?;
    let shape = node.operand_shape(&x)?;
    let holds = node.integers(1)?;
    let indices: Vec<usize> = (0..holds.len()).filter(|&i| holds[i] != 0).collect();
    if indices.is_empty() {
        return Err("its condition holds nowhere".into());
    }
    match node.attributes.int("axis")? {
        Some(given) => {
            let axis = axis(given, shape.rank(), false)?;
            Ok(node.moved("", Op::Gather { axis, indices }, &[x])?.into())
        }
        None => {
            let flat = Op::Reshape { shape: Shape::new([shape.elements()])? };
            let flat = node.moved("flat", flat, &[x])?;
            Ok(node.moved("", Op::Gather { axis: 0, indices }, &[flat])?.into())
        }
    }
}

/// Sequences that run backwards up to a known length each.
pub(super) fn reverse_sequence(node: &mut Lowering<'_>) -> Lowered {
    let batch = node.attributes.size("batch_axis")?.unwrap_or(1);
    let time = node.attributes.size("time_axis")?.unwrap_or(0);
    let x = node.value(0)?;
    let lengths = node.integers(1)?;
    let shape = node.shape(x).clone();
    if shape.rank() < 2 || batch == time || batch.max(time) > 1 || lengths.len() != shape[batch] {
        return Err(format!("{} lengths for axis {batch} of {shape}", lengths.len()).into());
    }
    let steps = shape[time];
    let run = shape.stride(1);
    let rows = node.reshaped(x, &[shape[0] * shape[1], run])?;
    node.draft.spend_elements(shape[0] * shape[1])?;
    let mut indices = Vec::with_capacity(shape[0] * shape[1]);
    for i in 0..shape[0] {
        for j in 0..shape[1] {
            let (b, t) = if batch == 0 { (i, j) } else { (j, i) };
            let length = usize::try_from(lengths[b]).unwrap_or(0).min(steps);
            let source = if t < length { length - 1 - t } else { t };
            indices.push(if batch == 0 { b * shape[1] + source } else { source * shape[1] + b });
        }
    }
    let taken = node.gathered(rows, 0, indices)?;
    node.last(Op::Reshape { shape }, &[taken])
}

/// 1 or other known values at the places that indices name, known or private ones.
pub(super) fn one_hot_op(node: &mut Lowering<'_>) -> Lowered {
    let depth = node.integers(1)?;
    let size = depth.first().and_then(|&d| usize::try_from(d).ok()).filter(|&d| d > 0);
    let size = size.ok_or("its depth must be positive")?;
    let values = node.floats(2)?;
    let &[off, on] = values.data() else { return Err("takes two values".into()) };
    let x = node.value(0)?;
    let shape = node.shape(x).clone();
    let axis = axis(node.attributes.int("axis")?.unwrap_or(-1), shape.rank() + 1, false)?;
    let column = node.reshaped(x, &[&shape[..], &[1]].concat())?;
    // Negative indices count from the end.
    let column = if node.is_known(x) {
        let below = node.less_from(0.0, column)?;
        let negative = node.positive(below)?;
        let turn = node.scaled(negative, size as f32)?;
        node.add(column, turn)?
    } else {
        column
    };
    let hot = one_hot(node, column, size)?;
    let hot = node.scaled(hot, on - off)?;
    let hot = node.shifted(hot, off)?;
    let mut perm: Vec<usize> = (0..shape.rank()).collect();
    perm.insert(axis, shape.rank());
    let hot = node.transposed(hot, &perm)?;
    node.last(Op::Identity, &[hot])
}
