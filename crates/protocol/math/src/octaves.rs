//! Functions of a positive argument over many orders of magnitude.
//!
//! The one-hot octave is at once the selector of a table's row and, summed over subsets, the bits of the distance by which a
//! barrel shifter normalises the argument.

use veilflow_correlation::Cost;
use veilflow_online::{
    OneHot, OneHotShape, Party, Range, Result, Sections, Tuning, WordShape, WordTerm, high_bits,
    high_bits_cost, most_significant_one, most_significant_one_cost, one_hot_products, one_hot_products_cost,
    select_entry, select_entry_cost, words, words_cost,
};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::math::OctaveSpline;

use crate::mantissa::{shift_up, shift_up_cost};
use crate::pieces::{entry, entry_bits, evaluate, evaluate_cost};

fn sections(spline: &OctaveSpline) -> Sections {
    let pieces = &spline.pieces;
    Sections {
        rows: pieces.rows.iter().map(|row| row.iter().map(|&piece| entry(pieces, piece)).collect()).collect(),
        outside: entry(pieces, pieces.outside),
        entry_bits: entry_bits(pieces),
    }
}

pub(crate) fn apply(party: &mut Party, spline: &OctaveSpline, x: &RingVec) -> Result<RingVec> {
    let (pieces, n) = (&spline.pieces, x.len());
    let magnitude = x.narrow(Ring::new(spline.magnitude_bits())?);
    let (_, rows) = high_bits(party, &magnitude, 0)?;
    let octave = most_significant_one(party, &rows)?;
    let mut rows = shift_up(party, rows, &octave, 0)?;
    rows.pop();
    let padding = spline.fraction_bits as usize - rows.len();
    let mut fraction = vec![Bits::zeros(n); padding];
    fraction.append(&mut rows);
    let index = fraction.split_off((spline.fraction_bits - spline.index_bits) as usize);
    let position = fraction.split_off(fraction.len() - pieces.position_bits as usize);
    let role = party.role;
    let parts = index.iter().map(|bit| OneHot::of_bit(role, bit)).collect();
    let low = one_hot_products(party, vec![parts])?.swap_remove(0);
    let high = OneHot { rows: octave, complete: false };
    let found = select_entry(party, &high, &low, &sections(spline))?;
    let term = WordTerm::Value { bits: &position, out: pieces.accumulator() };
    let position = words(party, &[term])?.swap_remove(0);
    evaluate(party, pieces, &found, None, &position, spline.output, range(spline))
}

/// What is known of a result.
fn range(spline: &OctaveSpline) -> Range {
    if spline.signed { Range::Slack } else { Range::NonNegative }
}

pub(crate) fn cost(spline: &OctaveSpline, n: usize, tuning: Tuning) -> Cost {
    let (pieces, bits) = (&spline.pieces, spline.magnitude_bits());
    let parts = vec![OneHotShape::BIT; spline.index_bits as usize];
    high_bits_cost(bits, 0, n)
        .then(most_significant_one_cost(bits, n))
        .then(shift_up_cost(bits, 0, n))
        .then(one_hot_products_cost(&[parts], n))
        .then(select_entry_cost(false, &sections(spline), n))
        .then(words_cost(&[WordShape::Value(pieces.position_bits, pieces.accumulator().bits())], n, tuning))
        .then(evaluate_cost(pieces, false, spline.output, range(spline), n, tuning))
}
