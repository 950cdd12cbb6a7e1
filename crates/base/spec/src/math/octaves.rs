//! Functions of a positive argument over many orders of magnitude: reciprocal, reciprocal square root, square
//! root, logarithm.
//!
//! x is normalised to m·2^e with m in 1..2; every octave e has its own row of pieces of m, whose values are
//! those of the function itself, so nothing is scaled back. Of a reciprocal or a root at most 17 bits are
//! computed: larger ones saturate.
//!
//! A logarithm is tabulated as that of the argument read as an integer, which is not negative; what that
//! exceeds the result by is rounded up to a whole number of units, and the table is shifted by the rest.

use std::ops::RangeInclusive;

use veilflow_ring::Ring;

use super::format::{EXTENSION, Fixed, MAX_RESULT, MathError};
use super::lines::{Piece, Pieces, fit, value_of};
use super::precise::{self, FRACTION};

/// A function of a positive argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Octaves {
    /// 1 / x.
    Reciprocal,
    /// 1 / √x.
    ReciprocalSqrt,
    /// √x.
    Sqrt,
    /// ln x.
    Log,
}

impl Octaves {
    /// Whether larger arguments give larger results.
    fn rises(self) -> bool {
        matches!(self, Self::Sqrt | Self::Log)
    }
}

/// How the results of a logarithm are kept: ln of the argument as an integer, less a whole number of units.
struct LogFormat {
    /// ln 2^scale in whole units, rounded up.
    units: u64,
    /// What those exceed it by.
    excess: i128,
    /// The ring that holds every result.
    ring: Ring,
}

impl LogFormat {
    fn new(input: Fixed, output: Fixed) -> Result<Self, MathError> {
        let shift = precise::ln(1, 0, input.scale as i32);
        let unit = 1i128 << (FRACTION - output.scale);
        let units = (shift + unit - 1).div_euclid(unit);
        let top = precise::ln(1, 0, input.bits as i32 - 1) - shift;
        let largest = units.max(top.div_euclid(unit) + 2);
        let bits = 128 - largest.leading_zeros() + 1;
        if bits > output.bits {
            return Err(MathError::Logarithm { scale: output.scale, needs: bits });
        }
        // A bit to spare, so that an extension knows where the sign is.
        let bits = if output.bits > bits + EXTENSION { bits + 1 } else { output.bits };
        let ring = Ring::new(bits).expect("at most the result's");
        Ok(Self { units: units as u64, excess: units * unit - shift, ring })
    }
}

/// A function tabulated octave by octave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OctaveSpline {
    /// The argument's format; its sign bit is taken to be zero.
    pub input: Fixed,
    /// The result's format.
    pub output: Fixed,
    /// Bits of m below the leading one: those of the argument, and zeros where a piece would else be shorter
    /// than two positions.
    pub fraction_bits: u32,
    /// Width of the index of a piece within its octave.
    pub index_bits: u32,
    /// Whether results may be negative.
    pub signed: bool,
    /// The arguments, as integers, whose pieces do not saturate.
    pub domain: RangeInclusive<i64>,
    /// The pieces, one row an octave; `outside` is for zero, of which a reciprocal saturates and a logarithm
    /// is that of the smallest argument.
    pub pieces: Pieces,
}

impl OctaveSpline {
    pub(super) fn new(function: Octaves, input: Fixed, output: Fixed) -> Result<Self, MathError> {
        output.check_output()?;
        Self::unchecked(function, input, output)
    }

    /// As [`OctaveSpline::new`], for results of any scale up to 16.
    pub(super) fn unchecked(function: Octaves, input: Fixed, output: Fixed) -> Result<Self, MathError> {
        input.check_input()?;
        let f = output.scale;
        let magnitude_bits = input.bits - 1;
        let result_bits = (output.bits - 1).min(MAX_RESULT);
        // A piece of length 2^−b errs by 2^−2b·c/16 of the largest result, c = 2, 3/4 and 1/4, or of 1, c =
        // 1: at most half a unit.
        let log = (function == Octaves::Log).then(|| LogFormat::new(input, output)).transpose()?;
        let index_bits = match function {
            Octaves::Reciprocal => (result_bits - 1).div_ceil(2),
            Octaves::ReciprocalSqrt => (result_bits - 3).div_ceil(2),
            Octaves::Sqrt => (result_bits - 5).div_ceil(2).max(1),
            Octaves::Log => (f - 2).div_ceil(2),
        };
        let fraction_bits = (magnitude_bits - 1).max(index_bits + 1);
        // The result changes by 2^(r − b) units at most over a piece: positions finer than an eighth do not
        // show.
        let changes = if function == Octaves::Log { f } else { result_bits };
        let position_bits = (fraction_bits - index_bits).min(changes - index_bits + 3);
        let dropped = position_bits.max(3);
        // One unit below the largest, so that no rounding reaches the sign bit.
        let limit = if log.is_some() { i128::MAX } else { ((1 << result_bits) - 2) << (FRACTION - f) };
        let at_zero = if function.rises() { 0 } else { limit };
        let excess = log.as_ref().map_or(0, |log| log.excess);
        // The function at the start of half piece `half` of an octave.
        let sample = |octave: u32, half: u64| {
            let exponent = octave as i32 - input.scale as i32;
            let z = (1u64 << (index_bits + 1)) + half;
            match function {
                Octaves::Reciprocal => precise::reciprocal(z, index_bits + 1, exponent),
                Octaves::ReciprocalSqrt => precise::rsqrt(z, index_bits + 1, exponent),
                Octaves::Sqrt => precise::sqrt(z, index_bits + 1, exponent),
                Octaves::Log => precise::ln(z, index_bits + 1, octave as i32) + excess,
            }
        };
        let row = |octave: u32| {
            let piece = |i: u64| {
                let samples = [2 * i, 2 * i + 1, 2 * i + 2].map(|half| sample(octave, half).min(limit));
                fit(samples, position_bits, dropped, f, false)
            };
            (0..1u64 << index_bits).map(piece).collect()
        };
        // Where pieces start, and where the first does that is whole (of a falling function) or cut (of a
        // rising one).
        let mut starts =
            (0..magnitude_bits).flat_map(|octave| (0..1u64 << index_bits).map(move |i| (octave, i)));
        let edge = if function.rises() {
            starts.find(|&(octave, i)| sample(octave, 2 * i + 2) > limit)
        } else {
            starts.find(|&(octave, i)| sample(octave, 2 * i) <= limit)
        };
        let edge = edge.map_or(1 << magnitude_bits, |(octave, i)| {
            ((((1u64 << index_bits) + i) << octave).div_ceil(1 << index_bits)).cast_signed()
        });
        let domain = match function {
            Octaves::Sqrt => 0..=edge - 1,
            Octaves::Log => 1..=edge - 1,
            _ => edge..=(1 << magnitude_bits) - 1,
        };
        let mut pieces = Pieces {
            rows: (0..magnitude_bits).map(row).collect(),
            outside: Piece { value: value_of(at_zero, f), slope: 0 },
            value_bits: 0,
            slope_bits: 0,
            position_bits,
            dropped,
            falling: !function.rises(),
            offset: log.as_ref().map_or(0, |log| log.units.wrapping_neg()),
            result: log.map_or(Ring::new(result_bits + 1).expect("a checked format"), |log| log.ring),
        };
        pieces.fit_widths(false);
        let signed = function == Octaves::Log;
        Ok(Self { input, output, fraction_bits, index_bits, signed, domain, pieces })
    }

    /// Width of the magnitude: the argument's without its sign.
    pub fn magnitude_bits(&self) -> u32 {
        self.input.bits - 1
    }

    /// See [`Spline::results`](super::Spline::results).
    pub(super) fn results(&self) -> RangeInclusive<i64> {
        let pieces = &self.pieces;
        let all = pieces.rows.iter().flatten().chain([&pieces.outside]);
        let ends = [0, (1 << pieces.position_bits) - 1];
        pieces.results(all.flat_map(|&piece| ends.map(|position| pieces.sum(piece, false, position))))
    }

    /// The result for one argument.
    pub(super) fn evaluate(&self, x: u64) -> u64 {
        let magnitude = x & ((1 << self.magnitude_bits()) - 1);
        let t = self.pieces.position_bits;
        let Some(octave) = magnitude.checked_ilog2() else {
            return self.pieces.evaluate(self.pieces.outside, false, 0);
        };
        let fraction = (magnitude << (self.fraction_bits - octave)) & ((1 << self.fraction_bits) - 1);
        let below_index = self.fraction_bits - self.index_bits;
        let piece = self.pieces.rows[octave as usize][(fraction >> below_index) as usize];
        let position = (fraction >> (below_index - t)) & ((1 << t) - 1);
        self.pieces.evaluate(piece, false, position)
    }
}
