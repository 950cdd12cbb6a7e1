//! Masks of which the parties share the digits, as one-hot rows. The online crate's `masked_bits` opens a
//! value under such a mask to find its bits, its `lookup` to look it up.

use std::fmt;

use veilflow_prim::Prg;
use veilflow_ring::{Bits, Ring, RingVec, bit_slices};

use super::one_hot::one_hot_rows;
use crate::batch::batch;
use crate::correlation::Correlation;
use crate::request::request;
use crate::rows;

/// A random mask and its digits. It takes a helper.
///
/// P0 expands its part ρ₀ of the mask, P1 its part ρ₁ and its rows. A helper sends P0 [digit = v] of every
/// digit of ρ₀ + ρ₁ for v from 1 on, ⊕ P1's rows, which these mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaskDigits {
    /// Width of the mask.
    pub bits: u32,
    /// So many low bits are digits of their own.
    pub from: u32,
    /// Width of a digit at most, in bits.
    pub digit: u32,
}

/// One party's shares for masks ρ₀ + ρ₁.
pub struct MaskDigitsBatch {
    /// This party's part of the mask.
    pub mask: RingVec,
    /// Exclusive-or shares of [digit = v] for v from 1 on, of every digit of the mask.
    pub rows: Vec<Bits>,
}
batch!(MaskDigitsBatch { mask, rows });

impl MaskDigits {
    /// Whether there is such a mask: a width of 1 to 64, more than `from`, and digits of 1 to 12 bits.
    fn is_valid(&self) -> bool {
        self.from < self.bits && self.bits <= 64 && (1..=12).contains(&self.digit)
    }

    /// Widths of the digits, lowest first: as few as there can be on either side of the cut, and as equal.
    pub fn digits(&self) -> Vec<u32> {
        let cut = |bits: u32| {
            let count = bits.div_ceil(self.digit);
            (0..count).map(move |i| bits * (i + 1) / count - bits * i / count)
        };
        cut(self.from).chain(cut(self.bits - self.from)).collect()
    }

    /// The ring of the mask. Panics unless the widths are valid.
    pub fn ring(&self) -> Ring {
        rows::ring(self.bits)
    }

    /// How many [rows](MaskDigitsBatch::rows) there are.
    fn rows(&self) -> usize {
        self.digits().iter().map(|d| (1 << d) - 1).sum()
    }

    /// The rows of a mask.
    fn rows_of(&self, mask: &RingVec) -> Vec<Bits> {
        let mut bits = bit_slices(mask.values(), self.bits as usize);
        let mut rows = Vec::with_capacity(self.rows());
        for digit in self.digits() {
            let above = bits.split_off(digit as usize);
            rows.extend(one_hot_rows(&bits));
            bits = above;
        }
        rows
    }
}

impl Correlation for MaskDigits {
    type Batch = MaskDigitsBatch;
    request!(12: bits, from, digit);

    fn largest_table(&self) -> Option<u64> {
        self.is_valid().then(|| self.rows() as u64)
    }

    fn bits_each(&self) -> usize {
        2 * 64 + 3 * self.rows()
    }

    fn dealt_bits(&self) -> usize {
        self.rows()
    }

    fn expand(&self, prg: &mut Prg, count: usize) -> MaskDigitsBatch {
        let mask = prg.ring_vec(self.ring(), count);
        MaskDigitsBatch { mask, rows: rows::draw(prg, self.rows(), count) }
    }

    fn correct(&self, corrected: &mut Prg, other: &mut Prg, count: usize) -> Vec<u8> {
        let theirs = self.expand(other, count);
        let mut forced = self.rows_of(&corrected.ring_vec(self.ring(), count).add(&theirs.mask));
        rows::add(&mut forced, &theirs.rows);
        rows::pack(&forced)
    }

    fn complete(&self, prg: &mut Prg, count: usize, correction: &[u8]) -> MaskDigitsBatch {
        let mask = prg.ring_vec(self.ring(), count);
        MaskDigitsBatch { mask, rows: rows::unpack(correction, self.rows(), count) }
    }

    fn fits(&self, batch: &MaskDigitsBatch) -> bool {
        batch.mask.ring() == self.ring() && batch.rows.len() == self.rows()
    }
}

impl fmt::Display for MaskDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bits, from, digit } = *self;
        write!(f, "masks of {bits} bits (digits of {digit}, cut at {from})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlation::testing::halves;

    #[test]
    fn rows_tell_the_digits_of_the_mask() {
        for (bits, from, digit) in [(1, 0, 1), (18, 5, 3), (64, 0, 4), (13, 12, 5)] {
            let widths = MaskDigits { bits, from, digit };
            assert_eq!(widths.digits().iter().sum::<u32>(), bits, "{widths}");
            let [p0, p1] = halves(widths, 130);
            let mask = p0.mask.add(&p1.mask);
            for (i, mut mask) in mask.into_values().into_iter().enumerate() {
                let mut rows = p0.rows.iter().zip(&p1.rows).map(|(a, b)| a.get(i) ^ b.get(i));
                for digit in widths.digits() {
                    for v in 1..1 << digit {
                        assert_eq!(rows.next(), Some(mask % (1 << digit) == v), "{widths}, mask {i}");
                    }
                    mask /= 1 << digit;
                }
                assert_eq!((rows.next(), mask), (None, 0), "{widths}");
            }
        }
    }
}
