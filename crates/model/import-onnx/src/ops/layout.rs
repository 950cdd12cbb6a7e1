//! Constants, and ops that move elements without changing them.

use std::sync::Arc;

use veilflow_ir::{Op, Shape, Tensor};

use super::axis::{axes, axis};
use crate::error::{Refusal, Result};
use crate::literal::{Integers, Literal};
use crate::lowering::{Lowered, Lowering};
use crate::scope::Binding;

pub(super) fn constant(node: &mut Lowering<'_>) -> Lowered {
    let a = &mut node.attributes;
    let floats = |values: Vec<f32>, dims: Vec<usize>| -> Lowered {
        Ok(Binding::Literal(Literal::Floats(Arc::new(Tensor::new(Shape::new(dims)?, values)?))))
    };
    if let Some(tensor) = a.tensor("value")? {
        Ok(Binding::Literal(Literal::decode(tensor.clone())?))
    } else if let Some(value) = a.float("value_float")? {
        floats(vec![value], vec![])
    } else if let Some(values) = a.floats("value_floats")? {
        let dims = vec![values.len()];
        floats(values, dims)
    } else if let Some(value) = a.int("value_int")? {
        let scalar = Integers { dims: vec![], values: vec![value] };
        Ok(Binding::Literal(Literal::Integers(Arc::new(scalar))))
    } else if let Some(values) = a.ints("value_ints")? {
        Ok(Binding::Literal(Literal::list(values)))
    } else {
        Err("holds neither a tensor nor numbers".into())
    }
}

/// Input 0 under another shape, which `dims` finds from its own.
fn reshaped(
    node: &mut Lowering<'_>,
    dims: impl FnOnce(&mut Lowering<'_>, &Shape) -> Result<Vec<usize>, Refusal>,
) -> Lowered {
    let x = node.operand(0)?;
    let from = node.operand_shape(&x)?;
    let shape = Shape::new(dims(node, &from)?)?;
    Ok(node.moved("", Op::Reshape { shape }, &[x])?.into())
}

pub(super) fn flatten(node: &mut Lowering<'_>) -> Lowered {
    reshaped(node, |node, from| {
        let axis = axis(node.attributes.int("axis")?.unwrap_or(1), from.rank(), true)?;
        Ok(vec![from[..axis].iter().product(), from[axis..].iter().product()])
    })
}

/// The target may hold one -1, for the elements that are left, and zeros, for dimensions as they were.
pub(super) fn reshape(node: &mut Lowering<'_>) -> Lowered {
    reshaped(node, |node, from| {
        let target = node.integers(1)?;
        if node.attributes.flag("allowzero")? && target.contains(&0) {
            return Err("an empty dimension".into());
        }
        let mut dims = Vec::with_capacity(target.len());
        let mut rest = None;
        for (i, &d) in target.iter().enumerate() {
            dims.push(match d {
                -1 if rest.replace(i).is_some() => return Err(format!("two -1 in {target:?}").into()),
                -1 => 1,
                0 => *from.get(i).ok_or_else(|| format!("{from} has no dimension {i} to keep"))?,
                d => usize::try_from(d).map_err(|_| format!("dimension {d}"))?,
            });
        }
        let known = Shape::new(dims.clone())?.elements();
        if let Some(rest) = rest {
            dims[rest] = from.elements() / known;
        }
        Ok(dims)
    })
}

pub(super) fn squeeze(node: &mut Lowering<'_>) -> Lowered {
    reshaped(node, |node, from| {
        let chosen: Option<Result<Vec<usize>, Refusal>> =
            axes(node)?.map(|axes| axes.iter().map(|&a| axis(a, from.rank(), false)).collect());
        let chosen = chosen.transpose()?;
        let drop = |i: usize| chosen.as_ref().map_or(from[i] == 1, |c| c.contains(&i));
        Ok((0..from.rank()).filter(|&i| !drop(i)).map(|i| from[i]).collect())
    })
}

pub(super) fn unsqueeze(node: &mut Lowering<'_>) -> Lowered {
    reshaped(node, |node, from| {
        let axes = axes(node)?.ok_or("the axes are missing")?;
        let rank = from.rank() + axes.len();
        let chosen: Result<Vec<usize>, Refusal> = axes.iter().map(|&a| axis(a, rank, false)).collect();
        let chosen = chosen?;
        let mut kept = from.iter().copied();
        Ok((0..rank).map(|i| if chosen.contains(&i) { 1 } else { kept.next().unwrap_or(1) }).collect())
    })
}

pub(super) fn transpose(node: &mut Lowering<'_>) -> Lowered {
    let x = node.operand(0)?;
    let rank = node.operand_shape(&x)?.rank();
    let perm = node.attributes.sizes("perm")?.unwrap_or_else(|| (0..rank).rev().collect());
    Ok(node.moved("", Op::Transpose { perm }, &[x])?.into())
}

pub(super) fn concat(node: &mut Lowering<'_>) -> Lowered {
    let inputs = (0..node.input_count()).map(|i| node.operand(i)).collect::<Result<Vec<_>, _>>()?;
    let rank = match inputs.first() {
        Some(first) => node.operand_shape(first)?.rank(),
        None => 0,
    };
    let axis = axis(node.attributes.int("axis")?.ok_or("attribute `axis` is missing")?, rank, false)?;
    Ok(node.moved("", Op::Concat { axis }, &inputs)?.into())
}

/// What a border is made of.
enum Border {
    Value(f32),
    /// The nearest element.
    Edge,
    /// The elements next to the edge, mirrored at it.
    Reflect,
}

/// Pads and value are attributes before opset 11, inputs since. A border of the input's own elements is made
/// of slices.
pub(super) fn pad(node: &mut Lowering<'_>) -> Lowered {
    let mode = node.attributes.string("mode")?;
    let (pads, value) = if node.opset() < 11 {
        let pads = node.attributes.ints("pads")?.ok_or("attribute `pads` is missing")?;
        (pads, node.attributes.float("value")?.unwrap_or(0.0))
    } else {
        let value = if node.has_input(2) { node.floats(2)?.data()[0] } else { 0.0 };
        (node.integers(1)?, value)
    };
    let border = match mode.as_deref() {
        None | Some("constant") => Border::Value(value),
        Some("edge") => Border::Edge,
        Some("reflect") => Border::Reflect,
        Some(mode) => return Err(format!("mode `{mode}` isn't supported").into()),
    };
    if node.has_input(3) {
        return Err("its `axes` input isn't supported".into());
    }
    let sizes: Result<Vec<usize>, _> = pads.iter().map(|&p| usize::try_from(p)).collect();
    let sizes = sizes.map_err(|_| format!("negative pads {pads:?} (cropping) aren't supported"))?;
    let (before, after) = sizes.split_at(sizes.len() / 2);
    if let Border::Value(value) = border {
        let x = node.value(0)?;
        return node.last(Op::Pad { before: before.to_vec(), after: after.to_vec(), value }, &[x]);
    }
    let mut x = node.operand(0)?;
    let shape = node.operand_shape(&x)?;
    if before.len() != shape.rank() || after.len() != shape.rank() {
        return Err(format!("{} and {} pads for the dimensions of {shape}", before.len(), after.len()).into());
    }
    let padded: Vec<usize> = (0..shape.rank()).filter(|&i| before[i] > 0 || after[i] > 0).collect();
    for &axis in &padded {
        let (size, before, after) = (shape[axis], before[axis], after[axis]);
        if matches!(border, Border::Reflect) && before.max(after) >= size {
            return Err(format!("reflects {before} and {after} of {size} elements").into());
        }
        node.draft.spend_elements(before.saturating_add(after))?;
        let source = |i: usize| match (i.checked_sub(before), &border) {
            (Some(inside), _) if inside < size => inside,
            (Some(_), Border::Reflect) => 2 * (size - 1) - (i - before),
            (None, Border::Reflect) => before - i,
            (Some(_), _) => size - 1,
            (None, _) => 0,
        };
        let op = Op::Gather { axis, indices: (0..before + size + after).map(source).collect() };
        x = node.moved(if Some(&axis) == padded.last() { "" } else { "padded" }, op, &[x])?;
    }
    Ok(x.into())
}
