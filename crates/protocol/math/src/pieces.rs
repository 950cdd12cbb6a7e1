//! A piece's entry in a table, and its evaluation.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_online::{
    CompareTree, Party, RangeClaim, Result, Tuning, WordShape, WordTerm, ring_products, ring_products_cost,
    sign_extend, sign_extend_cost, words, words_cost,
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
/// which makes their extension a single product of private bits, and the bits that are dropped.
fn step_bits(pieces: &Pieces) -> u32 {
    let least = pieces.position_bits + pieces.slope_bits + 1;
    least.max(pieces.dropped).min(pieces.accumulator().bits())
}

/// The ring of what a step lacks, in units of the step's ring; none if it lacks nothing.
fn lacking(pieces: &Pieces) -> Option<Ring> {
    Ring::new(pieces.accumulator().bits() - step_bits(pieces)).ok().filter(|_| pieces.slope_bits > 0)
}

/// A slope times a position, in the sum's ring.
pub(crate) struct Step {
    /// Shares of it,
    pub(crate) known: RingVec,
    /// but for the product of these bits of both parties, in units of the step's ring.
    top: Option<Bits>,
}

impl Step {
    fn complete(known: RingVec) -> Self {
        Self { known, top: None }
    }
}

/// Shares of the terms' results, and of slope · (position − middle). Of a gate the slope is 2·w + 1 for a word w whose
/// highest bit counts negative and comes complemented.
pub(crate) fn terms_and_step(
    party: &mut Party,
    pieces: &Pieces,
    terms: Vec<WordTerm<'_>>,
    slope: &[Bits],
    gate: bool,
    position: &Position,
) -> Result<(Vec<RingVec>, Step)> {
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
        return Ok((results, Step::complete(step)));
    }
    if slope.is_empty() {
        let n = position.len();
        return Ok((words(party, &terms)?, Step::complete(RingVec::zeros(sum, n))));
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
        return Ok((results, Step::complete(step)));
    }
    // Its magnitude is below a quarter of the ring, so with a quarter more it is in the lower half: its shares wrap unless the highest
    // bits of both are zero.
    let quarter = 1 << (ring.bits() - 2);
    let raised = step.add(&public(party, ring, quarter, n));
    let top = veilflow_spec::msb(&raised);
    let wraps = RingVec::from_bits(sum, &top).map(|v| v << ring.bits());
    let known = raised.map_into(sum, |v| v).sub(&wraps).sub(&public(party, sum, quarter, n));
    Ok((results, Step { known, top: Some(top) }))
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
    words_cost(&terms, n, tuning).then(ring_products_cost(&[(bits, n)]))
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
    range: RangeClaim,
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
    let known = if pieces.falling { step.known.neg() } else { step.known.clone() };
    let total = value.add(&known).add(&public(party, sum, constant, n));
    let result = truncate(party, &total, pieces, &step, pieces.falling)?;
    sign_extend(party, &result, output.ring(), range)
}

/// The comparison of the dropped bits. They are few: leaves of 4 bits save a round and cost next to nothing.
fn few_rounds(pieces: &Pieces, tuning: Tuning) -> CompareTree {
    CompareTree::new(pieces.dropped, None, Tuning { leaf_bits: 4, extra_levels: 0, ..tuning })
}

/// `truncate_reduce` by that comparison of a sum of which a step, or the negative of one, is a term; what the step lacks is added last, as it
/// counts more than the bits that are dropped.
pub(crate) fn truncate(
    party: &mut Party,
    x: &RingVec,
    pieces: &Pieces,
    step: &Step,
    negative: bool,
) -> Result<RingVec> {
    let operand = if party.role == Role::P0 { x.map(|v| !v) } else { x.clone() };
    let (carry, _) = few_rounds(pieces, party.tuning).run(party, operand.values())?;
    let mut terms = vec![WordTerm::Value { bits: std::slice::from_ref(&carry), out: pieces.result }];
    if let (Some(bits), Some(out)) = (&step.top, lacking(pieces)) {
        terms.push(WordTerm::Private { bits, out });
    }
    let terms = words(party, &terms)?;
    let result = x.map_into(pieces.result, |v| v >> pieces.dropped).add(&terms[0]);
    let Some(lacking) = terms.get(1) else { return Ok(result) };
    let lacking = lacking.map_into(pieces.result, |v| v << (step_bits(pieces) - pieces.dropped));
    Ok(if negative { result.sub(&lacking) } else { result.add(&lacking) })
}

/// Cost of [`truncate`] of `n` elements.
pub(crate) fn truncate_cost(pieces: &Pieces, n: usize, tuning: Tuning) -> Cost {
    let mut terms = vec![WordShape::Value(1, pieces.result.bits())];
    terms.extend(lacking(pieces).filter(|_| tuning.dealt).map(|out| WordShape::Private(out.bits())));
    few_rounds(pieces, tuning).cost(n).then(words_cost(&terms, n, tuning))
}

/// Cost of [`evaluate`] of `n` elements.
pub(crate) fn evaluate_cost(
    pieces: &Pieces,
    odd: bool,
    position: PositionShape,
    (output, range): (Fixed, RangeClaim),
    n: usize,
    tuning: Tuning,
) -> Cost {
    let value = pieces.accumulator().bits() - pieces.value_shift();
    let term = WordShape::Value(pieces.value_bits + u32::from(odd), value);
    terms_and_step_cost(pieces, vec![term], position, n, tuning)
        .then(truncate_cost(pieces, n, tuning))
        .then(sign_extend_cost(pieces.result.bits(), output.bits, range, n, tuning))
}
