//! Known indices as places in a tensor.

use veilflow_ir::Shape;

use crate::error::{Refusal, Result};
use crate::literal::Literal;
use crate::lowering::Lowering;

/// Known indices of rank r, as places in the input's row-major order.
pub(super) fn flat_places(
    node: &mut Lowering<'_>,
    shape: &Shape,
    index: impl Fn(usize) -> Option<Vec<i64>>,
    count: usize,
) -> Result<Vec<usize>, Refusal> {
    node.draft.spend_elements(count)?;
    let place = |i: usize| {
        let index = index(i)?;
        index.iter().enumerate().try_fold(0, |at, (axis, &i)| {
            let size = shape[axis] as i64;
            let i = if i < 0 { i + size } else { i };
            (0..size).contains(&i).then(|| at + i as usize * shape.stride(axis))
        })
    };
    (0..count).map(place).collect::<Option<Vec<usize>>>().ok_or_else(|| "an index outside the input".into())
}

/// Input `index`, which must be known integers.
pub(super) fn known_indices(
    node: &mut Lowering<'_>,
    index: usize,
) -> Result<(Vec<usize>, Vec<i64>), Refusal> {
    match node.literal(index) {
        Some(Literal::Integers(i)) => Ok((i.dims.clone(), i.values.clone())),
        _ => Err("its indices must be a constant of integers".into()),
    }
}

/// The places that elementwise indices along an axis name.
pub(super) fn element_places(
    node: &mut Lowering<'_>,
    shape: &Shape,
    axis: usize,
    dims: &[usize],
    values: &[i64],
) -> Result<Vec<usize>, Refusal> {
    if dims.len() != shape.rank() {
        return Err(format!("indices of {} dimensions for {shape}", dims.len()).into());
    }
    let at = |i: usize| {
        let mut rest = i;
        let mut index = vec![0; dims.len()];
        for k in (0..dims.len()).rev() {
            index[k] = (rest % dims[k]) as i64;
            rest /= dims[k];
        }
        index[axis] = values[i];
        Some(index)
    };
    flat_places(node, shape, at, values.len())
}
