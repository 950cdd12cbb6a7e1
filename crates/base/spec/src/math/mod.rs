//! Elementary functions in fixed point, each a table of straight pieces made by integer arithmetic.
//!
//! A result differs from the correctly rounded one by at most one unit in the last place, on the arguments of
//! a function's [domain](Spline::domain) (`tests/math.rs`, over all 16-bit arguments). For before it is
//! rounded to nearest it errs by less than a unit: by 1/2 for the piece (3/8 in octaves), 1/8 for its value,
//! 1/4 for its slope, 1/8 in octaves for a position that drops bits; or past the last piece by 3/4 and 1/8.

mod division;
mod format;
mod lines;
mod mantissa;
mod normalise;
mod octaves;
mod precise;
mod softmax;
mod uniform;

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use veilflow_ring::RingVec;

pub use division::{Division, divide};
pub use format::{Fixed, MathError};
pub use lines::{Piece, Pieces};
pub use mantissa::Mantissa;
pub use normalise::{Norm, Normalise, normalise};
pub use octaves::{OctaveSpline, Octaves};
pub use softmax::{Softmax, softmax};
pub use uniform::{Symmetry, Uniform, UniformSpline};

/// A function with its formats and tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spline {
    /// On pieces of one length.
    Uniform(UniformSpline),
    /// On pieces that grow with the argument.
    Octaves(OctaveSpline),
}

/// An elementary function. Plans and reports write it as its [`name`](Self::name).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Function {
    /// $\dfrac{1}{1 + e^{-x}}$.
    Sigmoid,
    /// $\tanh x = \dfrac{e^x - e^{-x}}{e^x + e^{-x}}$.
    Tanh,
    /// The error function, $\dfrac{2}{\sqrt{\pi}} \int_0^x e^{-t^2} dt$.
    Erf,
    /// $\dfrac{x}{1 + e^{-x}}$, where the argument has at least as many integer bits as the result.
    Silu,
    /// $\dfrac{x}{2} \bigl(1 + \operatorname{erf} \dfrac{x}{\sqrt 2}\bigr)$, where the argument has at least
    /// as many integer bits as the result.
    Gelu,
    /// $e^x$ for $x \le 0$. A positive x is read as $x - 2^\ell$.
    #[serde(rename = "exp-of-negative")]
    Exp,
    /// $e^x$ for x up to where the result leaves its format, or 17 bits. A larger x is read as $x - 2^\ell$.
    #[serde(rename = "exp")]
    ExpSigned,
    /// $1 / x$ for $x > 0$; see [`OctaveSpline`] for where it saturates.
    Reciprocal,
    /// $1 / \sqrt x$ for $x > 0$; see [`OctaveSpline`] for where it saturates.
    ReciprocalSqrt,
    /// $\sqrt x$ for $x \ge 0$; see [`OctaveSpline`] for where it saturates.
    Sqrt,
    /// $\ln x$ for $x > 0$; at zero that of the smallest argument.
    Log,
}

impl Function {
    /// Every function.
    pub const ALL: [Self; 11] = [
        Self::Sigmoid,
        Self::Tanh,
        Self::Erf,
        Self::Silu,
        Self::Gelu,
        Self::Exp,
        Self::ExpSigned,
        Self::Reciprocal,
        Self::ReciprocalSqrt,
        Self::Sqrt,
        Self::Log,
    ];

    /// The function's name in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Erf => "erf",
            Self::Silu => "silu",
            Self::Gelu => "gelu",
            Self::Exp => "exp-of-negative",
            Self::ExpSigned => "exp",
            Self::Reciprocal => "reciprocal",
            Self::ReciprocalSqrt => "reciprocal-sqrt",
            Self::Sqrt => "sqrt",
            Self::Log => "log",
        }
    }

    /// Whether no result is negative.
    pub fn is_non_negative(self) -> bool {
        match self {
            Self::Sigmoid
            | Self::Exp
            | Self::ExpSigned
            | Self::Reciprocal
            | Self::ReciprocalSqrt
            | Self::Sqrt => true,
            Self::Tanh | Self::Erf | Self::Silu | Self::Gelu | Self::Log => false,
        }
    }

    /// The function's tables for arguments and results of the given formats.
    pub fn spline(self, input: Fixed, output: Fixed) -> Result<Spline, MathError> {
        let uniform = |f| UniformSpline::new(f, input, output).map(Spline::Uniform);
        let octaves = |f| OctaveSpline::new(f, input, output).map(Spline::Octaves);
        match self {
            Self::Sigmoid => uniform(Uniform::Sigmoid),
            Self::Tanh => uniform(Uniform::Tanh),
            Self::Erf => uniform(Uniform::Erf),
            Self::Silu => uniform(Uniform::Silu),
            Self::Gelu => uniform(Uniform::Gelu),
            Self::Exp => uniform(Uniform::Exp),
            Self::ExpSigned => uniform(Uniform::ExpSigned),
            Self::Reciprocal => octaves(Octaves::Reciprocal),
            Self::ReciprocalSqrt => octaves(Octaves::ReciprocalSqrt),
            Self::Sqrt => octaves(Octaves::Sqrt),
            Self::Log => octaves(Octaves::Log),
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Spline {
    /// The argument's format.
    pub fn input(&self) -> Fixed {
        match self {
            Self::Uniform(spline) => spline.input,
            Self::Octaves(spline) => spline.input,
        }
    }

    /// The result's format.
    pub fn output(&self) -> Fixed {
        match self {
            Self::Uniform(spline) => spline.output,
            Self::Octaves(spline) => spline.output,
        }
    }

    /// The arguments, as integers, at which the result is within a unit of the correctly rounded one: those
    /// at which the function is defined and its results fit their format.
    pub fn domain(&self) -> RangeInclusive<i64> {
        match self {
            Self::Uniform(spline) => spline.domain(),
            Self::Octaves(spline) => spline.domain.clone(),
        }
    }

    /// Bounds of the results, as integers, that no argument in the ring exceeds. A piece is straight, so its
    /// ends bound it.
    pub fn results(&self) -> RangeInclusive<i64> {
        match self {
            Self::Uniform(spline) => spline.results(),
            Self::Octaves(spline) => spline.results(),
        }
    }

    /// The pieces.
    pub fn pieces(&self) -> &Pieces {
        match self {
            Self::Uniform(spline) => &spline.pieces,
            Self::Octaves(spline) => &spline.pieces,
        }
    }
}

/// The function of every element. Panics if x is of another ring than the spline's argument.
pub fn apply(spline: &Spline, x: &RingVec) -> RingVec {
    assert_eq!(x.ring(), spline.input().ring(), "an argument of the function's format");
    let result = spline.pieces().result;
    x.map_into(spline.output().ring(), |v| {
        let y = match spline {
            Spline::Uniform(spline) => spline.evaluate(v),
            Spline::Octaves(spline) => spline.evaluate(v),
        };
        result.to_signed(y) as u64
    })
}
