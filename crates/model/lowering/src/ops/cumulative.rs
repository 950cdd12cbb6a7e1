//! Sums and products up to each place along an axis.

use veilflow_ir::{Op, ValueId};

use super::axis::axis;
use crate::error::{Refusal, Result};
use crate::literal::Literal;
use crate::lowering::{Lowered, Lowering};
use crate::scope::Binding;

/// Sums up to each place along an axis: by a known matrix.
pub(super) fn cumulative_sum(node: &mut Lowering<'_>) -> Lowered {
    let exclusive = node.attributes.flag("exclusive")?;
    let reverse = node.attributes.flag("reverse")?;
    let axis_of = |node: &mut Lowering<'_>, rank| -> Result<usize, Refusal> {
        let given = node.integers(1)?;
        axis(*given.first().ok_or("its axis is missing")?, rank, false)
    };
    if let Some(Literal::Integers(x)) = node.literal(0) {
        let [count] = x.dims[..] else { return Err("known integers of one dimension only".into()) };
        axis_of(node, 1)?;
        let mut values = vec![0i64; count];
        let mut sum = 0i64;
        for i in 0..count {
            let at = if reverse { count - 1 - i } else { i };
            let next = sum.checked_add(x.values[at]).ok_or("the integers overflow")?;
            values[at] = if exclusive { sum } else { next };
            sum = next;
        }
        return Ok(Binding::Literal(Literal::list(values)));
    }
    let x = node.value(0)?;
    let shape = node.shape(x).clone();
    let axis = axis_of(node, shape.rank())?;
    let size = shape[axis];
    let mut perm: Vec<usize> = (0..shape.rank()).filter(|&i| i != axis).collect();
    perm.push(axis);
    let mut inverse = vec![0; perm.len()];
    perm.iter().enumerate().for_each(|(i, &p)| inverse[p] = i);
    let rows = node.transposed(x, &perm)?;
    let counts = |from: usize, to: usize| {
        let before = if reverse { from > to } else { from < to };
        before || (from == to && !exclusive)
    };
    let w = node.table(&[size, size], |i| f32::from(u8::from(counts(i / size, i % size))))?;
    let sums = node.step("sums", Op::MatMul, &[rows, w])?;
    let sums = node.transposed(sums, &inverse)?;
    node.last(Op::Identity, &[sums])
}

/// Products up to each place along an axis, one after the other.
pub(super) fn cumulative_product(node: &mut Lowering<'_>) -> Lowered {
    let (exclusive, reverse) = (node.attributes.flag("exclusive")?, node.attributes.flag("reverse")?);
    let given = *node.integers(1)?.first().ok_or("its axis is missing")?;
    let x = node.value(0)?;
    let shape = node.shape(x).clone();
    let axis = axis(given, shape.rank(), false)?;
    let size = shape[axis];
    let mut product: Option<ValueId> = None;
    let mut parts = Vec::with_capacity(size);
    for i in 0..size {
        let at = if reverse { size - 1 - i } else { i };
        let factor = node.sliced(x, axis, at..at + 1)?;
        let before = product;
        product = Some(match product {
            Some(product) => node.mul(product, factor)?,
            None => factor,
        });
        parts.push(match (exclusive, before, product) {
            (false, _, Some(product)) | (true, Some(product), _) => product,
            _ => {
                let dims = node.shape(factor).to_vec();
                node.table(&dims, |_| 1.0)?
            }
        });
    }
    if reverse {
        parts.reverse();
    }
    let all = node.concatenated(&parts, axis)?;
    node.last(Op::Identity, &[all])
}
