//! Ops that treat every element or channel alike.

use veilflow_ir::{Function, Op, Shape, Tensor, ValueId};

use super::{Lowered, axis, integers};
use crate::literal::Literal;
use crate::lowering::{Lowering, Refusal};
use crate::scope::Binding;

fn binary(l: &mut Lowering<'_>, op: Op) -> Lowered {
    let inputs = [l.value(0)?, l.value(1)?];
    l.last(op, &inputs)
}

pub(super) fn add(l: &mut Lowering<'_>) -> Lowered {
    match integers::binary(l, i64::checked_add)? {
        Some(known) => Ok(known),
        None => binary(l, Op::Add),
    }
}

pub(super) fn sub(l: &mut Lowering<'_>) -> Lowered {
    match integers::binary(l, i64::checked_sub)? {
        Some(known) => Ok(known),
        None => binary(l, Op::Sub),
    }
}

pub(super) fn mul(l: &mut Lowering<'_>) -> Lowered {
    match integers::binary(l, i64::checked_mul)? {
        Some(known) => Ok(known),
        None => binary(l, Op::Mul),
    }
}

/// x / y = x · (1/y).
pub(super) fn div(l: &mut Lowering<'_>) -> Lowered {
    if let Some(known) = integers::binary(l, i64::checked_div)? {
        return Ok(known);
    }
    let reciprocal = if l.is_constant(1) {
        let divisor = l.floats(1)?;
        if divisor.data().contains(&0.0) {
            return Err("divides by 0".into());
        }
        l.constant("reciprocal", divisor.map(f32::recip))?
    } else {
        let y = l.value(1)?;
        l.step("reciprocal", Op::Apply { function: Function::Reciprocal }, &[y])?
    };
    let x = l.value(0)?;
    l.last(Op::Mul, &[x, reciprocal])
}

pub(super) fn neg(l: &mut Lowering<'_>) -> Lowered {
    let x = l.value(0)?;
    let minus = scalar(l, "minus", -1.0)?;
    l.last(Op::Mul, &[x, minus])
}

/// A constant of one number.
pub(super) fn scalar(l: &mut Lowering<'_>, suffix: &str, value: f32) -> Result<ValueId, Refusal> {
    l.constant(suffix, Tensor::from_fn(Shape::new([])?, |_| value))
}

/// x to a power that is known and one of few.
pub(super) fn pow(l: &mut Lowering<'_>) -> Lowered {
    let exponents: Vec<f32> = match l.literal(1) {
        Some(Literal::Floats(tensor)) => tensor.data().to_vec(),
        Some(Literal::Integers(integers)) => integers.values.iter().map(|&v| v as f32).collect(),
        None => return Err("its exponent must be a constant".into()),
    };
    let [exponent] = exponents[..] else { return Err("its exponent must be one number".into()) };
    let x = l.value(0)?;
    let apply = |function| Op::Apply { function };
    if exponent == 2.0 {
        l.last(Op::Mul, &[x, x])
    } else if exponent == 3.0 {
        let square = l.step("square", Op::Mul, &[x, x])?;
        l.last(Op::Mul, &[square, x])
    } else if exponent == 1.0 {
        l.last(Op::Identity, &[x])
    } else if exponent == 0.5 {
        l.last(apply(Function::Sqrt), &[x])
    } else if exponent == -0.5 {
        l.last(apply(Function::ReciprocalSqrt), &[x])
    } else if exponent == -1.0 {
        l.last(apply(Function::Reciprocal), &[x])
    } else {
        Err(format!("an exponent of {exponent} isn't supported, only -1, -0.5, 0.5, 1, 2 and 3").into())
    }
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

fn unary(l: &mut Lowering<'_>, op: Op) -> Lowered {
    let x = l.value(0)?;
    l.last(op, &[x])
}

fn apply(l: &mut Lowering<'_>, function: Function) -> Lowered {
    unary(l, Op::Apply { function })
}

pub(super) fn sigmoid(l: &mut Lowering<'_>) -> Lowered {
    apply(l, Function::Sigmoid)
}

pub(super) fn tanh(l: &mut Lowering<'_>) -> Lowered {
    apply(l, Function::Tanh)
}

pub(super) fn erf(l: &mut Lowering<'_>) -> Lowered {
    apply(l, Function::Erf)
}

pub(super) fn exp(l: &mut Lowering<'_>) -> Lowered {
    apply(l, Function::Exp)
}

pub(super) fn log(l: &mut Lowering<'_>) -> Lowered {
    apply(l, Function::Log)
}

pub(super) fn sqrt(l: &mut Lowering<'_>) -> Lowered {
    apply(l, Function::Sqrt)
}

pub(super) fn reciprocal(l: &mut Lowering<'_>) -> Lowered {
    apply(l, Function::Reciprocal)
}

pub(super) fn gelu(l: &mut Lowering<'_>) -> Lowered {
    match l.attributes.string("approximate")?.as_deref() {
        None | Some("none") => apply(l, Function::Gelu),
        Some(other) => Err(format!("the approximation `{other}` isn't supported").into()),
    }
}

/// max(0, min(1, α·x + β)).
pub(super) fn hard_sigmoid(l: &mut Lowering<'_>) -> Lowered {
    let alpha = l.attributes.float("alpha")?.unwrap_or(0.2);
    let beta = l.attributes.float("beta")?.unwrap_or(0.5);
    let x = l.value(0)?;
    let (alpha, beta) = (scalar(l, "alpha", alpha)?, scalar(l, "beta", beta)?);
    let scaled = l.step("scaled", Op::Mul, &[x, alpha])?;
    let line = l.step("line", Op::Add, &[scaled, beta])?;
    l.last(Op::Clip { min: 0.0, max: 1.0 }, &[line])
}

pub(super) fn relu(l: &mut Lowering<'_>) -> Lowered {
    unary(l, Op::Relu)
}

/// Limits are attributes before opset 11, inputs since.
pub(super) fn clip(l: &mut Lowering<'_>) -> Lowered {
    let (min, max) = if l.opset() < 11 {
        (l.attributes.float("min")?, l.attributes.float("max")?)
    } else {
        (limit(l, 1)?, limit(l, 2)?)
    };
    unary(l, Op::Clip { min: min.unwrap_or(f32::NEG_INFINITY), max: max.unwrap_or(f32::INFINITY) })
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

/// A constant, of floats or integers, stays one.
pub(super) fn identity(l: &mut Lowering<'_>) -> Lowered {
    let x = l.operand(0)?;
    Ok(l.moved("", Op::Identity, &[x])?.into())
}

/// The identity, outside training.
pub(super) fn dropout(l: &mut Lowering<'_>) -> Lowered {
    l.attributes.ignore(&["ratio", "seed"]);
    identity(l)
}

/// Left to the reader of the output: the binding is refused by every node that reads it.
pub(super) fn softmax(l: &mut Lowering<'_>) -> Lowered {
    let x = l.value(0)?;
    let shape = l.shape(x).clone();
    let default = if l.opset() < 13 { 1 } else { -1 };
    let axis = axis(l.attributes.int("axis")?.unwrap_or(default), shape.rank(), false)?;
    // Before opset 13, all dimensions from the axis on are normalised together.
    let over = if l.opset() < 13 { shape[axis..].iter().product() } else { shape[axis] };
    if over != shape.elements() {
        return Err(
            format!("normalises {over} of the {} elements; it must take all", shape.elements()).into()
        );
    }
    Ok(Binding::Softmax(x))
}
