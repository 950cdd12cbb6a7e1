//! Functions of a positive argument over many orders of magnitude: reciprocal, reciprocal square root, square root.
//!
//! x is normalised to m·2^e with m in 1..2; every octave e has its own row of pieces of m, whose values are those of the
//! function itself, so nothing is scaled back. Of the result at most 17 bits are computed: larger ones saturate.

use std::ops::RangeInclusive;

use veilflow_ring::Ring;

use super::lines::{Piece, Pieces, fit, value_of};
use super::precise::{self, FRACTION};
use super::{Fixed, MathError};

/// A function of a positive argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Octaves {
    /// 1 / x.
    Reciprocal,
    /// 1 / √x.
    ReciprocalSqrt,
    /// √x.
    Sqrt,
}

/// Widest magnitude of a result.
const MAX_RESULT: u32 = 17;

/// A function tabulated octave by octave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OctaveSpline {
    /// The argument's format; its sign bit is taken to be zero.
    pub input: Fixed,
    /// The result's format.
    pub output: Fixed,
    /// Bits of m below the leading one: those of the argument, and zeros where a piece would else be shorter than two positions.
    pub fraction_bits: u32,
    /// Width of the index of a piece within its octave.
    pub index_bits: u32,
    /// The arguments, as integers, whose pieces do not saturate.
    pub domain: RangeInclusive<i64>,
    /// The pieces, one row an octave; `outside` is for zero, of which a reciprocal saturates.
    pub pieces: Pieces,
}

impl OctaveSpline {
    pub(super) fn new(function: Octaves, input: Fixed, output: Fixed) -> Result<Self, MathError> {
        input.check_input()?;
        output.check_output()?;
        let f = output.scale;
        let magnitude_bits = input.bits - 1;
        let result_bits = (output.bits - 1).min(MAX_RESULT);
        // A piece of length 2^−b errs by 2^−2b·c/16 of the largest result, c = 2, 3/4 and 1/4: at most half a unit.
        let index_bits = match function {
            Octaves::Reciprocal => (result_bits - 1).div_ceil(2),
            Octaves::ReciprocalSqrt => (result_bits - 3).div_ceil(2),
            Octaves::Sqrt => (result_bits - 5).div_ceil(2).max(1),
        };
        let fraction_bits = (magnitude_bits - 1).max(index_bits + 1);
        // The result changes by 2^(r − b) units at most over a piece: positions finer than an eighth do not show.
        let position_bits = (fraction_bits - index_bits).min(result_bits - index_bits + 3);
        let dropped = position_bits.max(3);
        // One unit below the largest, so that no rounding reaches the sign bit.
        let limit = ((1i128 << result_bits) - 2) << (FRACTION - f);
        let at_zero = if function == Octaves::Sqrt { 0 } else { limit };
        // The function at the start of half piece `half` of an octave.
        let sample = |octave: u32, half: u64| {
            let exponent = octave as i32 - input.scale as i32;
            let z = (1u64 << (index_bits + 1)) + half;
            match function {
                Octaves::Reciprocal => precise::reciprocal(z, index_bits + 1, exponent),
                Octaves::ReciprocalSqrt => precise::rsqrt(z, index_bits + 1, exponent),
                Octaves::Sqrt => precise::sqrt(z, index_bits + 1, exponent),
            }
        };
        let row = |octave: u32| {
            let piece = |i: u64| {
                let samples = [2 * i, 2 * i + 1, 2 * i + 2].map(|half| sample(octave, half).min(limit));
                fit(samples, position_bits, dropped, f, false)
            };
            (0..1u64 << index_bits).map(piece).collect()
        };
        // Where pieces start, and where the first does that is whole (of a falling function) or cut (of a rising one).
        let mut starts =
            (0..magnitude_bits).flat_map(|octave| (0..1u64 << index_bits).map(move |i| (octave, i)));
        let edge = if function == Octaves::Sqrt {
            starts.find(|&(octave, i)| sample(octave, 2 * i + 2) > limit)
        } else {
            starts.find(|&(octave, i)| sample(octave, 2 * i) <= limit)
        };
        let edge = edge.map_or(1 << magnitude_bits, |(octave, i)| {
            ((((1u64 << index_bits) + i) << octave).div_ceil(1 << index_bits)).cast_signed()
        });
        let domain = if function == Octaves::Sqrt { 0..=edge - 1 } else { edge..=(1 << magnitude_bits) - 1 };
        let mut pieces = Pieces {
            rows: (0..magnitude_bits).map(row).collect(),
            outside: Piece { value: value_of(at_zero, f), slope: 0 },
            value_bits: 0,
            slope_bits: 0,
            position_bits,
            dropped,
            falling: function != Octaves::Sqrt,
            offset: 0,
            result: Ring::new(result_bits + 1).expect("a checked format"),
        };
        pieces.fit_widths(false);
        Ok(Self { input, output, fraction_bits, index_bits, domain, pieces })
    }

    /// Width of the magnitude: the argument's without its sign.
    pub fn magnitude_bits(&self) -> u32 {
        self.input.bits - 1
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
