//! Moves of elements.

use veilflow_ir::{Node, Op, Shape, Tensor, ValueId, layout};

use super::rewriter::Rewriter;
use crate::error::Result;

/// A reshape to the same shape goes. Of two in a row the last suffices.
pub(super) fn reshape(
    rewriter: &mut Rewriter<'_>,
    node: &Node,
    inputs: &[ValueId],
    shape: &Shape,
) -> Result<Option<ValueId>> {
    let x = inputs[0];
    if rewriter.shape(x) == shape {
        return Ok(Some(x));
    }
    match rewriter.producer(x) {
        Some(Node { op: Op::Reshape { .. }, inputs, .. }) => {
            rewriter.emit(&node.name, rewriter.old_name(node.output), node.op.clone(), &inputs).map(Some)
        }
        _ => Ok(None),
    }
}

/// A transposition that moves only dimensions of 1, or nothing, is a reshape. Two in a row are one.
pub(super) fn transpose(
    rewriter: &mut Rewriter<'_>,
    node: &Node,
    inputs: &[ValueId],
    perm: &[usize],
) -> Result<Option<ValueId>> {
    let x = inputs[0];
    let output = rewriter.old_name(node.output);
    let shape = rewriter.shape(x);
    let moved: Vec<usize> = perm.iter().copied().filter(|&p| shape[p] != 1).collect();
    if moved.is_sorted() {
        let op = Op::Reshape { shape: rewriter.old_shape(node.output).clone() };
        return rewriter.emit(&node.name, output, op, inputs).map(Some);
    }
    match rewriter.producer(x) {
        Some(Node { op: Op::Transpose { perm: first }, inputs, .. }) => {
            let perm = perm.iter().map(|&p| first[p]).collect();
            rewriter.emit(&node.name, output, Op::Transpose { perm }, &inputs).map(Some)
        }
        _ => Ok(None),
    }
}

/// Slices of all indices in order are the whole. Slices of slices along one axis are slices. Slices of one
/// part of a concatenation are slices of that part.
pub(super) fn gather(
    rewriter: &mut Rewriter<'_>,
    node: &Node,
    inputs: &[ValueId],
    axis: usize,
    indices: &[usize],
) -> Result<Option<ValueId>> {
    let x = inputs[0];
    let output = rewriter.old_name(node.output);
    if indices.iter().copied().eq(0..rewriter.shape(x)[axis]) {
        return Ok(Some(x));
    }
    match rewriter.producer(x) {
        Some(Node { op: Op::Gather { axis: first, indices: source }, inputs, .. }) if first == axis => {
            let indices = indices.iter().map(|&i| source[i]).collect();
            rewriter.emit(&node.name, output, Op::Gather { axis, indices }, &inputs).map(Some)
        }
        Some(Node { op: Op::Concat { axis: joined }, inputs: parts, .. }) if joined == axis => {
            let mut first = 0;
            for part in parts {
                let size = rewriter.shape(part)[axis];
                if indices.iter().all(|i| (first..first + size).contains(i)) {
                    let indices = indices.iter().map(|i| i - first).collect();
                    return rewriter
                        .emit(&node.name, output, Op::Gather { axis, indices }, &[part])
                        .map(Some);
                }
                first += size;
            }
            Ok(None)
        }
        _ => Ok(None),
    }
}

/// What acts on every element commutes with transposition, which so moves towards the outputs: there it meets
/// its inverse, and the layers on either side meet each other. Constants are transposed the other way.
pub(super) fn sink_transpose(
    rewriter: &mut Rewriter<'_>,
    node: &Node,
    inputs: &[ValueId],
) -> Result<Option<ValueId>> {
    let elementwise = matches!(
        node.op,
        Op::Add
            | Op::Sub
            | Op::Mul
            | Op::Relu
            | Op::Clip { .. }
            | Op::Apply { .. }
            | Op::Positive
            | Op::Floor
            | Op::Pad { .. }
    );
    if !elementwise {
        return Ok(None);
    }
    let transposed = |rewriter: &Rewriter<'_>, id| match rewriter.producer(id) {
        Some(Node { op: Op::Transpose { perm }, inputs, .. }) => Some((perm, inputs[0])),
        _ => None,
    };
    let Some((perm, _)) = inputs.iter().find_map(|&id| transposed(rewriter, id)) else { return Ok(None) };
    let mut inverse = vec![0; perm.len()];
    perm.iter().enumerate().for_each(|(i, &p)| inverse[p] = i);
    let output = rewriter.old_name(node.output);
    let mut sources = Vec::with_capacity(inputs.len());
    for &id in inputs {
        if let Some(constant) = rewriter.constant_of(id) {
            let mut dims = vec![1; perm.len().saturating_sub(constant.shape().rank())];
            dims.extend_from_slice(constant.shape());
            if dims.len() != perm.len() {
                return Ok(None);
            }
            let spread = constant.as_ref().clone().reshape(Shape::new(dims)?)?;
            let data = layout::transpose(spread.data(), spread.shape(), &inverse);
            let dims: Vec<usize> = inverse.iter().map(|&p| spread.shape()[p]).collect();
            let turned = Tensor::new(Shape::new(dims)?, data)?;
            sources.push(rewriter.constant(&format!("{output}.turned"), turned)?);
            continue;
        }
        match transposed(rewriter, id) {
            Some((other, source)) if other == perm => sources.push(source),
            // One element is the same from all sides.
            _ if rewriter.shape(id).elements() == 1 && rewriter.shape(id).rank() == 0 => sources.push(id),
            _ => return Ok(None),
        }
    }
    let op = match &node.op {
        Op::Pad { before, after, value } => {
            let turned = |pads: &[usize]| inverse.iter().map(|&i| pads[i]).collect();
            Op::Pad { before: turned(before), after: turned(after), value: *value }
        }
        op => op.clone(),
    };
    let made = rewriter.emit(&node.name, &format!("{output}.turned"), op, &sources)?;
    rewriter.emit(&node.name, output, Op::Transpose { perm }, &[made]).map(Some)
}
