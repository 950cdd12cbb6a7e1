//! Functions of a positive argument over many orders of magnitude.
//!
//! The one-hot octave is at once the selector of a table's row and, summed over subsets, the bits of the distance by which a
//! barrel shifter normalises the argument. Where one-hot vectors are dealt, the octave's number is looked up with the index instead.

use veilflow_correlation::Cost;
use veilflow_online::{
    IndexBits, OneHot, Party, RangeClaim, Result, Sections, Tuning, high_bits, high_bits_cost, lookup_bits,
    lookup_bits_cost, most_significant_one, most_significant_one_cost, one_hots, one_hots_cost, select_entry,
    select_entry_cost,
};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::math::OctaveSpline;

use crate::mantissa::{shift_up, shift_up_cost};
use crate::pieces::{Position, PositionShape, entry, entry_bits, evaluate, evaluate_cost};

fn sections(spline: &OctaveSpline) -> Sections {
    let pieces = &spline.pieces;
    Sections {
        rows: pieces.rows.iter().map(|row| row.iter().map(|&piece| entry(pieces, piece)).collect()).collect(),
        outside: entry(pieces, pieces.outside),
        entry_bits: entry_bits(pieces),
    }
}

/// The entries of all octaves in one table, by the octave's number from 1 on, 0 being outside, and below it the index.
fn table(spline: &OctaveSpline) -> Vec<u64> {
    let Sections { rows, outside, .. } = sections(spline);
    let width = 1usize << spline.index_bits;
    let mut words = vec![outside; width];
    words.extend(rows.concat());
    words.resize((rows.len() + 1).next_power_of_two() * width, outside);
    words
}

/// The entry's bits under an octave and an index, by either cost.
fn find(party: &mut Party, spline: &OctaveSpline, octave: Vec<Bits>, index: Vec<Bits>) -> Result<Vec<Bits>> {
    let pieces = &spline.pieces;
    if !numbered(spline, party.tuning) {
        let low = one_hots(party, &[IndexBits { bits: &index, beyond: &[] }])?.swap_remove(0);
        return select_entry(party, &OneHot { rows: octave, complete: false }, &low, &sections(spline));
    }
    let words = table(spline);
    let mut index = index;
    for k in 0..words.len().trailing_zeros() - spline.index_bits {
        let mut bit = Bits::zeros(octave[0].len());
        let set = (1usize..).zip(&octave).filter(|(number, _)| number >> k & 1 == 1);
        set.for_each(|(_, row)| bit.xor_assign(row));
        index.push(bit);
    }
    lookup_bits(party, &index, &words, entry(pieces, pieces.outside), entry_bits(pieces))
}

fn by_number_cost(spline: &OctaveSpline, n: usize, tuning: Tuning) -> Cost {
    let (pieces, words) = (&spline.pieces, table(spline));
    let outside = entry(pieces, pieces.outside);
    lookup_bits_cost(words.len().trailing_zeros(), &words, outside, entry_bits(pieces), n, tuning)
}

fn by_octave_cost(spline: &OctaveSpline, n: usize, tuning: Tuning) -> Cost {
    one_hots_cost(&[(spline.index_bits, 0)], n, tuning).then(select_entry_cost(false, &sections(spline), n))
}

/// Whether entries are looked up by the octave's number, not selected by its one-hot row.
fn numbered(spline: &OctaveSpline, tuning: Tuning) -> bool {
    tuning.bytes(&by_number_cost(spline, 64, tuning)) < tuning.bytes(&by_octave_cost(spline, 64, tuning))
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
    let found = find(party, spline, octave, index)?;
    evaluate(party, pieces, &found, None, &Position::Word(position), spline.output, range(spline))
}

/// What is known of a result.
fn range(spline: &OctaveSpline) -> RangeClaim {
    if spline.signed { RangeClaim::Slack } else { RangeClaim::NonNegative }
}

pub(crate) fn cost(spline: &OctaveSpline, n: usize, tuning: Tuning) -> Cost {
    let (pieces, bits) = (&spline.pieces, spline.magnitude_bits());
    high_bits_cost(bits, 0, n, tuning)
        .then(most_significant_one_cost(bits, n))
        .then(shift_up_cost(bits, 0, n))
        .then(if numbered(spline, tuning) {
            by_number_cost(spline, n, tuning)
        } else {
            by_octave_cost(spline, n, tuning)
        })
        .then(evaluate_cost(pieces, false, PositionShape::Word, (spline.output, range(spline)), n, tuning))
}
