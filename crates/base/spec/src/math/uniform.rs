//! Functions on pieces of one length: sigmoid, tanh, erf, SiLU, GELU, and exp of a non-positive argument.
//!
//! Sigmoid, tanh and erf are odd about their value at zero, so only x ≥ 0 is tabulated. For x < 0 let v = −x
//! − 1, the complement of x's bits: with v = i·2^t + (2^t − 1 − p), where p = x mod 2^t, the argument −x lies
//! at 2^t − p of piece i, so f(x) = −value − slope·(2^(t−1) − p) = −value + slope·(p − 2^(t−1)): the same
//! slope at the position that x itself has. Nothing but the value is negated.
//!
//! SiLU and GELU are gates: max(x, 0) less an even function that vanishes far from zero. There the value
//! stays, and the slope is negated: by complement, like values above, as slopes are odd multiples of half
//! their unit.

use std::ops::RangeInclusive;

use veilflow_ring::Ring;

use super::format::{Fixed, MAX_RESULT, MathError};
use super::lines::{Pieces, fit, value_of};
use super::precise::{self, FRACTION, ONE};

/// A function that is smooth on one scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Uniform {
    /// 1 / (1 + e^−x).
    Sigmoid,
    /// (e^x − e^−x) / (e^x + e^−x).
    Tanh,
    /// 2/√π·∫ e^(−t²) dt from 0 to x.
    Erf,
    /// x / (1 + e^−x).
    Silu,
    /// x·(1 + erf(x/√2)) / 2.
    Gelu,
    /// e^x for x ≤ 0: x is −u, where u = −x mod 2^ℓ is read as unsigned.
    Exp,
    /// e^x up to where the result leaves its format: x is start − u, where u is read as unsigned.
    ExpSigned,
}

/// What is looked up for an argument x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Symmetry {
    /// |x|, of a function with f(−x) = −f(x), apart from the offset.
    Odd,
    /// |x|, of what max(x, 0) exceeds the function by, which is even.
    Gate,
    /// The start less x, mod 2^ℓ.
    Negated,
}

/// A function tabulated on pieces of one length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniformSpline {
    /// The argument's format.
    pub input: Fixed,
    /// The result's format.
    pub output: Fixed,
    /// How many zero bits the argument gets below its last, where a piece would else be shorter than two
    /// positions.
    pub lift: u32,
    /// What is looked up.
    pub symmetry: Symmetry,
    /// Of an exponential, its largest argument, with the zero bits.
    pub start: u64,
    /// Width of the index of a piece.
    pub index_bits: u32,
    /// The pieces, in one row; `outside` is for magnitudes past the last piece.
    pub pieces: Pieces,
}

/// A function tabulated at n / 2^scale.
type Samples = fn(n: u64, scale: u32, start: u64) -> i128;

/// What sets a function apart.
struct Shape {
    symmetry: Symmetry,
    /// What is tabulated.
    sample: Samples,
    /// What that tends to.
    limit: i128,
    /// What is added to it, in units of the result.
    offset: u64,
    /// Pieces have length 2^−finest.
    finest: u32,
}

impl Uniform {
    /// The function's shape for results of scale `f` and of magnitudes of so many bits.
    fn shape(self, f: u32, magnitude_bits: u32) -> Shape {
        let (symmetry, sample, limit): (Symmetry, Samples, i128) = match self {
            Self::Sigmoid => (Symmetry::Odd, |n, s, _| precise::sigmoid(n, s) - ONE / 2, ONE / 2),
            Self::Tanh => (Symmetry::Odd, |n, s, _| precise::tanh(n, s), ONE),
            Self::Erf => (Symmetry::Odd, |n, s, _| precise::erf(n, s), ONE),
            Self::Silu => (Symmetry::Gate, |n, s, _| precise::silu_rest(n, s), 0),
            Self::Gelu => (Symmetry::Gate, |n, s, _| precise::gelu_rest(n, s), 0),
            Self::Exp | Self::ExpSigned => (Symmetry::Negated, precise::exp_below, 0),
        };
        // Pieces of length h err by h²·max|f″|/16, at most half a unit: |f″| ≤ 0.097 for sigmoid, as large as
        // the result for an exponential, else 1.
        let (finest, offset) = match self {
            Self::Sigmoid => (f.saturating_sub(6), 1 << (f - 1)),
            Self::ExpSigned => (magnitude_bits - 3, 0),
            _ => (f - 3, 0),
        };
        Shape { symmetry, sample, limit, offset, finest: finest.div_ceil(2) }
    }
}

/// The largest x = n / 2^scale below 2^limit_bits with e^x ≤ (2^bits − 2) / 2^f: n.
fn largest_exponent(bits: u32, f: u32, scale: u32, limit_bits: u32) -> u64 {
    let largest = precise::ln((1 << bits) - 2, bits - 1, bits as i32 - 1 - f as i32);
    ((largest >> (FRACTION - scale)) as u64).min((1 << limit_bits) - 1)
}

impl UniformSpline {
    pub(super) fn new(function: Uniform, input: Fixed, output: Fixed) -> Result<Self, MathError> {
        input.check_input()?;
        output.check_output()?;
        let f = output.scale;
        let result_magnitude = (output.bits - 1).min(MAX_RESULT);
        let Shape { symmetry, sample, limit, offset, finest } = function.shape(f, result_magnitude);
        let gate = symmetry == Symmetry::Gate;
        if gate && output.bits - output.scale > input.bits - input.scale {
            return Err(MathError::Range);
        }
        let lift = (finest + 1).saturating_sub(input.scale);
        let (bits, scale) = (input.bits + lift, input.scale + lift);
        let position_bits = scale - finest;
        let dropped = position_bits.max(3) + u32::from(gate);
        // The magnitude is cut off where less than 1.5 units of change are left; of a gate 1, as its slope is
        // never zero.
        let halves = if gate { 2 } else { 3 };
        let start = match function {
            Uniform::ExpSigned => largest_exponent(result_magnitude, f, scale, bits - 1),
            _ => 0,
        };
        let at = |n: u64| sample(n, scale, start);
        let near = |r: &u32| (at(1 << (r + scale)) - limit).abs() <= halves << (FRACTION - f - 1);
        let reach = (0..6).find(near).unwrap_or(6);
        let magnitude_bits = bits - u32::from(symmetry != Symmetry::Negated);
        if position_bits >= magnitude_bits {
            return Err(MathError::Input { bits: input.bits, scale: input.scale });
        }
        let index_bits = (scale + reach).min(magnitude_bits) - position_bits;
        let piece = |i: u64| {
            let half = 1u64 << (position_bits - 1);
            let samples = [2 * i, 2 * i + 1, 2 * i + 2].map(|n| at(n * half));
            fit(samples, position_bits, dropped, f, gate)
        };
        let end = at(1 << (index_bits + position_bits));
        let outside = value_of((end + limit) / 2, f);
        let result_bits = match function {
            Uniform::ExpSigned => result_magnitude + 1,
            _ if gate => output.bits,
            _ => output.result_bits(),
        };
        let result = Ring::new(result_bits).expect("a checked format");
        let mut pieces = Pieces {
            rows: vec![(0..1 << index_bits).map(piece).collect()],
            outside: super::Piece { value: outside, slope: 0 },
            value_bits: 0,
            slope_bits: 0,
            position_bits,
            dropped,
            falling: symmetry == Symmetry::Negated,
            offset,
            result,
        };
        pieces.fit_widths(gate);
        Ok(Self { input, output, lift, symmetry, start, index_bits, pieces })
    }

    /// See [`Spline::domain`](super::Spline::domain).
    pub(super) fn domain(&self) -> RangeInclusive<i64> {
        let half = 1i64 << (self.input.bits - 1);
        let top = match self.symmetry {
            Symmetry::Odd => half - 1,
            Symmetry::Negated => (self.start >> self.lift).cast_signed(),
            // A gate's result is next to its argument, and no larger.
            Symmetry::Gate => {
                let largest = (1i128 << (self.output.bits - 1)) - 1;
                (((largest << self.input.scale) >> self.output.scale) as i64).min(half - 1)
            }
        };
        -half..=top
    }

    /// Width of the lifted argument.
    pub fn lifted_bits(&self) -> u32 {
        self.input.bits + self.lift
    }

    /// Width of the magnitude that is looked up.
    pub fn magnitude_bits(&self) -> u32 {
        self.lifted_bits() - u32::from(self.symmetry != Symmetry::Negated)
    }

    /// How far the argument is shifted in the sum of a gate.
    pub fn kept_shift(&self) -> u32 {
        self.output.scale + self.pieces.dropped - self.input.scale - self.lift
    }

    /// See [`Spline::results`](super::Spline::results).
    pub(super) fn results(&self) -> RangeInclusive<i64> {
        let (pieces, t) = (&self.pieces, self.pieces.position_bits);
        let ends = [0, (1u64 << t) - 1];
        // Magnitudes where a piece starts; past the last one, where its magnitudes end.
        let largest = (1u64 << self.magnitude_bits()) - 1;
        let last = (pieces.rows[0].len() as u64, pieces.outside);
        let all = (0u64..).zip(pieces.rows[0].iter().copied()).chain([last]);
        pieces.results(
            all.flat_map(|(index, piece)| {
                let sums = |position: u64| match self.symmetry {
                    Symmetry::Negated => [pieces.sum(piece, false, position); 2],
                    Symmetry::Odd => [false, true].map(|negate| pieces.sum(piece, negate, position)),
                    Symmetry::Gate => {
                        let start = index << t;
                        let whole = if index == last.0 && position > 0 { largest } else { start + position };
                        let kept = whole.min(largest) << self.kept_shift();
                        [(false, kept), (true, 0)]
                            .map(|(negative, kept)| pieces.gate_sum(piece, negative, position, kept))
                    }
                };
                ends.map(sums)
            })
            .flatten(),
        )
    }

    /// The result for one argument.
    pub(super) fn evaluate(&self, x: u64) -> u64 {
        let ring = self.input.ring();
        let signed = self.symmetry != Symmetry::Negated;
        let negative = signed && ring.msb(x);
        let lifted = x << self.lift;
        let x = if signed { lifted } else { self.start.wrapping_sub(lifted) };
        let magnitude = if negative { !x } else { x } & (u64::MAX >> (64 - self.magnitude_bits()));
        let t = self.pieces.position_bits;
        let piece = self.pieces.rows[0].get((magnitude >> t) as usize).copied();
        let (piece, position) = (piece.unwrap_or(self.pieces.outside), x & ((1 << t) - 1));
        if self.symmetry == Symmetry::Gate {
            let kept = if negative { 0 } else { x << self.kept_shift() };
            return self.pieces.evaluate_gate(piece, negative, position, kept);
        }
        self.pieces.evaluate(piece, negative, position)
    }
}
