//! Functions of a normalised argument, whose bits below the leading one select a piece. What is sent is sent
//! by the lookup of the piece and by its evaluation.

use veilflow_correlation::Cost;
use veilflow_online::{LookupBits, Party, RangeClaim, Result, Tuning};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::math::Mantissa;

use crate::pieces::{Line, Sign, entry, entry_bits};
use crate::step::{Position, PositionForm};

/// A function that a [`Mantissa`] tabulates.
#[derive(Debug)]
pub(crate) struct MantissaFunction {
    /// Of the argument all bits, those below the index, those of the index, and those of the position.
    widths: [usize; 4],
    out: Ring,
    entry: LookupBits,
    line: Line,
}

impl MantissaFunction {
    pub(crate) fn new(mantissa: &Mantissa, tuning: Tuning) -> Result<Self> {
        let pieces = &mantissa.pieces;
        let words: Vec<u64> = pieces.rows[0].iter().map(|&piece| entry(pieces, piece)).collect();
        let output = (pieces.result, RangeClaim::NonNegative);
        Ok(Self {
            widths: [mantissa.bits, mantissa.below_index(), mantissa.index_bits, pieces.position_bits]
                .map(|bits| bits as usize),
            out: pieces.result,
            entry: LookupBits::new(mantissa.index_bits, &words, 0, entry_bits(pieces), tuning)?,
            line: Line::new(pieces, Sign::None, PositionForm::Word, output, tuning)?,
        })
    }

    /// The ring of results.
    pub(crate) fn out(&self) -> Ring {
        self.out
    }

    pub(crate) fn cost(&self, n: usize) -> Cost {
        self.entry.cost(n).then(self.line.cost(n))
    }

    /// Shares of the function of normalised arguments, whose bits come lowest first.
    pub(crate) fn run(&self, party: &mut Party, rows: &[Bits]) -> Result<RingVec> {
        let [bits, below, index_bits, position_bits] = self.widths;
        let mut all = vec![Bits::zeros(rows[0].len()); bits - rows.len()];
        all.extend_from_slice(rows);
        let entry = self.entry.run(party, &all[below..below + index_bits])?;
        let position = Position { low: None, word: all[below - position_bits..below].to_vec() };
        self.line.run_entry(party, &entry, &position)
    }
}
