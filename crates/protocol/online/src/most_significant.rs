//! The index of the most significant bit that is one (SIRNN §III-C, "MSNZB").
//!
//! The adder gives the bits, a parallel prefix of their complements the one-hot row of the leading one. A bit of the index is
//! the exclusive or of the rows whose index has it: local. What is sent opens masked bits.

use veilflow_correlation::Cost;
use veilflow_ring::{Bits, Ring, RingVec};

use crate::{
    Party, Result, Tuning, WordShape, WordTerm, high_bits, high_bits_cost, most_significant_one,
    most_significant_one_cost, words, words_cost,
};

/// Width of the largest index.
fn index_bits(bits: u32) -> u32 {
    u32::BITS - (bits - 1).leading_zeros()
}

/// Shares in `out` of the index of the most significant one of the unsigned reading; zero where x is zero (spec:
/// `most_significant_index`).
pub fn most_significant_index(party: &mut Party, x: &RingVec, out: Ring) -> Result<RingVec> {
    let (_, rows) = high_bits(party, x, 0)?;
    let one_hot = most_significant_one(party, &rows)?;
    let bit = |k: u32| {
        let mut bit = Bits::zeros(x.len());
        one_hot.iter().enumerate().filter(|(i, _)| i >> k & 1 == 1).for_each(|(_, row)| bit.xor_assign(row));
        bit
    };
    let index: Vec<Bits> = (0..index_bits(x.ring().bits())).map(bit).collect();
    if index.is_empty() {
        return Ok(RingVec::zeros(out, x.len()));
    }
    Ok(words(party, &[WordTerm::Value { bits: &index, out }])?.swap_remove(0))
}

/// Cost of [`most_significant_index`] of `n` elements of `bits` bits.
pub fn most_significant_index_cost(bits: u32, out_bits: u32, n: usize, tuning: Tuning) -> Cost {
    high_bits_cost(bits, 0, n, tuning).then(most_significant_one_cost(bits, n)).then(words_cost(
        &[WordShape::Value(index_bits(bits), out_bits)],
        n,
        tuning,
    ))
}
