//! The part of a layer in what a run may leave unhidden.

use veilflow_correlation::LinearRequest;
use veilflow_he::hiding::{Distance, Run};
use veilflow_he::{Budget, Load};

use super::set::PARAMETERS;

/// What a layer leaves unhidden at least: one output a product, under the narrowest parameters.
pub(super) fn need(request: &LinearRequest) -> f64 {
    let load = Load {
        ring_bits: request.ring.bits(),
        weight_bits: request.weight_bits,
        weights: request.shape.weight_len() / request.shape.bias_len().max(1),
        levels: 0,
        values: request.shape.out_len(),
        part: Distance::default(),
    };
    Budget::need(&PARAMETERS[0], &load)
}

/// The run that all these layers make.
pub(super) fn run_of(requests: &[LinearRequest]) -> Run {
    let layers: Vec<_> = requests.iter().map(|r| (r.shape.out_len(), need(r))).collect();
    Run::new(&layers)
}
