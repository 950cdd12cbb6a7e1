//! What is possible, whatever calibration saw: the magnitudes of bounded ranges.
//!
//! A bounded plan has room for all that its operations can make of inputs in range. So that magnitudes do not
//! grow from layer to layer, some values are limited (`limits`).

use veilflow_ir::plan::Interval;
use veilflow_ir::{Function, Graph};

use super::bits;
use super::fixed::{FixedLayer, to_integer};
use super::fixed_op::{FixedOp, node_error};
use super::step::{Form, Step};
use crate::error::Result;

/// The magnitude of all that a step can make, at the scale of `made`, of inputs in the ranges of their forms.
/// `half` is the half unit that comes with a constant.
pub(super) fn magnitude(
    graph: &Graph,
    step: &Step<'_>,
    fixed: Option<&FixedLayer>,
    inputs: &[Form],
    made: Form,
    half: i64,
) -> Result<u32> {
    let x = inputs[0].range();
    // At the output's scale.
    let aligned = |f: Form| Form { magnitude: f.magnitude + (made.scale - f.scale) as u32, ..f }.range();
    let constants = |c: &[f32]| {
        let one = |&v: &f32| {
            let integer = i128::from(to_integer(v, made.scale).saturating_add(half));
            Interval::new(integer, integer)
        };
        c.iter().map(one).reduce(Interval::hull).unwrap_or(Interval::new(0, 0))
    };
    let image = match &step.op {
        FixedOp::Linear(_) => match fixed {
            Some(layer) => layer.sums(x),
            None => return Ok(made.magnitude),
        },
        FixedOp::Sum { subtract: false } => aligned(inputs[0]) + aligned(inputs[1]),
        FixedOp::Sum { subtract: true } => aligned(inputs[0]) + -aligned(inputs[1]),
        FixedOp::Product => x.multiply(inputs[1].range()),
        FixedOp::MatrixProduct => {
            let inner = graph.shape(step.node.inputs[0]).last().copied().unwrap_or(1);
            x.multiply(inputs[1].range()).sums(inner, inner)
        }
        FixedOp::AddConstant(c) => x + constants(c.data()),
        FixedOp::SubtractFrom(c) => -x + constants(c.data()),
        FixedOp::ReduceSum { .. } => {
            let [many, few] = [step.node.inputs[0], step.node.output].map(|id| graph.shape(id).elements());
            x.sums(many / few, many / few)
        }
        FixedOp::AveragePool { .. } => aligned(inputs[0]),
        // All results of these fit, for they are bounded.
        FixedOp::Apply(Function::Sigmoid | Function::Tanh | Function::Erf) => {
            return Ok(made.scale as u32 + 1);
        }
        // A result is no larger than the largest argument.
        FixedOp::Apply(function @ (Function::Silu | Function::Gelu)) => {
            let width = argument_width(inputs[0], *function);
            return Ok(width.saturating_add_signed(made.scale - inputs[0].scale).saturating_sub(1));
        }
        FixedOp::Apply(_) => {
            let reason =
                "no bound keeps its argument where the function has a value, so its range can't be bounded";
            return Err(node_error(step.node, reason));
        }
        // Their forms follow from that of x.
        FixedOp::Relu
        | FixedOp::Clip { .. }
        | FixedOp::MaxPool(_)
        | FixedOp::Positive
        | FixedOp::Floor
        | FixedOp::ArgMax { .. }
        | FixedOp::Move
        | FixedOp::Concat => return Ok(made.magnitude),
    };
    Ok(image.magnitude().max(1))
}

/// The width of a function's argument. SiLU and GELU have no value for the largest arguments of a ring.
pub(super) fn argument_width(form: Form, function: Function) -> u32 {
    let spare = u32::from(matches!(function, Function::Silu | Function::Gelu));
    bits::argument_width(Form { magnitude: form.magnitude + spare, ..form })
}
