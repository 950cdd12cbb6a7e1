//! Ops that treat every element or channel alike.

use veilflow_ir::Op;

use crate::importer::{Binding, Lowering, Refusal};
use crate::ops::axis;

type Lowered = Result<Binding, Refusal>;

fn binary(l: &mut Lowering<'_>, op: Op) -> Lowered {
    let inputs = [l.value(0)?, l.value(1)?];
    l.last(op, &inputs)
}

pub(super) fn add(l: &mut Lowering<'_>) -> Lowered {
    binary(l, Op::Add)
}

pub(super) fn sub(l: &mut Lowering<'_>) -> Lowered {
    binary(l, Op::Sub)
}

/// A product of two private values is no linear op.
pub(super) fn mul(l: &mut Lowering<'_>) -> Lowered {
    if !l.is_constant(0) && !l.is_constant(1) {
        return Err("only multiplication by a constant is supported".into());
    }
    binary(l, Op::Mul)
}

pub(super) fn sum(l: &mut Lowering<'_>) -> Lowered {
    let mut total = l.value(0)?;
    let count = l.input_count();
    if count == 1 {
        return l.last(Op::Identity, &[total]);
    }
    for i in 1..count - 1 {
        let next = l.value(i)?;
        total = l.step("partial", Op::Add, &[total, next])?;
    }
    let next = l.value(count - 1)?;
    l.last(Op::Add, &[total, next])
}

pub(super) fn batch_normalization(l: &mut Lowering<'_>) -> Lowered {
    let epsilon = l.attributes.float("epsilon")?.unwrap_or(1e-5);
    l.attributes.ignore(&["momentum"]);
    if l.attributes.flag("training_mode")? {
        return Err("training mode isn't supported".into());
    }
    if (1..5).any(|i| !l.is_constant(i)) {
        return Err("its four parameters must be constants".into());
    }
    let inputs = [l.value(0)?, l.value(1)?, l.value(2)?, l.value(3)?, l.value(4)?];
    l.last(Op::BatchNormalization { epsilon }, &inputs)
}

pub(super) fn relu(l: &mut Lowering<'_>) -> Lowered {
    let x = l.value(0)?;
    l.last(Op::Relu, &[x])
}

/// Limits are attributes before opset 11, inputs since.
pub(super) fn clip(l: &mut Lowering<'_>) -> Lowered {
    let (min, max) = if l.opset < 11 {
        (l.attributes.float("min")?, l.attributes.float("max")?)
    } else {
        (limit(l, 1)?, limit(l, 2)?)
    };
    let x = l.value(0)?;
    let op = Op::Clip { min: min.unwrap_or(f32::NEG_INFINITY), max: max.unwrap_or(f32::INFINITY) };
    l.last(op, &[x])
}

fn limit(l: &Lowering<'_>, index: usize) -> Result<Option<f32>, Refusal> {
    if !l.has_input(index) {
        return Ok(None);
    }
    match l.floats(index)?.data() {
        [value] => Ok(Some(*value)),
        _ => Err(format!("limit {index} must be one number").into()),
    }
}

pub(super) fn identity(l: &mut Lowering<'_>) -> Lowered {
    let x = l.value(0)?;
    l.last(Op::Identity, &[x])
}

/// The identity, outside training.
pub(super) fn dropout(l: &mut Lowering<'_>) -> Lowered {
    l.attributes.ignore(&["ratio", "seed"]);
    identity(l)
}

/// Left to the reader of the output: the binding is refused by every node that reads it.
pub(super) fn softmax(l: &mut Lowering<'_>) -> Lowered {
    let x = l.value(0)?;
    let shape = l.graph.shape(x).clone();
    let default = if l.opset < 13 { 1 } else { -1 };
    let axis = axis(l.attributes.int("axis")?.unwrap_or(default), shape.rank(), false)?;
    // Before opset 13, all dimensions from the axis on are normalised together.
    let over = if l.opset < 13 { shape[axis..].iter().product() } else { shape[axis] };
    if over != shape.elements() {
        return Err(
            format!("normalises {over} of the {} elements; it must take all", shape.elements()).into()
        );
    }
    Ok(Binding::Softmax(x))
}
