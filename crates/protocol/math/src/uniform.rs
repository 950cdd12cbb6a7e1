//! Functions on pieces of one length.
//!
//! The bits above a position are the index of its piece; of an odd function or a gate, those of |x|. A gate's
//! slope, which the sign negates, is 2w + 1 for the signed word w of its bits' exclusive or with the sign.
//! What is sent is sent by the operations it is made of.

use veilflow_correlation::Cost;
use veilflow_online::{HighBits, LookupBits, Operation, Party, RangeClaim, Result, Tuning, Word, negate};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::math::{Symmetry, UniformSpline};

use crate::pieces::{Line, Sign, entry, entry_bits};
use crate::step::{Position, PositionForm};

/// A function that a [`UniformSpline`] tabulates.
#[derive(Debug)]
pub(crate) struct UniformFunction {
    symmetry: Symmetry,
    /// Of an exponential, its largest argument.
    start: u64,
    lift: u32,
    lifted: Ring,
    /// The ring of the part kept of a gate's argument.
    kept: Ring,
    position: Ring,
    bits: HighBits,
    entry: LookupBits,
    line: Line,
}

impl UniformFunction {
    pub(crate) fn new(spline: &UniformSpline, tuning: Tuning) -> Result<Self> {
        let (pieces, symmetry) = (&spline.pieces, spline.symmetry);
        let (lifted, position) = (Ring::new(spline.lifted_bits())?, Ring::new(pieces.position_bits)?);
        let (sign, kept, claim) = match symmetry {
            Symmetry::Negated => (Sign::None, lifted, RangeClaim::NonNegative),
            Symmetry::Odd => (Sign::Odd, lifted, RangeClaim::Slack),
            Symmetry::Gate => {
                let shift = spline.kept_shift();
                let kept = Ring::new(pieces.accumulator().bits() - shift)?;
                (Sign::Gate(shift), kept, RangeClaim::Slack)
            }
        };
        let output = (Ring::new(spline.output.bits)?, claim);
        let words: Vec<u64> = pieces.rows[0].iter().map(|&piece| entry(pieces, piece)).collect();
        let index_bits = spline.magnitude_bits() - position.bits();
        let outside = entry(pieces, pieces.outside);
        Ok(Self {
            symmetry,
            start: spline.start,
            lift: spline.lift,
            lifted,
            kept,
            position,
            bits: HighBits::new(lifted, position.bits(), tuning),
            entry: LookupBits::new(index_bits, &words, outside, entry_bits(pieces), tuning)?,
            line: Line::new(pieces, sign, PositionForm::Low, output, tuning)?,
        })
    }
}

impl Operation for UniformFunction {
    fn cost(&self, n: usize) -> Cost {
        self.bits.cost(n).then(self.entry.cost(n)).then(self.line.cost(n))
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        let (role, n) = (party.role, x.len());
        let mut x = x.map_into(self.lifted, |v| v << self.lift);
        if self.symmetry == Symmetry::Negated {
            x = party.add_public(&x.neg(), self.start);
        }
        let (carry, mut index) = self.bits.run(party, &x)?;
        let sign = if self.symmetry == Symmetry::Negated { None } else { index.pop() };
        let sign = sign.unwrap_or_else(|| Bits::zeros(n));
        let positive = [negate(role, sign.clone())];
        index.iter_mut().for_each(|row| row.xor_assign(&sign));
        // x mod 2^t is the sum of the shares' low bits without the carry out of them.
        let low = x.map_into(self.position, |v| v);
        let position = Position { low: Some(low), word: vec![carry.unwrap_or_else(|| Bits::zeros(n))] };
        let entry = self.entry.run(party, &index)?;
        let (value, slope) = self.line.split(&entry);
        let signed = |row: &Bits| row.xor(&sign);
        match self.symmetry {
            Symmetry::Negated => self.line.run_entry(party, &entry, &position),
            Symmetry::Odd => {
                let value: Vec<Bits> = value.iter().map(signed).chain(positive).collect();
                self.line.run(party, &[Word::alone(&value)], slope, &position)
            }
            Symmetry::Gate => {
                let mut slope: Vec<Bits> = slope.iter().map(signed).collect();
                // The highest bit of w counts negative, so its complement counts positive, less a constant.
                let top = slope.pop().map(|top| negate(role, top));
                slope.extend(top);
                let kept = x.narrow(self.kept);
                let terms = [Word::alone(value), Word::times(&positive, &kept)];
                self.line.run(party, &terms, &slope, &position)
            }
        }
    }
}
