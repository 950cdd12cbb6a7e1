//! Constants, and ops that move elements without changing them.

use std::sync::Arc;

use veilflow_ir::{Op, Shape, Tensor};

use crate::importer::{Binding, Lowering, Refusal};
use crate::literal::Literal;
use crate::ops::axis;

type Lowered = Result<Binding, Refusal>;

pub(super) fn constant(l: &mut Lowering<'_>) -> Lowered {
    let a = &mut l.attributes;
    let floats = |values: Vec<f32>, dims: Vec<usize>| -> Lowered {
        Ok(Binding::Literal(Literal::Floats(Arc::new(Tensor::new(Shape::new(dims)?, values)?))))
    };
    if let Some(tensor) = a.tensor("value")? {
        Ok(Binding::Literal(Literal::decode(tensor)?))
    } else if let Some(value) = a.float("value_float")? {
        floats(vec![value], vec![])
    } else if let Some(values) = a.floats("value_floats")? {
        let dims = vec![values.len()];
        floats(values, dims)
    } else if let Some(value) = a.int("value_int")? {
        Ok(Binding::Literal(Literal::Integers(vec![value])))
    } else if let Some(values) = a.ints("value_ints")? {
        Ok(Binding::Literal(Literal::Integers(values)))
    } else {
        Err("holds neither a tensor nor numbers".into())
    }
}

pub(super) fn flatten(l: &mut Lowering<'_>) -> Lowered {
    let x = l.value(0)?;
    let shape = l.graph.shape(x);
    let axis = axis(l.attributes.int("axis")?.unwrap_or(1), shape.rank(), true)?;
    let dims = [shape[..axis].iter().product(), shape[axis..].iter().product::<usize>()];
    l.last(Op::Reshape { shape: Shape::new(dims)? }, &[x])
}

/// The target may hold one -1 (the rest) and zeros (the dimension as it was).
pub(super) fn reshape(l: &mut Lowering<'_>) -> Lowered {
    let x = l.value(0)?;
    let from = l.graph.shape(x).clone();
    let target = l.integers(1)?;
    if l.attributes.flag("allowzero")? && target.contains(&0) {
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
    l.last(Op::Reshape { shape: Shape::new(dims)? }, &[x])
}

/// Axes are an attribute before opset 13, an input since.
fn axes(l: &mut Lowering<'_>) -> Result<Option<Vec<i64>>, Refusal> {
    match l.attributes.ints("axes")? {
        Some(axes) => Ok(Some(axes)),
        None if l.has_input(1) => l.integers(1).map(Some),
        None => Ok(None),
    }
}

pub(super) fn squeeze(l: &mut Lowering<'_>) -> Lowered {
    let x = l.value(0)?;
    let shape = l.graph.shape(x).clone();
    let chosen: Option<Result<Vec<usize>, Refusal>> =
        axes(l)?.map(|axes| axes.iter().map(|&a| axis(a, shape.rank(), false)).collect());
    let chosen = chosen.transpose()?;
    let drop = |i: usize| chosen.as_ref().map_or(shape[i] == 1, |c| c.contains(&i));
    let dims: Vec<usize> = (0..shape.rank()).filter(|&i| !drop(i)).map(|i| shape[i]).collect();
    l.last(Op::Reshape { shape: Shape::new(dims)? }, &[x])
}

pub(super) fn unsqueeze(l: &mut Lowering<'_>) -> Lowered {
    let x = l.value(0)?;
    let shape = l.graph.shape(x).clone();
    let axes = axes(l)?.ok_or("the axes are missing")?;
    let rank = shape.rank() + axes.len();
    let chosen: Result<Vec<usize>, Refusal> = axes.iter().map(|&a| axis(a, rank, false)).collect();
    let chosen = chosen?;
    let mut kept = shape.iter().copied();
    let dims: Vec<usize> =
        (0..rank).map(|i| if chosen.contains(&i) { 1 } else { kept.next().unwrap_or(1) }).collect();
    l.last(Op::Reshape { shape: Shape::new(dims)? }, &[x])
}

pub(super) fn transpose(l: &mut Lowering<'_>) -> Lowered {
    let x = l.value(0)?;
    let rank = l.graph.shape(x).rank();
    let perm = l.attributes.sizes("perm")?.unwrap_or_else(|| (0..rank).rev().collect());
    l.last(Op::Transpose { perm }, &[x])
}

pub(super) fn concat(l: &mut Lowering<'_>) -> Lowered {
    let inputs: Result<Vec<_>, _> = (0..l.input_count()).map(|i| l.value(i)).collect();
    let inputs = inputs?;
    let rank = inputs.first().map_or(0, |&x| l.graph.shape(x).rank());
    let axis = axis(l.attributes.int("axis")?.ok_or("attribute `axis` is missing")?, rank, false)?;
    l.last(Op::Concat { axis }, &inputs)
}

/// Pads and value are attributes before opset 11, inputs since.
pub(super) fn pad(l: &mut Lowering<'_>) -> Lowered {
    match l.attributes.string("mode")?.as_deref() {
        None | Some("constant") => {}
        Some(mode) => return Err(format!("mode `{mode}` isn't supported, only `constant`").into()),
    }
    let (pads, value) = if l.opset < 11 {
        let pads = l.attributes.ints("pads")?.ok_or("attribute `pads` is missing")?;
        (pads, l.attributes.float("value")?.unwrap_or(0.0))
    } else {
        let value = if l.has_input(2) { l.floats(2)?.data()[0] } else { 0.0 };
        (l.integers(1)?, value)
    };
    if l.has_input(3) {
        return Err("its `axes` input isn't supported".into());
    }
    let sizes: Result<Vec<usize>, _> = pads.iter().map(|&p| usize::try_from(p)).collect();
    let sizes = sizes.map_err(|_| format!("negative pads {pads:?} (cropping) aren't supported"))?;
    let (before, after) = sizes.split_at(sizes.len() / 2);
    let x = l.value(0)?;
    l.last(Op::Pad { before: before.to_vec(), after: after.to_vec(), value }, &[x])
}
