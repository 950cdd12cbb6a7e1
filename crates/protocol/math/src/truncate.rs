//! The last step of a piece's evaluation: the low bits of the sum are dropped, and what its product lacks is
//! added, which counts more than they do. What is sent is sent by a comparison and by private products.

use veilflow_correlation::Cost;
use veilflow_online::{Carry, Party, Result, Tuning, Word, Words};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::math::Pieces;

use crate::step::Step;

/// ⌊sum / 2^g⌋ of a sum of which a step's product, or its negative, is a term.
#[derive(Debug)]
pub(crate) struct Truncate {
    dropped: u32,
    out: Ring,
    negative: bool,
    carry: Carry,
    /// The carry as an element, and what the product lacks.
    words: Words,
    /// How far that is shifted.
    shift: u32,
}

impl Truncate {
    /// Of sums with the product of `step`, or its negative.
    pub(crate) fn new(pieces: &Pieces, step: &Step, negative: bool, tuning: Tuning) -> Self {
        let (dropped, out) = (pieces.dropped, pieces.result);
        // The bits are few: leaves of 4 bits save a round and cost next to nothing.
        let carry = Carry::new(dropped, Tuning { leaf_bits: 4, extra_levels: 0, ..tuning });
        let words = Words::new(tuning).value(1, out);
        let (words, shift) = match step.lacking() {
            Some((ring, place)) => (words.private(ring), place - dropped),
            None => (words, 0),
        };
        Self { dropped, out, negative, carry, words, shift }
    }

    pub(crate) fn cost(&self, n: usize) -> Cost {
        self.carry.cost(n).then(self.words.cost(n))
    }

    /// Shares of the result; `top` is what the product lacks.
    pub(crate) fn run(&self, party: &mut Party, sum: &RingVec, top: Option<&Bits>) -> Result<RingVec> {
        let carry = self.carry.run(party, sum)?;
        let words = [&carry].into_iter().chain(top).map(|row| Word::alone(std::slice::from_ref(row)));
        let terms = self.words.run(party, &words.collect::<Vec<_>>())?;
        let result = sum.map_into(self.out, |v| v >> self.dropped).add(&terms[0]);
        let lacking = terms.get(1).map(|products| products.map_into(self.out, |v| v << self.shift));
        Ok(match lacking {
            Some(lacking) if self.negative => result.sub(&lacking),
            Some(lacking) => result.add(&lacking),
            None => result,
        })
    }
}
