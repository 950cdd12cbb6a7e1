//! Constants, and ops that move elements without changing them.

use std::sync::Arc;

use veilflow_ir::layout::pad as pad_with;
use veilflow_ir::{Op, Shape, Tensor};

use super::axis::{axes, axis};
use crate::error::{Refusal, Result};
use crate::literal::{Integers, Literal};
use crate::lowering::{Lowered, Lowering, Operand};
use crate::scope::Binding;

pub(super) fn constant(node: &mut Lowering<'_>) -> Lowered {
    let folder = node.draft.folder.clone();
    let a = &mut node.attributes;
    let floats = |values: Vec<f32>, dims: Vec<usize>| -> Lowered {
        Ok(Binding::Literal(Literal::Floats(Arc::new(Tensor::new(Shape::new(dims)?, values)?))))
    };
    if let Some(tensor) = a.tensor("value")? {
        Ok(Binding::Literal(Literal::decode(tensor.clone(), folder.as_deref())?))
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
    if let Some((rows, from)) = node.indices(0) {
        return Ok(Binding::Indices { rows, dims: Shape::new(dims(node, &from)?)? });
    }
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

/// Before opset 5 the shape is an attribute. The target may hold one -1, for the elements that are left, and
/// zeros, for dimensions as they were.
pub(super) fn reshape(node: &mut Lowering<'_>) -> Lowered {
    reshaped(node, |node, from| {
        let target = match node.attributes.ints("shape")? {
            Some(shape) => shape,
            None => node.integers(1)?,
        };
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
    let mut inputs = Vec::with_capacity(node.input_count());
    for i in 0..node.input_count() {
        // An empty part adds nothing.
        if node.literal(i).is_none_or(|literal| literal.len() > 0) {
            inputs.push(node.operand(i)?);
        }
    }
    let Some(first) = inputs.first() else { return Ok(Binding::Literal(Literal::list(Vec::new()))) };
    let rank = node.operand_shape(first)?.rank();
    let default = if node.opset() < 4 { Some(1) } else { None };
    let given = node.attributes.int("axis")?.or(default).ok_or("attribute `axis` is missing")?;
    let axis = axis(given, rank, false)?;
    Ok(node.moved("", Op::Concat { axis }, &inputs)?.into())
}

/// The input again and again along each dimension.
pub(super) fn tile(node: &mut Lowering<'_>) -> Lowered {
    let mut x = node.operand(0)?;
    let shape = node.operand_shape(&x)?;
    let repeats = node.integers(1)?;
    if repeats.len() != shape.rank() {
        return Err(format!("{} repeats for the dimensions of {shape}", repeats.len()).into());
    }
    for (axis, &times) in repeats.iter().enumerate() {
        let size = shape[axis];
        let times = usize::try_from(times).ok().filter(|&t| t > 0).ok_or("repeats of 0 or less")?;
        if times > 1 {
            let total = size.checked_mul(times).ok_or("too many repeats")?;
            node.draft.spend_elements(total)?;
            let indices = (0..total).map(|i| i % size).collect();
            x = node.moved("tiled", Op::Gather { axis, indices }, &[x])?;
        }
    }
    Ok(node.moved("", Op::Identity, &[x])?.into())
}

/// A block of channels becomes a square of the image.
pub(super) fn depth_to_space(node: &mut Lowering<'_>) -> Lowered {
    let size = node.attributes.size("blocksize")?.ok_or("attribute `blocksize` is missing")?;
    let mode = node.attributes.string("mode")?.unwrap_or_else(|| "DCR".into());
    let x = node.value(0)?;
    let [n, c, h, w] = **node.shape(x) else { return Err("takes an image".into()) };
    if size == 0 || c % (size * size) != 0 {
        return Err(format!("blocks of {size} of {c} channels").into());
    }
    let rest = c / (size * size);
    let (dims, perm) = match mode.as_str() {
        "DCR" => ([n, size, size, rest, h, w], [0, 3, 4, 1, 5, 2]),
        "CRD" => ([n, rest, size, size, h, w], [0, 1, 4, 2, 5, 3]),
        other => return Err(format!("mode `{other}` isn't supported").into()),
    };
    let x = node.reshaped(x, &dims)?;
    let x = node.transposed(x, &perm)?;
    let shape = Shape::new([n, rest, h * size, w * size])?;
    node.last(Op::Reshape { shape }, &[x])
}

/// A square of the image becomes a block of channels.
pub(super) fn space_to_depth(node: &mut Lowering<'_>) -> Lowered {
    let size = node.attributes.size("blocksize")?.ok_or("attribute `blocksize` is missing")?;
    let mode = node.attributes.string("mode")?.unwrap_or_else(|| "DCR".into());
    let x = node.value(0)?;
    let [n, c, h, w] = **node.shape(x) else { return Err("takes an image".into()) };
    if size == 0 || h % size != 0 || w % size != 0 {
        return Err(format!("blocks of {size} of an image of {h}x{w}").into());
    }
    let perm = match mode.as_str() {
        "DCR" => [0, 3, 5, 1, 2, 4],
        "CRD" => [0, 1, 3, 5, 2, 4],
        other => return Err(format!("mode `{other}` isn't supported").into()),
    };
    let x = node.reshaped(x, &[n, c, h / size, size, w / size, size])?;
    let x = node.transposed(x, &perm)?;
    let shape = Shape::new([n, c * size * size, h / size, w / size])?;
    node.last(Op::Reshape { shape }, &[x])
}

/// What a border is made of.
enum Border {
    Value(f32),
    /// The nearest element.
    Edge,
    /// The elements next to the edge, mirrored at it.
    Reflect,
    /// The elements from the other end.
    Wrap,
}

impl Border {
    /// The element that stands at place `i` of a dimension of `size` elements.
    fn source(&self, i: isize, size: usize) -> usize {
        let size = size as isize;
        let at = match self {
            Self::Value(_) => i,
            Self::Edge => i.clamp(0, size - 1),
            Self::Wrap => i.rem_euclid(size),
            Self::Reflect if size == 1 => 0,
            Self::Reflect => {
                let at = i.rem_euclid(2 * (size - 1));
                at.min(2 * (size - 1) - at)
            }
        };
        at as usize
    }
}

/// The pads of each dimension, before and after. Negative ones crop.
fn pads(node: &mut Lowering<'_>, rank: usize) -> Result<Vec<[i64; 2]>, Refusal> {
    let given = match node.attributes.ints("pads")?.or(node.attributes.ints("paddings")?) {
        Some(pads) => pads,
        None => node.integers(1)?,
    };
    let axes = match node.has_input(3) {
        true => node.integers(3)?.iter().map(|&a| axis(a, rank, false)).collect::<Result<Vec<_>, _>>()?,
        false => (0..rank).collect(),
    };
    if given.len() != 2 * axes.len() {
        return Err(format!("{} pads for {} dimensions", given.len(), axes.len()).into());
    }
    let mut pads = vec![[0; 2]; rank];
    axes.iter().enumerate().for_each(|(i, &axis)| pads[axis] = [given[i], given[axes.len() + i]]);
    match given.iter().all(|p| p.unsigned_abs() <= 1 << 28) {
        true => Ok(pads),
        false => Err("pads beyond 2^28".into()),
    }
}

/// Pads and value are attributes before opset 11, inputs since. A border of the input's own elements is made
/// of slices, and so is what a negative pad leaves.
pub(super) fn pad(node: &mut Lowering<'_>) -> Lowered {
    let mode = node.attributes.string("mode")?;
    let mut x = node.operand(0)?;
    let shape = node.operand_shape(&x)?;
    let pads = pads(node, shape.rank())?;
    let mut private = None;
    let value = match node.attributes.float("value")? {
        None if node.has_input(2) => match node.literal(2).map(|literal| literal.numbers()).as_deref() {
            Some([value]) => *value as f32,
            Some(_) => return Err("its border must be one number".into()),
            None => {
                private = Some(node.value(2)?);
                0.0
            }
        },
        value => value.unwrap_or(0.0),
    };
    let border = match mode.as_deref() {
        None | Some("constant") => Border::Value(value),
        Some("edge") => Border::Edge,
        Some("reflect") => Border::Reflect,
        Some("wrap") => Border::Wrap,
        Some(mode) => return Err(format!("mode `{mode}` isn't supported").into()),
    };
    for (axis, &[before, after]) in pads.iter().enumerate() {
        let size = shape[axis] as i64;
        // A constant border is added at the end.
        let [before, after] = match border {
            Border::Value(_) => [before.min(0), after.min(0)],
            _ => [before, after],
        };
        if [before, after] == [0, 0] {
            continue;
        }
        let count = usize::try_from(size + before + after).ok().filter(|&c| c > 0);
        node.draft.spend_elements(count.ok_or("its crop leaves nothing")?)?;
        let indices = (-before..size + after).map(|i| border.source(i as isize, size as usize)).collect();
        x = node.moved("padded", Op::Gather { axis, indices }, &[x])?;
    }
    if let Border::Value(value) = border {
        let side = |i: usize| pads.iter().map(|p| p[i].max(0) as usize).collect::<Vec<usize>>();
        if let Operand::Literal(literal) = &x {
            let (shape, before, after) = (literal.shape()?, side(0), side(1));
            let count = shape.iter().zip(before.iter().zip(&after)).map(|(d, (b, a))| d + b + a);
            let dims: Vec<usize> = count.collect();
            let target = Shape::new(dims.clone())?;
            node.draft.spend_elements(target.elements())?;
            return Ok(Binding::Literal(match literal {
                Literal::Integers(x) => {
                    Literal::integers(dims, pad_with(&x.values, &shape, &before, &after, value as i64))
                }
                Literal::Floats(x) => {
                    Literal::floats(dims, pad_with(x.data(), &shape, &before, &after, value))?
                }
            }));
        }
        let x = node.materialised(&x)?;
        let cropped = node.shape(x).clone();
        let padded = Op::Pad { before: side(0), after: side(1), value };
        let Some(private) = private else { return node.last(padded, &[x]) };
        let padded = node.step("padded", padded, &[x])?;
        let dims = node.shape(padded).to_vec();
        let inside = pad_with(&vec![1.0; cropped.elements()], &cropped, &side(0), &side(1), 0.0);
        let border = node.table(&dims, |i| 1.0 - inside[i])?;
        let private = node.reshaped(private, &[])?;
        let border = node.mul(border, private)?;
        return node.last(Op::Add, &[padded, border]);
    }
    Ok(node.moved("", Op::Identity, &[x])?.into())
}

/// Cut or padded around the centre to a shape.
pub(super) fn center_crop_pad(node: &mut Lowering<'_>) -> Lowered {
    let mut x = node.value(0)?;
    let shape = node.shape(x).clone();
    let axes = match node.attributes.ints("axes")? {
        Some(axes) => axes.iter().map(|&a| axis(a, shape.rank(), false)).collect::<Result<Vec<_>, _>>()?,
        None => (0..shape.rank()).collect(),
    };
    let target = node.integers(1)?;
    if target.len() != axes.len() {
        return Err(format!("{} sizes for {} dimensions", target.len(), axes.len()).into());
    }
    for (&axis, &target) in axes.iter().zip(&target) {
        let (size, target) = (shape[axis], usize::try_from(target).map_err(|_| "a negative size")?);
        if target < size {
            let first = (size - target) / 2;
            x = node.sliced(x, axis, first..first + target)?;
        } else if target > size {
            let (mut before, mut after) = (vec![0; shape.rank()], vec![0; shape.rank()]);
            before[axis] = (target - size) / 2;
            after[axis] = target - size - before[axis];
            x = node.step("padded", Op::Pad { before, after, value: 0.0 }, &[x])?;
        }
    }
    node.last(Op::Identity, &[x])
}

/// The upper or lower triangle of matrices; zeros elsewhere.
pub(super) fn trilu(node: &mut Lowering<'_>) -> Lowered {
    let upper = node.attributes.int("upper")?.unwrap_or(1) != 0;
    let k = if node.has_input(1) { node.integers(1)?.first().copied().unwrap_or(0) } else { 0 };
    let operand = node.operand(0)?;
    let shape = node.operand_shape(&operand)?;
    let [.., rows, columns] = *shape else { return Err(format!("takes matrices, not {shape}").into()) };
    let keeps = |i: usize| {
        let (row, column) = ((i / columns % rows) as i64, (i % columns) as i64);
        if upper { column - row >= k } else { column - row <= k }
    };
    if let Operand::Literal(literal) = &operand {
        let count = shape.elements();
        node.draft.spend_elements(count)?;
        return Ok(Binding::Literal(match literal {
            Literal::Integers(x) => {
                let value = |(i, &v): (usize, &i64)| if keeps(i) { v } else { 0 };
                Literal::integers(x.dims.clone(), x.values.iter().enumerate().map(value).collect())
            }
            Literal::Floats(x) => {
                let value = |(i, &v): (usize, &f32)| if keeps(i) { v } else { 0.0 };
                Literal::floats(shape.to_vec(), x.data().iter().enumerate().map(value).collect())?
            }
        }));
    }
    let x = node.value(0)?;
    let mask = node.table(&[rows, columns], |i| f32::from(u8::from(keeps(i))))?;
    node.last(Op::Mul, &[x, mask])
}
