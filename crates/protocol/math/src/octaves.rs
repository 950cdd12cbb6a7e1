//! Functions of a positive argument over many orders of magnitude.
//!
//! The one-hot octave of the leading one is at once the selector of a table's row and what a barrel shifter
//! normalises the argument by. Where one-hot vectors are dealt, the octave's number is looked up with the
//! index instead. What is sent is sent by the operations it is made of.

use veilflow_correlation::Cost;
use veilflow_online::{
    IndexBits, LookupBits, OneHot, OneHots, Operation, Party, RangeClaim, Result, SAMPLE, Sections,
    SelectEntry, Tuning, xor_rows,
};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::math::OctaveSpline;

use crate::pieces::{Line, Sign, entry, entry_bits};
use crate::shift_to_top::ShiftToTop;
use crate::step::{Position, PositionForm};

/// A function that an [`OctaveSpline`] tabulates.
#[derive(Debug)]
pub(crate) struct OctaveFunction {
    magnitude: Ring,
    to_top: ShiftToTop,
    /// Zeros below the argument's bits, bits below the index, and bits of the position.
    fraction: [usize; 3],
    entry: Entry,
    line: Line,
}

impl OctaveFunction {
    pub(crate) fn new(spline: &OctaveSpline, tuning: Tuning) -> Result<Self> {
        let pieces = &spline.pieces;
        let magnitude = Ring::new(spline.magnitude_bits())?;
        let claim = if spline.signed { RangeClaim::Slack } else { RangeClaim::NonNegative };
        let output = (Ring::new(spline.output.bits)?, claim);
        let padding = spline.fraction_bits + 1 - magnitude.bits();
        let below = spline.fraction_bits - spline.index_bits;
        Ok(Self {
            magnitude,
            to_top: ShiftToTop::new(magnitude, 0, tuning),
            fraction: [padding, below, pieces.position_bits].map(|bits| bits as usize),
            entry: Entry::new(spline, tuning)?,
            line: Line::new(pieces, Sign::None, PositionForm::Word, output, tuning)?,
        })
    }
}

impl Operation for OctaveFunction {
    fn cost(&self, n: usize) -> Cost {
        self.to_top.cost(n).then(self.entry.cost(n)).then(self.line.cost(n))
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        let [padding, below, position_bits] = self.fraction;
        let mut shifted = self.to_top.run(party, &x.narrow(self.magnitude))?;
        // The leading one itself.
        shifted.rows.pop();
        let mut fraction = vec![Bits::zeros(x.len()); padding];
        fraction.append(&mut shifted.rows);
        let index = fraction.split_off(below);
        let position = Position { low: None, word: fraction.split_off(below - position_bits) };
        let entry = self.entry.run(party, shifted.octave, index)?;
        self.line.run_entry(party, &entry, &position)
    }
}

/// The entry's bits under an octave and an index, by either cost.
#[derive(Debug)]
enum Entry {
    /// Under the octave's one-hot row.
    Selected(OneHots, SelectEntry),
    /// Under the octave's number, of so many bits, above the index.
    Numbered(u32, LookupBits),
}

impl Entry {
    fn new(spline: &OctaveSpline, tuning: Tuning) -> Result<Self> {
        let (pieces, index_bits) = (&spline.pieces, spline.index_bits);
        let word = |&piece: &_| entry(pieces, piece);
        let rows: Vec<Vec<u64>> = pieces.rows.iter().map(|row| row.iter().map(word).collect()).collect();
        let (outside, entry_bits) = (word(&pieces.outside), entry_bits(pieces));

        // Octaves are numbered from 1 on, and 0 is outside.
        let number_bits = (rows.len() + 1).next_power_of_two().trailing_zeros();
        let mut table = vec![outside; 1 << index_bits];
        table.extend(rows.concat());
        table.resize(1 << (number_bits + index_bits), outside);
        let lookup = LookupBits::new(number_bits + index_bits, &table, outside, entry_bits, tuning)?;
        let numbered = Self::Numbered(number_bits, lookup);

        let select = SelectEntry::new(Sections { rows, outside, entry_bits }, false)?;
        let selected = Self::Selected(OneHots::new(&[(index_bits, 0)], tuning)?, select);
        let [number, select] = [&numbered, &selected].map(|entry| tuning.bytes(&entry.cost(SAMPLE)));
        Ok(if number < select { numbered } else { selected })
    }

    fn cost(&self, n: usize) -> Cost {
        match self {
            Self::Selected(low, select) => low.cost(n).then(select.cost(n)),
            Self::Numbered(_, lookup) => lookup.cost(n),
        }
    }

    fn run(&self, party: &mut Party, octave: Vec<Bits>, mut index: Vec<Bits>) -> Result<Vec<Bits>> {
        match self {
            Self::Selected(one_hots, select) => {
                let low = one_hots.run(party, &[IndexBits { bits: &index, beyond: &[] }])?.swap_remove(0);
                select.run(party, &OneHot { rows: octave, complete: false }, &low)
            }
            Self::Numbered(number_bits, lookup) => {
                let n = octave[0].len();
                for k in 0..*number_bits {
                    let set = (1usize..).zip(&octave).filter(|(number, _)| number >> k & 1 == 1);
                    index.push(xor_rows(n, set.map(|(_, row)| row)));
                }
                lookup.run(party, &index)
            }
        }
    }
}
