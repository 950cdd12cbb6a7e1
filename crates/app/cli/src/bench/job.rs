//! What `veilflow bench op` measures: an operation and its sizes.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use veilflow_correlation::LinearRequest;
use veilflow_net::Role;
use veilflow_ring::Ring;
use veilflow_spec::math::Function;
use veilflow_spec::{Conv2dShape, LinearShape, MatMulShape};

/// Operations that can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[value(rename_all = "kebab-case")]
pub(crate) enum Operation {
    /// max(x, 0).
    Relu,
    /// max(x, 0) shifted right by S, in K − S bits.
    ReluRescale,
    /// [x ≥ 0] as a shared bit.
    Drelu,
    /// [x > 0] as the number 0 or 1, in K bits.
    IsPositive,
    /// Exact arithmetic shift by S in K bits, |x| < 2^K/3.
    Truncate,
    /// Sign extension from K to K + S bits, |x| < 2^K/3.
    Extend,
    /// The maximum of 9 elements; an instance is a window.
    Maxpool9,
    /// A shared bit times a shared element.
    Mux,
    /// A bit of one party times a bit of the other: one random OT each.
    And,
    /// 1 / (1 + e^−x).
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// The error function.
    Erf,
    /// x / (1 + e^−x).
    Silu,
    /// x·(1 + erf(x/√2)) / 2.
    Gelu,
    /// e^x for x ≤ 0.
    Exp,
    /// e^x as long as the result fits.
    ExpSigned,
    /// ln x for x > 0.
    Log,
    /// 1 / x for x > 0.
    Reciprocal,
    /// 1 / √x for x > 0.
    Rsqrt,
    /// √x for x ≥ 0.
    Sqrt,
    /// x / y for y > 0.
    Divide,
    /// Softmax; an instance is a row.
    Softmax,
    /// A row divided by its length; an instance is a row.
    L2Normalise,
    /// A row brought to mean zero and variance one; an instance is a row.
    LayerNorm,
    /// The index of the most significant one.
    MostSignificantIndex,
    /// A product of two shared matrices, K by K bits into 2K.
    MatmulShared,
    /// A convolution with private weights.
    Conv,
    /// A matrix product with private weights.
    Matmul,
}

impl Operation {
    /// The elementary function, if the operation is one.
    pub(super) fn function(self) -> Option<Function> {
        Some(match self {
            Self::Sigmoid => Function::Sigmoid,
            Self::Tanh => Function::Tanh,
            Self::Erf => Function::Erf,
            Self::Silu => Function::Silu,
            Self::Gelu => Function::Gelu,
            Self::Exp => Function::Exp,
            Self::ExpSigned => Function::ExpSigned,
            Self::Log => Function::Log,
            Self::Reciprocal => Function::Reciprocal,
            Self::Rsqrt => Function::ReciprocalSqrt,
            Self::Sqrt => Function::Sqrt,
            _ => return None,
        })
    }
}

/// What to measure. Linear layers are given by their sizes, everything else by a count.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct Job {
    /// The operation.
    #[arg(long = "op")]
    pub(crate) op: Operation,
    /// Width of an element in bits.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) width: u32,
    /// Number of instances.
    #[arg(long, default_value_t = 1 << 14)]
    pub(crate) count: usize,
    /// relu-rescale, truncate: bits to drop (12 if not given); extend: bits to add (as many as there are, at
    /// most to 64).
    #[arg(long)]
    pub(crate) shift: Option<u32>,
    /// Functions: fractional bits of the argument.
    #[arg(long, default_value_t = 12)]
    pub(crate) scale_in: u32,
    /// Functions: fractional bits of the result.
    #[arg(long, default_value_t = 12)]
    pub(crate) scale_out: u32,
    /// softmax, l2-normalise, layer-norm: elements of a row.
    #[arg(long, default_value_t = 64)]
    pub(super) row: usize,
    /// conv: rows and columns of the input.
    #[arg(long, default_value_t = 56)]
    size: usize,
    /// conv: input channels.
    #[arg(long, default_value_t = 64)]
    in_channels: usize,
    /// conv: output channels.
    #[arg(long, default_value_t = 64)]
    out_channels: usize,
    /// conv: rows and columns of the kernel.
    #[arg(long, default_value_t = 3)]
    kernel: usize,
    /// conv: steps between outputs.
    #[arg(long, default_value_t = 1)]
    stride: usize,
    /// matmul, matmul-shared: rows of the first factor.
    #[arg(long, default_value_t = 256)]
    pub(super) rows: usize,
    /// matmul, matmul-shared: columns of the first factor.
    #[arg(long, default_value_t = 256)]
    pub(super) inner: usize,
    /// matmul, matmul-shared: columns of the second factor.
    #[arg(long, default_value_t = 1)]
    pub(super) cols: usize,
    /// conv, matmul: width of a weight in bits.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=32))]
    pub(super) weight_bits: u32,
}

impl Job {
    pub(super) fn shift(&self) -> u32 {
        self.shift.unwrap_or(match self.op {
            Operation::Extend => self.width.min(64 - self.width),
            _ => 12.min(self.width - 1),
        })
    }

    pub(super) fn ring(&self) -> Ring {
        Ring::new(self.width).expect("the argument parser checked the width")
    }

    /// The layer, if the operation is one.
    pub(crate) fn request(&self) -> Result<Option<LinearRequest>> {
        let shape = match self.op {
            Operation::Conv => {
                if self.kernel == 0 || self.stride == 0 {
                    bail!("--kernel and --stride must be positive");
                }
                // "Same" padding as ONNX's SAME_UPPER: ⌈size / stride⌉ outputs, the odd one below and right.
                let out = self.size.div_ceil(self.stride);
                let total = ((out.max(1) - 1) * self.stride + self.kernel).saturating_sub(self.size);
                let (before, after) = (total / 2, total - total / 2);
                LinearShape::Conv2d(Conv2dShape {
                    in_channels: self.in_channels,
                    in_height: self.size,
                    in_width: self.size,
                    out_channels: self.out_channels,
                    kernel: [self.kernel; 2],
                    stride: [self.stride; 2],
                    pads: [before, before, after, after],
                    dilation: [1; 2],
                    groups: 1,
                })
            }
            Operation::Matmul => {
                LinearShape::MatMul(MatMulShape { rows: self.rows, inner: self.inner, columns: self.cols })
            }
            _ => return Ok(None),
        };
        Ok(Some(LinearRequest {
            layer: 0,
            holder: Role::P0,
            shape,
            ring: self.ring(),
            weight_bits: self.weight_bits,
        }))
    }

    /// The scales of argument and result, of a function.
    pub(crate) fn scales(&self) -> Option<[u32; 2]> {
        let on_top = matches!(
            self.op,
            Operation::Divide | Operation::Softmax | Operation::L2Normalise | Operation::LayerNorm
        );
        (on_top || self.op.function().is_some()).then_some([self.scale_in, self.scale_out])
    }

    pub(super) fn matrices(&self) -> MatMulShape {
        MatMulShape { rows: self.rows, inner: self.inner, columns: self.cols }
    }

    /// How often the operation is done.
    pub(super) fn times(&self) -> usize {
        if self.op == Operation::MatmulShared { 1 } else { self.count }
    }

    /// Instances of the operation; outputs, for a layer.
    pub(crate) fn instances(&self) -> usize {
        if self.op == Operation::MatmulShared {
            return self.rows * self.cols;
        }
        self.request().ok().flatten().map_or(self.count, |request| request.shape.out_len())
    }
}
