//! Moves of elements.

use veilflow_ir::{Node, Op, Shape, ValueId};

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
