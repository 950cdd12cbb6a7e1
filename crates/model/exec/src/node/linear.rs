//! Linear layers as nodes: the server holds the weights, or both parties a share.

use veilflow_correlation::{Cost, Possession};
use veilflow_online::{Linear, LinearShared, Party};
use veilflow_ring::RingVec;

use super::operation::{NodeOperation, Parameters};
use crate::error::Result;

/// A party that holds weights, or a share of them, adds its bias.
fn with_bias(y: RingVec, parameters: Parameters<'_>) -> RingVec {
    match parameters {
        Some(p) => veilflow_spec::add_bias(&y, &p.bias),
        None => y,
    }
}

impl NodeOperation for Linear {
    fn cost(&self) -> Cost {
        Self::cost(self)
    }

    fn run(&self, party: &mut Party, inputs: &[&RingVec], parameters: Parameters<'_>) -> Result<RingVec> {
        let weights = parameters.map_or(Possession::Theirs, |p| Possession::Mine(&p.weights));
        Ok(with_bias(Self::run(self, party, weights, inputs[0])?, parameters))
    }
}

impl NodeOperation for LinearShared {
    fn cost(&self) -> Cost {
        Self::cost(self)
    }

    fn run(&self, party: &mut Party, inputs: &[&RingVec], parameters: Parameters<'_>) -> Result<RingVec> {
        // Of a party without its half the weights are none, which the operation refuses.
        let weights = parameters.map_or(&[][..], |p| &p.weights);
        Ok(with_bias(Self::run(self, party, weights, inputs[0])?, parameters))
    }
}
