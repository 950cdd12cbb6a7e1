//! The fixed-point ops. Each means what the function of `veilflow-spec` that it names returns.
//!
//! Below, x is the input, ℓ its width, f its scale and m its magnitude: −2^m ≤ x < 2^m.

use serde::{Deserialize, Serialize};
use veilflow_spec::math::Function;
use veilflow_spec::{LinearShape, Pool2dShape};

use crate::Shape;

/// Bounds of constants: zero, or powers of two with either sign, so that little is told of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConstantBounds {
    /// No constant is less than this.
    pub least: i64,
    /// None is larger than this.
    pub most: i64,
}

impl ConstantBounds {
    /// The closest bounds of some constants; beyond ±2^62 the ends of the integers.
    pub fn of(constants: &[i64]) -> Self {
        let power = |c: i64| match c.unsigned_abs() {
            0 => 0,
            magnitude if magnitude > 1 << 62 => i64::MAX,
            magnitude => magnitude.next_power_of_two().cast_signed(),
        };
        let least = constants.iter().copied().min().unwrap_or(0).min(0);
        let most = constants.iter().copied().max().unwrap_or(0).max(0);
        Self { least: if least < -(1 << 62) { i64::MIN } else { -power(least) }, most: power(most) }
    }

    /// Whether they hold zero, as they must.
    pub(super) fn are_valid(self) -> bool {
        self.least <= 0 && self.most >= 0
    }

    /// Whether a constant keeps them.
    pub fn contains(self, constant: i64) -> bool {
        (self.least..=self.most).contains(&constant)
    }
}

/// The largest norm that a plan states.
const LARGEST_NORM: u64 = 1 << 62;

/// Bounds of a layer's numbers, from which those of its sums follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerBounds {
    /// No output channel's weights, or row of W, have magnitudes of a larger sum: a power of two.
    pub norm: u64,
    /// Bounds of b.
    pub bias: ConstantBounds,
}

impl LayerBounds {
    /// The closest bounds of these numbers, with one element of `bias` for each row of `weights`; `None`
    /// beyond 2^62.
    pub fn of(weights: &[i64], bias: &[i64]) -> Option<Self> {
        let norm = largest_norm(weights, bias.len())?.checked_next_power_of_two()?;
        (norm <= LARGEST_NORM).then(|| Self { norm, bias: ConstantBounds::of(bias) })
    }

    /// Whether they are ones that [`of`](Self::of) could make.
    pub(super) fn are_valid(self) -> bool {
        self.norm <= LARGEST_NORM && self.bias.are_valid()
    }

    /// Whether numbers keep them.
    pub fn hold(self, weights: &[i64], bias: &[i64]) -> bool {
        let norm = largest_norm(weights, bias.len()).is_some_and(|norm| norm <= self.norm);
        norm && bias.iter().all(|&b| self.bias.contains(b))
    }
}

/// The largest sum of magnitudes of a row.
fn largest_norm(weights: &[i64], rows: usize) -> Option<u64> {
    let norm = |row: &[i64]| row.iter().try_fold(0u64, |sum, w| sum.checked_add(w.unsigned_abs()));
    weights
        .chunks(weights.len().div_ceil(rows.max(1)).max(1))
        .map(norm)
        .try_fold(0, |most, norm| Some(most.max(norm?)))
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
        /// Bounds of W and b, where they help. The server's weights are held to them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bounds: Option<LayerBounds>,
    },
    /// x + c mod 2^ℓ, where the server has c, at x's scale. It is broadcast to x.
    AddConstant {
        /// The shape of c.
        constant: Shape,
        /// Bounds of c, where they help. The server's weights are held to them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bounds: Option<ConstantBounds>,
    },
    /// c − x mod 2^ℓ, where the server has c, at x's scale. It is broadcast to x.
    SubtractFrom {
        /// The shape of c.
        constant: Shape,
        /// Bounds of c, where they help. The server's weights are held to them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bounds: Option<ConstantBounds>,
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
    /// [`relu`](veilflow_spec::relu).
    Relu,
    /// [`relu_truncate`](veilflow_spec::relu_truncate): width ℓ − shift.
    ReluTruncate {
        /// How many low bits are dropped.
        shift: u32,
    },
    /// [`clip`](veilflow_spec::clip): x limited to 0..=limit, at the least width that holds the limit and a
    /// sign, which must be ℓ at most.
    Clip {
        /// The largest value.
        limit: u64,
    },
    /// [`truncate_reduce`](veilflow_spec::truncate_reduce): width ℓ − shift.
    TruncateReduce {
        /// How many low bits are dropped.
        shift: u32,
    },
    /// [`truncate_extend`](veilflow_spec::truncate_extend): width `to` > ℓ − shift.
    TruncateExtend {
        /// How many low bits are dropped.
        shift: u32,
        /// The width of the result.
        to: u32,
    },
    /// x at width `to`: [`sign_extend`](veilflow_spec::sign_extend).
    Extend {
        /// The new width.
        to: u32,
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
    /// [`is_positive`](veilflow_spec::is_positive): 1 where x > 0 and 0 elsewhere, integers of scale 0.
    Positive {
        /// The width of the result, 2 at least.
        to: u32,
    },
    /// The low `width` bits of the products of matrices, x `[S, M, K]` by y `[S, K, N]`:
    /// [`matmul_signed`](veilflow_spec::matmul_signed). The output's scale is the sum of both scales.
    MatrixProduct {
        /// The output's width: at least that of either factor, and at most their sum.
        width: u32,
    },
    /// [`arg_max`](veilflow_spec::arg_max) along the last dimension, an integer of scale 0. Differences of
    /// two elements must fit ℓ bits.
    ArgMax,
    /// [`top_k`](veilflow_spec::top_k) of x, which has one dimension: elements in descending order, each with
    /// its place below it, at width ℓ + b for places of b bits. Differences of two elements must fit ℓ bits.
    TopK {
        /// How many: 1 to the number of x's elements.
        count: usize,
    },
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
            Self::Relu => "relu",
            Self::ReluTruncate { .. } => "relu-truncate",
            Self::Clip { .. } => "clip",
            Self::TruncateReduce { .. } => "truncate-reduce",
            Self::TruncateExtend { .. } => "truncate-extend",
            Self::Extend { .. } => "extend",
            Self::Narrow { .. } => "narrow",
            Self::ShiftLeft { .. } => "shift-left",
            Self::MaxPool { .. } => "max-pool",
            Self::AveragePool { .. } => "average-pool",
            Self::Positive { .. } => "positive",
            Self::MatrixProduct { .. } => "matrix-product",
            Self::ArgMax => "arg-max",
            Self::TopK { .. } => "top-k",
            Self::Reshape => "reshape",
            Self::Transpose { .. } => "transpose",
            Self::Concat { .. } => "concat",
            Self::Gather { .. } => "gather",
            Self::ReduceSum { .. } => "reduce-sum",
            Self::Pad { .. } => "pad",
        }
    }

    /// Whether the server holds numbers for it.
    pub fn has_parameters(&self) -> bool {
        matches!(self, Self::Linear { .. } | Self::AddConstant { .. } | Self::SubtractFrom { .. })
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
