//! A piece: its entry in a table, and its evaluation once value and slope are shared bits. What is sent is
//! sent by [`Step`], [`Truncate`] and an extension.

use veilflow_correlation::Cost;
use veilflow_online::{Operation, Party, RangeClaim, Result, SignExtend, Tuning, Word, Words};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::math::{Piece, Pieces};

use crate::step::{Position, PositionForm, Step};
use crate::truncate::Truncate;

/// A piece as a table's entry: the value's bits, and the slope's above them.
pub(crate) fn entry(pieces: &Pieces, piece: Piece) -> u64 {
    let slope = piece.slope.cast_unsigned() & ((1 << pieces.slope_bits) - 1);
    piece.value | slope << pieces.value_bits
}

/// Bits of an entry.
pub(crate) fn entry_bits(pieces: &Pieces) -> u32 {
    pieces.value_bits + pieces.slope_bits
}

/// What the sign of the argument does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sign {
    /// Nothing.
    None,
    /// It negates the value, by complementing its bits, and is the bit above them, complemented: in two's
    /// complement that counts −2^v·s = 2^v·(1 − s) − 2^v.
    Odd,
    /// The function is max(x, 0) = (1 − s)·x less the piece, x counting from this bit of the sum on.
    Gate(u32),
}

/// ± value ± slope·(position − middle) and, of a gate, max(x, 0), truncated and extended.
#[derive(Debug)]
pub(crate) struct Line {
    value_bits: usize,
    sum: Ring,
    constant: u64,
    /// What a value counts, and the kept part of a gate's argument.
    weights: [u64; 2],
    /// Whether the product is taken off.
    falling: bool,
    step: Step,
    truncate: Truncate,
    extend: SignExtend,
}

impl Line {
    /// Of entries of `pieces`, into `output`, with results within `claim`.
    pub(crate) fn new(
        pieces: &Pieces,
        sign: Sign,
        form: PositionForm,
        (output, claim): (Ring, RangeClaim),
        tuning: Tuning,
    ) -> Result<Self> {
        let (sum, bits, unit) = (pieces.accumulator(), pieces.value_bits, 1u64 << pieces.value_shift());
        let ring = |shift: u32| Ring::new(sum.bits() - shift);
        let value = |bits| Result::Ok(Words::new(tuning).value(bits, ring(pieces.value_shift())?));
        let (words, constant, weights) = match sign {
            Sign::None => (value(bits)?, pieces.constant(), [unit, 0]),
            Sign::Odd => (value(bits + 1)?, pieces.constant().wrapping_sub(unit << bits), [unit, 0]),
            Sign::Gate(shift) => {
                let weights = [unit.wrapping_neg(), 1 << shift];
                (value(bits)?.times(1, ring(shift)?), pieces.gate_constant(), weights)
            }
        };
        let gate = matches!(sign, Sign::Gate(_));
        let step = Step::new(pieces, words, gate, form, tuning)?;
        let falling = gate || pieces.falling;
        let truncate = Truncate::new(pieces, &step, falling, tuning);
        let extend = SignExtend::new(pieces.result, output, claim, tuning)?;
        let value_bits = bits as usize;
        Ok(Self { value_bits, sum, constant, weights, falling, step, truncate, extend })
    }

    pub(crate) fn cost(&self, n: usize) -> Cost {
        self.step.cost(n).then(self.truncate.cost(n)).then(self.extend.cost(n))
    }

    /// Of an entry's bits those of the value, and those of the slope.
    pub(crate) fn split<'a>(&self, entry: &'a [Bits]) -> (&'a [Bits], &'a [Bits]) {
        entry.split_at(self.value_bits)
    }

    /// Shares of the results where the sign does nothing.
    pub(crate) fn run_entry(
        &self,
        party: &mut Party,
        entry: &[Bits],
        position: &Position,
    ) -> Result<RingVec> {
        let (value, slope) = self.split(entry);
        self.run(party, &[Word::alone(value)], slope, position)
    }

    /// Shares of the results, from the value and, of a gate, 1 − s with the kept part of x; and from the
    /// slope's bits.
    pub(crate) fn run(
        &self,
        party: &mut Party,
        terms: &[Word<'_>],
        slope: &[Bits],
        position: &Position,
    ) -> Result<RingVec> {
        let (terms, product) = self.step.run(party, terms, slope, position)?;
        let known = if self.falling { product.known.neg() } else { product.known };
        let sum = terms
            .iter()
            .zip(self.weights)
            .fold(known, |sum, (term, weight)| sum.add(&term.map_into(self.sum, |v| v.wrapping_mul(weight))));
        let sum = party.add_public(&sum, self.constant);
        let result = self.truncate.run(party, &sum, product.top.as_ref())?;
        self.extend.run(party, &result)
    }
}
