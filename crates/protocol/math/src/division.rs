//! Division of shared values.
//!
//! The divisor's leading one is found; its one-hot place, read from the top, is the word 2^d by which both are shifted. What is
//! sent is sent by the operations it is made of.

use veilflow_correlation::Cost;
use veilflow_online::{
    OnlineError, Party, RangeClaim, Result, Tuning, WordShape, WordTerm, multiply_cost, multiply_signed,
    sign_extend, sign_extend_cost, truncate_reduce, truncate_reduce_cost, words, words_cost,
};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::math::Division;

use crate::mantissa;
use crate::pieces::public;

/// `x` in a ring of other width, of its signed reading.
pub(crate) fn resize(party: &mut Party, x: &RingVec, out: Ring, range: RangeClaim) -> Result<RingVec> {
    if out <= x.ring() { Ok(x.narrow(out)) } else { sign_extend(party, x, out, range) }
}

/// Shares of x / y (spec: `math::divide`).
pub fn divide(party: &mut Party, division: &Division, x: &RingVec, y: &RingVec) -> Result<RingVec> {
    let formats = [division.dividend.bits, division.divisor.bits];
    if [x, y].map(|v| v.ring().bits()) != formats || x.len() != y.len() {
        let reason = format!("operands are not equally many of {} and {} bits", formats[0], formats[1]);
        return Err(OnlineError::Argument { op: "divide", reason });
    }
    let normalised = mantissa::normalise(party, &y.narrow(Ring::new(formats[1] - 1)?), 0)?;
    let reciprocal = mantissa::apply(party, &division.reciprocal, &normalised.rows)?;
    let x = resize(party, x, division.shifted, RangeClaim::Any)?;
    let bits: Vec<Bits> = normalised.octave.into_iter().rev().collect();
    let shifted = words(party, &[WordTerm::Times { bits: &bits, x: &x }])?.swap_remove(0);
    let product = multiply_signed(party, &shifted, &reciprocal)?;
    let dropped = division.shifted.bits();
    let product = product.narrow(Ring::new(dropped + division.quotient.bits)?);
    let half = public(party, product.ring(), 1 << (dropped - 1), x.len());
    truncate_reduce(party, &product.add(&half), dropped)
}

/// Cost of [`divide`] of `n` elements.
pub fn divide_cost(division: &Division, n: usize, tuning: Tuning) -> Cost {
    let (shifted, reciprocal) = (division.shifted.bits(), &division.reciprocal);
    let divisor = division.divisor.bits - 1;
    mantissa::normalise_cost(divisor, 0, n, tuning)
        .then(mantissa::apply_cost(reciprocal, n, tuning))
        .then(sign_extend_cost(division.dividend.bits, shifted, RangeClaim::Any, n, tuning))
        .then(words_cost(&[WordShape::Times(divisor, shifted)], n, tuning))
        .then(multiply_cost([shifted, reciprocal.pieces.result.bits()], [RangeClaim::Any; 2], n, tuning))
        .then(truncate_reduce_cost(shifted + division.quotient.bits, shifted, n, tuning))
}
