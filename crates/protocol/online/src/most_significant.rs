//! The most significant bit that is one: as a one-hot row, and as an index (SIRNN §III-C, "MSNZB").
//!
//! With bit i comes the product of the complements of bits i and above, by a parallel prefix; where it
//! differs from that of the bits above i, bit i is the leading one. A bit of the index is the exclusive or of
//! the rows whose index has it: local. What is sent is sent by the products and by conversions, so each side
//! sees masked bits and elements only.

use std::ops::Range;

use veilflow_correlation::Cost;
use veilflow_ring::{Bits, Ring, RingVec};

use crate::sign::negate;
use crate::{
    AndGroup, HighBits, OnlineError, Operation, Party, Result, Tuning, Word, Words, and_shared,
    and_shared_cost, xor_rows,
};

/// A one-hot row of the most significant one of shared bits, without a one where all are zero (spec:
/// `most_significant_one`).
#[derive(Debug, Clone)]
pub struct MostSignificantOne {
    bits: usize,
    /// What joins at a level, counted from the top bit down: the lowest bit of a block's upper half, and all
    /// of its lower half.
    levels: Vec<Vec<(usize, Range<usize>)>>,
}

impl MostSignificantOne {
    /// Of so many bits.
    pub fn new(bits: u32) -> Self {
        let bits = bits as usize;
        let joints = |level: u32| {
            let half = 1usize << level;
            let blocks = (0..bits).step_by(2 * half).filter(|start| start + half < bits);
            let joint = |start: usize| {
                let middle = bits - start - half;
                (middle, middle.saturating_sub(half)..middle)
            };
            blocks.map(joint).collect()
        };
        Self { bits, levels: (0..bits.next_power_of_two().trailing_zeros()).map(joints).collect() }
    }

    /// Cost of `n` elements.
    pub fn cost(&self, n: usize) -> Cost {
        self.levels.iter().fold(Cost::default(), |cost, joints| {
            let groups: Vec<_> = joints.iter().map(|(_, below)| (below.len() as u32, n)).collect();
            cost.then(and_shared_cost(&groups))
        })
    }

    /// Shares of the row's bits, from shared bits; both lowest first.
    pub fn run(&self, party: &mut Party, bits: &[Bits]) -> Result<Vec<Bits>> {
        if bits.len() != self.bits {
            let reason = format!("there are {} rows of bits, not {}", bits.len(), self.bits);
            return Err(OnlineError::argument("most_significant_one", reason));
        }
        // zeros[i]: bits i.. are all zero.
        let mut zeros: Vec<Bits> = bits.iter().map(|row| negate(party.role, row.clone())).collect();
        for joints in &self.levels {
            let groups = joints.iter().map(|(middle, below)| AndGroup {
                common: zeros[*middle].clone(),
                others: zeros[below.clone()].to_vec(),
            });
            let results = and_shared(party, &groups.collect::<Vec<_>>())?;
            for ((_, below), rows) in joints.iter().zip(results) {
                below.clone().zip(rows).for_each(|(i, row)| zeros[i] = row);
            }
        }
        let mut out: Vec<Bits> = zeros.windows(2).map(|pair| pair[0].xor(&pair[1])).collect();
        out.extend(bits.last().cloned());
        Ok(out)
    }
}

/// The index of the most significant one of the unsigned reading; zero where that is zero (spec:
/// `most_significant_index`).
#[derive(Debug)]
pub struct MostSignificantIndex {
    out: Ring,
    bits: HighBits,
    one: MostSignificantOne,
    /// Width of the largest index.
    index_bits: u32,
    value: Words,
}

impl MostSignificantIndex {
    /// Of elements of `ring`, with indices in `out`.
    pub fn new(ring: Ring, out: Ring, tuning: Tuning) -> Self {
        let index_bits = u32::BITS - (ring.bits() - 1).leading_zeros();
        Self {
            out,
            bits: HighBits::new(ring, 0, tuning),
            one: MostSignificantOne::new(ring.bits()),
            index_bits,
            value: Words::new(tuning).value(index_bits, out),
        }
    }
}

impl Operation for MostSignificantIndex {
    fn cost(&self, n: usize) -> Cost {
        self.bits.cost(n).then(self.one.cost(n)).then(self.value.cost(n))
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        let (_, bits) = self.bits.run(party, x)?;
        let one = self.one.run(party, &bits)?;
        let having = |k: u32| one.iter().enumerate().filter(move |(i, _)| i >> k & 1 == 1);
        let bit = |k| xor_rows(x.len(), having(k).map(|(_, row)| row));
        let index: Vec<Bits> = (0..self.index_bits).map(bit).collect();
        if index.is_empty() {
            return Ok(RingVec::zeros(self.out, x.len()));
        }
        Ok(self.value.run(party, &[Word::alone(&index)])?.swap_remove(0))
    }
}
