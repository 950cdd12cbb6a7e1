//! The leading one of a non-negative value is found and brought to the top, by a barrel shifter.
//!
//! Sums of the one-hot place of the leading one are the bits of its distance from the top; each of them
//! selects, bit by bit, between the value and the shifted one. What is sent is sent by [`HighBits`],
//! [`MostSignificantOne`] and products of bits.

use veilflow_correlation::Cost;
use veilflow_online::{
    AndGroup, HighBits, MostSignificantOne, Party, Result, Tuning, and_shared, and_shared_cost, xor_rows,
};
use veilflow_ring::{Bits, Ring, RingVec};

/// A value with its leading one at the top, or next to it: its bits, lowest first, and the one-hot place that
/// the one came from.
#[derive(Debug)]
pub(crate) struct Shifted {
    pub(crate) rows: Vec<Bits>,
    pub(crate) octave: Vec<Bits>,
}

/// x·2^d, where d is the distance of the leading one of x from the top, without d's bits below `first`.
#[derive(Debug)]
pub(crate) struct ShiftToTop {
    width: u32,
    first: u32,
    bits: HighBits,
    leading: MostSignificantOne,
}

impl ShiftToTop {
    /// Of non-negative elements of `ring`.
    pub(crate) fn new(ring: Ring, first: u32, tuning: Tuning) -> Self {
        let width = ring.bits();
        Self { width, first, bits: HighBits::new(ring, 0, tuning), leading: MostSignificantOne::new(width) }
    }

    /// The shifter's steps: distances of 2^k, from the first on.
    fn steps(&self) -> std::ops::Range<u32> {
        self.first..u32::BITS - (self.width - 1).leading_zeros()
    }

    pub(crate) fn cost(&self, n: usize) -> Cost {
        let leading = self.bits.cost(n).then(self.leading.cost(n));
        self.steps().fold(leading, |cost, _| cost.then(and_shared_cost(&[(self.width, n)])))
    }

    pub(crate) fn run(&self, party: &mut Party, x: &RingVec) -> Result<Shifted> {
        let (_, mut rows) = self.bits.run(party, x)?;
        let octave = self.leading.run(party, &rows)?;
        for k in self.steps() {
            let distant = octave.iter().rev().enumerate().filter(|(distance, _)| distance >> k & 1 == 1);
            let common = xor_rows(x.len(), distant.map(|(_, row)| row));
            let change = |(i, row): (usize, &Bits)| match i.checked_sub(1 << k) {
                Some(from) => rows[from].xor(row),
                None => row.clone(),
            };
            let others = rows.iter().enumerate().map(change).collect();
            let changes = and_shared(party, &[AndGroup { common, others }])?.swap_remove(0);
            rows.iter_mut().zip(&changes).for_each(|(row, change)| row.xor_assign(change));
        }
        Ok(Shifted { rows, octave })
    }
}
