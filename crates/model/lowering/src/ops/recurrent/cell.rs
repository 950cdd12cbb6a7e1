//! What one step of a cell computes. In formulas, * multiplies element by element, and X and H are rows.

use veilflow_ir::{Op, ValueId};

use super::activation::Activation;
use super::recurrence::Recurrence;
use crate::error::{Refusal, Result};
use crate::lowering::Lowering;

/// The state before a step, each part [N, H]. A part that is zero is none.
#[derive(Default)]
pub(super) struct State {
    pub(super) hidden: Option<ValueId>,
    pub(super) cell: Option<ValueId>,
}

/// The state after a step.
pub(super) struct Next {
    pub(super) hidden: ValueId,
    pub(super) cell: Option<ValueId>,
}

/// One direction of a recurrent op: its constants, and its step.
pub(super) trait Cell: Sized {
    /// The number of gates.
    const GATES: usize;
    /// The activations that a node has if it names none.
    const ACTIVATIONS: &'static [&'static str];

    /// What the attributes say that only this op has.
    type Options;

    fn options(node: &mut Lowering<'_>) -> Result<Self::Options, Refusal>;

    fn new(
        node: &mut Lowering<'_>,
        layer: &Recurrence,
        direction: usize,
        options: &Self::Options,
    ) -> Result<Self, Refusal>;

    fn initial(
        &self,
        node: &mut Lowering<'_>,
        layer: &Recurrence,
        direction: usize,
    ) -> Result<State, Refusal> {
        Ok(State { hidden: layer.initial(node, 5, direction)?, cell: None })
    }

    fn step(
        &self,
        node: &mut Lowering<'_>,
        layer: &Recurrence,
        step: usize,
        state: State,
    ) -> Result<Next, Refusal>;
}

/// The activations of one direction.
pub(super) fn activations<const N: usize>(layer: &Recurrence, direction: usize) -> [Activation; N] {
    std::array::from_fn(|i| layer.activations[direction * N + i])
}

/// x plus the state's product with `weights`, if there is a state.
pub(super) fn plus_product(
    node: &mut Lowering<'_>,
    x: ValueId,
    state: Option<ValueId>,
    weights: ValueId,
) -> Result<ValueId, Refusal> {
    let Some(state) = state else { return Ok(x) };
    let product = node.product(state, weights)?;
    node.step("sum", Op::Add, &[x, product])
}
