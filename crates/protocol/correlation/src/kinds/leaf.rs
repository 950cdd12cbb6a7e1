//! Sums of products of private bits, which compare two digits.

use std::fmt;

use veilflow_prim::Prg;
use veilflow_ring::Bits;

use crate::batch::batch;
use crate::correlation::Correlation;
use crate::request::request;
use crate::rows;

/// What compares two private digits in one exchange: masks of both parties, and shares of sums of their
/// products. It takes a helper, or corrections that cost more than tables do.
///
/// P0 expands its masks, P1 its masks and its shares. A helper sends P0 the sums ⊕ P1's shares, which these
/// mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Leaf {
    /// Width of a digit.
    pub digit: u32,
    /// How many sums there are: 1 for less-than, 2 for equality as well.
    pub payload: u32,
}

/// One party's half of what compares digits: masks of its own, and its shares of [`LeafBatch::sums`] of P0's
/// masks and P1's. Both halves look alike.
pub struct LeafBatch {
    /// One row of random bits for each of 1..2^d.
    pub masks: Vec<Bits>,
    /// Shares of the sums, one row a payload bit.
    pub shares: Vec<Bits>,
}
batch!(LeafBatch { masks, shares });

impl LeafBatch {
    /// Σⱼ lⱼ·rⱼ, and if `payload` is 2 Σⱼ (l₁ ⊕ lⱼ ⊕ lⱼ₊₁)·rⱼ as well, where l past the last is 0. With lⱼ =
    /// \[a < j\] and rⱼ = \[b = j\] for j in 1..2^d these are \[a < b\], and \[a = b\] ⊕ l₁ ⊕ r_last.
    pub fn sums(left: &[Bits], right: &[Bits], payload: u32) -> Vec<Bits> {
        let len = right[0].len();
        let mut sums = vec![Bits::zeros(len); payload as usize];
        for (j, (l, r)) in left.iter().zip(right).enumerate() {
            sums[0].xor_assign(&l.and(r));
            if let Some(sum) = sums.get_mut(1) {
                let mut l = left[0].xor(l);
                if let Some(next) = left.get(j + 1) {
                    l.xor_assign(next);
                }
                sum.xor_assign(&l.and(r));
            }
        }
        sums
    }
}

impl Leaf {
    fn mask_rows(self) -> usize {
        (1 << self.digit) - 1
    }

    fn sums(self) -> usize {
        self.payload as usize
    }

    fn masks(self, prg: &mut Prg, count: usize) -> Vec<Bits> {
        rows::draw(prg, self.mask_rows(), count)
    }
}

impl Correlation for Leaf {
    type Batch = LeafBatch;
    request!(7: digit, payload);

    fn largest_table(&self) -> Option<u64> {
        let Self { digit, payload } = *self;
        (digit > 0 && (1..=2).contains(&payload)).then(|| 1 << digit.min(32))
    }

    fn bits_each(&self) -> usize {
        2 * (self.mask_rows() + 1 + self.sums())
    }

    fn dealt_bits(&self) -> usize {
        self.sums()
    }

    fn expand(&self, prg: &mut Prg, count: usize) -> LeafBatch {
        LeafBatch { masks: self.masks(prg, count), shares: rows::draw(prg, self.sums(), count) }
    }

    fn correct(&self, corrected: &mut Prg, other: &mut Prg, count: usize) -> Vec<u8> {
        let theirs = self.expand(other, count);
        let mut forced = LeafBatch::sums(&self.masks(corrected, count), &theirs.masks, self.payload);
        rows::add(&mut forced, &theirs.shares);
        rows::pack(&forced)
    }

    fn complete(&self, prg: &mut Prg, count: usize, correction: &[u8]) -> LeafBatch {
        LeafBatch { masks: self.masks(prg, count), shares: rows::unpack(correction, self.sums(), count) }
    }

    fn fits(&self, batch: &LeafBatch) -> bool {
        batch.masks.len() == self.mask_rows() && batch.shares.len() == self.sums()
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leaves of {} bits (payload {})", self.digit, self.payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlation::testing::halves;

    #[test]
    fn shares_add_up_to_sums_of_products_of_masks() {
        for (digit, payload) in [(1, 1), (2, 2), (3, 2)] {
            let [p0, p1] = halves(Leaf { digit, payload }, 130);
            let sums = LeafBatch::sums(&p0.masks, &p1.masks, payload);
            for (j, sum) in sums.iter().enumerate() {
                assert!(p0.shares[j].xor(&p1.shares[j]) == *sum, "{digit} bits, sum {j} of {payload}");
            }
        }
    }

    #[test]
    fn sums_compare_digits() {
        for digit in 1..4u32 {
            let values = 1usize << digit;
            let pairs = || (0..values * values).map(|i| (i / values, i % values));
            let row =
                |bit: &dyn Fn(usize, usize) -> bool| -> Bits { pairs().map(|(a, b)| bit(a, b)).collect() };
            let left: Vec<Bits> = (1..values).map(|j| row(&|a, _| a < j)).collect();
            let right: Vec<Bits> = (1..values).map(|j| row(&|_, b| b == j)).collect();
            let sums = LeafBatch::sums(&left, &right, 2);
            assert!(sums[0] == row(&|a, b| a < b), "{digit} bits");
            assert!(sums[1].xor(&left[0]).xor(&right[values - 2]) == row(&|a, b| a == b), "{digit} bits");
        }
    }
}
