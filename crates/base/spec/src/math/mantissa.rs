//! Functions of a normalised argument: straight pieces over its leading bits.

use veilflow_ring::Ring;

use super::lines::{Piece, Pieces, fit};
use super::precise::{self, FRACTION};

/// A falling function of a normalised argument, whose leading one is at the top or, of a root, next to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mantissa {
    /// Width of the argument, and zeros below where a piece would else be shorter than two positions.
    pub bits: u32,
    /// Bits at the top that are always the same.
    pub skipped: u32,
    /// Width of the index of a piece, below those.
    pub index_bits: u32,
    /// The pieces, in one row.
    pub pieces: Pieces,
}

impl Mantissa {
    /// 2^scale / m for m = M / 2^(bits − 1) in 1..2.
    pub(super) fn reciprocal(bits: u32, scale: u32) -> Self {
        // h²·2/16 of the largest result: a quarter of a unit.
        let index_bits = (scale - 1).div_ceil(2);
        let sample = |half: u64| precise::reciprocal((1 << (index_bits + 1)) + half, index_bits + 1, 0);
        Self::new(bits, 1, index_bits, scale, scale - index_bits, 0, sample)
    }

    /// 2^scale·factor / √m for m = M / 2^(bits − 2) in 1..4, with factor at most 1, in units of
    /// 2^−[`FRACTION`].
    pub(super) fn root(bits: u32, scale: u32, factor: i128) -> Self {
        // h²·(3/4)/16 of the largest result, h = 4·2^−b: three eighths of a unit.
        let index_bits = (scale + 1).div_ceil(2);
        let sample = |half: u64| (precise::rsqrt(half, index_bits + 1, 2) * factor) >> FRACTION;
        Self::new(bits, 0, index_bits, scale, scale + 1 - index_bits, 1 << (index_bits - 2), sample)
    }

    /// Pieces from `first` on through `sample` at their starts, middles and ends; the result changes by
    /// 2^`change_bits` units at most over a piece.
    fn new(
        bits: u32,
        skipped: u32,
        index_bits: u32,
        scale: u32,
        change_bits: u32,
        first: u64,
        sample: impl Fn(u64) -> i128,
    ) -> Self {
        let bits = bits.max(skipped + index_bits + 1);
        // Positions finer than an eighth of a unit do not show.
        let position_bits = (bits - skipped - index_bits).min(change_bits + 3);
        let dropped = position_bits.max(3);
        let piece = |i: u64| {
            if i < first {
                return Piece::default();
            }
            fit([2 * i, 2 * i + 1, 2 * i + 2].map(&sample), position_bits, dropped, scale, false)
        };
        let mut pieces = Pieces {
            rows: vec![(0..1 << index_bits).map(piece).collect()],
            outside: Piece::default(),
            value_bits: 0,
            slope_bits: 0,
            position_bits,
            dropped,
            falling: true,
            offset: 0,
            result: Ring::new(scale + 2).expect("scales are small"),
        };
        pieces.fit_widths(false);
        Self { bits, skipped, index_bits, pieces }
    }

    /// Bits below those of the index.
    pub fn below_index(&self) -> u32 {
        self.bits - self.skipped - self.index_bits
    }

    /// The result for a normalised argument of `bits` bits.
    pub(super) fn evaluate(&self, argument: u64, bits: u32) -> u64 {
        let argument = argument << (self.bits - bits);
        let (below, t) = (self.below_index(), self.pieces.position_bits);
        let index = (argument >> below) & ((1 << self.index_bits) - 1);
        let position = (argument >> (below - t)) & ((1 << t) - 1);
        self.pieces.evaluate(self.pieces.rows[0][index as usize], false, position)
    }
}
