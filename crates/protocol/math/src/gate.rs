//! Gates: max(x, 0) less an even function.
//!
//! With the sign s, max(x, 0) = (1 − s)·x is one more term of the exchange that evaluates the piece. The slope, negated by s,
//! is 2w + 1 for the signed word w of its bits' exclusive or with s; w's highest bit counts negative, so its complement counts
//! positive, less a constant.

use veilflow_correlation::Cost;
use veilflow_online::{Party, Result, Tuning, WordShape, WordTerm};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::math::UniformSpline;

use crate::pieces::{
    Position, PositionShape, complement, public, terms_and_step, terms_and_step_cost, truncate, truncate_cost,
};

/// The rings of values and of the part kept of x, below the sum's by their shifts.
fn widths(spline: &UniformSpline) -> [u32; 2] {
    let sum = spline.pieces.accumulator().bits();
    [sum - spline.pieces.value_shift(), sum - spline.kept_shift()]
}

/// Shares of the results for the lifted argument `x`, from the entry's bits, the sign and the position.
pub(crate) fn evaluate(
    party: &mut Party,
    spline: &UniformSpline,
    entry: &[Bits],
    negative: &Bits,
    position: &Position,
    x: &RingVec,
) -> Result<RingVec> {
    let pieces = &spline.pieces;
    let sum = pieces.accumulator();
    let [value_bits, kept_bits] = widths(spline);
    let (value, slope) = entry.split_at(pieces.value_bits as usize);
    let mut slope: Vec<Bits> = slope.iter().map(|row| row.xor(negative)).collect();
    if let Some(top) = slope.last_mut() {
        *top = complement(party, top);
    }
    let positive = [complement(party, negative)];
    let kept = x.narrow(Ring::new(kept_bits)?);
    let terms = vec![
        WordTerm::Value { bits: value, out: Ring::new(value_bits)? },
        WordTerm::Times { bits: &positive, x: &kept },
    ];
    let (terms, step) = terms_and_step(party, pieces, terms, &slope, true, position)?;
    let value = terms[0].map_into(sum, |v| v << pieces.value_shift());
    let kept = terms[1].map_into(sum, |v| v << spline.kept_shift());
    let constant = public(party, sum, pieces.gate_constant(), x.len());
    truncate(party, &kept.sub(&value).sub(&step.known).add(&constant), pieces, &step, true)
}

/// Cost of [`evaluate`] of `n` elements.
pub(crate) fn cost(spline: &UniformSpline, n: usize, tuning: Tuning) -> Cost {
    let pieces = &spline.pieces;
    let [value_bits, kept_bits] = widths(spline);
    let terms = vec![WordShape::Value(pieces.value_bits, value_bits), WordShape::Times(1, kept_bits)];
    terms_and_step_cost(pieces, terms, PositionShape::Low, n, tuning).then(truncate_cost(pieces, n, tuning))
}
