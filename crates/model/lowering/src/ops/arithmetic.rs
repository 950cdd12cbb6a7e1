//! Arithmetic on every element.

use std::sync::Arc;

use veilflow_ir::{Function, Op, Tensor, ValueId};

use crate::error::{Refusal, Result};
use crate::literal::Literal;
use crate::lowering::{Lowered, Lowering};
use crate::numbers::{self, MASK};
use crate::scope::Binding;

/// Inputs 0 and 1. Before opset 7 a flag allows broadcasting, and an axis says where the second one stands.
pub(super) fn pair(node: &mut Lowering<'_>) -> Result<[ValueId; 2], Refusal> {
    let (a, b) = (node.value(0)?, node.value(1)?);
    if node.opset() >= 7 {
        return Ok([a, b]);
    }
    let allowed = node.attributes.flag("broadcast")?;
    let Some(axis) = node.attributes.size("axis")?.filter(|_| allowed) else { return Ok([a, b]) };
    let mut dims = node.shape(b).to_vec();
    let behind = node.shape(a).rank().saturating_sub(axis + dims.len());
    dims.extend(std::iter::repeat_n(1, behind));
    let b = node.reshaped(b, &dims)?;
    Ok([a, b])
}

fn binary(node: &mut Lowering<'_>, op: Op) -> Lowered {
    let inputs = pair(node)?;
    node.last(op, &inputs)
}

/// The op on private inputs, or on known ones at once.
macro_rules! arithmetic {
    ($name:ident, $op:expr, $f:expr, $g:expr) => {
        pub(super) fn $name(node: &mut Lowering<'_>) -> Lowered {
            match numbers::binary(node, $f, $g)? {
                Some(known) => {
                    node.attributes.ignore(&["broadcast", "axis"]);
                    Ok(known)
                }
                None => binary(node, $op),
            }
        }
    };
}

/// The sum. Scores plus a known mask of minus infinity are masked.
pub(super) fn add(node: &mut Lowering<'_>) -> Lowered {
    if let Some(known) = numbers::binary(node, |a, b| a + b, i64::checked_add)? {
        node.attributes.ignore(&["broadcast", "axis"]);
        return Ok(known);
    }
    for (index, other) in [(0, 1), (1, 0)] {
        if let Some((x, keeps)) = node.masked(index) {
            return masked_further(node, x, &keeps, other);
        }
        if let Some(Literal::Floats(mask)) = node.literal(index)
            && mask.data().iter().any(|&v| v < -MASK)
        {
            let x = node.value(other)?;
            return masked(node, x, &mask);
        }
    }
    binary(node, Op::Add)
}

/// Scores plus a mask, of which what is hugely negative leaves a score out.
pub(super) fn masked(node: &mut Lowering<'_>, x: ValueId, mask: &Tensor) -> Lowered {
    let shape = node.shape(x).broadcast(mask.shape()).ok_or("shapes don't broadcast")?;
    node.draft.spend_elements(shape.elements())?;
    let terms = numbers::stretch(mask.data(), mask.shape(), &shape);
    let keeps: Vec<bool> = terms.iter().map(|&v| v >= -MASK).collect();
    let mut x = node.stretched(x, &shape)?;
    if terms.iter().zip(&keeps).any(|(&v, &keeps)| keeps && v != 0.0) {
        let finite = mask.map(|v| if v < -MASK { 0.0 } else { v });
        let finite = node.constant("mask", finite)?;
        x = node.add(x, finite)?;
    }
    Ok(Binding::Masked(x, Arc::new(keeps)))
}

/// Masked scores plus another input: a mask that leaves out more of them, or numbers.
fn masked_further(node: &mut Lowering<'_>, x: ValueId, keeps: &[bool], other: usize) -> Lowered {
    let (y, also) = match (node.masked(other), node.literal(other)) {
        (Some((y, also)), _) => (y, also),
        (None, Some(Literal::Floats(mask))) => {
            let zero = node.number(0.0)?;
            match masked(node, zero, &mask)? {
                Binding::Masked(y, also) => (y, also),
                _ => return Err("a mask that can't be read".into()),
            }
        }
        _ => {
            let y = node.value(other)?;
            (y, Arc::new(vec![true; node.shape(y).elements()]))
        }
    };
    let (from, to) = (node.shape(x).clone(), node.shape(y).clone());
    let shape = from.broadcast(&to).ok_or("shapes don't broadcast")?;
    node.draft.spend_elements(2 * shape.elements())?;
    let (keeps, also) = (numbers::stretch(keeps, &from, &shape), numbers::stretch(&also, &to, &shape));
    let both = keeps.iter().zip(&also).map(|(&a, &b)| a && b).collect();
    let sum = node.add(x, y)?;
    Ok(Binding::Masked(sum, Arc::new(both)))
}

/// The difference. Of masked scores less anything, the same are left out.
pub(super) fn sub(node: &mut Lowering<'_>) -> Lowered {
    if let Some((x, keeps)) = node.masked(0) {
        let y = node.value(1)?;
        if node.shape(x).broadcast(node.shape(y)).as_ref() != Some(node.shape(x)) {
            return Err("masked scores less a larger tensor".into());
        }
        return Ok(Binding::Masked(node.sub(x, y)?, keeps));
    }
    match numbers::binary(node, |a, b| a - b, i64::checked_sub)? {
        Some(known) => {
            node.attributes.ignore(&["broadcast", "axis"]);
            Ok(known)
        }
        None => binary(node, Op::Sub),
    }
}

arithmetic!(mul, Op::Mul, |a, b| a * b, i64::checked_mul);

/// x / y = x · (1/y).
pub(super) fn div(node: &mut Lowering<'_>) -> Lowered {
    if let Some(known) = numbers::binary(node, |a, b| a / b, i64::checked_div)? {
        node.attributes.ignore(&["broadcast", "axis"]);
        return Ok(known);
    }
    if node.literal(1).is_some_and(|divisor| divisor.numbers().contains(&0.0)) {
        return Err("divides by 0".into());
    }
    let [x, y] = pair(node)?;
    let reciprocal = node.reciprocal(y)?;
    node.last(Op::Mul, &[x, reciprocal])
}

/// The remainder of a division: with the sign of the divisor, or with that of the dividend if `fmod`.
pub(super) fn modulo(node: &mut Lowering<'_>) -> Lowered {
    let fmod = node.attributes.flag("fmod")?;
    let floats = |a: f64, b: f64| if fmod { a % b } else { a - b * (a / b).floor() };
    let integers = |a: i64, b: i64| {
        let rest = a.checked_rem(b)?;
        let moved = !fmod && rest != 0 && (rest < 0) != (b < 0);
        Some(if moved { rest + b } else { rest })
    };
    if let Some(known) = numbers::binary(node, floats, integers)? {
        return Ok(known);
    }
    let (x, y) = (node.value(0)?, node.value(1)?);
    if !node.is_known(y) {
        return Err("its divisor must be a constant".into());
    }
    let inverse = node.reciprocal(y)?;
    let quotient = node.mul(x, inverse)?;
    let whole = if fmod { node.truncated(quotient)? } else { node.floor(quotient)? };
    let rest = node.mul(whole, y)?;
    node.last(Op::Sub, &[x, rest])
}

pub(super) fn neg(node: &mut Lowering<'_>) -> Lowered {
    if let Some(known) = numbers::unary(node, |v| -v, i64::checked_neg)? {
        return Ok(known);
    }
    let x = node.value(0)?;
    let minus = node.number(-1.0)?;
    node.last(Op::Mul, &[x, minus])
}

pub(super) fn abs(node: &mut Lowering<'_>) -> Lowered {
    if let Some(known) = numbers::unary(node, f64::abs, i64::checked_abs)? {
        return Ok(known);
    }
    let x = node.value(0)?;
    node.magnitude(x).map(Binding::Value)
}

pub(super) fn sign(node: &mut Lowering<'_>) -> Lowered {
    let of = |v: f64| if v == 0.0 { 0.0 } else { v.signum() };
    if let Some(known) = numbers::unary(node, of, |v| Some(v.signum()))? {
        return Ok(known);
    }
    let x = node.value(0)?;
    let above = node.positive(x)?;
    let minus = node.negated(x)?;
    let below = node.positive(minus)?;
    node.last(Op::Sub, &[above, below])
}

pub(super) fn floor(node: &mut Lowering<'_>) -> Lowered {
    if let Some(known) = numbers::unary(node, f64::floor, Some)? {
        return Ok(known);
    }
    let x = node.value(0)?;
    node.last(Op::Floor, &[x])
}

pub(super) fn ceil(node: &mut Lowering<'_>) -> Lowered {
    if let Some(known) = numbers::unary(node, f64::ceil, Some)? {
        return Ok(known);
    }
    let x = node.value(0)?;
    let minus = node.negated(x)?;
    let floor = node.floor(minus)?;
    node.negated(floor).map(Binding::Value)
}

/// To the nearest integer; of two that are as near, to the even one.
pub(super) fn round(node: &mut Lowering<'_>) -> Lowered {
    if let Some(known) = numbers::unary(node, f64::round_ties_even, Some)? {
        return Ok(known);
    }
    // ⌈(x − 1/2)/2⌉ + ⌊(x + 1/2)/2⌋.
    let x = node.value(0)?;
    let half = node.scaled(x, 0.5)?;
    let (low, high) = (node.less_from(0.25, half)?, node.shifted(half, 0.25)?);
    let (low, high) = (node.floor(low)?, node.floor(high)?);
    node.last(Op::Sub, &[high, low])
}

/// A function of known numbers, or of private ones.
fn function(node: &mut Lowering<'_>, function: Function, f: impl Fn(f64) -> f64) -> Lowered {
    match numbers::unary(node, f, |_| None)? {
        Some(known) => Ok(known),
        None => node.apply(function),
    }
}

/// The exponential. Of what is left out it is 0.
pub(super) fn exp(node: &mut Lowering<'_>) -> Lowered {
    if let Some((x, keeps)) = node.masked(0) {
        let powers = node.exp(x)?;
        return node.zeroed(powers, &keeps).map(Binding::Value);
    }
    function(node, Function::ExpSigned, f64::exp)
}

pub(super) fn log(node: &mut Lowering<'_>) -> Lowered {
    function(node, Function::Log, f64::ln)
}

pub(super) fn sqrt(node: &mut Lowering<'_>) -> Lowered {
    function(node, Function::Sqrt, f64::sqrt)
}

pub(super) fn reciprocal(node: &mut Lowering<'_>) -> Lowered {
    if let Some(known) = numbers::unary(node, f64::recip, |_| None)? {
        return Ok(known);
    }
    let x = node.value(0)?;
    node.reciprocal(x).map(Binding::Value)
}

/// Half of e^x ± e^−x.
fn hyperbolic(node: &mut Lowering<'_>, op: Op) -> Lowered {
    let x = node.value(0)?;
    let minus = node.negated(x)?;
    let (up, down) = (node.exp(x)?, node.exp(minus)?);
    let both = node.step("both", op, &[up, down])?;
    node.scaled(both, 0.5).map(Binding::Value)
}

pub(super) fn sinh(node: &mut Lowering<'_>) -> Lowered {
    hyperbolic(node, Op::Sub)
}

pub(super) fn cosh(node: &mut Lowering<'_>) -> Lowered {
    hyperbolic(node, Op::Add)
}

/// All inputs in one, two by two; `neutral` leaves others as they are.
fn fold(
    node: &mut Lowering<'_>,
    neutral: f64,
    combine: impl Fn(&mut Lowering<'_>, ValueId, ValueId) -> Result<ValueId, Refusal>,
) -> Result<ValueId, Refusal> {
    let mut values = Vec::with_capacity(node.input_count());
    for i in 0..node.input_count() {
        // A number that no other can lose against says nothing.
        let numbers = node.literal(i).map(|literal| literal.numbers());
        if numbers.is_none_or(|numbers| numbers.iter().any(|&v| v != neutral)) {
            values.push(node.value(i)?);
        }
    }
    while values.len() > 1 {
        let mut halved = Vec::with_capacity(values.len().div_ceil(2));
        for pair in values.chunks(2) {
            halved.push(if let [a, b] = *pair { combine(node, a, b)? } else { pair[0] });
        }
        values = halved;
    }
    values.pop().ok_or_else(|| "it has no inputs".into())
}

fn identity(node: &mut Lowering<'_>, x: ValueId) -> Lowered {
    node.last(Op::Identity, &[x])
}

pub(super) fn sum(node: &mut Lowering<'_>) -> Lowered {
    let sum = fold(node, f64::NAN, |node, a, b| node.add(a, b))?;
    identity(node, sum)
}

pub(super) fn mean(node: &mut Lowering<'_>) -> Lowered {
    let (sum, count) = (fold(node, f64::NAN, |node, a, b| node.add(a, b))?, node.input_count());
    let mean = node.scaled(sum, 1.0 / count as f32)?;
    identity(node, mean)
}

pub(super) fn max(node: &mut Lowering<'_>) -> Lowered {
    if node.input_count() == 2
        && let Some(known) = numbers::binary(node, f64::max, |a, b| Some(a.max(b)))?
    {
        return Ok(known);
    }
    let max = fold(node, f64::NEG_INFINITY, |node, a, b| node.larger(a, b))?;
    identity(node, max)
}

pub(super) fn min(node: &mut Lowering<'_>) -> Lowered {
    if node.input_count() == 2
        && let Some(known) = numbers::binary(node, f64::min, |a, b| Some(a.min(b)))?
    {
        return Ok(known);
    }
    let min = fold(node, f64::INFINITY, |node, a, b| node.smaller(a, b))?;
    identity(node, min)
}

/// x^e: products for small whole exponents, roots for halves, else exp(e · ln x), where x must be positive.
pub(super) fn pow(node: &mut Lowering<'_>) -> Lowered {
    let integers = |a: i64, b: i64| a.checked_pow(u32::try_from(b).ok()?);
    if let Some(known) = numbers::binary(node, f64::powf, integers)? {
        return Ok(known);
    }
    let exponents = node.literal(1).map(|literal| literal.numbers());
    if let Some(base) = node.literal(0).map(|literal| literal.numbers())
        && base.iter().any(|&v| v <= 0.0)
    {
        return Err("a base that isn't positive to a private power".into());
    }
    let [x, y] = pair(node)?;
    match exponents.as_deref() {
        Some([first, rest @ ..]) if rest.iter().all(|e| e == first) => {
            let power = power(node, x, *first as f32)?;
            let dims = node.shape(x).broadcast(node.shape(y)).ok_or("shapes don't broadcast")?;
            let power = node.stretched(power, &dims)?;
            identity(node, power)
        }
        _ => {
            let log = node.function(Function::Log, x)?;
            let scaled = node.mul(log, y)?;
            node.exp(scaled).map(Binding::Value)
        }
    }
}

/// x to a known power.
pub(super) fn power(node: &mut Lowering<'_>, x: ValueId, exponent: f32) -> Result<ValueId, Refusal> {
    const LARGEST: f32 = 16.0;
    if exponent == 0.0 {
        let zero = node.scaled(x, 0.0)?;
        return node.shifted(zero, 1.0);
    }
    if exponent == -1.0 {
        return node.reciprocal(x);
    }
    if exponent == 0.5 {
        return node.function(Function::Sqrt, x);
    }
    if exponent == -0.5 {
        return node.function(Function::ReciprocalSqrt, x);
    }
    if exponent < 0.0 {
        let positive = power(node, x, -exponent)?;
        return node.reciprocal(positive);
    }
    if exponent.fract() == 0.0 && exponent <= LARGEST {
        let half = (exponent / 2.0).floor();
        if half == 0.0 {
            return Ok(x);
        }
        let root = power(node, x, half)?;
        let square = node.mul(root, root)?;
        return if exponent == 2.0 * half { Ok(square) } else { node.mul(square, x) };
    }
    if exponent.fract() == 0.5 && exponent <= LARGEST {
        let (whole, root) = (power(node, x, exponent.floor())?, node.function(Function::Sqrt, x)?);
        return node.mul(whole, root);
    }
    let log = node.function(Function::Log, x)?;
    let scaled = node.scaled(log, exponent)?;
    node.exp(scaled)
}
