//! Comparisons, truth values and what is chosen by them. A private truth value is 0 or 1.

use veilflow_ir::{Op, ValueId};

use super::arithmetic::pair;
use crate::error::{Refusal, Result};
use crate::literal::Literal;
use crate::lowering::{Lowered, Lowering};
use crate::numbers;
use crate::scope::Binding;

fn made(built: Result<ValueId, Refusal>) -> Lowered {
    built.map(Binding::Value)
}

/// Input 0 and 1, of which one is a known infinity in all elements: what f says of the other, any number, and
/// of it. It is known, as no private number is infinite.
fn against_infinity(
    node: &mut Lowering<'_>,
    f: impl Fn(f64, f64) -> bool,
) -> Result<Option<Binding>, Refusal> {
    for (index, other) in [(0, 1), (1, 0)] {
        let Some(literal) = node.literal(index) else { continue };
        let numbers = literal.numbers();
        if numbers.is_empty() || numbers.iter().any(|v| v.is_finite()) {
            continue;
        }
        let like = node.operand(other)?;
        let shape = node.operand_shape(&like)?.broadcast(&literal.shape()?);
        let shape = shape.ok_or("shapes don't broadcast")?;
        node.draft.spend_elements(shape.elements())?;
        let numbers = numbers::stretch(&numbers, &literal.dims(), &shape);
        let holds = |v: f64| i64::from(if index == 0 { f(v, 0.0) } else { f(0.0, v) });
        let values = numbers.into_iter().map(holds).collect();
        return Ok(Some(Binding::Literal(Literal::integers(shape.to_vec(), values))));
    }
    Ok(None)
}

/// [a > b].
fn above(node: &mut Lowering<'_>, a: ValueId, b: ValueId) -> Result<ValueId, Refusal> {
    let difference = node.sub(a, b)?;
    node.positive(difference)
}

pub(super) fn greater(node: &mut Lowering<'_>) -> Lowered {
    if let Some(known) = numbers::compare(node, |a, b| a > b, |a, b| a > b)? {
        return Ok(known);
    }
    if let Some(known) = against_infinity(node, |a, b| a > b)? {
        return Ok(known);
    }
    let [a, b] = pair(node)?;
    made(above(node, a, b))
}

pub(super) fn less(node: &mut Lowering<'_>) -> Lowered {
    if let Some(known) = numbers::compare(node, |a, b| a < b, |a, b| a < b)? {
        return Ok(known);
    }
    if let Some(known) = against_infinity(node, |a, b| a < b)? {
        return Ok(known);
    }
    let [a, b] = pair(node)?;
    made(above(node, b, a))
}

pub(super) fn greater_or_equal(node: &mut Lowering<'_>) -> Lowered {
    if let Some(known) = numbers::compare(node, |a, b| a >= b, |a, b| a >= b)? {
        return Ok(known);
    }
    if let Some(known) = against_infinity(node, |a, b| a >= b)? {
        return Ok(known);
    }
    let [a, b] = pair(node)?;
    let less = above(node, b, a)?;
    made(node.inverted(less))
}

pub(super) fn less_or_equal(node: &mut Lowering<'_>) -> Lowered {
    if let Some(known) = numbers::compare(node, |a, b| a <= b, |a, b| a <= b)? {
        return Ok(known);
    }
    if let Some(known) = against_infinity(node, |a, b| a <= b)? {
        return Ok(known);
    }
    let [a, b] = pair(node)?;
    let greater = above(node, a, b)?;
    made(node.inverted(greater))
}

/// Equal values are neither above nor below each other.
pub(super) fn equal(node: &mut Lowering<'_>) -> Lowered {
    if let Some(known) = numbers::compare(node, |a, b| a == b, |a, b| a == b)? {
        return Ok(known);
    }
    if let Some(known) = against_infinity(node, |a, b| a == b)? {
        return Ok(known);
    }
    let [a, b] = pair(node)?;
    let (more, less) = (above(node, a, b)?, above(node, b, a)?);
    let differ = node.add(more, less)?;
    made(node.inverted(differ))
}

pub(super) fn not(node: &mut Lowering<'_>) -> Lowered {
    let inverted = |v: f64| f64::from(u8::from(v == 0.0));
    if let Some(known) = numbers::unary(node, inverted, |v| Some(i64::from(v == 0)))? {
        return Ok(known);
    }
    let x = node.value(0)?;
    made(node.inverted(x))
}

pub(super) fn and(node: &mut Lowering<'_>) -> Lowered {
    let both = |a: i64, b: i64| a != 0 && b != 0;
    if let Some(known) = numbers::compare(node, |a, b| a != 0.0 && b != 0.0, both)? {
        return Ok(known);
    }
    let inputs = pair(node)?;
    node.last(Op::Mul, &inputs)
}

/// a + b − ab.
pub(super) fn or(node: &mut Lowering<'_>) -> Lowered {
    let any = |a: i64, b: i64| a != 0 || b != 0;
    if let Some(known) = numbers::compare(node, |a, b| a != 0.0 || b != 0.0, any)? {
        return Ok(known);
    }
    let [a, b] = pair(node)?;
    let (sum, product) = (node.add(a, b)?, node.mul(a, b)?);
    node.last(Op::Sub, &[sum, product])
}

/// a + b − 2ab.
pub(super) fn xor(node: &mut Lowering<'_>) -> Lowered {
    let one = |a: i64, b: i64| (a != 0) != (b != 0);
    if let Some(known) = numbers::compare(node, |a, b| (a != 0.0) != (b != 0.0), one)? {
        return Ok(known);
    }
    let [a, b] = pair(node)?;
    let (sum, product) = (node.add(a, b)?, node.mul(a, b)?);
    let twice = node.add(product, product)?;
    node.last(Op::Sub, &[sum, twice])
}

/// Input 1 where input 0 holds, else input 2. A known condition picks elements; a private one compares.
pub(super) fn select(node: &mut Lowering<'_>) -> Lowered {
    let Some(condition) = node.literal(0) else {
        let [condition, chosen, other] = [node.value(0)?, node.value(1)?, node.value(2)?];
        return made(node.select(condition, chosen, other));
    };
    if let (Some(a), Some(b)) = (node.literal(1), node.literal(2)) {
        return known_select(node, &condition, &a, &b);
    }
    let bits = condition.numbers();
    let all = |value: bool| bits.iter().all(|&v| (v != 0.0) == value);
    let shapes = [1, 2].map(|i| node.operand(i).and_then(|x| node.operand_shape(&x)));
    let [a, b] = shapes;
    let (a, b) = (a?, b?);
    let rest = a.broadcast(&b).ok_or_else(|| format!("shapes {a} and {b} don't broadcast"))?;
    let shape = condition.shape()?.broadcast(&rest);
    let shape = shape.ok_or_else(|| format!("the condition doesn't broadcast to {rest}"))?;
    for (index, holds) in [(1, true), (2, false)] {
        if all(holds) {
            let x = node.value(index)?;
            let x = node.stretched(x, &shape)?;
            return node.last(Op::Identity, &[x]);
        }
    }
    let count = shape.elements();
    node.draft.spend_elements(2 * count)?;
    let bits = numbers::stretch(&bits, &condition.dims(), &shape);
    for (index, other, kept) in [(1, 2, false), (2, 1, true)] {
        if node.literal(index).is_some_and(|mask| is_mask(&mask)) {
            let x = node.value(other)?;
            let x = node.stretched(x, &shape)?;
            let keeps = bits.iter().map(|&bit| (bit != 0.0) == kept).collect();
            return Ok(Binding::Masked(x, std::sync::Arc::new(keeps)));
        }
    }
    let mut flat = Vec::with_capacity(2);
    for index in [1, 2] {
        let x = node.value(index)?;
        let x = node.stretched(x, &shape)?;
        flat.push(node.reshaped(x, &[count])?);
    }
    let both = node.concatenated(&flat, 0)?;
    let indices = bits.iter().enumerate().map(|(i, &bit)| if bit == 0.0 { i + count } else { i }).collect();
    let picked = node.gathered(both, 0, indices)?;
    made(node.reshaped(picked, &shape))
}

/// Whether known numbers say that scores don't count: all of them are infinitely or hugely negative.
fn is_mask(literal: &Literal) -> bool {
    matches!(literal, Literal::Floats(t) if t.data().iter().all(|&v| v < -numbers::MASK))
}

/// The choice between known numbers.
fn known_select(node: &mut Lowering<'_>, condition: &Literal, a: &Literal, b: &Literal) -> Lowered {
    let dims = numbers::broadcast(&[condition, a, b])?;
    node.draft.spend_elements(dims.iter().product())?;
    let bits = numbers::stretch(&condition.numbers(), &condition.dims(), &dims);
    if let (Literal::Integers(a), Literal::Integers(b)) = (a, b) {
        let [a, b] = [a, b].map(|x| numbers::stretch(&x.values, &x.dims, &dims));
        let pick = bits.iter().zip(a.into_iter().zip(b));
        let values = pick.map(|(&bit, (a, b))| if bit == 0.0 { b } else { a }).collect();
        return Ok(Binding::Literal(Literal::integers(dims, values)));
    }
    let [a, b] = [a, b].map(|x| numbers::stretch(&x.numbers(), &x.dims(), &dims));
    let pick = bits.iter().zip(a.into_iter().zip(b));
    let values = pick.map(|(&bit, (a, b))| (if bit == 0.0 { b } else { a }) as f32).collect();
    Ok(Binding::Literal(Literal::floats(dims, values)?))
}
