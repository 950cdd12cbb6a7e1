//! The linear layers of a plan.

use veilflow_correlation::LinearRequest;
use veilflow_ir::plan::{Plan, PlanOp};
use veilflow_net::Role;
use veilflow_ring::Ring;

/// The linear layer at node `index`, if there is one. It names the server as the holder of the weights.
pub(crate) fn linear_layer(plan: &Plan, index: usize) -> Option<LinearRequest> {
    let node = plan.nodes.get(index)?;
    let PlanOp::Linear { shape, weight_bits, .. } = &node.op else { return None };
    let ring = Ring::new(plan.values[node.output].width).ok()?;
    Some(LinearRequest {
        layer: index,
        holder: Role::P0,
        shape: shape.clone(),
        ring,
        weight_bits: *weight_bits,
    })
}
