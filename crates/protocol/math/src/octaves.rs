//! Functions of a positive argument over many orders of magnitude.
//!
//! The one-hot octave is at once the selector of a table's row and, summed over subsets, the bits of the distance by which a
//! barrel shifter normalises the argument.

use veilflow_correlation::Cost;
use veilflow_online::{
    AndGroup, OneHot, OneHotShape, Party, Range, Result, Sections, Tuning, WordShape, WordTerm, and_shared,
    and_shared_cost, high_bits, high_bits_cost, most_significant_one, most_significant_one_cost,
    one_hot_products, one_hot_products_cost, select_entry, select_entry_cost, words, words_cost,
};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::math::OctaveSpline;

use crate::pieces::{entry, entry_bits, evaluate, evaluate_cost};

fn sections(spline: &OctaveSpline) -> Sections {
    let pieces = &spline.pieces;
    Sections {
        rows: pieces.rows.iter().map(|row| row.iter().map(|&piece| entry(pieces, piece)).collect()).collect(),
        outside: entry(pieces, pieces.outside),
        entry_bits: entry_bits(pieces),
    }
}

/// Bits of the largest distance to shift by.
fn distance_bits(bits: u32) -> u32 {
    u32::BITS - (bits - 1).leading_zeros()
}

/// The bits of x·2^d, where d is the distance of its leading one from the top: the leading one comes out at the top.
fn normalise(party: &mut Party, mut rows: Vec<Bits>, octave: &[Bits]) -> Result<Vec<Bits>> {
    let top = octave.len() - 1;
    let n = octave[top].len();
    for k in 0..distance_bits(octave.len() as u32) {
        let mut shift = Bits::zeros(n);
        let distant = octave.iter().enumerate().filter(|(i, _)| (top - i) >> k & 1 == 1);
        distant.for_each(|(_, row)| shift.xor_assign(row));
        let from = |i: usize| i.checked_sub(1 << k).map(|i| &rows[i]);
        let others =
            rows.iter().enumerate().map(|(i, row)| from(i).map_or_else(|| row.clone(), |r| r.xor(row)));
        let steps = and_shared(party, &[AndGroup { common: shift, others: others.collect() }])?;
        rows.iter_mut().zip(&steps[0]).for_each(|(row, step)| row.xor_assign(step));
    }
    Ok(rows)
}

fn normalise_cost(bits: u32, n: usize) -> Cost {
    (0..distance_bits(bits)).fold(Cost::default(), |cost, _| cost.then(and_shared_cost(&[(bits, n)])))
}

pub(crate) fn apply(party: &mut Party, spline: &OctaveSpline, x: &RingVec) -> Result<RingVec> {
    let (pieces, n) = (&spline.pieces, x.len());
    let magnitude = x.narrow(Ring::new(spline.magnitude_bits())?);
    let (_, rows) = high_bits(party, &magnitude, 0)?;
    let octave = most_significant_one(party, &rows)?;
    let mut rows = normalise(party, rows, &octave)?;
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
        .then(normalise_cost(bits, n))
        .then(one_hot_products_cost(&[parts], n))
        .then(select_entry_cost(false, &sections(spline), n))
        .then(words_cost(&[WordShape::Value(pieces.position_bits, pieces.accumulator().bits())], n))
        .then(evaluate_cost(pieces, false, spline.output, range(spline), n, tuning))
}
