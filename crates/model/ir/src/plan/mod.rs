//! The fixed-point plan: the public program that both parties run.
//!
//! A plan holds the network's architecture, the width and scale of every tensor, and bounds on magnitudes,
//! rounded up to powers of two. It is sent to clients, so it holds no weights. Those widths, scales and
//! bounds are all that it tells of weights and of calibration inputs.
//!
//! Fixed point: a tensor of width ℓ and scale f holds integers mod 2^ℓ, read as two's complement. Integer v
//! stands for v·2^(−f).

mod carried;
mod check;
mod file;
mod guarantee;
mod image;
mod interval;
mod made;
mod op;
mod ranges;
mod text;
mod texts;
mod value;
mod verify;

#[cfg(test)]
pub(crate) mod tests;

use serde::{Deserialize, Serialize};

pub use check::{Checks, RangeCheck};
pub use guarantee::pooled_sums;
pub use image::layer_sums;
pub use interval::Interval;
pub use op::{ConstantBounds, LayerBounds, PlanOp};
pub use ranges::Ranges;
pub use value::{Encoded, PlanValue};

use crate::error::{IrError, Reason};

/// The most nodes, and the most values, of a plan.
pub const MAX_PLAN_NODES: usize = 1 << 16;

/// The most elements one tensor of a plan may have.
pub const MAX_PLAN_ELEMENTS: usize = 1 << 26;

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
    /// Whether the client gives indices, each as a row along the last dimension: a one in its place, and
    /// zeros.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one_hot: bool,
}

/// A result, which the client learns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanOutput {
    /// Its name in the original network.
    pub name: String,
    /// Its index into the plan's values.
    pub value: usize,
    /// Whether the network ends with a softmax over all elements. The client applies it in the clear, to
    /// scores.
    pub softmax: bool,
    /// What of the network's output it is.
    #[serde(default)]
    pub reveal: Reveal,
}

/// What a client learns of an output of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reveal {
    /// All its elements.
    #[default]
    Scores,
    /// Its largest elements with their places, of so many elements: see [`PlanOp::TopK`].
    TopK {
        /// The elements that the output has.
        of: usize,
    },
    /// The index of its largest element along an axis.
    ArgMax,
}

/// How scales and widths were chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The width of weights, sign included.
    pub weight_bits: u32,
    /// The bits of the largest activation that a tensor has room for.
    pub activation_bits: u32,
    /// The bits of weights and activations inside a recurrent cell, if those are more.
    pub state_bits: u32,
    /// The room for magnitudes, in percent of the largest that calibration saw: 200 is twice as much.
    pub margin_percent: u32,
    /// The number of calibration inputs.
    pub calibration_inputs: usize,
    /// What the declared ranges follow from.
    #[serde(default, skip_serializing_if = "Ranges::are_calibrated")]
    pub ranges: Ranges,
}

/// The public program: nodes in execution order. Fields may be filled freely, and [`Plan::verify`] judges
/// them.
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
    /// What a run checks of them.
    #[serde(default)]
    pub checks: Checks,
}

/// The server-held numbers that a node needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterSizes {
    /// The node, as an index into the plan's nodes.
    pub node: usize,
    /// The number of weights.
    pub weights: usize,
    /// The earlier node whose weights it takes, if it has none of its own.
    pub weights_of: Option<usize>,
    /// The width of each weight, sign included.
    pub weight_bits: u32,
    /// The number of additive constants, which are biases.
    pub bias: usize,
    /// What all of them keep within, if the plan says it.
    pub bounds: Option<Bounds>,
}

/// What the numbers of a node keep within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounds {
    /// Those of a layer.
    Layer(LayerBounds),
    /// Added constants.
    Constant(ConstantBounds),
}

impl Bounds {
    /// Whether numbers keep them.
    pub fn hold(self, weights: &[i64], bias: &[i64]) -> bool {
        match self {
            Self::Layer(bounds) => bounds.hold(weights, bias),
            Self::Constant(bounds) => bias.iter().all(|&c| bounds.contains(c)),
        }
    }
}

impl ParameterSizes {
    /// The number of weights of its own. A node that takes another's weights has none.
    pub(crate) fn own_weights(&self) -> usize {
        if self.weights_of.is_some() { 0 } else { self.weights }
    }
}

impl Plan {
    /// The server-held numbers of every node that needs some, in execution order.
    pub fn parameters(&self) -> Vec<ParameterSizes> {
        let sizes = |(node, n): (usize, &PlanNode)| match &n.op {
            PlanOp::Linear { shape, weight_bits, weights_of, bounds, .. } => Some(ParameterSizes {
                node,
                weights: shape.weight_len(),
                weights_of: *weights_of,
                weight_bits: *weight_bits,
                bias: shape.bias_len(),
                bounds: bounds.map(Bounds::Layer),
            }),
            PlanOp::AddConstant { constant, bounds } | PlanOp::SubtractFrom { constant, bounds } => {
                Some(ParameterSizes {
                    node,
                    weights: 0,
                    weights_of: None,
                    weight_bits: 1,
                    bias: constant.elements(),
                    bounds: bounds.map(Bounds::Constant),
                })
            }
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

    /// The number of multiplications of all linear layers.
    pub fn multiplications(&self) -> u64 {
        let of = |node: &PlanNode| match &node.op {
            PlanOp::Linear { shape, .. } => shape.multiplications() as u64,
            _ => 0,
        };
        self.nodes.iter().map(of).sum()
    }

    fn node_error(&self, index: usize, reason: Reason) -> IrError {
        let node = &self.nodes[index];
        IrError::Node { node: format!("{} (step {index})", node.layer), op: node.op.name(), reason }
    }
}
