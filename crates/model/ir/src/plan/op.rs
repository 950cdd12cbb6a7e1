//! The fixed-point ops: each means what the function of `veilflow-spec` it names says.
//!
//! x is the input, ℓ its width, m its magnitude (−2^m ≤ x < 2^m).

use serde::{Deserialize, Serialize};
use veilflow_spec::math::{Fixed, Spline};
use veilflow_spec::{LinearShape, Pool2dShape};

use super::PlanValue;
use super::math::spline;
use crate::{Function, Shape};

/// What is known of the sign when a tensor is widened; it decides the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extension {
    /// Never negative: the sign bit is known.
    NonNegative,
    /// Of either sign, with m ≤ ℓ − 2: the wrap is cheap to find (GeoMPC, arXiv 2509.01178).
    SignedWithSlack,
    /// Of either sign, any value.
    Signed,
}

/// What a node of the plan computes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PlanOp {
    /// W·x + b mod 2^ℓ with W and b of the server: [`linear`](veilflow_spec::linear), then
    /// [`add_bias`](veilflow_spec::add_bias). The output's scale is the sum of both scales.
    Linear {
        /// The layer; for a matrix product the input has a column for each column of the output.
        shape: LinearShape,
        /// Width of a weight, sign included.
        weight_bits: u32,
        /// Fractional bits of a weight.
        weight_scale: i32,
        /// The node, an earlier one, whose weights it takes; a bias is each node's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weights_of: Option<usize>,
    },
    /// x + c mod 2^ℓ, with c of the server, at x's scale and broadcast from this shape.
    AddConstant {
        /// The shape of c.
        constant: Shape,
    },
    /// c − x mod 2^ℓ, with c of the server, at x's scale and broadcast from this shape.
    SubtractFrom {
        /// The shape of c.
        constant: Shape,
    },
    /// x + y mod 2^ℓ.
    Add,
    /// x − y mod 2^ℓ.
    Sub,
    /// x·y, [`multiply_signed`](veilflow_spec::multiply_signed), of which the low `width` bits are made; scales add.
    Multiply {
        /// The width, at least that of either factor and at most their sum.
        width: u32,
    },
    /// [`apply`](veilflow_spec::math::apply) of a function to every element.
    Apply {
        /// The function.
        function: Function,
        /// Width of the result.
        width: u32,
        /// Fractional bits of the result.
        scale: u32,
    },
    /// [`relu`](veilflow_spec::relu) of x, whose low `compare_bits` bits hold its sign: m < compare_bits ≤ ℓ.
    Relu {
        /// The bits to compare.
        compare_bits: u32,
    },
    /// x narrowed to `compare_bits` > m bits, then [`relu_truncate`](veilflow_spec::relu_truncate): width
    /// compare_bits − shift.
    ReluTruncate {
        /// Bits dropped.
        shift: u32,
        /// The bits to compare.
        compare_bits: u32,
    },
    /// [`clip`](veilflow_spec::clip): x limited to 0..=limit, where x and x − limit fit the low `compare_bits` bits.
    Clip {
        /// The largest value.
        limit: u64,
        /// The bits to compare.
        compare_bits: u32,
    },
    /// [`truncate_reduce`](veilflow_spec::truncate_reduce): width ℓ − shift.
    TruncateReduce {
        /// Bits dropped.
        shift: u32,
    },
    /// [`arithmetic_shift`](veilflow_spec::arithmetic_shift): width ℓ.
    ArithmeticShift {
        /// Bits dropped.
        shift: u32,
    },
    /// [`sign_extend`](veilflow_spec::sign_extend), or [`zero_extend`](veilflow_spec::zero_extend) where x is never
    /// negative: width `to`.
    Extend {
        /// The new width.
        to: u32,
        /// What is known of the sign.
        sign: Extension,
    },
    /// The low `to` bits; local.
    Narrow {
        /// The new width.
        to: u32,
    },
    /// x·2^by at width ℓ + by and scale f + by: the same number, finer; local.
    ShiftLeft {
        /// Bits added.
        by: u32,
    },
    /// [`max_pool`](veilflow_spec::max_pool); differences must fit ℓ bits.
    MaxPool {
        /// The windows.
        pool: Pool2dShape,
    },
    /// [`average_pool`](veilflow_spec::average_pool); sums must fit ℓ bits.
    AveragePool {
        /// The windows.
        pool: Pool2dShape,
        /// Padding counts as zeros.
        count_padding: bool,
    },
    /// [`arg_max`](veilflow_spec::arg_max) along the last dimension, an integer of scale 0; differences must fit ℓ bits.
    ArgMax,
    /// The same elements, another shape; local.
    Reshape,
    /// Dimension i of the output is dimension `perm[i]` of x; local.
    Transpose {
        /// A permutation of 0..rank.
        perm: Vec<usize>,
    },
    /// Inputs of one width and scale, one after the other; local.
    Concat {
        /// The axis.
        axis: usize,
    },
    /// Slices of x along an axis, in any order, some often; local.
    Gather {
        /// The axis.
        axis: usize,
        /// Which slice stands at each index of the output's axis.
        indices: Vec<usize>,
    },
    /// Sums mod 2^ℓ over some axes, each of which stays with one element; local.
    ReduceSum {
        /// The axes, ascending.
        axes: Vec<usize>,
    },
    /// A border of one public integer; local.
    Pad {
        /// Elements before, a dimension each.
        before: Vec<usize>,
        /// Elements after, a dimension each.
        after: Vec<usize>,
        /// The border.
        value: i64,
    },
}

/// What an op makes of its inputs, as far as it is determined by them.
pub(super) struct Made {
    pub(super) width: u32,
    pub(super) scale: i32,
    pub(super) non_negative: bool,
}

impl Made {
    fn like(x: &PlanValue) -> Self {
        Self { width: x.width, scale: x.scale, non_negative: x.non_negative }
    }

    fn of_width(self, width: u32) -> Self {
        Self { width, ..self }
    }

    fn of_scale(self, scale: i32) -> Self {
        Self { scale, ..self }
    }

    fn of_sign(self, non_negative: bool) -> Self {
        Self { non_negative, ..self }
    }
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
            Self::ArithmeticShift { .. } => "arithmetic-shift",
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

    /// Whether a party computes it on its share alone. Linear layers don't count: they consume a correlation.
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

    /// The tables of an [`Apply`](Self::Apply) to `x`; nothing for other ops, or if the formats are none of the function's.
    pub fn spline(&self, x: &PlanValue) -> Option<Spline> {
        match *self {
            Self::Apply { function, width, scale } => spline(function, x, Fixed { bits: width, scale }).ok(),
            _ => None,
        }
    }

    pub(super) fn accepts(&self, inputs: usize) -> bool {
        match self {
            Self::Add | Self::Sub | Self::Multiply { .. } => inputs == 2,
            Self::Concat { .. } => inputs >= 1,
            _ => inputs == 1,
        }
    }

    /// Width, scale and sign of the output, or which rule the inputs break. Assumes the right number of inputs.
    pub(super) fn make(&self, inputs: &[&PlanValue]) -> Result<Made, String> {
        let x = inputs[0];
        let made = Made::like(x);
        let within = |bits: u32, least: u32| {
            if bits >= least && bits <= x.width {
                Ok(())
            } else {
                Err(format!("{bits} bits instead of {least}..={}", x.width))
            }
        };
        let shift_fits = |shift: u32, width: u32| {
            if shift < width { Ok(()) } else { Err(format!("shift by {shift} of {width} bits")) }
        };
        match self {
            Self::Linear { weight_bits, weight_scale, .. } => {
                if !(1..=32).contains(weight_bits) {
                    return Err(format!("weights of {weight_bits} bits"));
                }
                Ok(made.of_scale(x.scale.saturating_add(*weight_scale)).of_sign(false))
            }
            Self::AddConstant { .. } | Self::SubtractFrom { .. } => Ok(made.of_sign(false)),
            Self::Add | Self::Sub | Self::Concat { .. } => {
                if let Some(y) = inputs.iter().find(|y| (y.width, y.scale) != (x.width, x.scale)) {
                    return Err(format!(
                        "inputs of {} bits at scale {} and {} bits at scale {}",
                        x.width, x.scale, y.width, y.scale
                    ));
                }
                let all = inputs.iter().all(|y| y.non_negative);
                Ok(made.of_sign(all && *self != Self::Sub))
            }
            Self::Multiply { width } => {
                let y = inputs[1];
                let (least, most) = (x.width.max(y.width), x.width + y.width);
                if most > 64 || !(least..=most).contains(width) {
                    let factors = format!("factors of {} and {} bits", x.width, y.width);
                    return Err(format!("{width} bits of {factors}"));
                }
                let both = x.non_negative && y.non_negative;
                Ok(made.of_width(*width).of_scale(x.scale + y.scale).of_sign(both))
            }
            Self::Apply { function, width, scale } => {
                spline(*function, x, Fixed { bits: *width, scale: *scale })?;
                let scaled = made.of_width(*width).of_scale(*scale as i32);
                Ok(scaled.of_sign(function.is_non_negative()))
            }
            Self::Relu { compare_bits } => {
                within(*compare_bits, x.magnitude + 1)?;
                Ok(made.of_sign(true))
            }
            Self::ReluTruncate { shift, compare_bits } => {
                within(*compare_bits, x.magnitude + 1)?;
                shift_fits(*shift, *compare_bits)?;
                Ok(made.of_width(compare_bits - shift).of_scale(x.scale - *shift as i32).of_sign(true))
            }
            Self::Clip { limit, compare_bits } => {
                within(*compare_bits, x.magnitude + 1)?;
                // x − limit ≥ −2^m − limit, unless x is never negative.
                let least = if x.non_negative { 0 } else { 1u128 << x.magnitude };
                if u128::from(*limit) + least > 1u128 << (compare_bits - 1) {
                    return Err(format!("x − {limit} doesn't fit {compare_bits} bits"));
                }
                Ok(made.of_sign(true))
            }
            Self::TruncateReduce { shift } => {
                shift_fits(*shift, x.width)?;
                Ok(made.of_width(x.width - shift).of_scale(x.scale - *shift as i32))
            }
            Self::ArithmeticShift { shift } => {
                shift_fits(*shift, x.width)?;
                Ok(made.of_scale(x.scale - *shift as i32))
            }
            Self::Extend { to, sign } => {
                let holds = match sign {
                    Extension::NonNegative => x.non_negative,
                    Extension::SignedWithSlack => x.magnitude + 2 <= x.width,
                    Extension::Signed => true,
                };
                if !holds {
                    return Err(format!("{sign:?} doesn't hold of its input"));
                }
                if *to <= x.width || *to > 64 {
                    return Err(format!("from {} to {to} bits", x.width));
                }
                Ok(made.of_width(*to))
            }
            Self::Narrow { to } => {
                within(*to, 1)?;
                Ok(made.of_width(*to))
            }
            Self::ShiftLeft { by } => {
                if *by > 64 - x.width {
                    return Err(format!("{} bits shifted left by {by}", x.width));
                }
                Ok(made.of_width(x.width + by).of_scale(x.scale + *by as i32))
            }
            Self::MaxPool { .. } => {
                differences_fit(x)?;
                Ok(made)
            }
            Self::ArgMax => {
                differences_fit(x)?;
                Ok(Made { width: 32, scale: 0, non_negative: true })
            }
            Self::Pad { value, .. } => {
                let magnitude = value.unsigned_abs();
                if x.width < 64 && magnitude >> (x.width - 1) != 0 {
                    return Err(format!("border {value} in {} bits", x.width));
                }
                Ok(Made { non_negative: x.non_negative && *value >= 0, ..made })
            }
            Self::AveragePool { pool, .. } => {
                let area = pool.kernel[0].saturating_mul(pool.kernel[1]) as u128;
                if area >= 1u128 << (x.width - 1) {
                    return Err(format!("a window of {area} elements in {} bits", x.width));
                }
                Ok(made)
            }
            Self::Reshape | Self::Transpose { .. } | Self::Gather { .. } | Self::ReduceSum { .. } => Ok(made),
        }
    }
}

/// Differences of two elements stay within ±2^m if none is negative, else within ±2^(m+1).
fn differences_fit(x: &PlanValue) -> Result<(), String> {
    let needed = x.magnitude + if x.non_negative { 1 } else { 2 };
    if needed <= x.width {
        Ok(())
    } else {
        Err(format!("differences need {needed} bits, the width is {}", x.width))
    }
}
