//! The gated recurrent unit.

use std::slice;

use veilflow_ir::{Op, Shape, Tensor, ValueId};

use super::activation::Activation;
use super::cell::{Cell, Next, State, activations, plus_product};
use super::recurrence::{Recurrence, gates, rows_of};
use crate::error::{Refusal, Result};
use crate::literal::Literal;
use crate::lowering::{Lowering, Operand};

/// Gates z and r of X·W + H·R + b, and a candidate c. With the reset before the product with the state, the
/// candidate is g(X·W + (f(r)*H)·R + b), else g(X·W + b + f(r)*(H·R + b')).
///
/// H' = (1 − f(z))*c + f(z)*H = c + f(z)*(H − c): one product instead of two.
pub(super) struct Gru {
    projected: ValueId,
    /// The weights of z and r, and those of c where its reset comes after the product.
    recurrent: ValueId,
    reset: Reset,
    f: Activation,
    g: Activation,
}

/// Where the candidate's state is reset.
enum Reset {
    /// Before the product with these weights.
    Before { weights: ValueId },
    /// After the product, to which this bias is added.
    After { bias: ValueId },
}

impl Cell for Gru {
    const GATES: usize = 3;
    const ACTIVATIONS: &'static [&'static str] = &["Sigmoid", "Tanh"];
    /// Whether the reset comes after the product.
    type Options = bool;

    fn options(node: &mut Lowering<'_>) -> Result<bool, Refusal> {
        Ok(node.attributes.flag("linear_before_reset")?)
    }

    fn new(
        node: &mut Lowering<'_>,
        layer: &Recurrence,
        direction: usize,
        after: &bool,
    ) -> Result<Self, Refusal> {
        let gates = 2 * layer.hidden;
        let [input, state] = layer.biases(node, direction)?;
        let (bias, behind) = if *after {
            // The reset comes between the candidate's two biases. Those of the other gates are added.
            let [a, b] =
                [&input, &state].map(|bias| node.moved("bias", rows_of(0..gates), slice::from_ref(bias)));
            let opening = node.plus(a?, b?)?;
            let rest = rows_of(gates..layer.rows);
            let candidate = node.moved("bias", rest.clone(), &[input])?;
            let zeros = Operand::Literal(Literal::floats(vec![gates], vec![0.0; gates])?);
            let behind = node.moved("bias", rest, &[state])?;
            let behind = node.moved("bias", Op::Concat { axis: 0 }, &[zeros, behind])?;
            (node.moved("bias", Op::Concat { axis: 0 }, &[opening, candidate])?, Some(behind))
        } else {
            (node.plus(input, state)?, None)
        };
        let projected = layer.project(node, direction, bias)?;
        let rows = if *after { 0..layer.rows } else { 0..gates };
        let recurrent = layer.weights(node, 2, direction, rows)?;
        let reset = match behind {
            Some(bias) => Reset::After { bias: node.materialised(&bias)? },
            None => Reset::Before { weights: layer.weights(node, 2, direction, gates..layer.rows)? },
        };
        let [f, g] = activations(layer, direction);
        Ok(Self { projected, recurrent, reset, f, g })
    }

    fn step(
        &self,
        node: &mut Lowering<'_>,
        layer: &Recurrence,
        step: usize,
        state: State,
    ) -> Result<Next, Refusal> {
        const Z: usize = 0;
        const R: usize = 1;
        const C: usize = 2;
        let row = layer.step_of(node, self.projected, step)?;
        let mut open = gates(node, row, layer.hidden, &[Z, R])?;
        let mut sum = gates(node, row, layer.hidden, &[C])?;
        match self.reset {
            Reset::Before { weights } => {
                open = plus_product(node, open, state.hidden, self.recurrent)?;
                open = layer.limited(node, open)?;
                open = self.f.apply(node, "open", open)?;
                if let Some(hidden) = state.hidden {
                    let reset = gates(node, open, layer.hidden, &[R])?;
                    let kept = node.step("reset", Op::Mul, &[reset, hidden])?;
                    sum = plus_product(node, sum, Some(kept), weights)?;
                }
            }
            Reset::After { bias } => {
                let hidden = match state.hidden {
                    Some(hidden) => hidden,
                    None => node.constant(
                        "zero",
                        Tensor::from_fn(Shape::new([layer.batch, layer.hidden])?, |_| 0.0),
                    )?,
                };
                let product = layer.product(node, hidden, self.recurrent, bias)?;
                let opening = gates(node, product, layer.hidden, &[Z, R])?;
                open = node.step("sum", Op::Add, &[open, opening])?;
                open = layer.limited(node, open)?;
                open = self.f.apply(node, "open", open)?;
                let reset = gates(node, open, layer.hidden, &[R])?;
                let candidate = gates(node, product, layer.hidden, &[C])?;
                let kept = node.step("reset", Op::Mul, &[reset, candidate])?;
                sum = node.step("sum", Op::Add, &[sum, kept])?;
            }
        }
        let sum = layer.limited(node, sum)?;
        let candidate = self.g.apply(node, "candidate", sum)?;
        let update = gates(node, open, layer.hidden, &[Z])?;
        let (op, moves) = match state.hidden {
            Some(hidden) => (Op::Add, node.step("difference", Op::Sub, &[hidden, candidate])?),
            None => (Op::Sub, candidate),
        };
        let moved = node.step("moved", Op::Mul, &[update, moves])?;
        Ok(Next { hidden: node.step("hidden", op, &[candidate, moved])?, cell: None })
    }
}
