//! One-hot vectors of random indices.

use std::fmt;

use veilflow_prim::Prg;
use veilflow_ring::Bits;

use crate::batch::batch;
use crate::correlation::Correlation;
use crate::request::request;
use crate::rows;

/// A random shared index of `bits` bits and the shared rows of its one-hot vector. It takes a helper.
///
/// P0 expands its share ρ₀ of the index, P1 its share ρ₁ and its rows. A helper sends P0 [ρ₀ ⊕ ρ₁ = j] ⊕ P1's
/// row j for j from 1 on, which P1's rows mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OneHot {
    /// Width of the index.
    pub bits: u32,
}

/// One party's shares of random indices and of their one-hot vectors. Both halves look alike.
pub struct OneHotBatch {
    /// Bits of the index, lowest first.
    pub index: Vec<Bits>,
    /// Row j − 1, for j in 1..2^m, is [index = j]. Row 0 would be what is missing to one.
    pub rows: Vec<Bits>,
}
batch!(OneHotBatch { index, rows });

/// The rows 1..2^m of an index's one-hot vector. Every row is made of all bits alike: no address depends on
/// them.
pub(super) fn one_hot_rows(index: &[Bits]) -> Vec<Bits> {
    let mut rows: Vec<Bits> = Vec::new();
    for bit in index {
        // Rows j and j + 2^t: without and with the bit. Of j = 0 the first is left out.
        let upper: Vec<Bits> = rows.iter().map(|row| row.and(bit)).collect();
        let mut alone = bit.clone();
        for (row, upper) in rows.iter_mut().zip(&upper) {
            row.xor_assign(upper);
            alone.xor_assign(upper);
        }
        rows.push(alone);
        rows.extend(upper);
    }
    rows
}

impl OneHot {
    fn rows(self) -> usize {
        (1 << self.bits) - 1
    }

    fn index(self, prg: &mut Prg, count: usize) -> Vec<Bits> {
        rows::draw(prg, self.bits as usize, count)
    }
}

impl Correlation for OneHot {
    type Batch = OneHotBatch;
    request!(10: bits);

    fn largest_table(&self) -> Option<u64> {
        (self.bits > 0).then(|| 1 << self.bits.min(32))
    }

    fn bits_each(&self) -> usize {
        2 * self.bits as usize + (3 << self.bits)
    }

    fn dealt_bits(&self) -> usize {
        self.rows()
    }

    fn expand(&self, prg: &mut Prg, count: usize) -> OneHotBatch {
        OneHotBatch { index: self.index(prg, count), rows: rows::draw(prg, self.rows(), count) }
    }

    fn correct(&self, corrected: &mut Prg, other: &mut Prg, count: usize) -> Vec<u8> {
        let mut index = self.index(corrected, count);
        let theirs = self.expand(other, count);
        rows::add(&mut index, &theirs.index);
        let mut forced = one_hot_rows(&index);
        rows::add(&mut forced, &theirs.rows);
        rows::pack(&forced)
    }

    fn complete(&self, prg: &mut Prg, count: usize, correction: &[u8]) -> OneHotBatch {
        OneHotBatch { index: self.index(prg, count), rows: rows::unpack(correction, self.rows(), count) }
    }

    fn fits(&self, batch: &OneHotBatch) -> bool {
        batch.index.len() == self.bits as usize && batch.rows.len() == self.rows()
    }
}

impl fmt::Display for OneHot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one-hot vectors of {} bits", self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlation::testing::halves;

    #[test]
    fn of_all_rows_the_one_at_the_index_is_set() {
        for bits in [1, 2, 5] {
            let [mut p0, p1] = halves(OneHot { bits }, 130);
            rows::add(&mut p0.index, &p1.index);
            rows::add(&mut p0.rows, &p1.rows);
            for i in 0..130 {
                let index = p0.index.iter().rev().fold(0, |n, row| n << 1 | usize::from(row.get(i)));
                for (j, row) in (1..).zip(&p0.rows) {
                    assert_eq!(row.get(i), index == j, "{bits} bits, vector {i}, row {j}");
                }
            }
        }
    }
}
