//! The plain cell.

use veilflow_ir::ValueId;

use super::activation::Activation;
use super::cell::{Cell, Next, State, activations, plus_product};
use super::recurrence::Recurrence;
use crate::error::{Refusal, Result};
use crate::lowering::Lowering;

/// H' = f(X·W + H·R + b).
pub(super) struct Rnn {
    projected: ValueId,
    recurrent: ValueId,
    f: Activation,
}

impl Cell for Rnn {
    const GATES: usize = 1;
    const ACTIVATIONS: &'static [&'static str] = &["Tanh"];
    type Options = ();

    fn options(_: &mut Lowering<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn new(node: &mut Lowering<'_>, layer: &Recurrence, direction: usize, (): &()) -> Result<Self, Refusal> {
        let [input, state] = layer.biases(node, direction)?;
        let bias = node.plus(input, state)?;
        let projected = layer.project(node, direction, bias)?;
        let recurrent = layer.weights(node, 2, direction, 0..layer.rows)?;
        let [f] = activations(layer, direction);
        Ok(Self { projected, recurrent, f })
    }

    fn step(
        &self,
        node: &mut Lowering<'_>,
        layer: &Recurrence,
        step: usize,
        state: State,
    ) -> Result<Next, Refusal> {
        let row = layer.step_of(node, self.projected, step)?;
        let sum = plus_product(node, row, state.hidden, self.recurrent)?;
        let sum = layer.limited(node, sum)?;
        Ok(Next { hidden: self.f.apply(node, "hidden", sum)?, cell: None })
    }
}
