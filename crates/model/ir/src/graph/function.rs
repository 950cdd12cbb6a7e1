//! Functions of one real argument.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A function that an op applies to every element; the names are those of `veilflow_spec::math`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Function {
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
    /// e^x.
    Exp,
    /// The natural logarithm.
    Log,
    /// 1 / x.
    Reciprocal,
    /// 1 / √x.
    ReciprocalSqrt,
    /// √x.
    Sqrt,
}

impl Function {
    /// Every function.
    pub const ALL: [Self; 10] = [
        Self::Sigmoid,
        Self::Tanh,
        Self::Erf,
        Self::Silu,
        Self::Gelu,
        Self::Exp,
        Self::Log,
        Self::Reciprocal,
        Self::ReciprocalSqrt,
        Self::Sqrt,
    ];

    /// The function's name, as the text form and errors show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Erf => "erf",
            Self::Silu => "silu",
            Self::Gelu => "gelu",
            Self::Exp => "exp",
            Self::Log => "log",
            Self::Reciprocal => "reciprocal",
            Self::ReciprocalSqrt => "reciprocal-sqrt",
            Self::Sqrt => "sqrt",
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
