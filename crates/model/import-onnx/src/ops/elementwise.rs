//! Ops that treat every element or channel alike.

use veilflow_ir::{Function, Op, Shape, Tensor, ValueId};

use super::axis::axis;
use super::integers;
use crate::error::{Refusal, Result};
use crate::literal::Literal;
use crate::lowering::{Lowered, Lowering};
use crate::scope::Binding;

fn binary(node: &mut Lowering<'_>, op: Op) -> Lowered {
    let inputs = [node.value(0)?, node.value(1)?];
    node.last(op, &inputs)
}

pub(super) fn add(node: &mut Lowering<'_>) -> Lowered {
    match integers::binary(node, i64::checked_add)? {
        Some(known) => Ok(known),
        None => binary(node, Op::Add),
    }
}

pub(super) fn sub(node: &mut Lowering<'_>) -> Lowered {
    match integers::binary(node, i64::checked_sub)? {
        Some(known) => Ok(known),
        None => binary(node, Op::Sub),
    }
}

pub(super) fn mul(node: &mut Lowering<'_>) -> Lowered {
    match integers::binary(node, i64::checked_mul)? {
        Some(known) => Ok(known),
        None => binary(node, Op::Mul),
    }
}

/// x / y = x · (1/y).
pub(super) fn div(node: &mut Lowering<'_>) -> Lowered {
    if let Some(known) = integers::binary(node, i64::checked_div)? {
        return Ok(known);
    }
    let reciprocal = if node.is_constant(1) {
        let divisor = node.floats(1)?;
        if divisor.data().contains(&0.0) {
            return Err("divides by 0".into());
        }
        node.constant("reciprocal", divisor.map(f32::recip))?
    } else {
        let y = node.value(1)?;
        node.step("reciprocal", Op::Apply { function: Function::Reciprocal }, &[y])?
    };
    let x = node.value(0)?;
    node.last(Op::Mul, &[x, reciprocal])
}

pub(super) fn neg(node: &mut Lowering<'_>) -> Lowered {
    let x = node.value(0)?;
    let minus = scalar(node, "minus", -1.0)?;
    node.last(Op::Mul, &[x, minus])
}

/// A constant of one number.
pub(super) fn scalar(node: &mut Lowering<'_>, suffix: &str, value: f32) -> Result<ValueId, Refusal> {
    node.constant(suffix, Tensor::from_fn(Shape::new([])?, |_| value))
}

/// x to a power, of which a few are supported.
pub(super) fn pow(node: &mut Lowering<'_>) -> Lowered {
    let exponents: Vec<f32> = match node.literal(1) {
        Some(Literal::Floats(tensor)) => tensor.data().to_vec(),
        Some(Literal::Integers(integers)) => integers.values.iter().map(|&v| v as f32).collect(),
        None => return Err("its exponent must be a constant".into()),
    };
    let [exponent] = exponents[..] else { return Err("its exponent must be one number".into()) };
    let x = node.value(0)?;
    let apply = |function| Op::Apply { function };
    if exponent == 2.0 {
        node.last(Op::Mul, &[x, x])
    } else if exponent == 3.0 {
        let square = node.step("square", Op::Mul, &[x, x])?;
        node.last(Op::Mul, &[square, x])
    } else if exponent == 1.0 {
        node.last(Op::Identity, &[x])
    } else if exponent == 0.5 {
        node.last(apply(Function::Sqrt), &[x])
    } else if exponent == -0.5 {
        node.last(apply(Function::ReciprocalSqrt), &[x])
    } else if exponent == -1.0 {
        node.last(apply(Function::Reciprocal), &[x])
    } else {
        Err(format!("an exponent of {exponent} isn't supported, only -1, -0.5, 0.5, 1, 2 and 3").into())
    }
}

pub(super) fn sum(node: &mut Lowering<'_>) -> Lowered {
    let mut total = node.value(0)?;
    let count = node.input_count();
    if count == 1 {
        return node.last(Op::Identity, &[total]);
    }
    for i in 1..count - 1 {
        let next = node.value(i)?;
        total = node.step("partial", Op::Add, &[total, next])?;
    }
    let next = node.value(count - 1)?;
    node.last(Op::Add, &[total, next])
}

pub(super) fn batch_normalization(node: &mut Lowering<'_>) -> Lowered {
    let epsilon = node.attributes.float("epsilon")?.unwrap_or(1e-5);
    node.attributes.ignore(&["momentum"]);
    if node.attributes.flag("training_mode")? {
        return Err("training mode isn't supported".into());
    }
    if (1..5).any(|i| !node.is_constant(i)) {
        return Err("its four parameters must be constants".into());
    }
    let inputs = [node.value(0)?, node.value(1)?, node.value(2)?, node.value(3)?, node.value(4)?];
    node.last(Op::BatchNormalization { epsilon }, &inputs)
}

fn unary(node: &mut Lowering<'_>, op: Op) -> Lowered {
    let x = node.value(0)?;
    node.last(op, &[x])
}

pub(super) fn gelu(node: &mut Lowering<'_>) -> Lowered {
    match node.attributes.string("approximate")?.as_deref() {
        None | Some("none") => node.apply(Function::Gelu),
        Some(other) => Err(format!("the approximation `{other}` isn't supported").into()),
    }
}

/// max(0, min(1, α·x + β)).
pub(super) fn hard_sigmoid(node: &mut Lowering<'_>) -> Lowered {
    let alpha = node.attributes.float("alpha")?.unwrap_or(0.2);
    let beta = node.attributes.float("beta")?.unwrap_or(0.5);
    let x = node.value(0)?;
    let (alpha, beta) = (scalar(node, "alpha", alpha)?, scalar(node, "beta", beta)?);
    let scaled = node.step("scaled", Op::Mul, &[x, alpha])?;
    let line = node.step("line", Op::Add, &[scaled, beta])?;
    node.last(Op::Clip { min: 0.0, max: 1.0 }, &[line])
}

pub(super) fn relu(node: &mut Lowering<'_>) -> Lowered {
    unary(node, Op::Relu)
}

/// Limits are attributes before opset 11, inputs since.
pub(super) fn clip(node: &mut Lowering<'_>) -> Lowered {
    let (min, max) = if node.opset() < 11 {
        (node.attributes.float("min")?, node.attributes.float("max")?)
    } else {
        (limit(node, 1)?, limit(node, 2)?)
    };
    unary(node, Op::Clip { min: min.unwrap_or(f32::NEG_INFINITY), max: max.unwrap_or(f32::INFINITY) })
}

fn limit(node: &Lowering<'_>, index: usize) -> Result<Option<f32>, Refusal> {
    if !node.has_input(index) {
        return Ok(None);
    }
    match node.floats(index)?.data() {
        [value] => Ok(Some(*value)),
        _ => Err(format!("limit {index} must be one number").into()),
    }
}

/// A constant stays one.
pub(super) fn identity(node: &mut Lowering<'_>) -> Lowered {
    let x = node.operand(0)?;
    Ok(node.moved("", Op::Identity, &[x])?.into())
}

/// The identity, outside training.
pub(super) fn dropout(node: &mut Lowering<'_>) -> Lowered {
    node.attributes.ignore(&["ratio", "seed"]);
    if node.has_input(2) && node.integers(2)?.iter().any(|&training| training != 0) {
        return Err("training mode isn't supported: export the model for inference".into());
    }
    identity(node)
}

/// Left to whoever reads the output. Every node refuses to read it.
pub(super) fn softmax(node: &mut Lowering<'_>) -> Lowered {
    let x = node.value(0)?;
    let shape = node.shape(x).clone();
    let default = if node.opset() < 13 { 1 } else { -1 };
    let axis = axis(node.attributes.int("axis")?.unwrap_or(default), shape.rank(), false)?;
    // Before opset 13, all dimensions from the axis on are normalised together.
    let over = if node.opset() < 13 { shape[axis..].iter().product() } else { shape[axis] };
    if over != shape.elements() {
        return Err(
            format!("normalises {over} of the {} elements; it must take all", shape.elements()).into()
        );
    }
    Ok(Binding::Softmax(x))
}
