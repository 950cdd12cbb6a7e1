//! Functions on pieces of one length.

use veilflow_correlation::Cost;
use veilflow_online::{
    Party, RangeClaim, Result, Tuning, high_bits, high_bits_cost, lookup_bits, lookup_bits_cost,
};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::math::{Symmetry, UniformSpline};

use crate::gate;
use crate::pieces::{Position, PositionShape, entry, entry_bits, evaluate, evaluate_cost, public};

/// The table's entries, in order, and the one outside.
fn entries(spline: &UniformSpline) -> (Vec<u64>, u64) {
    let pieces = &spline.pieces;
    let words = pieces.rows[0].iter().map(|&piece| entry(pieces, piece)).collect();
    (words, entry(pieces, pieces.outside))
}

pub(crate) fn apply(party: &mut Party, spline: &UniformSpline, x: &RingVec) -> Result<RingVec> {
    let pieces = &spline.pieces;
    let sum = pieces.accumulator();
    let lifted = Ring::new(spline.lifted_bits())?;
    let signed = spline.symmetry != Symmetry::Negated;
    let x = x.map_into(lifted, |v| v << spline.lift);
    let x = if signed { x } else { public(party, lifted, spline.start, x.len()).sub(&x) };
    let t = pieces.position_bits;
    let (carry, mut index) = high_bits(party, &x, t)?;
    let negative = if signed { index.pop() } else { None };
    if let Some(negative) = &negative {
        index.iter_mut().for_each(|row| row.xor_assign(negative));
    }
    // x mod 2^t is the sum of the shares' low bits without the carry out of them.
    let low = x.map_into(sum, |v| v & ((1 << t) - 1));
    let carry = carry.unwrap_or_else(|| Bits::zeros(x.len()));
    let position = Position::Low { low, carry };
    let (words, outside) = entries(spline);
    let found = lookup_bits(party, &index, &words, outside, entry_bits(pieces))?;
    if let (Symmetry::Gate, Some(negative)) = (spline.symmetry, &negative) {
        return gate::evaluate(party, spline, &found, negative, &position, &x);
    }
    evaluate(party, pieces, &found, negative.as_ref(), &position, spline.output, range(spline))
}

/// What is known of a result.
fn range(spline: &UniformSpline) -> RangeClaim {
    if spline.symmetry == Symmetry::Negated { RangeClaim::NonNegative } else { RangeClaim::Slack }
}

pub(crate) fn cost(spline: &UniformSpline, n: usize, tuning: Tuning) -> Cost {
    let pieces = &spline.pieces;
    let t = pieces.position_bits;
    let (words, outside) = entries(spline);
    high_bits_cost(spline.lifted_bits(), t, n, tuning)
        .then(lookup_bits_cost(spline.magnitude_bits() - t, &words, outside, entry_bits(pieces), n, tuning))
        .then(match spline.symmetry {
            Symmetry::Gate => gate::cost(spline, n, tuning),
            symmetry => {
                let odd = symmetry == Symmetry::Odd;
                let result = (spline.output, range(spline));
                evaluate_cost(pieces, odd, PositionShape::Low, result, n, tuning)
            }
        })
}
