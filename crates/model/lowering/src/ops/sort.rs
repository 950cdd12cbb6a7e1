//! The largest elements of a row, in order.

use veilflow_ir::{Op, ValueId};

use super::axis::axis;
use super::normalise::one_hot;
use crate::error::{Refusal, Result};
use crate::lowering::Lowering;
use crate::scope::Binding;

/// The k largest or smallest elements along an axis, and their places: the largest is found and lowered below
/// all others, k times. Of equal elements the first comes first.
pub(super) fn top_k(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let given = node.attributes.int("axis")?.unwrap_or(-1);
    let largest = node.attributes.int("largest")?.unwrap_or(1) != 0;
    node.attributes.ignore(&["sorted"]);
    let k = match node.attributes.size("k")? {
        Some(k) => k,
        None => {
            node.integers(1)?.first().and_then(|&k| usize::try_from(k).ok()).ok_or("K must be positive")?
        }
    };
    let x = node.value(0)?;
    let shape = node.shape(x).clone();
    let axis = axis(given, shape.rank(), false)?;
    let size = shape[axis];
    if k == 0 || k > size {
        return Err(format!("{k} of {size} elements").into());
    }
    let mut perm: Vec<usize> = (0..shape.rank()).filter(|&i| i != axis).collect();
    perm.push(axis);
    let x = node.transposed(x, &perm)?;
    let mut rows = if largest { x } else { node.negated(x)? };
    let last = shape.rank() - 1;
    let lowest = node.smallest(rows, &[last])?;
    let below = node.shifted(lowest, -1.0)?;
    let (mut values, mut places) = (Vec::with_capacity(k), Vec::with_capacity(k));
    for i in 0..k {
        let value = node.largest(rows, &[last])?;
        let place = node.step("place", Op::ArgMax, &[rows])?;
        if i + 1 < k {
            let hot = one_hot(node, place, size)?;
            let fall = node.sub(below, value)?;
            let lowered = node.mul(hot, fall)?;
            rows = node.add(rows, lowered)?;
        }
        values.push(value);
        places.push(place);
    }
    let mut inverse = vec![0; perm.len()];
    perm.iter().enumerate().for_each(|(i, &p)| inverse[p] = i);
    let joined = |node: &mut Lowering<'_>, parts: &[ValueId]| -> Result<ValueId, Refusal> {
        let all = node.concatenated(parts, last)?;
        node.transposed(all, &inverse)
    };
    node.at_output(0);
    let values = joined(node, &values)?;
    let values = if largest { values } else { node.negated(values)? };
    node.at_output(1);
    let places = joined(node, &places)?;
    Ok(vec![Binding::Value(values), Binding::Value(places)])
}
