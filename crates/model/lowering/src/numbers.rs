//! Arithmetic on numbers that are known at import, with which exporters compute shapes, scales and masks.

use std::sync::Arc;

use veilflow_ir::{Shape, Tensor, layout};

use crate::error::{Refusal, Result};
use crate::literal::{Integers, Literal};
use crate::lowering::Lowering;
use crate::scope::Binding;

/// Numbers below minus this stand for minus infinity, as exporters write it.
pub(crate) const MASK: f32 = 1e8;

/// `f` of input 0 if it is known: `g` if it holds integers.
pub(crate) fn unary(
    node: &mut Lowering<'_>,
    f: impl Fn(f64) -> f64,
    g: impl Fn(i64) -> Option<i64>,
) -> Result<Option<Binding>, Refusal> {
    let Some(x) = node.literal(0) else { return Ok(None) };
    node.draft.spend_elements(x.len())?;
    Ok(Some(Binding::Literal(match x {
        Literal::Floats(x) => Literal::Floats(Arc::new(x.map(|v| f(f64::from(v)) as f32))),
        Literal::Integers(x) => {
            let values = x.values.iter().map(|&v| g(v)).collect::<Option<Vec<i64>>>();
            let values = values.ok_or("the integers overflow")?;
            Literal::Integers(Arc::new(Integers { dims: x.dims.clone(), values }))
        }
    })))
}

/// `f` of inputs 0 and 1 if both are known: `g` if both hold integers.
pub(crate) fn binary(
    node: &mut Lowering<'_>,
    f: impl Fn(f64, f64) -> f64,
    g: impl Fn(i64, i64) -> Option<i64>,
) -> Result<Option<Binding>, Refusal> {
    let Some((a, b)) = both(node) else { return Ok(None) };
    let dims = broadcast(&[&a, &b])?;
    node.draft.spend_elements(dims.iter().product())?;
    if let (Literal::Integers(a), Literal::Integers(b)) = (&a, &b) {
        let [a, b] = [a, b].map(|x| stretch(&x.values, &x.dims, &dims));
        let values = a.into_iter().zip(b).map(|(a, b)| g(a, b)).collect::<Option<Vec<i64>>>();
        let values = values.ok_or("the integers overflow or divide by 0")?;
        return Ok(Some(Binding::Literal(Literal::Integers(Arc::new(Integers { dims, values })))));
    }
    let [a, b] = [&a, &b].map(|x| stretch(&x.numbers(), &x.dims(), &dims));
    let values: Vec<f32> = a.into_iter().zip(b).map(|(a, b)| f(a, b) as f32).collect();
    let literal = if values.is_empty() {
        Literal::Integers(Arc::new(Integers { dims, values: Vec::new() }))
    } else {
        Literal::Floats(Arc::new(Tensor::new(Shape::new(dims)?, values)?))
    };
    Ok(Some(Binding::Literal(literal)))
}

/// Whether `f` holds of inputs 0 and 1, if both are known.
pub(crate) fn compare(
    node: &mut Lowering<'_>,
    f: impl Fn(f64, f64) -> bool,
    g: impl Fn(i64, i64) -> bool,
) -> Result<Option<Binding>, Refusal> {
    let Some((a, b)) = both(node) else { return Ok(None) };
    let dims = broadcast(&[&a, &b])?;
    node.draft.spend_elements(dims.iter().product())?;
    let values: Vec<i64> = if let (Literal::Integers(a), Literal::Integers(b)) = (&a, &b) {
        let [a, b] = [a, b].map(|x| stretch(&x.values, &x.dims, &dims));
        a.into_iter().zip(b).map(|(a, b)| i64::from(g(a, b))).collect()
    } else {
        let [a, b] = [&a, &b].map(|x| stretch(&x.numbers(), &x.dims(), &dims));
        a.into_iter().zip(b).map(|(a, b)| i64::from(f(a, b))).collect()
    };
    Ok(Some(Binding::Literal(Literal::Integers(Arc::new(Integers { dims, values })))))
}

fn both(node: &mut Lowering<'_>) -> Option<(Literal, Literal)> {
    Some((node.literal(0)?, node.literal(1)?))
}

/// The dimensions that all broadcast to. Empty tensors broadcast too.
pub(crate) fn broadcast(literals: &[&Literal]) -> Result<Vec<usize>, Refusal> {
    let all: Vec<Vec<usize>> = literals.iter().map(|literal| literal.dims()).collect();
    let rank = all.iter().map(Vec::len).max().unwrap_or(0);
    let mut result = vec![1; rank];
    for dims in &all {
        for (i, &d) in dims.iter().enumerate() {
            let slot = &mut result[rank - dims.len() + i];
            match (*slot, d) {
                (have, d) if have == d || d == 1 => {}
                (1, d) => *slot = d,
                _ => return Err(format!("shapes {all:?} don't broadcast").into()),
            }
        }
    }
    let elements = result.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    match elements {
        Some(n) if n <= veilflow_ir::MAX_ELEMENTS => Ok(result),
        _ => Err(format!("shapes {all:?} broadcast to too many elements").into()),
    }
}

/// Elements of `from` repeated up to `to`.
pub(crate) fn stretch<T: Copy>(x: &[T], from: &[usize], to: &[usize]) -> Vec<T> {
    match (Shape::new(from), Shape::new(to)) {
        (Ok(from), Ok(to)) => layout::broadcast(x, &from, &to),
        _ => Vec::new(),
    }
}
