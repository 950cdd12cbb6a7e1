//! A piece's entry in a table, and its evaluation.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_online::{
    CompareTree, Party, Range, Result, Tuning, WordShape, WordTerm, bit_to_arithmetic,
    bit_to_arithmetic_cost, ring_products, ring_products_cost, sign_extend, sign_extend_cost, words,
    words_cost, zero_extend, zero_extend_cost,
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

/// `constant` at P0, zero at P1, for every element.
pub(crate) fn public(party: &Party, ring: Ring, constant: u64, n: usize) -> RingVec {
    RingVec::from_values(ring, vec![if party.role == Role::P0 { constant } else { 0 }; n])
}

/// The complement of shared bits.
pub(crate) fn complement(party: &Party, bits: &Bits) -> Bits {
    if party.role == Role::P0 { bits.not() } else { bits.clone() }
}

/// A position within a piece, before it is an element.
pub(crate) enum Position {
    /// The low bits of a share, whose sum exceeds the position by the carry out of them.
    Low { low: RingVec, carry: Bits },
    /// Shared bits.
    Word(Vec<Bits>),
}

/// A [`Position`] for costs.
#[derive(Clone, Copy)]
pub(crate) enum PositionShape {
    Low,
    Word,
}

impl Position {
    fn len(&self) -> usize {
        match self {
            Self::Low { low, .. } => low.len(),
            Self::Word(bits) => bits.first().map_or(0, Bits::len),
        }
    }

    /// What makes it an element of `ring`.
    fn term(&self, pieces: &Pieces, ring: Ring) -> Result<WordTerm<'_>> {
        Ok(match self {
            Self::Low { carry, .. } => {
                let out = Ring::new(ring.bits() - pieces.position_bits)?;
                WordTerm::Value { bits: std::slice::from_ref(carry), out }
            }
            Self::Word(bits) => WordTerm::Value { bits, out: ring },
        })
    }

    /// The position counted from the piece's middle, from the result of its term.
    fn offsets(&self, party: &Party, pieces: &Pieces, ring: Ring, result: &RingVec) -> RingVec {
        let t = pieces.position_bits;
        let position = match self {
            Self::Low { low, .. } => low.map_into(ring, |v| v).sub(&result.map_into(ring, |v| v << t)),
            Self::Word(_) => result.clone(),
        };
        position.sub(&public(party, ring, 1 << (t - 1), position.len()))
    }
}

impl PositionShape {
    fn term(self, pieces: &Pieces, ring: u32) -> WordShape {
        match self {
            Self::Low => WordShape::Value(1, ring - pieces.position_bits),
            Self::Word => WordShape::Value(pieces.position_bits, ring),
        }
    }
}

/// The ring in which slope and position are multiplied where a helper deals: the least that holds products with a bit to spare,
/// which makes their extension a single product of private bits.
fn step_bits(pieces: &Pieces) -> u32 {
    (pieces.position_bits + pieces.slope_bits + 1).min(pieces.accumulator().bits())
}

/// Shares of the terms' results, and in the sum's ring of slope · (position − middle). Of a gate the slope is 2·w + 1 for a word w whose
/// highest bit counts negative and comes complemented.
pub(crate) fn terms_and_step(
    party: &mut Party,
    pieces: &Pieces,
    terms: Vec<WordTerm<'_>>,
    slope: &[Bits],
    gate: bool,
    position: &Position,
) -> Result<(Vec<RingVec>, RingVec)> {
    let sum = pieces.accumulator();
    let excess = (1 << pieces.slope_bits) - 1;
    if !party.tuning.dealt {
        let element = words(party, &[position.term(pieces, sum)?])?.swap_remove(0);
        let offsets = position.offsets(party, pieces, sum, &element);
        let mut terms: Vec<WordTerm<'_>> = terms;
        terms.push(WordTerm::Times { bits: slope, x: &offsets });
        let mut results = words(party, &terms)?;
        let step = results.swap_remove(terms.len() - 1);
        let step = if gate { step.scale(2).sub(&offsets.scale(excess)) } else { step };
        return Ok((results, step));
    }
    if slope.is_empty() {
        let n = position.len();
        return Ok((words(party, &terms)?, RingVec::zeros(sum, n)));
    }
    let (count, mut terms): (usize, Vec<WordTerm<'_>>) = (terms.len(), terms);
    let ring = Ring::new(step_bits(pieces))?;
    terms.extend([WordTerm::Value { bits: slope, out: ring }, position.term(pieces, ring)?]);
    let mut results = words(party, &terms)?;
    let factors = results.split_off(count);
    let offsets = position.offsets(party, pieces, ring, &factors[1]);
    let n = offsets.len();
    let slope =
        if gate { factors[0].scale(2).sub(&public(party, ring, excess, n)) } else { factors[0].clone() };
    let step = ring_products(party, &[[&slope, &offsets]])?.swap_remove(0);
    if ring == sum {
        return Ok((results, step));
    }
    // Its magnitude is below a quarter of the ring, so with a quarter more it is in the lower half.
    let quarter = 1 << (ring.bits() - 2);
    let raised = step.add(&public(party, ring, quarter, n));
    let step = zero_extend(party, &raised, sum, Range::NonNegative)?.sub(&public(party, sum, quarter, n));
    Ok((results, step))
}

/// Cost of [`terms_and_step`] of `n` elements.
pub(crate) fn terms_and_step_cost(
    pieces: &Pieces,
    mut terms: Vec<WordShape>,
    position: PositionShape,
    n: usize,
    tuning: Tuning,
) -> Cost {
    let sum = pieces.accumulator().bits();
    if !tuning.dealt {
        terms.push(WordShape::Times(pieces.slope_bits, sum));
        return words_cost(&[position.term(pieces, sum)], n, tuning).then(words_cost(&terms, n, tuning));
    }
    if pieces.slope_bits == 0 {
        return words_cost(&terms, n, tuning);
    }
    let bits = step_bits(pieces);
    terms.extend([WordShape::Value(pieces.slope_bits, bits), position.term(pieces, bits)]);
    words_cost(&terms, n, tuning).then(ring_products_cost(&[(bits, n)])).then(zero_extend_cost(
        bits,
        sum,
        Range::NonNegative,
        n,
        tuning,
    ))
}

/// Shares of the results: entries are shared bits. `negative` are the bits that negate values, of an odd function; `range` is the
/// result's.
pub(crate) fn evaluate(
    party: &mut Party,
    pieces: &Pieces,
    entries: &[Bits],
    negative: Option<&Bits>,
    position: &Position,
    output: Fixed,
    range: Range,
) -> Result<RingVec> {
    let (sum, n) = (pieces.accumulator(), entries[0].len());
    let (value, slope) = entries.split_at(pieces.value_bits as usize);
    let mut value = value.to_vec();
    let mut constant = pieces.constant();
    if let Some(negative) = negative {
        // In two's complement the sign counts −2^v·s = 2^v·(1 − s) − 2^v.
        value.iter_mut().for_each(|row| row.xor_assign(negative));
        value.push(complement(party, negative));
        constant = constant.wrapping_sub(1 << (pieces.value_bits + pieces.value_shift()));
    }
    let value_ring = Ring::new(sum.bits() - pieces.value_shift())?;
    let term = WordTerm::Value { bits: &value, out: value_ring };
    let (results, step) = terms_and_step(party, pieces, vec![term], slope, false, position)?;
    let value = results[0].map_into(sum, |v| v << pieces.value_shift());
    let step = if pieces.falling { step.neg() } else { step };
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
    position: PositionShape,
    (output, range): (Fixed, Range),
    n: usize,
    tuning: Tuning,
) -> Cost {
    let value = pieces.accumulator().bits() - pieces.value_shift();
    let term = WordShape::Value(pieces.value_bits + u32::from(odd), value);
    terms_and_step_cost(pieces, vec![term], position, n, tuning)
        .then(truncate_cost(pieces, n, tuning))
        .then(sign_extend_cost(pieces.result.bits(), output.bits, range, n, tuning))
}
