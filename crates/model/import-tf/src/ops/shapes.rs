//! Shapes, and tensors of known numbers.

use veilflow_lowering::Setting::Int;
use veilflow_lowering::{Binding, Literal, Lowered, Lowering};

use super::pieces::{dims, list, number, reshape, transpose as transposed};

pub(super) fn shape(node: &mut Lowering<'_>) -> Lowered {
    node.attributes.ignore(&["out_type"]);
    let x = node.input(0)?;
    let dims = dims(node, &x)?;
    Ok(list(dims.into_iter().map(|d| d as i64)))
}

pub(super) fn rank(node: &mut Lowering<'_>) -> Lowered {
    let x = node.input(0)?;
    let rank = dims(node, &x)?.len();
    Ok(Binding::Literal(Literal::integers(vec![], vec![rank as i64])))
}

pub(super) fn squeeze(node: &mut Lowering<'_>) -> Lowered {
    let axes = node.attributes.ints("squeeze_dims")?.filter(|axes| !axes.is_empty());
    let x = node.input(0)?;
    match axes {
        Some(axes) => node.call("Squeeze", &[x, list(axes)], vec![]),
        None => node.call("Squeeze", &[x], vec![]),
    }
}

pub(super) fn expand_dims(node: &mut Lowering<'_>) -> Lowered {
    let (x, axes) = (node.input(0)?, node.integers(1)?);
    node.call("Unsqueeze", &[x, list(axes)], vec![])
}

pub(super) fn transpose(node: &mut Lowering<'_>) -> Lowered {
    let x = node.input(0)?;
    let perm = node.integers(1)?.into_iter().map(usize::try_from).collect::<Result<Vec<usize>, _>>();
    transposed(node, x, &perm.map_err(|_| "a negative axis")?)
}

/// A tensor of known dimensions filled with one number.
pub(super) fn fill(node: &mut Lowering<'_>) -> Lowered {
    node.attributes.ignore(&["index_type"]);
    let (dims, value) = (node.input(0)?, node.input(1)?);
    node.call("Expand", &[value, dims], vec![])
}

fn like(node: &mut Lowering<'_>, value: i64) -> Lowered {
    let x = node.input(0)?;
    let shape = dims(node, &x)?;
    if let Binding::Literal(Literal::Integers(_)) = x {
        return Ok(Binding::Literal(Literal::integers(shape.clone(), vec![value; shape.iter().product()])));
    }
    let (value, dims) = (number(value as f32)?, list(shape.iter().map(|&d| d as i64)));
    node.call("Expand", &[value, dims], vec![])
}

pub(super) fn zeros_like(node: &mut Lowering<'_>) -> Lowered {
    like(node, 0)
}

pub(super) fn ones_like(node: &mut Lowering<'_>) -> Lowered {
    like(node, 1)
}

/// Numbers from a start to a stop, both included.
pub(super) fn lin_space(node: &mut Lowering<'_>) -> Lowered {
    let known = |node: &mut Lowering<'_>, i| node.literal(i).and_then(|l| l.numbers().first().copied());
    let (start, stop, count) = (known(node, 0), known(node, 1), known(node, 2));
    let (Some(start), Some(stop), Some(count)) = (start, stop, count) else {
        return Err("its limits must be known at import".into());
    };
    let count = count as usize;
    if count == 0 || count > 1 << 20 {
        return Err(format!("{count} numbers").into());
    }
    let step = if count > 1 { (stop - start) / (count - 1) as f64 } else { 0.0 };
    let values = (0..count).map(|i| (start + step * i as f64) as f32).collect();
    Ok(Binding::Literal(Literal::floats(vec![count], values)?))
}

pub(super) fn one_hot(node: &mut Lowering<'_>) -> Lowered {
    node.attributes.ignore(&["TI"]);
    let axis = node.attributes.int("axis")?.unwrap_or(-1);
    let (x, depth, on, off) = (node.input(0)?, node.input(1)?, node.input(2)?, node.input(3)?);
    let (on, off) = (reshape(node, on, &[1])?, reshape(node, off, &[1])?);
    let values = node.call("Concat", &[off, on], vec![("axis", Int(0))])?;
    node.call("OneHot", &[x, depth, values], vec![("axis", Int(axis))])
}
