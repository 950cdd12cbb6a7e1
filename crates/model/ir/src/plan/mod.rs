//! The fixed-point plan: the public program that both parties run.
//!
//! A plan holds the network's architecture, the width and scale of every tensor, and bounds on magnitudes rounded up to
//! powers of two. It holds no weights and nothing computed from them or from calibration inputs beyond those widths,
//! scales and bounds: it is sent to clients.
//!
//! Fixed point: a tensor of width ℓ and scale f holds integers mod 2^ℓ, read as two's complement; integer v stands for
//! v·2^(−f).

mod file;
mod math;
mod op;
mod text;
mod verify;

#[cfg(test)]
pub(crate) mod tests;

use serde::{Deserialize, Serialize};

pub use op::{Extension, PlanOp};
use veilflow_ring::{Ring, RingVec};

use crate::{Error, Shape};

/// The most nodes, and the most values, of a plan.
pub const MAX_PLAN_NODES: usize = 1 << 16;

/// The most elements one tensor of a plan may have.
pub const MAX_PLAN_ELEMENTS: usize = 1 << 26;

/// A tensor of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanValue {
    /// The dimensions.
    pub shape: Shape,
    /// Width ℓ in bits, 1..=64.
    pub width: u32,
    /// Fractional bits f; negative where integers stand for multiples of a power of two.
    pub scale: i32,
    /// The integers lie in −2^m..2^m for m = `magnitude`, on every input like those calibrated with.
    pub magnitude: u32,
    /// They are never negative either.
    pub non_negative: bool,
}

/// Numbers as integers of a plan's tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The integers, rounded to nearest.
    pub values: RingVec,
    /// How many lie outside the tensor's range: calibration saw nothing like them, and the result may be wrong.
    pub outside: usize,
}

impl PlanValue {
    /// Whether the plan has room for an integer.
    pub fn contains(&self, integer: i64) -> bool {
        let low = if self.non_negative { 0 } else { -1i128 << self.magnitude };
        (low..1i128 << self.magnitude).contains(&i128::from(integer))
    }

    /// The ring of its width. Panics if the plan doesn't verify.
    pub fn ring(&self) -> Ring {
        Ring::new(self.width).expect("a verified plan has widths of 1..=64 bits")
    }

    /// Numbers as integers at this scale, limited to what the width holds.
    pub fn encode(&self, numbers: &[f32]) -> Encoded {
        let factor = f64::from(self.scale).exp2();
        let limit = (self.ring().mask() >> 1) as i64;
        // The cast saturates, and maps what is not a number to 0.
        let integer = |x: &f32| ((f64::from(*x) * factor).round() as i64).clamp(-limit - 1, limit);
        let integers: Vec<i64> = numbers.iter().map(integer).collect();
        let strange = |(&i, x): (&i64, &f32)| !self.contains(i) || !x.is_finite();
        let outside = integers.iter().zip(numbers).filter(|&p| strange(p)).count();
        Encoded { values: RingVec::from_signed(self.ring(), &integers), outside }
    }

    /// The numbers that integers of this scale stand for.
    pub fn decode(&self, integers: &RingVec) -> Vec<f32> {
        let unit = (-f64::from(self.scale)).exp2();
        integers.to_signed().iter().map(|&v| (v as f64 * unit) as f32).collect()
    }
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanNode {
    /// The layer of the original network that it belongs to.
    pub layer: String,
    /// What it does.
    pub op: PlanOp,
    /// What it reads: indices into the plan's values.
    pub inputs: Vec<usize>,
    /// What it makes: an index into the plan's values.
    pub output: usize,
}

/// A private input, which the client holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanInput {
    /// Its name in the original network.
    pub name: String,
    /// Its index into the plan's values.
    pub value: usize,
}

/// A result, which the client learns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanOutput {
    /// Its name in the original network.
    pub name: String,
    /// Its index into the plan's values.
    pub value: usize,
    /// The network ends with a softmax over all elements, which the client applies in the clear.
    pub softmax: bool,
}

/// How scales and widths were chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Width of weights, sign included.
    pub weight_bits: u32,
    /// Bits of the largest activation a tensor has room for.
    pub activation_bits: u32,
    /// Bits of weights and activations inside a recurrent cell, if more.
    pub state_bits: u32,
    /// Room beyond the largest magnitude seen in calibration, in percent of it: 200 is twice as much.
    pub margin_percent: u32,
    /// The number of calibration inputs.
    pub calibration_inputs: usize,
}

/// The public program: nodes in execution order. Fields may be filled freely; [`Plan::verify`] is the judge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The network's name.
    pub name: String,
    /// What the client must do to a raw input, in words.
    pub preprocessing: String,
    /// How scales and widths were chosen.
    pub settings: Settings,
    /// All tensors.
    pub values: Vec<PlanValue>,
    /// The private inputs, in order.
    pub inputs: Vec<PlanInput>,
    /// The operations in execution order.
    pub nodes: Vec<PlanNode>,
    /// The results, in order.
    pub outputs: Vec<PlanOutput>,
}

/// The server-held numbers that a node needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterSizes {
    /// The node, as an index into the plan's nodes.
    pub node: usize,
    /// Number of weights.
    pub weights: usize,
    /// The node, an earlier one, that has the same weights.
    pub weights_of: Option<usize>,
    /// Width of each weight, sign included.
    pub weight_bits: u32,
    /// Number of additive constants: biases.
    pub bias: usize,
}

impl Plan {
    /// The server-held numbers of every node that needs some, in execution order.
    pub fn parameters(&self) -> Vec<ParameterSizes> {
        let sizes = |(node, n): (usize, &PlanNode)| match &n.op {
            PlanOp::Linear { shape, weight_bits, weights_of, .. } => Some(ParameterSizes {
                node,
                weights: shape.weight_len(),
                weights_of: *weights_of,
                weight_bits: *weight_bits,
                bias: shape.bias_len(),
            }),
            PlanOp::AddConstant { constant } | PlanOp::SubtractFrom { constant } => Some(ParameterSizes {
                node,
                weights: 0,
                weights_of: None,
                weight_bits: 1,
                bias: constant.elements(),
            }),
            _ => None,
        };
        self.nodes.iter().enumerate().filter_map(sizes).collect()
    }

    /// For every value, how often nodes and outputs read it.
    pub fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.values.len()];
        let read = self.nodes.iter().flat_map(|n| n.inputs.iter().copied());
        read.chain(self.outputs.iter().map(|o| o.value)).for_each(|i| uses[i] += 1);
        uses
    }

    /// The least and largest width of its tensors.
    pub fn widths(&self) -> (u32, u32) {
        let widths = self.values.iter().map(|v| v.width);
        (widths.clone().min().unwrap_or(0), widths.max().unwrap_or(0))
    }

    /// Multiplications of all linear layers.
    pub fn multiplications(&self) -> u64 {
        let of = |node: &PlanNode| match &node.op {
            PlanOp::Linear { shape, .. } => shape.multiplications() as u64,
            _ => 0,
        };
        self.nodes.iter().map(of).sum()
    }

    fn node_error(&self, index: usize, reason: String) -> Error {
        let node = &self.nodes[index];
        Error::Node { node: format!("{} (step {index})", node.layer), op: node.op.name(), reason }
    }
}
