//! Width, scale and sign of each op's output, by those of its inputs.

use veilflow_spec::math::{Fixed, Function, Spline};
use veilflow_spec::place_bits;

use super::op::{ConstantBounds, PlanOp};
use super::value::PlanValue;
use crate::error::{Reason, refuse};

/// What an op and its inputs determine of its output.
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
    /// The tables of an [`Apply`](Self::Apply) to `x`. There are none for other ops, nor for formats that the
    /// function doesn't take.
    pub fn spline(&self, x: &PlanValue) -> Option<Spline> {
        match *self {
            Self::Apply { function, width, scale } => spline(function, x, Fixed { bits: width, scale }).ok(),
            _ => None,
        }
    }

    pub(super) fn accepts(&self, inputs: usize) -> bool {
        match self {
            Self::Add | Self::Sub | Self::Multiply { .. } | Self::MatrixProduct { .. } => inputs == 2,
            Self::Concat { .. } => inputs >= 1,
            _ => inputs == 1,
        }
    }

    /// What is made of as many inputs as the op [`accepts`](Self::accepts), or the rule that they break.
    pub(super) fn make(&self, inputs: &[&PlanValue]) -> Result<Made, Reason> {
        let x = inputs[0];
        let made = Made::like(x);
        let within = |bits: u32, least: u32| {
            if bits >= least && bits <= x.width {
                Ok(())
            } else {
                refuse(format!("{bits} bits instead of {least}..={}", x.width))
            }
        };
        let shift_fits = |shift: u32, width: u32| {
            if shift < width { Ok(()) } else { refuse(format!("shift by {shift} of {width} bits")) }
        };
        match self {
            Self::Linear { weight_bits, weight_scale, bounds, .. } => {
                if bounds.is_some_and(|bounds| !bounds.are_valid()) {
                    return refuse("bounds that no layer has");
                }
                if !(1..=32).contains(weight_bits) {
                    return refuse(format!("weights of {weight_bits} bits"));
                }
                Ok(made.of_scale(x.scale.saturating_add(*weight_scale)).of_sign(false))
            }
            Self::AddConstant { bounds, .. } | Self::SubtractFrom { bounds, .. } => {
                match bounds.is_none_or(ConstantBounds::are_valid) {
                    true => Ok(made.of_sign(false)),
                    false => refuse("bounds that leave out zero"),
                }
            }
            Self::Add | Self::Sub | Self::Concat { .. } => {
                if let Some(y) = inputs.iter().find(|y| (y.width, y.scale) != (x.width, x.scale)) {
                    return refuse(format!(
                        "inputs of {} bits at scale {} and {} bits at scale {}",
                        x.width, x.scale, y.width, y.scale
                    ));
                }
                let all = inputs.iter().all(|y| y.non_negative);
                Ok(made.of_sign(all && *self != Self::Sub))
            }
            Self::Multiply { width } | Self::MatrixProduct { width } => {
                let y = inputs[1];
                let (least, most) = (x.width.max(y.width), x.width + y.width);
                if most > 64 || !(least..=most).contains(width) {
                    let factors = format!("factors of {} and {} bits", x.width, y.width);
                    return refuse(format!("{width} bits of {factors}"));
                }
                let matrices = matches!(self, Self::MatrixProduct { .. });
                let both = x.non_negative && y.non_negative && !matrices;
                Ok(made.of_width(*width).of_scale(x.scale + y.scale).of_sign(both))
            }
            Self::Apply { function, width, scale } => {
                spline(*function, x, Fixed { bits: *width, scale: *scale })?;
                let scaled = made.of_width(*width).of_scale(*scale as i32);
                Ok(scaled.of_sign(function.is_non_negative()))
            }
            Self::Relu => Ok(made.of_sign(true)),
            Self::ReluTruncate { shift } => {
                shift_fits(*shift, x.width)?;
                Ok(made.of_width(x.width - shift).of_scale(x.scale - *shift as i32).of_sign(true))
            }
            Self::Clip { limit } => {
                let width = 65 - limit.leading_zeros();
                if width > x.width {
                    return refuse(format!("a limit of {limit} in {} bits", x.width));
                }
                Ok(made.of_width(width).of_sign(true))
            }
            Self::TruncateReduce { shift } => {
                shift_fits(*shift, x.width)?;
                Ok(made.of_width(x.width - shift).of_scale(x.scale - *shift as i32))
            }
            Self::TruncateExtend { shift, to } => {
                shift_fits(*shift, x.width)?;
                if *to <= x.width - shift || *to > 64 {
                    return refuse(format!("from {} to {to} bits", x.width - shift));
                }
                Ok(made.of_width(*to).of_scale(x.scale - *shift as i32))
            }
            Self::Extend { to } => {
                if *to <= x.width || *to > 64 {
                    return refuse(format!("from {} to {to} bits", x.width));
                }
                Ok(made.of_width(*to))
            }
            Self::Narrow { to } => {
                within(*to, 1)?;
                Ok(made.of_width(*to))
            }
            Self::ShiftLeft { by } => {
                if *by > 64 - x.width {
                    return refuse(format!("{} bits shifted left by {by}", x.width));
                }
                Ok(made.of_width(x.width + by).of_scale(x.scale + *by as i32))
            }
            Self::MaxPool { .. } => {
                differences_fit(x)?;
                Ok(made)
            }
            Self::Positive { to } => match to {
                2..=64 => Ok(Made { width: *to, scale: 0, non_negative: true }),
                _ => refuse(format!("0 or 1 in {to} bits")),
            },
            Self::ArgMax => {
                differences_fit(x)?;
                Ok(Made { width: 32, scale: 0, non_negative: true })
            }
            Self::TopK { count } => {
                differences_fit(x)?;
                let (elements, width) = (x.shape.elements(), x.width + place_bits(x.shape.elements()));
                if *count == 0 || *count > elements || width > 64 {
                    return refuse(format!("the {count} largest of {elements} elements in {width} bits"));
                }
                Ok(made.of_width(width))
            }
            Self::Pad { value, .. } => {
                let magnitude = value.unsigned_abs();
                if x.width < 64 && magnitude >> (x.width - 1) != 0 {
                    return refuse(format!("border {value} in {} bits", x.width));
                }
                Ok(Made { non_negative: x.non_negative && *value >= 0, ..made })
            }
            Self::AveragePool { pool, .. } => {
                let area = pool.kernel[0].saturating_mul(pool.kernel[1]) as u128;
                if area >= 1u128 << (x.width - 1) {
                    return refuse(format!("a window of {area} elements in {} bits", x.width));
                }
                Ok(made)
            }
            Self::Reshape | Self::Transpose { .. } | Self::Gather { .. } | Self::ReduceSum { .. } => Ok(made),
        }
    }
}

/// The tables of a function of x, or why there are none.
fn spline(function: Function, x: &PlanValue, output: Fixed) -> Result<Spline, Reason> {
    let scale = u32::try_from(x.scale).map_err(|_| format!("an argument of scale {}", x.scale))?;
    Ok(function.spline(Fixed { bits: x.width, scale }, output).map_err(|error| error.to_string())?)
}

/// Differences of two elements stay within ±2^m if none is negative, else within ±2^(m+1).
fn differences_fit(x: &PlanValue) -> Result<(), Reason> {
    let needed = x.magnitude + if x.non_negative { 1 } else { 2 };
    if needed <= x.width {
        Ok(())
    } else {
        refuse(format!("differences need {needed} bits, the width is {}", x.width))
    }
}
