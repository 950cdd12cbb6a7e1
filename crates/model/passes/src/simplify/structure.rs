//! Moves of elements.

use veilflow_ir::{Node, Op, Shape, ValueId};

use super::rewriter::Rewriter;
use crate::Error;

/// A reshape to the same shape goes; of two in a row the last suffices.
pub(super) fn reshape(
    r: &mut Rewriter<'_>,
    node: &Node,
    inputs: &[ValueId],
    shape: &Shape,
) -> Result<Option<ValueId>, Error> {
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
) -> Result<Option<ValueId>, Error> {
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
