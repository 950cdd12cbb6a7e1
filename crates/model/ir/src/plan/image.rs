//! What nodes make of inputs in their declared ranges.
//!
//! A value declares a range: −2^m..2^m, or 0..2^m. If every node makes of inputs in their ranges what lies in
//! the range of its output, then by induction nothing overflows on any input in range. The images say which
//! nodes may break this.

use super::{Interval, Plan, PlanNode};

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
            images[node.output] = self.image(node, &inputs);
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

    /// Whether a function has a value for every argument in the declared range. Other ops have.
    fn has_values(&self, node: &PlanNode) -> bool {
        let argument = &self.values[node.inputs[0]];
        node.op.spline(argument).is_none_or(|spline| {
            let (low, high) = spline.domain().into_inner();
            Interval::new(low.into(), high.into()).contains(argument.range())
        })
    }
}
