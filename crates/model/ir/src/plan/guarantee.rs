//! What holds of every value of a plan for every input whatsoever.
//!
//! Protocols save bytes where they know that a value is never negative, or far from the ends of its ring. If
//! that is false of one value, shares of the result depend on the shares of that value, and the answer
//! betrays them. So nothing is claimed here that calibration saw: an interval follows from the rings and the
//! operations alone, and from bounds of constants that the server's weights are held to when they are read,
//! whatever the client's input is. The fields `magnitude` and `non_negative` of a value are never read.
//!
//! What they declare is another matter: whether a node keeps it depends on what its inputs declare
//! (`images`). Both analyses share what an op makes of intervals.

use std::ops::{Add, Neg};

use veilflow_spec::{Pool2dShape, place_bits};

use super::interval::Interval;
use super::{ConstantBounds, Plan, PlanNode, PlanOp};

impl Plan {
    /// For every value, an interval that holds all its integers on every run.
    ///
    /// The plan must have passed [`Plan::verify`].
    pub fn guarantees(&self) -> Vec<Interval> {
        let mut intervals: Vec<Interval> = self.values.iter().map(|v| Interval::of_ring(v.width)).collect();
        for node in &self.nodes {
            let inputs: Vec<Interval> = node.inputs.iter().map(|&i| intervals[i]).collect();
            let made = self.image(node, &inputs);
            intervals[node.output] = made.reduced(self.values[node.output].width);
        }
        intervals
    }

    /// Takes bounds out from which nothing follows, since they tell of the server's numbers: those of nodes
    /// that may fill their ring all the same, and those that no claim rests on.
    pub fn drop_idle_bounds(&mut self) {
        let (intervals, rests) = (self.guarantees(), self.what_claims_rest_on());
        for node in &mut self.nodes {
            let fills = intervals[node.output] == Interval::of_ring(self.values[node.output].width);
            if rests[node.output] && !fills {
                continue;
            }
            match &mut node.op {
                PlanOp::Linear { bounds, .. } => *bounds = None,
                PlanOp::AddConstant { bounds, .. } | PlanOp::SubtractFrom { bounds, .. } => *bounds = None,
                _ => {}
            }
        }
    }

    /// For every value, whether a claim may rest on its interval.
    fn what_claims_rest_on(&self) -> Vec<bool> {
        // Whether a claim reads the value itself, and whether one rests on what is computed from it.
        let (mut read, mut ends) = (vec![false; self.values.len()], vec![false; self.values.len()]);
        for node in self.nodes.iter().rev() {
            let (of_read, of_ends) = (read[node.output], ends[node.output]);
            for &input in &node.inputs {
                match node.op {
                    PlanOp::Extend { .. } | PlanOp::TruncateExtend { .. } | PlanOp::Multiply { .. } => {
                        read[input] = true;
                        ends[input] |= of_read || of_ends;
                    }
                    PlanOp::AveragePool { .. } => ends[input] = true,
                    // Never negative, whatever the input is. No claim says more.
                    PlanOp::Relu
                    | PlanOp::ReluTruncate { .. }
                    | PlanOp::Clip { .. }
                    | PlanOp::Positive { .. } => ends[input] |= of_ends,
                    PlanOp::Reshape | PlanOp::Transpose { .. } | PlanOp::Gather { .. } => {
                        read[input] |= of_read;
                        ends[input] |= of_ends;
                    }
                    PlanOp::Apply { .. } | PlanOp::ArgMax => {}
                    _ => ends[input] |= of_read || of_ends,
                }
            }
        }
        read.into_iter().zip(ends).map(|(read, ends)| read || ends).collect()
    }

    /// What a node makes of integers in these intervals, before it is reduced into the output's ring. It is
    /// [`Interval::ANY`] if the server's numbers may be any, or if what is computed on the way may leave its
    /// ring.
    pub fn image(&self, node: &PlanNode, inputs: &[Interval]) -> Interval {
        let (x, value) = (inputs[0], &self.values[node.inputs[0]]);
        match &node.op {
            PlanOp::Linear { bounds: None, .. }
            | PlanOp::AddConstant { bounds: None, .. }
            | PlanOp::SubtractFrom { bounds: None, .. } => Interval::ANY,
            PlanOp::Linear { bounds: Some(bounds), .. } => {
                let largest = i128::from(bounds.norm) * x.high.max(-x.low).max(0);
                Interval::new(-largest, largest).add(within(bounds.bias))
            }
            PlanOp::AddConstant { bounds: Some(bounds), .. } => x.add(within(*bounds)),
            PlanOp::SubtractFrom { bounds: Some(bounds), .. } => x.neg().add(within(*bounds)),
            PlanOp::Add => x.add(inputs[1]),
            PlanOp::Sub => x.add(inputs[1].neg()),
            PlanOp::Multiply { .. } => x.multiply(inputs[1]),
            PlanOp::MatrixProduct { .. } => {
                let inner = value.shape.last().copied().unwrap_or(1);
                x.multiply(inputs[1]).sums(inner, inner)
            }
            PlanOp::Positive { .. } => x.map(|v| i128::from(v > 0)),
            PlanOp::Apply { .. } => node.op.spline(value).map_or(Interval::ANY, |spline| {
                let results = spline.results();
                Interval::new((*results.start()).into(), (*results.end()).into())
            }),
            PlanOp::Relu => x.map(|v| v.max(0)),
            PlanOp::ReluTruncate { shift } => x.map(|v| v.max(0) >> shift),
            PlanOp::Clip { limit } => x.map(|v| v.clamp(0, (*limit).into())),
            PlanOp::TruncateReduce { shift } | PlanOp::TruncateExtend { shift, .. } => x.map(|v| v >> shift),
            PlanOp::ShiftLeft { by } => x.map(|v| v << by),
            // The tournament takes differences in x's ring.
            PlanOp::MaxPool { .. } if Interval::of_ring(value.width).contains(x.add(x.neg())) => x,
            PlanOp::MaxPool { .. } => Interval::ANY,
            PlanOp::AveragePool { pool, .. } => {
                let sums = pooled_sums(x, pool);
                let divided = Interval::of_ring(value.width).contains(sums);
                if divided { x.hull(Interval::new(0, 0)) } else { Interval::ANY }
            }
            PlanOp::ArgMax => Interval::new(0, value.shape.last().map_or(0, |&n| n as i128 - 1)),
            PlanOp::TopK { .. } => {
                let (elements, ring) = (value.shape.elements(), Interval::of_ring(value.width));
                let keys = Interval::new(
                    x.low << place_bits(elements),
                    (x.high << place_bits(elements)) + elements as i128 - 1,
                );
                if ring.contains(x.add(x.neg())) { keys } else { Interval::ANY }
            }
            PlanOp::Concat { .. } => inputs.iter().fold(x, |all, &y| all.hull(y)),
            PlanOp::ReduceSum { axes } => {
                let count = axes.iter().map(|&axis| value.shape[axis]).product();
                x.sums(count, count)
            }
            PlanOp::Pad { value, .. } => x.hull(Interval::new((*value).into(), (*value).into())),
            PlanOp::Extend { .. }
            | PlanOp::Narrow { .. }
            | PlanOp::Reshape
            | PlanOp::Transpose { .. }
            | PlanOp::Gather { .. } => x,
        }
    }
}

fn within(bounds: ConstantBounds) -> Interval {
    Interval::new(bounds.least.into(), bounds.most.into())
}

/// What an average pooling divides: sums of up to a window's elements, and half the divisor for rounding.
pub fn pooled_sums(x: Interval, pool: &Pool2dShape) -> Interval {
    let area = pool.kernel[0] * pool.kernel[1];
    x.sums(0, area).add(Interval::new(0, area as i128))
}
