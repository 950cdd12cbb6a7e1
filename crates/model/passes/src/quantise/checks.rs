//! Which values of a plan are checked for leaving their range.
//!
//! A node needs no check if what it makes of inputs in range is in range by arithmetic alone
//! ([`Plan::images`]). Any other is checked, as far as its ring has room beyond its range: where `widths`
//! gives rings the room for all that a node can make (`Check::Full`), the first value of a run that leaves
//! its range is seen, whichever it is.

use veilflow_ir::Plan;
use veilflow_ir::plan::{Checks, Interval, RangeCheck};

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
    let carried = plan.carried();
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
