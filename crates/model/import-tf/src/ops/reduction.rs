//! Sums and the like over some axes.

use veilflow_lowering::Setting::Int;
use veilflow_lowering::{Binding, Lowered, Lowering, Refusal};

use super::pieces::{dims, integer, list};

/// ONNX's `op` over the axes in input 1.
fn reduced(node: &mut Lowering<'_>, op: &str) -> Lowered {
    let keeps = node.attributes.flag("keep_dims")?;
    let x = node.input(0)?;
    let axes = node.integers(1)?;
    if axes.is_empty() {
        return node.call("Identity", &[x], vec![]);
    }
    if let (Binding::Literal(literal), 1) = (&x, dims(node, &x)?.len())
        && let Some(known) = known(op, &literal.numbers())
        && matches!(literal, veilflow_lowering::Literal::Integers(_))
        && !keeps
    {
        // Exporters compute shapes by such.
        return Ok(Binding::Literal(veilflow_lowering::Literal::integers(vec![], vec![known])));
    }
    node.call(op, &[x, list(axes)], vec![("keepdims", Int(i64::from(keeps)))])
}

fn known(op: &str, values: &[f64]) -> Option<i64> {
    let value = match op {
        "ReduceProd" => values.iter().product::<f64>(),
        "ReduceSum" => values.iter().sum::<f64>(),
        "ReduceMax" => values.iter().copied().reduce(f64::max)?,
        "ReduceMin" => values.iter().copied().reduce(f64::min)?,
        _ => return None,
    };
    (value.abs() < 1e15).then_some(value as i64)
}

pub(super) fn sum(node: &mut Lowering<'_>) -> Lowered {
    reduced(node, "ReduceSum")
}

pub(super) fn mean(node: &mut Lowering<'_>) -> Lowered {
    reduced(node, "ReduceMean")
}

pub(super) fn max(node: &mut Lowering<'_>) -> Lowered {
    reduced(node, "ReduceMax")
}

pub(super) fn min(node: &mut Lowering<'_>) -> Lowered {
    reduced(node, "ReduceMin")
}

pub(super) fn prod(node: &mut Lowering<'_>) -> Lowered {
    reduced(node, "ReduceProd")
}

/// Of truth values, the smallest.
pub(super) fn all(node: &mut Lowering<'_>) -> Lowered {
    reduced(node, "ReduceMin")
}

/// Of truth values, the largest.
pub(super) fn any(node: &mut Lowering<'_>) -> Lowered {
    reduced(node, "ReduceMax")
}

fn place(node: &mut Lowering<'_>, op: &str) -> Lowered {
    node.attributes.ignore(&["output_type"]);
    let x = node.input(0)?;
    let axis = integer(node, 1)?;
    node.call(op, &[x], vec![("axis", Int(axis)), ("keepdims", Int(0))])
}

pub(super) fn arg_max(node: &mut Lowering<'_>) -> Lowered {
    place(node, "ArgMax")
}

pub(super) fn arg_min(node: &mut Lowering<'_>) -> Lowered {
    place(node, "ArgMin")
}

fn cumulative(node: &mut Lowering<'_>, op: &str) -> Lowered {
    let (exclusive, reverse) = (node.attributes.flag("exclusive")?, node.attributes.flag("reverse")?);
    let (x, axis) = (node.input(0)?, node.input(1)?);
    node.call(op, &[x, axis], vec![("exclusive", Int(exclusive.into())), ("reverse", Int(reverse.into()))])
}

pub(super) fn cumulative_sum(node: &mut Lowering<'_>) -> Lowered {
    cumulative(node, "CumSum")
}

pub(super) fn cumulative_product(node: &mut Lowering<'_>) -> Lowered {
    cumulative(node, "CumProd")
}

pub(super) fn top_k(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    node.attributes.ignore(&["sorted", "index_type"]);
    let x = node.input(0)?;
    let k = integer(node, 1)?;
    node.call_many("TopK", &[Some(x), Some(list([k]))], vec![], 2)
}
