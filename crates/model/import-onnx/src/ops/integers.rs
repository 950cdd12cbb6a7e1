//! Ops on integers, with which exporters compute shapes. All of them are known at import.

use std::sync::Arc;

use veilflow_ir::{Op, Shape, Tensor, layout};

use crate::error::{Refusal, Result};
use crate::literal::{Integers, Literal};
use crate::lowering::{Lowered, Lowering, Operand};
use crate::proto::data_type;
use crate::scope::Binding;

/// The dimensions of input 0, from `start` to before `end`.
pub(super) fn shape(node: &mut Lowering<'_>) -> Lowered {
    let x = node.operand(0)?;
    let shape = node.operand_shape(&x)?;
    let clamped = |at: i64| match at {
        at if at < 0 => shape.rank().saturating_sub(usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX)),
        at => usize::try_from(at).map_or(shape.rank(), |at| at.min(shape.rank())),
    };
    let start = clamped(node.attributes.int("start")?.unwrap_or(0));
    let end = clamped(node.attributes.int("end")?.unwrap_or(i64::MAX)).max(start);
    Ok(Binding::Literal(Literal::list(shape[start..end].iter().map(|&d| d as i64).collect())))
}

/// The identity, between types that import doesn't tell apart. Between integers and floats only constants are
/// cast.
pub(super) fn cast(node: &mut Lowering<'_>) -> Lowered {
    let to = node.attributes.int("to")?.ok_or("attribute `to` is missing")?;
    node.attributes.ignore(&["saturate"]);
    let kind = i32::try_from(to).unwrap_or_default();
    let to_float = matches!(kind, data_type::FLOAT | data_type::DOUBLE);
    if !to_float && !matches!(kind, data_type::INT32 | data_type::INT64) {
        return Err(format!("a cast to {} isn't supported", data_type::name(kind)).into());
    }
    match node.operand(0)? {
        Operand::Literal(Literal::Integers(integers)) if to_float => {
            let values = integers.values.iter().map(|&v| v as f32).collect();
            let tensor = Tensor::new(Shape::new(integers.dims.clone())?, values)?;
            node.draft.spend_elements(tensor.data().len())?;
            Ok(Binding::Literal(Literal::Floats(Arc::new(tensor))))
        }
        Operand::Literal(Literal::Floats(tensor)) if !to_float => {
            node.draft.spend_elements(tensor.data().len())?;
            let values = tensor.data().iter().map(|&v| v as i64).collect();
            let dims = tensor.shape().to_vec();
            Ok(Binding::Literal(Literal::Integers(Arc::new(Integers { dims, values }))))
        }
        Operand::Value(id) if to_float => node.last(Op::Identity, &[id]),
        Operand::Value(_) => Err("a cast of a private value to integers isn't supported".into()),
        known => Ok(known.into()),
    }
}

/// A tensor of the shape that input 0 holds, filled with one value.
pub(super) fn constant_of_shape(node: &mut Lowering<'_>) -> Lowered {
    let value = match node.attributes.tensor("value")? {
        Some(tensor) => Literal::decode(tensor.clone())?,
        None => Literal::Floats(Arc::new(Tensor::from_fn(Shape::new([])?, |_| 0.0))),
    };
    let dims = node.integers(0)?.into_iter().map(usize::try_from).collect::<Result<Vec<usize>, _>>();
    let shape = Shape::new(dims.map_err(|_| "a negative dimension")?)?;
    node.draft.spend_elements(shape.elements())?;
    match &value {
        Literal::Floats(v) if v.data().len() == 1 => {
            Ok(Binding::Literal(Literal::Floats(Arc::new(Tensor::from_fn(shape, |_| v.data()[0])))))
        }
        Literal::Integers(v) if v.values.len() == 1 => {
            let values = vec![v.values[0]; shape.elements()];
            Ok(Binding::Literal(Literal::Integers(Arc::new(Integers { dims: shape.to_vec(), values }))))
        }
        _ => Err("its value must be one number".into()),
    }
}

/// `f` of two inputs, if both are integers.
pub(super) fn binary(
    node: &mut Lowering<'_>,
    f: impl Fn(i64, i64) -> Option<i64>,
) -> Result<Option<Binding>, Refusal> {
    let (Some(Literal::Integers(a)), Some(Literal::Integers(b))) = (node.literal(0), node.literal(1)) else {
        return Ok(None);
    };
    let [from_a, from_b] = [Shape::new(a.dims.clone())?, Shape::new(b.dims.clone())?];
    let shape = from_a.broadcast(&from_b);
    let shape = shape.ok_or_else(|| format!("shapes {from_a} and {from_b} don't broadcast"))?;
    node.draft.spend_elements(shape.elements())?;
    let [a, b] = [(a, from_a), (b, from_b)].map(|(t, from)| layout::broadcast(&t.values, &from, &shape));
    let values = a.into_iter().zip(b).map(|(a, b)| f(a, b)).collect::<Option<Vec<i64>>>();
    let values = values.ok_or("the integers overflow")?;
    Ok(Some(Binding::Literal(Literal::Integers(Arc::new(Integers { dims: shape.to_vec(), values })))))
}
