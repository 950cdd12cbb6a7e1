//! Moves of elements.

use veilflow_ir::{Node, Op, Shape, ValueId};

use super::rewriter::Rewriter;
use crate::error::Result;

/// A reshape to the same shape goes; of two in a row the last suffices.
pub(super) fn reshape(
    r: &mut Rewriter<'_>,
    node: &Node,
    inputs: &[ValueId],
    shape: &Shape,
) -> Result<Option<ValueId>> {
    let x = inputs[0];
    if r.shape(x) == shape {
        return Ok(Some(x));
    }
    match r.producer(x) {
        Some(Node { op: Op::Reshape { .. }, inputs, .. }) => {
            r.emit(&node.name, r.old_name(node.output), node.op.clone(), &inputs).map(Some)
        }
        _ => Ok(None),
    }
}

/// A transposition that moves nothing goes, one that moves only dimensions of 1 is a reshape, two in a row are one.
pub(super) fn transpose(
    r: &mut Rewriter<'_>,
    node: &Node,
    inputs: &[ValueId],
    perm: &[usize],
) -> Result<Option<ValueId>> {
    let x = inputs[0];
    let output = r.old_name(node.output);
    let shape = r.shape(x);
    let moved: Vec<usize> = perm.iter().copied().filter(|&p| shape[p] != 1).collect();
    if moved.is_sorted() {
        let op = Op::Reshape { shape: r.old_shape(node.output).clone() };
        return r.emit(&node.name, output, op, inputs).map(Some);
    }
    match r.producer(x) {
        Some(Node { op: Op::Transpose { perm: first }, inputs, .. }) => {
            let perm = perm.iter().map(|&p| first[p]).collect();
            r.emit(&node.name, output, Op::Transpose { perm }, &inputs).map(Some)
        }
        _ => Ok(None),
    }
}

/// Slices of all indices in order are the whole; slices of slices along one axis are slices; those of one part of a
/// concatenation are slices of that part.
pub(super) fn gather(
    r: &mut Rewriter<'_>,
    node: &Node,
    inputs: &[ValueId],
    axis: usize,
    indices: &[usize],
) -> Result<Option<ValueId>> {
    let x = inputs[0];
    let output = r.old_name(node.output);
    if indices.iter().copied().eq(0..r.shape(x)[axis]) {
        return Ok(Some(x));
    }
    match r.producer(x) {
        Some(Node { op: Op::Gather { axis: first, indices: source }, inputs, .. }) if first == axis => {
            let indices = indices.iter().map(|&i| source[i]).collect();
            r.emit(&node.name, output, Op::Gather { axis, indices }, &inputs).map(Some)
        }
        Some(Node { op: Op::Concat { axis: joined }, inputs: parts, .. }) if joined == axis => {
            let mut first = 0;
            for part in parts {
                let size = r.shape(part)[axis];
                if indices.iter().all(|i| (first..first + size).contains(i)) {
                    let indices = indices.iter().map(|i| i - first).collect();
                    return r.emit(&node.name, output, Op::Gather { axis, indices }, &[part]).map(Some);
                }
                first += size;
            }
            Ok(None)
        }
        _ => Ok(None),
    }
}
