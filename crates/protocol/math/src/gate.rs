//! Gates: max(x, 0) less an even function.
//!
//! With the sign s, max(x, 0) = (1 − s)·x is one more term of the exchange that evaluates the piece. The slope, negated by s,
//! is 2w + 1 for the signed word w of its bits' exclusive or with s; w's highest bit counts negative, so its complement counts
//! positive, less a constant.

use veilflow_correlation::Cost;
use veilflow_online::{Party, Result, Tuning, WordShape, WordTerm, words, words_cost};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::math::UniformSpline;

use crate::pieces::{complement, from_middle, public, truncate, truncate_cost};

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
    position: &RingVec,
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
    let offsets = from_middle(party, pieces, position);
    let positive = [complement(party, negative)];
    let terms = [
        WordTerm::Value { bits: value, out: Ring::new(value_bits)? },
        WordTerm::Times { bits: &slope, x: &offsets },
        WordTerm::Times { bits: &positive, x: &x.narrow(Ring::new(kept_bits)?) },
    ];
    let terms = words(party, &terms)?;
    let value = terms[0].map_into(sum, |v| v << pieces.value_shift());
    let kept = terms[2].map_into(sum, |v| v << spline.kept_shift());
    // 2·(w − 2^(b−1)) + 1 times the offset.
    let step = terms[1].scale(2).sub(&offsets.scale((1 << pieces.slope_bits) - 1));
    let constant = public(party, sum, pieces.gate_constant(), position.len());
    truncate(party, &kept.sub(&value).sub(&step).add(&constant), pieces)
}

/// Cost of [`evaluate`] of `n` elements.
pub(crate) fn cost(spline: &UniformSpline, n: usize, tuning: Tuning) -> Cost {
    let pieces = &spline.pieces;
    let [value_bits, kept_bits] = widths(spline);
    let shapes = [
        WordShape::Value(pieces.value_bits, value_bits),
        WordShape::Times(pieces.slope_bits, pieces.accumulator().bits()),
        WordShape::Times(1, kept_bits),
    ];
    words_cost(&shapes, n, tuning).then(truncate_cost(pieces, n, tuning))
}
