//! Straight pieces: how a piece is fitted to a function, and how it is evaluated.
//!
//! A piece has 2^t positions p. Its value, in units of 2^−(f + g) for an output of scale f, is
//!
//! ```text
//! (value + 1/2)·2^(g−2) ± slope·(p − 2^(t−1))
//! ```
//!
//! to which 2^(g−1) is added before the g low bits are dropped: values have two bits below the output's last,
//! and the result is rounded to nearest. The half makes values symmetric about zero: −(v + 1/2) = (−v − 1) +
//! 1/2, so a value is negated by complementing its bits.

use std::ops::RangeInclusive;

use veilflow_ring::Ring;

use super::precise::FRACTION;

/// Bits of a value below the output's last bit.
pub(super) const VALUE_GUARD: u32 = 2;

/// One straight piece.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Piece {
    /// The value in the middle of the piece.
    pub value: u64,
    /// The slope's magnitude; of a [gate](super::Symmetry::Gate) (s − 1)/2 for its signed slope s, which is
    /// odd.
    pub slope: i64,
}

/// The pieces of a function, and the arithmetic they share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pieces {
    /// Rows of 2^b pieces.
    pub rows: Vec<Vec<Piece>>,
    /// The piece where no row is selected.
    pub outside: Piece,
    /// Width of a value.
    pub value_bits: u32,
    /// Width of a slope, signed for a gate; zero if there is none.
    pub slope_bits: u32,
    /// Width t of a position.
    pub position_bits: u32,
    /// Bits g dropped at the end.
    pub dropped: u32,
    /// Whether the function falls: slopes are taken off.
    pub falling: bool,
    /// What is added to every result, in units of the output.
    pub offset: u64,
    /// The ring in which the result comes out, before extension to the output's ring.
    pub result: Ring,
}

impl Pieces {
    /// The ring of the sum, g bits wider than the result's.
    pub fn accumulator(&self) -> Ring {
        Ring::new(self.result.bits() + self.dropped).expect("formats keep the sum within 64 bits")
    }

    /// How far a value is shifted in the sum.
    pub fn value_shift(&self) -> u32 {
        self.dropped - VALUE_GUARD
    }

    /// What is added to every sum: offset, the values' half, and the half for rounding.
    pub fn constant(&self) -> u64 {
        let halves = (1 << (self.value_shift() - 1)) + (1 << (self.dropped - 1));
        self.accumulator().reduce((self.offset << self.dropped).wrapping_add(halves))
    }

    /// The result of a piece at a position; `negate` takes the value's negative.
    pub(super) fn evaluate(&self, piece: Piece, negate: bool, position: u64) -> u64 {
        self.reduce(self.sum(piece, negate, position))
    }

    /// The result of a gate: max(x, 0), as `kept` in units of the sum, less the piece, whose slope `negate`
    /// turns.
    pub(super) fn evaluate_gate(&self, piece: Piece, negate: bool, position: u64, kept: u64) -> u64 {
        self.reduce(self.gate_sum(piece, negate, position, kept))
    }

    fn reduce(&self, sum: i128) -> u64 {
        self.accumulator().reduce(sum as u64) >> self.dropped
    }

    /// The position's distance from the middle of a piece.
    fn distance_to_middle(&self, position: u64) -> i128 {
        i128::from(position) - (1 << (self.position_bits - 1))
    }

    /// The sum of which the result is what remains after the drop, as a whole number.
    pub(super) fn sum(&self, piece: Piece, negate: bool, position: u64) -> i128 {
        let value = i128::from(if negate { !piece.value } else { piece.value }.cast_signed());
        let step = i128::from(piece.slope) * self.distance_to_middle(position);
        let step = if self.falling { -step } else { step };
        let offset = i128::from(self.offset.cast_signed()) << self.dropped;
        let halves = (1 << (self.value_shift() - 1)) + (1 << (self.dropped - 1));
        (value << self.value_shift()) + step + offset + halves
    }

    /// Likewise of a gate.
    pub(super) fn gate_sum(&self, piece: Piece, negate: bool, position: u64, kept: u64) -> i128 {
        let slope = i128::from(if negate { !piece.slope } else { piece.slope });
        let step = (2 * slope + 1) * self.distance_to_middle(position);
        let rest = (i128::from(piece.value) << self.value_shift()) + step;
        i128::from(kept) - rest + i128::from(self.gate_constant().cast_signed())
    }

    /// The results of sums between the least and the largest of `sums`, as the signed reading of the result's
    /// ring: all of it if one of them leaves it.
    pub(super) fn results(&self, sums: impl Iterator<Item = i128>) -> RangeInclusive<i64> {
        let most = (self.result.mask() >> 1).cast_signed();
        let ring = -most - 1..=most;
        let (low, high) = sums.fold((i128::MAX, i128::MIN), |(low, high), s| (low.min(s), high.max(s)));
        match [low, high].map(|sum| i64::try_from(sum >> self.dropped)) {
            [Ok(low), Ok(high)] if ring.contains(&low) && ring.contains(&high) => low..=high,
            _ => ring,
        }
    }

    /// What is added to every sum of a gate: the half for rounding, less the values' half.
    pub fn gate_constant(&self) -> u64 {
        (1 << (self.dropped - 1)) - (1 << (self.value_shift() - 1))
    }

    /// Sets the widths that hold every piece.
    pub(super) fn fit_widths(&mut self, signed: bool) {
        let pieces = || self.rows.iter().flatten().chain([&self.outside]);
        let width = |largest: Option<u64>| 64 - largest.unwrap_or(0).leading_zeros();
        let magnitude = |p: &Piece| (p.slope ^ (p.slope >> 63)).cast_unsigned();
        let value_bits = width(pieces().map(|p| p.value).max());
        let slope_bits = width(pieces().map(magnitude).max()) + u32::from(signed);
        (self.value_bits, self.slope_bits) = (value_bits.max(1), slope_bits);
    }
}

/// The piece through `samples` at its start, middle and end: the slope of the chord, and the value that
/// halves the largest difference. `scale` is the output's; `gate` asks for an odd slope.
pub(super) fn fit(samples: [i128; 3], position_bits: u32, dropped: u32, scale: u32, gate: bool) -> Piece {
    let [start, middle, end] = samples;
    let (unit, rise) = (FRACTION - scale - dropped, end - start);
    let half = rise >> (unit + position_bits + 1);
    let slope =
        if gate { 2 * half + 1 } else { rounded_shift(rise.abs(), unit + position_bits) * rise.signum() };
    let half_rise = slope << (position_bits - 1) << unit;
    let rest = [start + half_rise, middle, end - half_rise];
    let centre = (rest[0].min(rest[1]).min(rest[2]) + rest[0].max(rest[1]).max(rest[2])) / 2;
    let slope = if gate { half } else { slope.abs() };
    Piece { value: value_of(centre, scale), slope: slope as i64 }
}

/// The value nearest to `x`, which is not negative.
pub(super) fn value_of(x: i128, scale: u32) -> u64 {
    (x.max(0) >> (FRACTION - scale - VALUE_GUARD)) as u64
}

fn rounded_shift(x: i128, s: u32) -> i128 {
    (x + (1 << (s - 1))) >> s
}
