//! Normalised arguments: the leading one of a non-negative value is found, brought to the top, and the bits below it select a
//! piece.

use veilflow_correlation::Cost;
use veilflow_online::{
    AndGroup, Party, RangeClaim, Result, Tuning, and_shared, and_shared_cost, high_bits, high_bits_cost,
    lookup_bits, lookup_bits_cost, most_significant_one, most_significant_one_cost,
};
use veilflow_ring::{Bits, RingVec};
use veilflow_spec::math::{Fixed, Mantissa};

use crate::pieces::{Position, PositionShape, entry, entry_bits, evaluate, evaluate_cost};

/// Steps of a barrel shifter: distances of 2^k, from `first` on.
fn steps(bits: u32, first: u32) -> std::ops::Range<u32> {
    first..u32::BITS - (bits - 1).leading_zeros()
}

/// The bits of x·2^d, where d is the distance of its leading one from the top without its bits below `first`.
pub(crate) fn shift_up(
    party: &mut Party,
    mut rows: Vec<Bits>,
    octave: &[Bits],
    first: u32,
) -> Result<Vec<Bits>> {
    let top = octave.len() - 1;
    let n = octave[top].len();
    for k in steps(octave.len() as u32, first) {
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

/// Cost of [`shift_up`] of `n` elements of `bits` bits.
pub(crate) fn shift_up_cost(bits: u32, first: u32, n: usize) -> Cost {
    steps(bits, first).fold(Cost::default(), |cost, _| cost.then(and_shared_cost(&[(bits, n)])))
}

/// A non-negative value with its leading one at the top, or next to it: its bits, and the one-hot place the one came from.
pub(crate) struct Normalised {
    pub(crate) rows: Vec<Bits>,
    pub(crate) octave: Vec<Bits>,
}

/// Normalises x by distances whose bits below `first` are cut off.
pub(crate) fn normalise(party: &mut Party, x: &RingVec, first: u32) -> Result<Normalised> {
    let (_, rows) = high_bits(party, x, 0)?;
    let octave = most_significant_one(party, &rows)?;
    let rows = shift_up(party, rows, &octave, first)?;
    Ok(Normalised { rows, octave })
}

/// Cost of [`normalise`] of `n` elements of `bits` bits.
pub(crate) fn normalise_cost(bits: u32, first: u32, n: usize, tuning: Tuning) -> Cost {
    high_bits_cost(bits, 0, n, tuning)
        .then(most_significant_one_cost(bits, n))
        .then(shift_up_cost(bits, first, n))
}

fn words_of(mantissa: &Mantissa) -> Vec<u64> {
    mantissa.pieces.rows[0].iter().map(|&piece| entry(&mantissa.pieces, piece)).collect()
}

/// The format of a function's results, which is all that they need.
fn output(mantissa: &Mantissa) -> Fixed {
    Fixed { bits: mantissa.pieces.result.bits(), scale: 0 }
}

/// Shares of the function of normalised arguments, lowest bit first.
pub(crate) fn apply(party: &mut Party, mantissa: &Mantissa, rows: &[Bits]) -> Result<RingVec> {
    let pieces = &mantissa.pieces;
    let mut all = vec![Bits::zeros(rows[0].len()); mantissa.bits as usize - rows.len()];
    all.extend_from_slice(rows);
    let below = mantissa.below_index() as usize;
    let index = &all[below..below + mantissa.index_bits as usize];
    let found = lookup_bits(party, index, &words_of(mantissa), 0, entry_bits(pieces))?;
    let position = Position::Word(all[below - pieces.position_bits as usize..below].to_vec());
    evaluate(party, pieces, &found, None, &position, output(mantissa), RangeClaim::NonNegative)
}

/// Cost of [`apply`] to `n` elements.
pub(crate) fn apply_cost(mantissa: &Mantissa, n: usize, tuning: Tuning) -> Cost {
    let pieces = &mantissa.pieces;
    lookup_bits_cost(mantissa.index_bits, &words_of(mantissa), 0, entry_bits(pieces), n, tuning).then(
        evaluate_cost(
            pieces,
            false,
            PositionShape::Word,
            (output(mantissa), RangeClaim::NonNegative),
            n,
            tuning,
        ),
    )
}
