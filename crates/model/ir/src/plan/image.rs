//! What nodes make of inputs in their declared ranges.
//!
//! A value declares a range: −2^m..2^m, or 0..2^m. If every node makes of inputs in their ranges what lies in
//! the range of its output, then by induction nothing overflows on any input in range. The images say which
//! nodes may break this.
//!
//! A plan of bounded ranges has no such node. What its layers and added constants make is bounded by the
//! magnitude of the output, which tells less than norms and constants would. The server's numbers are held to
//! it when they are read.

use super::{Interval, Plan, PlanNode, PlanOp, Ranges};
use crate::weights::Parameters;

impl Plan {
    /// For every value, an interval that holds the exact integers which its node can make, where the node's
    /// inputs lie in their declared ranges: before reduction, so it may exceed the ring. Of an input of the
    /// plan it is the declared range.
    ///
    /// The plan must have passed [`Plan::verify`].
    pub fn images(&self) -> Vec<Interval> {
        let ranges: Vec<Interval> = self.values.iter().map(|value| value.range()).collect();
        let mut images = ranges.clone();
        for node in &self.nodes {
            let inputs: Vec<Interval> = node.inputs.iter().map(|&i| ranges[i]).collect();
            if !(self.settings.ranges == Ranges::Bounded && node.op.has_parameters()) {
                images[node.output] = self.image(node, &inputs);
            }
        }
        images
    }

    /// The nodes that may overflow on inputs in their declared ranges, as indices: those whose image exceeds
    /// the declared range of the output, and functions of arguments that they have no value for.
    ///
    /// The plan must have passed [`Plan::verify`].
    pub fn overflows(&self) -> Vec<usize> {
        let images = self.images();
        let may_overflow = |node: &PlanNode| {
            !self.values[node.output].range().contains(images[node.output]) || !self.has_values(node)
        };
        (0..self.nodes.len()).filter(|&index| may_overflow(&self.nodes[index])).collect()
    }

    /// Whether node `index` makes of inputs in their declared ranges what lies in the range of its output,
    /// with these numbers.
    pub(crate) fn keeps_range(&self, index: usize, numbers: &Parameters) -> bool {
        let node = &self.nodes[index];
        let x = self.values[node.inputs[0]].range();
        let made = match &node.op {
            PlanOp::Linear { .. } => layer_sums(&numbers.weights, &numbers.bias, x),
            PlanOp::AddConstant { .. } => x + hull(&numbers.bias),
            PlanOp::SubtractFrom { .. } => hull(&numbers.bias) + -x,
            _ => return true,
        };
        self.values[node.output].range().contains(made)
    }

    /// Whether a function has a value for every argument in the declared range. Other ops have.
    fn has_values(&self, node: &PlanNode) -> bool {
        let argument = &self.values[node.inputs[0]];
        node.op.spline(argument).is_none_or(|spline| {
            let (low, high) = spline.domain().into_inner();
            Interval::new(low.into(), high.into()).contains(argument.range())
        })
    }
}

/// What sums of a layer can be where its inputs lie in `x`. `bias` has one element for each row of `weights`.
/// Some inputs may be left out of a sum, as at the border of a convolution.
pub fn layer_sums(weights: &[i64], bias: &[i64], x: Interval) -> Interval {
    let x = x.hull(Interval::new(0, 0));
    let rows = weights.chunks((weights.len() / bias.len().max(1)).max(1)).zip(bias);
    let sums = rows.map(|(row, &bias)| {
        let (mut positive, mut negative) = (0i128, 0i128);
        for &weight in row {
            *(if weight < 0 { &mut negative } else { &mut positive }) += i128::from(weight);
        }
        let low = positive * x.low + negative * x.high;
        let high = positive * x.high + negative * x.low;
        Interval::new(low, high) + Interval::new(bias.into(), bias.into())
    });
    sums.reduce(Interval::hull).unwrap_or(Interval::new(0, 0))
}

/// The least interval that holds some constants. Without any it is empty of all but zero.
fn hull(constants: &[i64]) -> Interval {
    let ends = (constants.iter().min(), constants.iter().max());
    Interval::new(ends.0.copied().unwrap_or(0).into(), ends.1.copied().unwrap_or(0).into())
}
