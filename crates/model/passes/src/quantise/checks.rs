//! Which values of a plan are checked for leaving their range.
//!
//! A node needs no check if what it makes of inputs in range is in range by arithmetic alone
//! ([`Plan::images`]). Any other is checked, as far as its ring has room beyond its range: where `widths`
//! gives rings the room for all that a node can make (`Check::Full`), the first value of a run that leaves
//! its range is seen, whichever it is.

use veilflow_ir::plan::{Checks, Interval, RangeCheck};
use veilflow_ir::{Plan, PlanOp};

use super::options::Check;

/// Elements of a value that are checked where not all are: enough that if one in a thousand is out of range,
/// one of those that are drawn is, with probability 99 %: (1 − 1/1000)^4608 < 0.01.
const SAMPLE: usize = 4608;

/// The checks of a plan whose layers still state their bounds.
pub(super) fn choose(plan: &Plan, check: Check) -> Checks {
    let sample = match check {
        Check::Off => return Checks::default(),
        Check::Sampled => Some(SAMPLE),
        Check::Full => None,
    };
    let carried = carried(plan);
    let mut ranges: Vec<RangeCheck> = Vec::new();
    let mut add = |check| {
        if !ranges.contains(&check) {
            ranges.push(check);
        }
    };
    let mut within: Vec<Interval> = plan.values.iter().map(|value| value.range()).collect();
    for node in &plan.nodes {
        let (value, argument) = (node.inputs[0], &plan.values[node.inputs[0]]);
        if let Some(spline) = node.op.spline(argument) {
            let (low, high) = spline.domain().into_inner();
            if !Interval::from_to(low, high).contains(argument.range()) {
                add(RangeCheck::Interval { value, low, high });
            }
        }
        let inputs: Vec<Interval> = node.inputs.iter().map(|&i| within[i]).collect();
        let (image, output) = (plan.image(node, &inputs), &plan.values[node.output]);
        if carried[node.output] {
            within[node.output] = image;
        } else if !output.range().contains(image) && output.magnitude + 2 <= output.width {
            add(RangeCheck::Magnitude { value: node.output });
        }
    }
    Checks { sample, ranges }
}

/// Values that only flow into sums. A term may leave its range without harm, since rings are read mod 2^ℓ: it
/// is the sum that counts, and is checked.
fn carried(plan: &Plan) -> Vec<bool> {
    let mut carried: Vec<Option<bool>> = vec![None; plan.values.len()];
    plan.outputs.iter().for_each(|output| carried[output.value] = Some(false));
    for node in plan.nodes.iter().rev() {
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
