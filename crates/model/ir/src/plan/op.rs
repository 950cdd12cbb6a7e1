//! The fixed-point ops. Each means what the function of `veilflow-spec` that it names returns.
//!
//! Below, x is the input, ℓ its width, f its scale and m its magnitude: −2^m ≤ x < 2^m.

use serde::{Deserialize, Serialize};
use veilflow_spec::math::Function;
use veilflow_spec::{LinearShape, Pool2dShape};

use crate::Shape;

/// What is known of the sign of a tensor that is widened. It decides the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extension {
    /// The values are never negative, so their sign bit is known.
    NonNegative,
    /// The values have either sign, and m ≤ ℓ − 2. Then the wrap is cheap to find (GeoMPC, arXiv 2509.01178).
    SignedWithSlack,
    /// The values may be any.
    Signed,
}

/// What a node of the plan computes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PlanOp {
    /// W·x + b mod 2^ℓ, where the server has W and b: [`linear`](veilflow_spec::linear), then
    /// [`add_bias`](veilflow_spec::add_bias). The output's scale is that of x plus that of W.
    Linear {
        /// The layer. In a matrix product W stands on the left, and x has as many columns as the output.
        shape: LinearShape,
        /// The width of a weight, sign included.
        weight_bits: u32,
        /// The fractional bits of a weight.
        weight_scale: i32,
        /// The earlier node whose weights it takes, if it has none of its own. Every node has a bias of its
        /// own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weights_of: Option<usize>,
    },
    /// x + c mod 2^ℓ, where the server has c, at x's scale. It is broadcast to x.
    AddConstant {
        /// The shape of c.
        constant: Shape,
    },
    /// c − x mod 2^ℓ, where the server has c, at x's scale. It is broadcast to x.
    SubtractFrom {
        /// The shape of c.
        constant: Shape,
    },
    /// x + y mod 2^ℓ.
    Add,
    /// x − y mod 2^ℓ.
    Sub,
    /// The low `width` bits of x·y: [`multiply_signed`](veilflow_spec::multiply_signed). The output's scale
    /// is the sum of both scales.
    Multiply {
        /// The output's width: at least that of either factor, and at most their sum.
        width: u32,
    },
    /// [`apply`](veilflow_spec::math::apply) of a function to every element.
    Apply {
        /// The function.
        function: Function,
        /// The result's width.
        width: u32,
        /// The result's fractional bits.
        scale: u32,
    },
    /// [`relu`](veilflow_spec::relu) of x, whose low `compare_bits` bits hold its sign: m < compare_bits ≤ ℓ.
    Relu {
        /// How many low bits are compared.
        compare_bits: u32,
    },
    /// x narrowed to `compare_bits` > m bits, then [`relu_truncate`](veilflow_spec::relu_truncate): width
    /// compare_bits − shift.
    ReluTruncate {
        /// How many low bits are dropped.
        shift: u32,
        /// How many low bits are compared.
        compare_bits: u32,
    },
    /// [`clip`](veilflow_spec::clip): x limited to 0..=limit, where x and x − limit fit the low
    /// `compare_bits` bits.
    Clip {
        /// The largest value.
        limit: u64,
        /// How many low bits are compared.
        compare_bits: u32,
    },
    /// [`truncate_reduce`](veilflow_spec::truncate_reduce): width ℓ − shift.
    TruncateReduce {
        /// How many low bits are dropped.
        shift: u32,
    },
    /// x at width `to`: [`sign_extend`](veilflow_spec::sign_extend), or
    /// [`zero_extend`](veilflow_spec::zero_extend) where x is never negative.
    Extend {
        /// The new width.
        to: u32,
        /// What is known of the sign.
        sign: Extension,
    },
    /// The low `to` bits. Local.
    Narrow {
        /// The new width.
        to: u32,
    },
    /// x·2^by at width ℓ + by and scale f + by: the same numbers at a finer scale. Local.
    ShiftLeft {
        /// How many bits are added.
        by: u32,
    },
    /// [`max_pool`](veilflow_spec::max_pool). Differences of two elements must fit ℓ bits.
    MaxPool {
        /// The windows.
        pool: Pool2dShape,
    },
    /// [`average_pool`](veilflow_spec::average_pool). The sum over a window must fit ℓ bits.
    AveragePool {
        /// The windows.
        pool: Pool2dShape,
        /// Whether padding counts as zeros. Otherwise it is left out of the mean.
        count_padding: bool,
    },
    /// [`arg_max`](veilflow_spec::arg_max) along the last dimension, an integer of scale 0. Differences of
    /// two elements must fit ℓ bits.
    ArgMax,
    /// The same elements in another shape. Local.
    Reshape,
    /// Dimension i of the output is dimension `perm[i]` of x. Local.
    Transpose {
        /// A permutation of 0..rank.
        perm: Vec<usize>,
    },
    /// Inputs of one width and scale, one after the other. Local.
    Concat {
        /// The axis.
        axis: usize,
    },
    /// Slices of x along an axis, in any order, and any of them more than once. Local.
    Gather {
        /// The axis.
        axis: usize,
        /// Which slice stands at each index of the output's axis.
        indices: Vec<usize>,
    },
    /// Sums mod 2^ℓ over some axes. Each of them is left with one element. Local.
    ReduceSum {
        /// The axes, ascending.
        axes: Vec<usize>,
    },
    /// x within a border of one public integer. Local.
    Pad {
        /// For each dimension, how many elements of border come before x.
        before: Vec<usize>,
        /// For each dimension, how many come after x.
        after: Vec<usize>,
        /// The border.
        value: i64,
    },
}

impl PlanOp {
    /// The op's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Linear { shape: LinearShape::Conv2d(_), .. } => "conv",
            Self::Linear { shape: LinearShape::MatMul(_), .. } => "matmul",
            Self::AddConstant { .. } => "add-constant",
            Self::SubtractFrom { .. } => "subtract-from",
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Multiply { .. } => "multiply",
            Self::Apply { .. } => "apply",
            Self::Relu { .. } => "relu",
            Self::ReluTruncate { .. } => "relu-truncate",
            Self::Clip { .. } => "clip",
            Self::TruncateReduce { .. } => "truncate-reduce",
            Self::Extend { .. } => "extend",
            Self::Narrow { .. } => "narrow",
            Self::ShiftLeft { .. } => "shift-left",
            Self::MaxPool { .. } => "max-pool",
            Self::AveragePool { .. } => "average-pool",
            Self::ArgMax => "arg-max",
            Self::Reshape => "reshape",
            Self::Transpose { .. } => "transpose",
            Self::Concat { .. } => "concat",
            Self::Gather { .. } => "gather",
            Self::ReduceSum { .. } => "reduce-sum",
            Self::Pad { .. } => "pad",
        }
    }

    /// Whether a party computes it on its share alone. A linear layer isn't local, since it takes a
    /// correlation.
    pub fn is_local(&self) -> bool {
        matches!(
            self,
            Self::AddConstant { .. }
                | Self::SubtractFrom { .. }
                | Self::Add
                | Self::Sub
                | Self::Narrow { .. }
                | Self::ShiftLeft { .. }
                | Self::Reshape
                | Self::Transpose { .. }
                | Self::Concat { .. }
                | Self::Gather { .. }
                | Self::ReduceSum { .. }
                | Self::Pad { .. }
        )
    }
}
