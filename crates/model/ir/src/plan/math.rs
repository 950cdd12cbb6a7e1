//! Functions of fixed-point values: the tables behind an op.

use veilflow_spec::math::{Fixed, Function as Table, Spline};

use super::PlanValue;
use crate::Function;

/// The tables of a function of x, or why there are none.
pub(super) fn spline(function: Function, x: &PlanValue, output: Fixed) -> Result<Spline, String> {
    let table = match function {
        Function::Sigmoid => Table::Sigmoid,
        Function::Tanh => Table::Tanh,
        Function::Erf => Table::Erf,
        Function::Silu => Table::Silu,
        Function::Gelu => Table::Gelu,
        Function::Exp => Table::ExpSigned,
        Function::Log => Table::Log,
        Function::Reciprocal => Table::Reciprocal,
        Function::ReciprocalSqrt => Table::ReciprocalSqrt,
        Function::Sqrt => Table::Sqrt,
    };
    let scale = u32::try_from(x.scale).map_err(|_| format!("an argument of scale {}", x.scale))?;
    table.spline(Fixed { bits: x.width, scale }, output).map_err(|e| e.to_string())
}

impl Function {
    /// Whether no result is negative.
    pub fn is_non_negative(self) -> bool {
        match self {
            Self::Sigmoid | Self::Exp | Self::Reciprocal | Self::ReciprocalSqrt | Self::Sqrt => true,
            Self::Tanh | Self::Erf | Self::Silu | Self::Gelu | Self::Log => false,
        }
    }

    /// Whether fixed point has the function's value at `x`, where results have room for those below `limit`: outside, it is some
    /// other number.
    pub fn admits(self, x: f64, limit: f64) -> bool {
        match self {
            Self::Exp => x.exp() < limit,
            Self::Reciprocal | Self::ReciprocalSqrt | Self::Log => x > 0.0,
            Self::Sqrt => x >= 0.0,
            Self::Sigmoid | Self::Tanh | Self::Erf | Self::Silu | Self::Gelu => true,
        }
    }
}
