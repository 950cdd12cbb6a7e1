//! Ops that each party computes on its share alone. Nothing is sent, so nothing is seen.

use veilflow_correlation::Cost;
use veilflow_ir::plan::{Plan, PlanNode, PlanOp};
use veilflow_ir::{Shape, layout};
use veilflow_net::Role;
use veilflow_online::Party;
use veilflow_ring::{Ring, RingVec};

use super::operation::{NodeOperation, Parameters, ring};
use crate::error::Result;

/// A local op. Constants are added by the party that holds them, or has a share of them, and borders by P0.
#[derive(Debug)]
pub(super) struct Local {
    op: PlanOp,
    /// Of the inputs.
    shapes: Vec<Shape>,
    out: Ring,
}

impl Local {
    pub(super) fn new(plan: &Plan, node: &PlanNode) -> Result<Self> {
        let shapes = node.inputs.iter().map(|&i| plan.values[i].shape.clone()).collect();
        Ok(Self { op: node.op.clone(), shapes, out: ring(&plan.values[node.output])? })
    }
}

impl NodeOperation for Local {
    fn cost(&self) -> Cost {
        Cost::default()
    }

    fn run(&self, party: &mut Party, inputs: &[&RingVec], parameters: Parameters<'_>) -> Result<RingVec> {
        let (x, shape, out) = (inputs[0], &self.shapes[0], self.out);
        let values = |values: Vec<u64>| RingVec::from_values(out, values);
        Ok(match &self.op {
            PlanOp::Add => x.add(inputs[1]),
            PlanOp::Sub => x.sub(inputs[1]),
            PlanOp::AddConstant { constant, .. } => match parameters {
                Some(p) => {
                    let constants = layout::broadcast(&p.bias, constant, shape);
                    x.add(&RingVec::from_signed(out, &constants))
                }
                None => x.clone(),
            },
            PlanOp::SubtractFrom { constant, .. } => match parameters {
                Some(p) => {
                    let constants = layout::broadcast(&p.bias, constant, shape);
                    RingVec::from_signed(out, &constants).sub(x)
                }
                None => x.neg(),
            },
            PlanOp::ShiftLeft { by } => x.map_into(out, |v| v << by),
            PlanOp::Transpose { perm } => values(layout::transpose(x.values(), shape, perm)),
            PlanOp::Concat { axis } => {
                let parts: Vec<_> = inputs.iter().map(|x| x.values()).zip(&self.shapes).collect();
                values(layout::concat(&parts, *axis))
            }
            PlanOp::Gather { axis, indices } => values(layout::gather(x.values(), shape, *axis, indices)),
            PlanOp::ReduceSum { axes } => {
                let (terms, count) = layout::summands(x.values(), shape, axes);
                let sum = |terms: &[u64]| terms.iter().fold(0u64, |sum, &v| sum.wrapping_add(v));
                values(terms.chunks_exact(count).map(sum).collect())
            }
            PlanOp::Pad { before, after, value } => {
                let border = if party.role == Role::P0 { out.from_signed(*value) } else { 0 };
                values(layout::pad(x.values(), shape, before, after, border))
            }
            // Narrow, Reshape: the ring or the shape changes, the numbers stay.
            _ => x.narrow(out),
        })
    }
}
