//! The float ops.
//!
//! Activations are NCHW with a batch of one. Weights are constant inputs.

use veilflow_spec::math::Function;

use crate::shape::Shape;
use crate::window::Window;

/// What a node computes. Shapes are in row-major order; `x`, `w`, `b` are its inputs in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// 2-D convolution of x `[1, groups·I, H, W]` with w `[O, I, kernel]`, plus bias b `[O]` if present.
    /// Padding is zeros.
    Conv {
        /// The sliding window; its kernel is that of w.
        window: Window,
        /// The number of channel groups.
        groups: usize,
    },
    /// x `[…, K]` times w `[K, N]`, plus bias b `[N]` if present.
    MatMul,
    /// a `[S, M, K]` times b `[S, K, N]`, matrix by matrix, where neither is constant.
    MatrixProduct,
    /// a + b, broadcast.
    Add,
    /// a − b, broadcast.
    Sub,
    /// a · b, broadcast.
    Mul,
    /// A function of every element.
    Apply {
        /// The function.
        function: Function,
    },
    /// (x − mean)/√(variance + ε) · scale + shift, channel by channel. The inputs are x, then scale, shift,
    /// mean and variance of shape `[C]`.
    BatchNormalization {
        /// ε.
        epsilon: f32,
    },
    /// max(x, 0).
    Relu,
    /// x limited to `min..=max`. An infinite bound limits nothing.
    Clip {
        /// The least value.
        min: f32,
        /// The largest value.
        max: f32,
    },
    /// The maximum over each window, padding left out.
    MaxPool {
        /// The sliding window.
        window: Window,
    },
    /// The mean over each window.
    AveragePool {
        /// The sliding window.
        window: Window,
        /// Whether padding counts as zeros. Otherwise it is left out of the mean.
        include_padding: bool,
    },
    /// The same elements, another shape.
    Reshape {
        /// The new shape.
        shape: Shape,
    },
    /// Dimension i of the output is dimension `perm[i]` of x.
    Transpose {
        /// A permutation of 0..rank.
        perm: Vec<usize>,
    },
    /// Inputs one after the other along an axis.
    Concat {
        /// The axis.
        axis: usize,
    },
    /// x within a border of one value.
    Pad {
        /// For each dimension, how many elements of border come before x.
        before: Vec<usize>,
        /// For each dimension, how many come after x.
        after: Vec<usize>,
        /// The border's value.
        value: f32,
    },
    /// Slices of x along an axis: index i of the output's axis is index `indices[i]` of x's. Slicing and
    /// splitting are written as this too.
    Gather {
        /// The axis.
        axis: usize,
        /// Which slices, in order. Some may be left out, and some taken more than once.
        indices: Vec<usize>,
    },
    /// The sum over some axes. Each of them is left with one element.
    ReduceSum {
        /// The axes, ascending.
        axes: Vec<usize>,
    },
    /// 1 where x > 0, else 0.
    Positive,
    /// The largest integer that is at most x.
    Floor,
    /// The index of the largest element along the last dimension, the first of equals. That dimension is
    /// left with one element.
    ArgMax,
    /// x itself.
    Identity,
}

impl Op {
    /// The op's name, as the text form and errors show it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Conv { .. } => "conv",
            Self::MatMul => "matmul",
            Self::MatrixProduct => "matrix-product",
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Apply { .. } => "apply",
            Self::BatchNormalization { .. } => "batch-normalization",
            Self::Relu => "relu",
            Self::Clip { .. } => "clip",
            Self::MaxPool { .. } => "max-pool",
            Self::AveragePool { .. } => "average-pool",
            Self::Reshape { .. } => "reshape",
            Self::Transpose { .. } => "transpose",
            Self::Concat { .. } => "concat",
            Self::Pad { .. } => "pad",
            Self::Gather { .. } => "gather",
            Self::ReduceSum { .. } => "reduce-sum",
            Self::Positive => "positive",
            Self::Floor => "floor",
            Self::ArgMax => "arg-max",
            Self::Identity => "identity",
        }
    }
}
