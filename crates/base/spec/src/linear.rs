//! Linear layers over Z_2^ℓ: convolution, matrix product, bias.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use veilflow_ring::RingVec;

/// A shape that describes no layer, or one too large to address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("invalid linear layer: {0}")]
pub struct ShapeError(pub String);

/// A two-dimensional convolution. Input `in_channels` × `in_height` × `in_width`, weights `out_channels` ×
/// (`in_channels` / `groups`) × kernel, output `out_channels` × `out_height` × `out_width`, zero padding.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Conv2dShape {
    /// Input planes.
    pub in_channels: usize,
    /// Rows of an input plane.
    pub in_height: usize,
    /// Columns of an input plane.
    pub in_width: usize,
    /// Output planes.
    pub out_channels: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Steps down and across.
    pub stride: [usize; 2],
    /// Padding: top, left, bottom, right.
    pub pads: [usize; 4],
    /// Distance between kernel taps, down and across.
    pub dilation: [usize; 2],
    /// Groups of channels that do not mix; `in_channels` for a depthwise convolution.
    pub groups: usize,
}

impl Conv2dShape {
    /// Rows of an output plane.
    pub fn out_height(&self) -> usize {
        let span = self.dilation[0] * (self.kernel[0] - 1) + 1;
        (self.in_height + self.pads[0] + self.pads[2] - span) / self.stride[0] + 1
    }

    /// Columns of an output plane.
    pub fn out_width(&self) -> usize {
        let span = self.dilation[1] * (self.kernel[1] - 1) + 1;
        (self.in_width + self.pads[1] + self.pads[3] - span) / self.stride[1] + 1
    }

    /// The input position under tap (`tap_row`, `tap_column`) of output (`row`, `column`), unless it is
    /// padding.
    pub fn input_at(
        &self,
        [row, column]: [usize; 2],
        [tap_row, tap_column]: [usize; 2],
    ) -> Option<[usize; 2]> {
        let r = (row * self.stride[0] + tap_row * self.dilation[0]).checked_sub(self.pads[0])?;
        let c = (column * self.stride[1] + tap_column * self.dilation[1]).checked_sub(self.pads[1])?;
        (r < self.in_height && c < self.in_width).then_some([r, c])
    }
}

/// The product of a server-held `rows` × `inner` matrix with a client-side `inner` × `columns` matrix,
/// row-major.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MatMulShape {
    /// Rows of the weights and of the output.
    pub rows: usize,
    /// Columns of the weights, rows of the input.
    pub inner: usize,
    /// Columns of the input and of the output.
    pub columns: usize,
}

/// A linear layer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LinearShape {
    /// A convolution.
    Conv2d(Conv2dShape),
    /// A matrix product.
    MatMul(MatMulShape),
}

impl LinearShape {
    /// Number of input elements.
    pub fn in_len(&self) -> usize {
        match self {
            Self::Conv2d(s) => s.in_channels * s.in_height * s.in_width,
            Self::MatMul(s) => s.inner * s.columns,
        }
    }

    /// Number of weights.
    pub fn weight_len(&self) -> usize {
        match self {
            Self::Conv2d(s) => s.out_channels * (s.in_channels / s.groups) * s.kernel[0] * s.kernel[1],
            Self::MatMul(s) => s.rows * s.inner,
        }
    }

    /// Number of output elements.
    pub fn out_len(&self) -> usize {
        match self {
            Self::Conv2d(s) => s.out_channels * s.out_height() * s.out_width(),
            Self::MatMul(s) => s.rows * s.columns,
        }
    }

    /// Number of bias elements: one an output channel or row.
    pub fn bias_len(&self) -> usize {
        match self {
            Self::Conv2d(s) => s.out_channels,
            Self::MatMul(s) => s.rows,
        }
    }

    /// Whether weights of the other layer, laid out alike, are weights of this one.
    pub fn has_weights_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::MatMul(a), Self::MatMul(b)) => (a.rows, a.inner) == (b.rows, b.inner),
            (Self::Conv2d(a), Self::Conv2d(b)) => {
                let layout = |s: &Conv2dShape| (s.in_channels, s.out_channels, s.kernel, s.groups);
                layout(a) == layout(b)
            }
            _ => false,
        }
    }

    /// Multiplications.
    pub fn multiplications(&self) -> usize {
        self.weight_len() * self.out_len() / self.bias_len()
    }

    /// Checks that every size is positive, consistent, and small enough that no size computation overflows.
    pub fn validate(&self) -> Result<(), ShapeError> {
        let bad = |why: &str| Err(ShapeError(why.to_owned()));
        let limit = |sizes: &[usize]| {
            let product = sizes.iter().try_fold(1usize, |p, &s| p.checked_mul(s));
            sizes.iter().all(|&s| s > 0) && product.is_some_and(|p| p <= 1 << 31)
        };
        match self {
            Self::MatMul(s) => {
                if !limit(&[s.rows, s.inner]) || !limit(&[s.inner, s.columns]) || !limit(&[s.rows, s.columns])
                {
                    return bad("a matrix is empty or has over 2^31 elements");
                }
            }
            Self::Conv2d(s) => {
                let small = |v: usize| v < 1 << 24;
                let steps = s.stride.iter().chain(&s.dilation).chain(&s.kernel);
                if !steps.clone().all(|&v| v > 0 && small(v)) || !s.pads.iter().all(|&v| small(v)) {
                    return bad("kernel, stride and dilation must be positive, padding moderate");
                }
                if s.groups == 0 || s.in_channels % s.groups != 0 || s.out_channels % s.groups != 0 {
                    return bad("groups must divide input and output channels");
                }
                let span = |i: usize| s.dilation[i].saturating_mul(s.kernel[i] - 1) + 1;
                let (h, w) = (s.in_height, s.in_width);
                if !limit(&[s.in_channels, h, w]) || !small(h) || !small(w) {
                    return bad("the input is empty or has over 2^31 elements");
                }
                if h + s.pads[0] + s.pads[2] < span(0) || w + s.pads[1] + s.pads[3] < span(1) {
                    return bad("the kernel is larger than the padded input");
                }
                if !limit(&[s.out_channels, s.in_channels / s.groups, s.kernel[0], s.kernel[1]])
                    || !limit(&[s.out_channels, s.out_height(), s.out_width()])
                {
                    return bad("weights or output are empty or have over 2^31 elements");
                }
            }
        }
        Ok(())
    }
}

/// W · x mod 2^ℓ, with W given as signed integers and ℓ the width of `x`. A convolution of stride s, dilation
/// d and padding p is, in one dimension and for output channel o,
///
/// $$ y_{o,i} = \sum_c \sum_t w_{o,c,t} \cdot x_{c, s i + d t - p} \bmod 2^\ell $$
///
/// over the input channels c of o's group and the taps t; x is zero outside its plane. Panics if lengths do
/// not fit `shape`.
pub fn linear(shape: &LinearShape, weights: &[i64], x: &RingVec) -> RingVec {
    assert_eq!(weights.len(), shape.weight_len(), "weights do not fit the layer");
    assert_eq!(x.len(), shape.in_len(), "input does not fit the layer");
    let mut out = vec![0u64; shape.out_len()];
    match shape {
        LinearShape::MatMul(s) => {
            for i in 0..s.rows {
                for j in 0..s.columns {
                    for k in 0..s.inner {
                        let product =
                            (weights[i * s.inner + k] as u64).wrapping_mul(x.values()[k * s.columns + j]);
                        out[i * s.columns + j] = out[i * s.columns + j].wrapping_add(product);
                    }
                }
            }
        }
        LinearShape::Conv2d(s) => convolve(s, weights, x.values(), &mut out),
    }
    RingVec::from_values(x.ring(), out)
}

fn convolve(s: &Conv2dShape, weights: &[i64], x: &[u64], out: &mut [u64]) {
    let (group_in, group_out) = (s.in_channels / s.groups, s.out_channels / s.groups);
    let (out_height, out_width) = (s.out_height(), s.out_width());
    for o in 0..s.out_channels {
        for row in 0..out_height {
            for column in 0..out_width {
                let mut sum = 0u64;
                for c in 0..group_in {
                    let channel = o / group_out * group_in + c;
                    for tap in 0..s.kernel[0] * s.kernel[1] {
                        let taps = [tap / s.kernel[1], tap % s.kernel[1]];
                        if let Some([r, k]) = s.input_at([row, column], taps) {
                            let w = weights[(o * group_in + c) * s.kernel[0] * s.kernel[1] + tap] as u64;
                            let v = x[(channel * s.in_height + r) * s.in_width + k];
                            sum = sum.wrapping_add(w.wrapping_mul(v));
                        }
                    }
                }
                out[(o * out_height + row) * out_width + column] = sum;
            }
        }
    }
}

/// Adds bias i to every output of channel or row i. Panics unless the bias divides the output evenly.
pub fn add_bias(x: &RingVec, bias: &[i64]) -> RingVec {
    assert!(!bias.is_empty() && x.len().is_multiple_of(bias.len()), "bias does not fit the output");
    let per = x.len() / bias.len();
    let values = x.values().iter().enumerate().map(|(i, v)| v.wrapping_add(bias[i / per] as u64)).collect();
    RingVec::from_values(x.ring(), values)
}
