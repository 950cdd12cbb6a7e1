//! What a node's operation is.

use std::fmt;

use veilflow_correlation::Cost;
use veilflow_ir::plan::PlanValue;
use veilflow_online::Party;
use veilflow_ring::{Bits, Ring, RingVec};

use crate::error::{ExecError, Result};

/// What a party adds of a node's numbers: all of them, its shares, or none.
pub(super) type Parameters<'a> = Option<&'a veilflow_ir::Parameters>;

/// A node's operation on its tensors.
pub(crate) trait NodeOperation: fmt::Debug + Send + Sync {
    /// What the node sends online and consumes, apart from the pair of a linear layer.
    fn cost(&self) -> Cost;

    /// A share of the output, from shares of the inputs.
    fn run(&self, party: &mut Party, inputs: &[&RingVec], parameters: Parameters<'_>) -> Result<RingVec>;

    /// Likewise, with shares of the signs that it finds of its input's elements, if it finds them.
    fn run_with_sign(
        &self,
        party: &mut Party,
        inputs: &[&RingVec],
        parameters: Parameters<'_>,
    ) -> Result<(RingVec, Option<Bits>)> {
        Ok((self.run(party, inputs, parameters)?, None))
    }
}

pub(super) fn ring(value: &PlanValue) -> Result<Ring> {
    Ring::new(value.width).map_err(|e| ExecError::Misfit { what: e.to_string() })
}
