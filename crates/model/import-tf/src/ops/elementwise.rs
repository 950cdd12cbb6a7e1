//! Ops on every element.

use veilflow_lowering::Setting::{Float, Int};
use veilflow_lowering::{Binding, Literal, Lowered, Lowering, Refusal};

use super::pieces::{channels_last, dims, number, reshape};

fn both(node: &mut Lowering<'_>) -> Result<[Binding; 2], Refusal> {
    Ok([node.input(0)?, node.input(1)?])
}

/// The input, whose property the op checks when it runs.
pub(super) fn checked(node: &mut Lowering<'_>) -> Lowered {
    node.attributes.ignore(&["message", "shape"]);
    let x = node.input(0)?;
    node.call("Identity", &[x], vec![])
}

pub(super) fn cast(node: &mut Lowering<'_>) -> Lowered {
    let to = node.attributes.int("DstT")?.ok_or("a cast to a type that isn't supported")?;
    node.attributes.ignore(&["SrcT", "Truncate"]);
    let x = node.input(0)?;
    node.call("Cast", &[x], vec![("to", Int(to))])
}

pub(super) fn bias_add(node: &mut Lowering<'_>) -> Lowered {
    let last = channels_last(node)?;
    let [x, mut bias] = both(node)?;
    let rank = dims(node, &x)?.len();
    if !last && rank > 2 {
        let mut shape = vec![1; rank - 1];
        shape[0] = dims(node, &bias)?.iter().product();
        bias = reshape(node, bias, &shape)?;
    }
    node.call("Add", &[x, bias], vec![])
}

pub(super) fn square(node: &mut Lowering<'_>) -> Lowered {
    let x = node.input(0)?;
    node.call("Mul", &[x.clone(), x], vec![])
}

pub(super) fn squared_difference(node: &mut Lowering<'_>) -> Lowered {
    let inputs = both(node)?;
    let difference = node.call("Sub", &inputs, vec![])?;
    node.call("Mul", &[difference.clone(), difference], vec![])
}

pub(super) fn rsqrt(node: &mut Lowering<'_>) -> Lowered {
    let x = node.input(0)?;
    let exponent = number(-0.5)?;
    node.call("Pow", &[x, exponent], vec![])
}

pub(super) fn relu6(node: &mut Lowering<'_>) -> Lowered {
    let (x, low, high) = (node.input(0)?, number(0.0)?, number(6.0)?);
    node.call("Clip", &[x, low, high], vec![])
}

pub(super) fn leaky_relu(node: &mut Lowering<'_>) -> Lowered {
    let alpha = node.attributes.float("alpha")?.unwrap_or(0.2);
    let x = node.input(0)?;
    node.call("LeakyRelu", &[x], vec![("alpha", Float(alpha))])
}

/// 1 − erf(x).
pub(super) fn erfc(node: &mut Lowering<'_>) -> Lowered {
    let x = node.input(0)?;
    let erf = node.call("Erf", &[x], vec![])?;
    let one = number(1.0)?;
    node.call("Sub", &[one, erf], vec![])
}

pub(super) fn expm1(node: &mut Lowering<'_>) -> Lowered {
    let x = node.input(0)?;
    let power = node.call("Exp", &[x], vec![])?;
    let one = number(1.0)?;
    node.call("Sub", &[power, one], vec![])
}

pub(super) fn log1p(node: &mut Lowering<'_>) -> Lowered {
    let (x, one) = (node.input(0)?, number(1.0)?);
    let sum = node.call("Add", &[x, one], vec![])?;
    node.call("Log", &[sum], vec![])
}

pub(super) fn not_equal(node: &mut Lowering<'_>) -> Lowered {
    let inputs = both(node)?;
    let equal = node.call("Equal", &inputs, vec![])?;
    node.call("Not", &[equal], vec![])
}

/// Known integers divided, or what `round` makes of a quotient of floats.
fn divided(node: &mut Lowering<'_>, whole: impl Fn(i64, i64) -> Option<i64>, round: &str) -> Lowered {
    let [x, y] = both(node)?;
    if let (Binding::Literal(Literal::Integers(a)), Binding::Literal(Literal::Integers(b))) = (&x, &y)
        && (a.dims == b.dims || b.values.len() == 1)
    {
        let divisor = |i: usize| b.values[if b.values.len() == 1 { 0 } else { i }];
        let values = a.values.iter().enumerate().map(|(i, &v)| whole(v, divisor(i)));
        let values = values.collect::<Option<Vec<i64>>>().ok_or("divides by 0")?;
        return Ok(Binding::Literal(Literal::integers(a.dims.clone(), values)));
    }
    if let (Binding::Literal(Literal::Integers(_)), Binding::Literal(Literal::Integers(_))) = (&x, &y) {
        return Err("integers of other shapes, divided".into());
    }
    let quotient = node.call("Div", &[x, y], vec![])?;
    node.call(round, &[quotient], vec![])
}

pub(super) fn floor_div(node: &mut Lowering<'_>) -> Lowered {
    let floor = |a: i64, b: i64| {
        let rest = a.checked_rem(b)?;
        Some(a.checked_sub(rest)?.checked_div(b)? - i64::from(rest != 0 && (rest < 0) != (b < 0)))
    };
    divided(node, floor, "Floor")
}

pub(super) fn truncate_div(node: &mut Lowering<'_>) -> Lowered {
    match both(node)? {
        [Binding::Literal(_), Binding::Literal(_)] => divided(node, i64::checked_div, "Floor"),
        _ => Err("a truncated quotient of private numbers".into()),
    }
}

/// A choice by element. A condition of one dimension chooses rows in the first version.
pub(super) fn select(node: &mut Lowering<'_>) -> Lowered {
    let (mut condition, [x, y]) = (node.input(0)?, [node.input(1)?, node.input(2)?]);
    if let Binding::Literal(literal) = &condition {
        let chosen = literal.numbers();
        if chosen.iter().all(|&v| v == 0.0) && dims(node, &y)? == dims(node, &x)? {
            return Ok(y);
        }
        if chosen.iter().all(|&v| v != 0.0) && dims(node, &y)? == dims(node, &x)? {
            return Ok(x);
        }
    }
    let (rank, shape) = (dims(node, &x)?.len(), dims(node, &condition)?);
    if shape.len() == 1
        && rank > 1
        && dims(node, &x)?.first() == shape.first()
        && dims(node, &x)? == dims(node, &y)?
    {
        let last = dims(node, &x)?.last().copied();
        if last != Some(shape[0]) {
            let rows: Vec<usize> = shape.iter().copied().chain(std::iter::repeat_n(1, rank - 1)).collect();
            condition = reshape(node, condition, &rows)?;
        }
    }
    node.call("Where", &[condition, x, y], vec![])
}
