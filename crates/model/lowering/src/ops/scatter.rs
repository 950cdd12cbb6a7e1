//! Ops that write slices to known places.

use veilflow_ir::{Op, Shape};

use super::axis::{axis, axis_attribute};
use super::places::{element_places, flat_places, known_indices};
use crate::lowering::{Lowered, Lowering};

/// The input with some slices replaced, at known places: slices of both, one after the other.
fn replaced(node: &mut Lowering<'_>, run: usize, places: &[usize]) -> Lowered {
    let (x, updates) = (node.operand(0)?, node.operand(2)?);
    let shape = node.operand_shape(&x)?;
    let rows = shape.elements() / run;
    node.draft.spend_elements(rows + places.len())?;
    let mut indices: Vec<usize> = (0..rows).collect();
    // Of two updates of one place, the later holds.
    places.iter().enumerate().for_each(|(i, &place)| indices[place / run] = rows + i);
    let flat = node.moved("flat", Op::Reshape { shape: Shape::new([rows, run])? }, &[x])?;
    let updates =
        node.moved("updates", Op::Reshape { shape: Shape::new([places.len(), run])? }, &[updates])?;
    let both = node.moved("both", Op::Concat { axis: 0 }, &[flat, updates])?;
    let taken = node.moved("taken", Op::Gather { axis: 0, indices }, &[both])?;
    Ok(node.moved("", Op::Reshape { shape }, &[taken])?.into())
}

/// A scatter that combines takes one op for each time that a place is named.
fn combined(node: &mut Lowering<'_>, how: &str, run: usize, places: &[usize]) -> Lowered {
    let x = node.value(0)?;
    let updates = node.value(2)?;
    let shape = node.shape(x).clone();
    let rows = shape.elements() / run;
    let mut x = node.reshaped(x, &[rows, run])?;
    let updates = node.reshaped(updates, &[places.len(), run])?;
    let mut left: Vec<(usize, usize)> = places.iter().map(|p| p / run).enumerate().collect();
    while !left.is_empty() {
        node.draft.spend_elements(rows + left.len())?;
        let mut source = vec![None; rows];
        left.retain(|&(update, row)| {
            let taken = source[row].is_some();
            if !taken {
                source[row] = Some(update);
            }
            taken
        });
        let changed: Vec<usize> = (0..rows).filter(|&row| source[row].is_some()).collect();
        let by: Vec<usize> = changed.iter().filter_map(|&row| source[row]).collect();
        let (old, new) = (node.gathered(x, 0, changed.clone())?, node.gathered(updates, 0, by)?);
        let made = match how {
            "add" => node.add(old, new)?,
            "mul" => node.mul(old, new)?,
            "max" => node.larger(old, new)?,
            "min" => node.smaller(old, new)?,
            other => return Err(format!("reduction `{other}` isn't supported").into()),
        };
        let both = node.concatenated(&[x, made], 0)?;
        let mut indices: Vec<usize> = (0..rows).collect();
        changed.iter().enumerate().for_each(|(i, &row)| indices[row] = rows + i);
        x = node.gathered(both, 0, indices)?;
    }
    let x = node.reshaped(x, &shape)?;
    node.last(Op::Identity, &[x])
}

fn scatter(node: &mut Lowering<'_>, run: usize, places: &[usize]) -> Lowered {
    match node.attributes.string("reduction")?.as_deref() {
        None | Some("none") => replaced(node, run, places),
        Some(how) => combined(node, how, run, places),
    }
}

pub(super) fn scatter_elements(node: &mut Lowering<'_>) -> Lowered {
    let x = node.operand(0)?;
    let shape = node.operand_shape(&x)?;
    let axis = axis_attribute(node, shape.rank())?;
    let (dims, values) = known_indices(node, 1)?;
    let places = element_places(node, &shape, axis, &dims, &values)?;
    scatter(node, 1, &places)
}

pub(super) fn scatter_nd(node: &mut Lowering<'_>) -> Lowered {
    let x = node.operand(0)?;
    let shape = node.operand_shape(&x)?;
    let (dims, values) = known_indices(node, 1)?;
    let depth = *dims.last().ok_or("indices without dimensions")?;
    if depth > shape.rank() || depth == 0 {
        return Err(format!("indices of dimensions {dims:?} for {shape}").into());
    }
    let at = |i: usize| Some(values[i * depth..(i + 1) * depth].to_vec());
    let places = flat_places(node, &shape, at, values.len() / depth)?;
    scatter(node, shape[depth..].iter().product(), &places)
}

/// A cache with the latest steps written to known places along an axis.
pub(super) fn tensor_scatter(node: &mut Lowering<'_>) -> Lowered {
    let circular = match node.attributes.string("mode")?.as_deref() {
        None | Some("linear") => false,
        Some("circular") => true,
        Some(other) => return Err(format!("mode `{other}` isn't supported").into()),
    };
    let (x, update) = (node.value(0)?, node.value(1)?);
    let (shape, new) = (node.shape(x).clone(), node.shape(update).clone());
    let axis = axis(node.attributes.int("axis")?.unwrap_or(-2), shape.rank(), false)?;
    let first = if node.has_input(2) { node.integers(2)? } else { vec![0; shape[0]] };
    let fits = |i: usize| if i == axis { new[i] <= shape[i] } else { new[i] == shape[i] };
    if axis == 0 || new.rank() != shape.rank() || !(0..shape.rank()).all(fits) || first.len() != shape[0] {
        return Err(format!("an update of {new} for a cache of {shape}").into());
    }
    let (size, steps) = (shape[axis], new[axis]);
    let outer: usize = shape[1..axis].iter().product();
    let run = shape.stride(axis);
    let mut indices: Vec<usize> = (0..shape[0] * outer * size).collect();
    let rows = indices.len();
    node.draft.spend_elements(rows)?;
    for (batch, &from) in first.iter().enumerate() {
        for step in 0..steps {
            let at = usize::try_from(from).ok().and_then(|from| from.checked_add(step));
            let at = at.map(|at| if circular { at % size } else { at }).filter(|&at| at < size);
            let at = at.ok_or_else(|| format!("writes from place {from} of {size}"))?;
            for inner in 0..outer {
                let row = batch * outer + inner;
                indices[row * size + at] = rows + row * steps + step;
            }
        }
    }
    let x = node.reshaped(x, &[rows, run])?;
    let update = node.reshaped(update, &[shape[0] * outer * steps, run])?;
    let both = node.concatenated(&[x, update], 0)?;
    let written = node.gathered(both, 0, indices)?;
    node.last(Op::Reshape { shape }, &[written])
}
