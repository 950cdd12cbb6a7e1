//! Values that may leave their range without harm.

use super::{Plan, PlanOp};

impl Plan {
    /// Whether each value only flows into sums. Such a term may leave its range without harm, as long as it
    /// fits its ring: it is the sum that counts, and is checked.
    pub fn carried(&self) -> Vec<bool> {
        let mut carried: Vec<Option<bool>> = vec![None; self.values.len()];
        self.outputs.iter().for_each(|output| carried[output.value] = Some(false));
        for node in self.nodes.iter().rev() {
            let flows_on = match node.op {
                PlanOp::Add
                | PlanOp::Sub
                | PlanOp::AddConstant { .. }
                | PlanOp::SubtractFrom { .. }
                | PlanOp::ReduceSum { .. } => true,
                PlanOp::Reshape
                | PlanOp::Transpose { .. }
                | PlanOp::Gather { .. }
                | PlanOp::Narrow { .. }
                | PlanOp::ShiftLeft { .. } => carried[node.output] == Some(true),
                _ => false,
            };
            for &input in &node.inputs {
                carried[input] = Some(flows_on && carried[input] != Some(false));
            }
        }
        carried.into_iter().map(|carried| carried == Some(true)).collect()
    }
}
