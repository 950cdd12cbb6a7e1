//! A piece's entry in a table, and its evaluation.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_online::{
    CompareTree, Party, Range, Result, Tuning, WordShape, WordTerm, bit_to_arithmetic,
    bit_to_arithmetic_cost, sign_extend, sign_extend_cost, words, words_cost,
};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::math::{Fixed, Piece, Pieces};

/// A piece as a table's entry: the value's bits, and the slope's above them.
pub(crate) fn entry(pieces: &Pieces, piece: Piece) -> u64 {
    let slope = piece.slope.cast_unsigned() & ((1 << pieces.slope_bits) - 1);
    piece.value | slope << pieces.value_bits
}

/// Bits of an entry.
pub(crate) fn entry_bits(pieces: &Pieces) -> u32 {
    pieces.value_bits + pieces.slope_bits
}

/// Positions, counted from the piece's middle.
pub(crate) fn from_middle(party: &Party, pieces: &Pieces, position: &RingVec) -> RingVec {
    position.sub(&public(party, position.ring(), 1 << (pieces.position_bits - 1), position.len()))
}

/// `constant` at P0, zero at P1, for every element.
pub(crate) fn public(party: &Party, ring: Ring, constant: u64, n: usize) -> RingVec {
    RingVec::from_values(ring, vec![if party.role == Role::P0 { constant } else { 0 }; n])
}

/// The complement of shared bits.
pub(crate) fn complement(party: &Party, bits: &Bits) -> Bits {
    if party.role == Role::P0 { bits.not() } else { bits.clone() }
}

/// Shares of the results: entries are shared bits, positions shared elements of the accumulator's ring. `negative` are the
/// bits that negate values, of an odd function; `range` is the result's.
pub(crate) fn evaluate(
    party: &mut Party,
    pieces: &Pieces,
    entries: &[Bits],
    negative: Option<&Bits>,
    position: &RingVec,
    output: Fixed,
    range: Range,
) -> Result<RingVec> {
    let (sum, n) = (pieces.accumulator(), position.len());
    let (value, slope) = entries.split_at(pieces.value_bits as usize);
    let mut value = value.to_vec();
    let mut constant = pieces.constant();
    if let Some(negative) = negative {
        // In two's complement the sign counts −2^v·s = 2^v·(1 − s) − 2^v.
        value.iter_mut().for_each(|row| row.xor_assign(negative));
        value.push(complement(party, negative));
        constant = constant.wrapping_sub(1 << (pieces.value_bits + pieces.value_shift()));
    }
    let offsets = from_middle(party, pieces, position);
    let value_ring = Ring::new(sum.bits() - pieces.value_shift())?;
    let terms =
        [WordTerm::Value { bits: &value, out: value_ring }, WordTerm::Times { bits: slope, x: &offsets }];
    let terms = words(party, &terms)?;
    let value = terms[0].map_into(sum, |v| v << pieces.value_shift());
    let step = if pieces.falling { terms[1].neg() } else { terms[1].clone() };
    let total = value.add(&step).add(&public(party, sum, constant, n));
    let result = truncate(party, &total, pieces)?;
    sign_extend(party, &result, output.ring(), range)
}

/// The comparison of the dropped bits. They are few: leaves of 4 bits save a round and cost next to nothing.
fn few_rounds(pieces: &Pieces, tuning: Tuning) -> CompareTree {
    CompareTree::new(pieces.dropped, None, Tuning { leaf_bits: 4, extra_levels: 0, ..tuning })
}

/// `truncate_reduce` of the sum by that comparison.
pub(crate) fn truncate(party: &mut Party, x: &RingVec, pieces: &Pieces) -> Result<RingVec> {
    let operand = if party.role == Role::P0 { x.map(|v| !v) } else { x.clone() };
    let (carry, _) = few_rounds(pieces, party.tuning).run(party, operand.values())?;
    let carry = bit_to_arithmetic(party, &carry, pieces.result)?;
    Ok(x.map_into(pieces.result, |v| v >> pieces.dropped).add(&carry))
}

/// Cost of [`truncate`] of `n` elements.
pub(crate) fn truncate_cost(pieces: &Pieces, n: usize, tuning: Tuning) -> Cost {
    few_rounds(pieces, tuning).cost(n).then(bit_to_arithmetic_cost(pieces.result.bits(), n, tuning))
}

/// Cost of [`evaluate`] of `n` elements.
pub(crate) fn evaluate_cost(
    pieces: &Pieces,
    odd: bool,
    output: Fixed,
    range: Range,
    n: usize,
    tuning: Tuning,
) -> Cost {
    let (sum, result) = (pieces.accumulator().bits(), pieces.result.bits());
    let shapes = [
        WordShape::Value(pieces.value_bits + u32::from(odd), sum - pieces.value_shift()),
        WordShape::Times(pieces.slope_bits, sum),
    ];
    words_cost(&shapes, n, tuning).then(truncate_cost(pieces, n, tuning)).then(sign_extend_cost(
        result,
        output.bits,
        range,
        n,
        tuning,
    ))
}
