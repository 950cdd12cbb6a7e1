//! The plain cell.

use veilflow_ir::{Op, ValueId};

use super::cell::{Cell, Next, State, activations, plus_product, sums};
use super::recurrence::Recurrence;
use crate::error::{Refusal, Result};
use crate::lowering::Lowering;

/// H' = f(X·W + H·R + b).
pub(super) struct Rnn {
    projected: ValueId,
    recurrent: ValueId,
    f: Op,
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
        let projected = layer.project(node, direction, sums(&input, &state))?;
        let recurrent = layer.weights(node, 2, direction, 0..layer.rows, "recurrent_weights")?;
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
        let row = layer.rows_of(node, self.projected, step)?;
        let sum = plus_product(node, row, state.hidden, self.recurrent)?;
        Ok(Next { hidden: node.step("hidden", self.f.clone(), &[sum])?, cell: None })
    }
}
