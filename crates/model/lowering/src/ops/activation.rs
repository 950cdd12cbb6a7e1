//! Activations.

use veilflow_ir::{Function, Op, ValueId};

use crate::error::{Refusal, Result};
use crate::literal::Literal;
use crate::lowering::{Lowered, Lowering};
use crate::numbers;
use crate::scope::Binding;

/// An attribute of one number.
fn number(node: &mut Lowering<'_>, name: &str, default: f32) -> Result<f32, Refusal> {
    Ok(node.attributes.float(name)?.unwrap_or(default))
}

fn made(built: Result<ValueId, Refusal>) -> Lowered {
    built.map(Binding::Value)
}

pub(super) fn relu(node: &mut Lowering<'_>) -> Lowered {
    let x = node.value(0)?;
    node.last(Op::Relu, &[x])
}

/// Limits are attributes before opset 11, inputs since. Known numbers are limited at once.
pub(super) fn clip(node: &mut Lowering<'_>) -> Lowered {
    if node.opset() >= 11 && [1, 2].iter().any(|&i| node.has_input(i) && node.literal(i).is_none()) {
        let mut x = node.value(0)?;
        if node.has_input(1) {
            let low = node.value(1)?;
            x = node.larger(x, low)?;
        }
        if node.has_input(2) {
            let high = node.value(2)?;
            x = node.smaller(x, high)?;
        }
        return node.last(Op::Identity, &[x]);
    }
    let (low, high) = if node.opset() < 11 {
        (node.attributes.float("min")?, node.attributes.float("max")?)
    } else {
        (limit(node, 1)?, limit(node, 2)?)
    };
    let (low, high) = (low.unwrap_or(f32::NEG_INFINITY), high.unwrap_or(f32::INFINITY));
    let limited = |v: f64| v.min(f64::from(high)).max(f64::from(low));
    if let Some(known) = numbers::unary(node, limited, |v| Some(limited(v as f64) as i64))? {
        return Ok(known);
    }
    let x = node.value(0)?;
    // Of limits that cross, ONNX lets the upper one win.
    made(node.limited(x, low.min(high), high))
}

fn limit(node: &mut Lowering<'_>, index: usize) -> Result<Option<f32>, Refusal> {
    if !node.has_input(index) {
        return Ok(None);
    }
    match node.literal(index).map(|literal| literal.numbers()).as_deref() {
        Some([value]) => Ok(Some(*value as f32)),
        Some(_) => Err(format!("limit {index} must be one number").into()),
        None => Err(format!("limit {index} must be a constant").into()),
    }
}

/// max(0, min(1, αx + β)).
fn hard(node: &mut Lowering<'_>, x: ValueId, alpha: f32, beta: f32) -> Result<ValueId, Refusal> {
    let scaled = node.scaled(x, alpha)?;
    let line = node.shifted(scaled, beta)?;
    node.step("limited", Op::Clip { min: 0.0, max: 1.0 }, &[line])
}

pub(super) fn hard_sigmoid(node: &mut Lowering<'_>) -> Lowered {
    let (alpha, beta) = (number(node, "alpha", 0.2)?, number(node, "beta", 0.5)?);
    let x = node.value(0)?;
    made(hard(node, x, alpha, beta))
}

pub(super) fn hard_swish(node: &mut Lowering<'_>) -> Lowered {
    let x = node.value(0)?;
    let gate = hard(node, x, 1.0 / 6.0, 0.5)?;
    node.last(Op::Mul, &[x, gate])
}

/// max(x, 0) + α·min(x, 0) = αx + (1 − α)·max(x, 0), where α is a number or a tensor.
fn leaky(node: &mut Lowering<'_>, x: ValueId, slope: ValueId) -> Lowered {
    let positive = node.relu(x)?;
    let line = node.mul(x, slope)?;
    let rest = node.inverted(slope)?;
    let bent = node.mul(positive, rest)?;
    node.last(Op::Add, &[line, bent])
}

pub(super) fn leaky_relu(node: &mut Lowering<'_>) -> Lowered {
    let slope = number(node, "alpha", 0.01)?;
    let x = node.value(0)?;
    let slope = node.number(slope)?;
    leaky(node, x, slope)
}

/// Before opset 7, a slope of one dimension runs over channels.
pub(super) fn prelu(node: &mut Lowering<'_>) -> Lowered {
    let (x, mut slope) = (node.value(0)?, node.value(1)?);
    let (rank, dims) = (node.shape(x).rank(), node.shape(slope).to_vec());
    if node.opset() < 7 && dims.len() == 1 && rank > 2 {
        let dims = [dims, vec![1; rank - 2]].concat();
        slope = node.reshaped(slope, &dims)?;
    }
    leaky(node, x, slope)
}

/// max(x, 0) and e^(t·min(x, 0)) − 1. The argument of the exponential is never positive.
fn parts(node: &mut Lowering<'_>, x: ValueId, rate: f32) -> Result<(ValueId, ValueId), Refusal> {
    let positive = node.relu(x)?;
    let minus = node.negated(x)?;
    let below = node.relu(minus)?;
    let scaled = node.scaled(below, -rate)?;
    let power = node.function(Function::Exp, scaled)?;
    Ok((positive, node.shifted(power, -1.0)?))
}

/// scale·(max(x, 0) + α·(e^(t·min(x, 0)) − 1)).
pub(super) fn exponential(
    node: &mut Lowering<'_>,
    x: ValueId,
    [alpha, rate, scale]: [f32; 3],
) -> Result<ValueId, Refusal> {
    let (positive, power) = parts(node, x, rate)?;
    let (positive, power) = (node.scaled(positive, scale)?, node.scaled(power, alpha * scale)?);
    node.add(positive, power)
}

pub(super) fn elu(node: &mut Lowering<'_>) -> Lowered {
    let alpha = number(node, "alpha", 1.0)?;
    let x = node.value(0)?;
    made(exponential(node, x, [alpha, 1.0, 1.0]))
}

pub(super) fn selu(node: &mut Lowering<'_>) -> Lowered {
    let (alpha, gamma) = (number(node, "alpha", 1.673_263_2)?, number(node, "gamma", 1.050_701)?);
    let x = node.value(0)?;
    made(exponential(node, x, [alpha, 1.0, gamma]))
}

pub(super) fn celu(node: &mut Lowering<'_>) -> Lowered {
    let alpha = number(node, "alpha", 1.0)?;
    let x = node.value(0)?;
    made(exponential(node, x, [alpha, 1.0 / alpha, 1.0]))
}

/// ln(1 + e^x) = max(x, 0) − ln σ(|x|).
pub(super) fn soft(node: &mut Lowering<'_>, x: ValueId) -> Result<ValueId, Refusal> {
    let positive = node.relu(x)?;
    let twice = node.add(positive, positive)?;
    let magnitude = node.sub(twice, x)?;
    let sigmoid = node.function(Function::Sigmoid, magnitude)?;
    let log = node.function(Function::Log, sigmoid)?;
    node.sub(positive, log)
}

pub(super) fn softplus(node: &mut Lowering<'_>) -> Lowered {
    let x = node.value(0)?;
    made(soft(node, x))
}

/// x/(1 + |x|).
pub(super) fn signed(node: &mut Lowering<'_>, x: ValueId) -> Result<ValueId, Refusal> {
    let magnitude = node.magnitude(x)?;
    let above = node.shifted(magnitude, 1.0)?;
    let inverse = node.function(Function::Reciprocal, above)?;
    node.mul(x, inverse)
}

pub(super) fn softsign(node: &mut Lowering<'_>) -> Lowered {
    let x = node.value(0)?;
    made(signed(node, x))
}

/// x · tanh(ln(1 + e^x)).
pub(super) fn mish(node: &mut Lowering<'_>) -> Lowered {
    let x = node.value(0)?;
    let soft = soft(node, x)?;
    let gate = node.function(Function::Tanh, soft)?;
    node.last(Op::Mul, &[x, gate])
}

/// x · σ(αx).
pub(super) fn swish(node: &mut Lowering<'_>) -> Lowered {
    let alpha = number(node, "alpha", 1.0)?;
    let x = node.value(0)?;
    if alpha == 1.0 {
        return node.apply(Function::Silu);
    }
    let scaled = node.scaled(x, alpha)?;
    let gate = node.function(Function::Sigmoid, scaled)?;
    node.last(Op::Mul, &[x, gate])
}

/// 2·√(2/π).
const TWO_ROOTS: f32 = 1.595_769;

/// The tanh form is x · σ(√(8/π)·(x + 0.044715·x³)).
pub(super) fn gelu(node: &mut Lowering<'_>) -> Lowered {
    match node.attributes.string("approximate")?.as_deref() {
        None | Some("none") => node.apply(Function::Gelu),
        Some("tanh") => {
            let x = node.value(0)?;
            let square = node.mul(x, x)?;
            let factor = node.scaled(square, 0.044_715 * TWO_ROOTS)?;
            let factor = node.shifted(factor, TWO_ROOTS)?;
            let argument = node.mul(x, factor)?;
            let gate = node.function(Function::Sigmoid, argument)?;
            node.last(Op::Mul, &[x, gate])
        }
        Some(other) => Err(format!("approximate=\"{other}\" isn't supported").into()),
    }
}

/// x where it is above α, else 0.
pub(super) fn thresholded_relu(node: &mut Lowering<'_>) -> Lowered {
    let alpha = number(node, "alpha", 1.0)?;
    let x = node.value(0)?;
    let above = node.shifted(x, -alpha)?;
    let bit = node.positive(above)?;
    node.last(Op::Mul, &[bit, x])
}

/// x − bias above λ, x + bias below −λ, else 0.
pub(super) fn shrink(node: &mut Lowering<'_>) -> Lowered {
    let (bias, lambda) = (number(node, "bias", 0.0)?, number(node, "lambd", 0.5)?);
    let x = node.value(0)?;
    let above = node.shifted(x, -lambda)?;
    let below = node.less_from(-lambda, x)?;
    let (high, low) = (node.positive(above)?, node.positive(below)?);
    let (less, more) = (node.shifted(x, -bias)?, node.shifted(x, bias)?);
    let (high, low) = (node.mul(high, less)?, node.mul(low, more)?);
    node.last(Op::Add, &[high, low])
}

/// The first input, by its own sigmoid, gates the second.
pub(super) fn swiglu(node: &mut Lowering<'_>) -> Lowered {
    let alpha = number(node, "alpha", 1.0)?;
    let (gate, value) = (node.value(0)?, node.value(1)?);
    let gate = if alpha == 1.0 {
        node.function(Function::Silu, gate)?
    } else {
        let scaled = node.scaled(gate, alpha)?;
        let sigmoid = node.function(Function::Sigmoid, scaled)?;
        node.mul(gate, sigmoid)?
    };
    node.last(Op::Mul, &[gate, value])
}

/// A constant stays one.
pub(super) fn identity(node: &mut Lowering<'_>) -> Lowered {
    if let Ok(list @ Binding::List(_)) = node.input(0) {
        return Ok(list);
    }
    if let Some((rows, dims)) = node.indices(0) {
        return Ok(Binding::Indices { rows, dims });
    }
    if let Some(literal) = node.literal(0) {
        return Ok(Binding::Literal(literal));
    }
    let x = node.value(0)?;
    node.last(Op::Identity, &[x])
}

/// The identity, outside training.
pub(super) fn dropout(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    node.attributes.ignore(&["ratio", "seed", "is_test"]);
    let trains = node.has_input(2) && node.integers(2)?.iter().any(|&training| training != 0);
    if trains && node.literal(1).is_none_or(|ratio| ratio.numbers() != [0.0]) {
        return Err("training mode isn't supported: export the model for inference".into());
    }
    node.let_softmax_pass();
    let x = node.operand(0)?;
    let shape = node.operand_shape(&x)?;
    let mut outputs = vec![identity(node)?];
    if node.has_output(1) {
        // Nothing is dropped.
        node.draft.spend_elements(shape.elements())?;
        outputs.push(Binding::Literal(Literal::integers(shape.to_vec(), vec![1; shape.elements()])));
    }
    Ok(outputs)
}
