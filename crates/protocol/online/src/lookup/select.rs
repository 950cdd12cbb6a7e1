//! Selection of a public entry by one-hot rows.
//!
//! The low rows select in every section of the table, locally; the high ones select the section. Every
//! section is compared with a base that stands where no other is selected. A bit of the difference that is
//! constant in a section is the section's row: local. A bit that varies takes one product, which opens masked
//! bits. So each side sees uniform bits.

use veilflow_correlation::Cost;
use veilflow_ring::Bits;

use crate::{AndGroup, OneHot, OnlineError, Party, Result, and_shared, and_shared_cost, xor_rows};

/// Public rows of entries of up to 64 bits, all rows of one length: what [`SelectEntry`] selects from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sections {
    /// The rows.
    pub rows: Vec<Vec<u64>>,
    /// The entry where no row is selected.
    pub outside: u64,
    /// Bits of an entry.
    pub entry_bits: u32,
}

/// The entry under a row and an index within the row, both one-hot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectEntry {
    entry_bits: u32,
    /// Whether exactly one row is selected.
    complete: bool,
    /// What every row is compared with: the last row if exactly one is selected, else the outside entry.
    base: Vec<u64>,
    /// What every other row differs by from the base, and which bits of that vary within the row.
    differences: Vec<(Vec<u64>, u64)>,
}

/// The places of a word's ones below `entry_bits`.
fn ones(word: u64, entry_bits: u32) -> impl Iterator<Item = u32> {
    (0..entry_bits).filter(move |bit| word >> bit & 1 == 1)
}

/// The `bit` of the word that `low` selects, from shares of the rows.
pub(super) fn select_bit(low: &OneHot, words: &[u64], bit: u32) -> Bits {
    let chosen = low.rows.iter().zip(words).filter(|(_, word)| *word >> bit & 1 == 1);
    xor_rows(low.rows[0].len(), chosen.map(|(row, _)| row))
}

impl SelectEntry {
    /// From `sections`, by a selector of rows that is `complete` or not.
    pub fn new(mut sections: Sections, complete: bool) -> Result<Self> {
        let length = sections.rows.first().map_or(0, Vec::len);
        if length == 0 || sections.rows.iter().any(|row| row.len() != length) {
            return Err(OnlineError::argument("select_entry", "rows are not of one length"));
        }
        let last = if complete { sections.rows.pop() } else { None };
        let base = last.unwrap_or_else(|| vec![sections.outside; length]);
        let difference = |row: Vec<u64>| {
            let words: Vec<u64> = row.iter().zip(&base).map(|(a, b)| a ^ b).collect();
            let varies = words.iter().fold(0, |varies, word| varies | (word ^ words[0]));
            (words, varies)
        };
        let differences = sections.rows.into_iter().map(difference).collect();
        Ok(Self { entry_bits: sections.entry_bits, complete, base, differences })
    }

    /// Cost of `n` elements.
    pub fn cost(&self, n: usize) -> Cost {
        let varying = self.differences.iter().map(|(_, varies)| varies.count_ones());
        and_shared_cost(&varying.filter(|&rows| rows > 0).map(|rows| (rows, n)).collect::<Vec<_>>())
    }

    /// Shares of the entry's bits, lowest first; `high` selects the row, `low`, which is complete, within it.
    pub fn run(&self, party: &mut Party, high: &OneHot, low: &OneHot) -> Result<Vec<Bits>> {
        let rows = self.differences.len() + usize::from(self.complete);
        let fits = high.rows.len() == rows && high.complete == self.complete;
        if !fits || low.rows.len() != self.base.len() || !low.complete {
            return Err(OnlineError::argument("select_entry", "selectors do not fit the rows"));
        }
        let ones = |word| ones(word, self.entry_bits);
        let mut out: Vec<Bits> = (0..self.entry_bits).map(|bit| select_bit(low, &self.base, bit)).collect();
        let mut groups = Vec::new();
        for (selector, (words, varies)) in high.rows.iter().zip(&self.differences) {
            ones(words[0] & !varies).for_each(|bit| out[bit as usize].xor_assign(selector));
            if *varies != 0 {
                let others = ones(*varies).map(|bit| select_bit(low, words, bit)).collect();
                groups.push(AndGroup { common: selector.clone(), others });
            }
        }
        let varying = self.differences.iter().filter(|(_, varies)| *varies != 0);
        for ((_, varies), rows) in varying.zip(and_shared(party, &groups)?) {
            ones(*varies).zip(&rows).for_each(|(bit, row)| out[bit as usize].xor_assign(row));
        }
        Ok(out)
    }
}
