//! What a helper deals for the bits of a value that is opened masked: the digits of the mask, as one-hot rows. The online crate's
//! `masked_bits` says how it is used.

use std::fmt;

use veilflow_ring::{Bits, Ring, RingVec, bit_slices};

use crate::OneHotBatch;
use crate::batch::{Batch, append_rows, slice_rows};

/// A mask's widths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaskDigits {
    /// Width of the mask.
    pub bits: u32,
    /// So many low bits are digits of their own.
    pub from: u32,
    /// Width of a digit at most, in bits.
    pub digit: u32,
}

impl MaskDigits {
    /// Whether there is such a mask: a width of 1 to 64, more than `from`, and digits of 1 to 4 bits.
    pub fn is_valid(&self) -> bool {
        self.from < self.bits && self.bits <= 64 && (1..=4).contains(&self.digit)
    }

    /// Widths of the digits, lowest first: as few as there can be on either side of the cut, and as equal.
    pub fn digits(&self) -> Vec<u32> {
        let cut = |bits: u32| {
            let count = bits.div_ceil(self.digit);
            (0..count).map(move |i| bits * (i + 1) / count - bits * i / count)
        };
        cut(self.from).chain(cut(self.bits - self.from)).collect()
    }

    /// The ring of the mask. Panics unless the widths are valid, as all below do.
    pub fn ring(&self) -> Ring {
        Ring::new(self.bits).expect("demands hold valid widths")
    }

    /// How many [rows](MaskDigitsBatch::rows) there are.
    pub fn rows(&self) -> usize {
        self.digits().iter().map(|d| (1 << d) - 1).sum()
    }

    /// The rows of a mask.
    pub fn rows_of(&self, mask: &RingVec) -> Vec<Bits> {
        let mut bits = bit_slices(mask.values(), self.bits as usize);
        let mut rows = Vec::with_capacity(self.rows());
        for digit in self.digits() {
            let above = bits.split_off(digit as usize);
            rows.extend(OneHotBatch::rows_of(&bits));
            bits = above;
        }
        rows
    }
}

/// One party's shares for masks, each the sum of both parties' parts.
pub struct MaskDigitsBatch {
    /// This party's part of the mask.
    pub mask: RingVec,
    /// Exclusive-or shares of [digit = v] for v from 1 on, of every digit of the mask.
    pub rows: Vec<Bits>,
}

impl MaskDigitsBatch {
    pub(crate) fn fits(&self, kind: &MaskDigits) -> bool {
        self.mask.ring() == kind.ring() && self.rows.len() == kind.rows()
    }
}

impl fmt::Debug for MaskDigitsBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MaskDigitsBatch(len {})", self.len())
    }
}

impl Batch for MaskDigitsBatch {
    fn len(&self) -> usize {
        self.mask.len()
    }
    fn slice(&self, start: usize, len: usize) -> Self {
        Self { mask: self.mask.slice(start, len), rows: slice_rows(&self.rows, start, len) }
    }
    fn append(&mut self, other: &Self) {
        self.mask.append(&other.mask);
        append_rows(&mut self.rows, &other.rows);
    }
}
