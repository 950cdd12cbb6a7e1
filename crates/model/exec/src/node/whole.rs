//! Operations of the online protocols as nodes: element by element in a party's threads, or on whole tensors.

use veilflow_correlation::Cost;
use veilflow_online::{Activation, ArgMax, AveragePool, MatMul, MaxPool, Multiply, Operation, Party, TopK};
use veilflow_ring::{Bits, Ring, RingVec};

use super::operation::{NodeOperation, Parameters};
use crate::error::Result;

/// An operation on so many elements.
#[derive(Debug)]
pub(super) struct Elementwise<O> {
    pub(super) operation: O,
    pub(super) count: usize,
}

impl<O: Operation> NodeOperation for Elementwise<O> {
    fn cost(&self) -> Cost {
        self.operation.cost(self.count)
    }

    fn run(&self, party: &mut Party, inputs: &[&RingVec], _: Parameters<'_>) -> Result<RingVec> {
        Ok(party.run_in_threads(&self.operation, inputs[0])?)
    }
}

/// An activation of so many elements.
#[derive(Debug)]
pub(super) struct Activated<A> {
    pub(super) activation: A,
    pub(super) count: usize,
}

impl<A: Activation> NodeOperation for Activated<A> {
    fn cost(&self) -> Cost {
        self.activation.cost(self.count)
    }

    fn run(&self, party: &mut Party, inputs: &[&RingVec], _: Parameters<'_>) -> Result<RingVec> {
        Ok(party.run_in_threads(&self.activation, inputs[0])?)
    }

    fn run_with_sign(
        &self,
        party: &mut Party,
        inputs: &[&RingVec],
        _: Parameters<'_>,
    ) -> Result<(RingVec, Option<Bits>)> {
        let (result, positive) = party.run_with_sign_in_threads(&self.activation, inputs[0])?;
        Ok((result, Some(positive)))
    }
}

/// Products of so many pairs of elements.
#[derive(Debug)]
pub(super) struct Products {
    pub(super) multiply: Multiply,
    pub(super) out: Ring,
    pub(super) count: usize,
}

impl NodeOperation for Products {
    fn cost(&self) -> Cost {
        self.multiply.cost(self.count)
    }

    fn run(&self, party: &mut Party, inputs: &[&RingVec], _: Parameters<'_>) -> Result<RingVec> {
        let demand = |n| self.multiply.cost(n).demand;
        let parts = party.in_threads(inputs[0].len(), demand, |party, part| {
            let [x, y] = [inputs[0], inputs[1]].map(|v| v.slice(part.start, part.len()));
            self.multiply.run(party, &x, &y)
        })?;
        Ok(RingVec::from_values(self.out, parts.into_iter().flat_map(RingVec::into_values).collect()))
    }
}

/// Rows of which the index of the largest element is taken.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) arg_max: ArgMax,
    pub(super) count: usize,
}

impl NodeOperation for Rows {
    fn cost(&self) -> Cost {
        self.arg_max.cost(self.count)
    }

    fn run(&self, party: &mut Party, inputs: &[&RingVec], _: Parameters<'_>) -> Result<RingVec> {
        Ok(self.arg_max.run(party, inputs[0])?)
    }
}

impl NodeOperation for TopK {
    fn cost(&self) -> Cost {
        Self::cost(self)
    }

    fn run(&self, party: &mut Party, inputs: &[&RingVec], _: Parameters<'_>) -> Result<RingVec> {
        Ok(Self::run(self, party, inputs[0])?)
    }
}

impl NodeOperation for MatMul {
    fn cost(&self) -> Cost {
        Self::cost(self)
    }

    fn run(&self, party: &mut Party, inputs: &[&RingVec], _: Parameters<'_>) -> Result<RingVec> {
        Ok(Self::run(self, party, inputs[0], inputs[1])?)
    }
}

impl NodeOperation for MaxPool {
    fn cost(&self) -> Cost {
        Self::cost(self)
    }

    fn run(&self, party: &mut Party, inputs: &[&RingVec], _: Parameters<'_>) -> Result<RingVec> {
        Ok(Self::run(self, party, inputs[0])?)
    }
}

impl NodeOperation for AveragePool {
    fn cost(&self) -> Cost {
        Self::cost(self)
    }

    fn run(&self, party: &mut Party, inputs: &[&RingVec], _: Parameters<'_>) -> Result<RingVec> {
        Ok(Self::run(self, party, inputs[0])?)
    }
}
