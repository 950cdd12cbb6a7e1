//! Axes as ONNX names them.

use crate::error::{Refusal, Result};
use crate::lowering::Lowering;

/// An axis counted from the front: ONNX counts negative ones from the back. The axis behind the last is
/// allowed if `end` is set.
pub(super) fn axis(axis: i64, rank: usize, end: bool) -> Result<usize, Refusal> {
    let from_front = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    let index = from_front.and_then(|a| usize::try_from(a).ok());
    index
        .filter(|&a| a < rank + usize::from(end))
        .ok_or_else(|| format!("axis {axis} of {rank} dimensions").into())
}

/// The axes of an op: an attribute in older opsets, an input since.
pub(super) fn axes(node: &mut Lowering<'_>) -> Result<Option<Vec<i64>>, Refusal> {
    match node.attributes.ints("axes")? {
        Some(axes) => Ok(Some(axes)),
        None if node.has_input(1) => node.integers(1).map(Some),
        None => Ok(None),
    }
}

/// The axis attribute, for an input of this rank.
pub(super) fn axis_attribute(node: &mut Lowering<'_>, rank: usize) -> Result<usize, Refusal> {
    axis(node.attributes.int("axis")?.unwrap_or(0), rank, false)
}
