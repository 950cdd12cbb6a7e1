//! Lookup of an index of shared bits in a public table, by one-hot rows.
//!
//! An entry's bit is the exclusive or of the one-hot rows under which it is one: local. The index is parted:
//! its low bits select in every section of the table, and its high bits [select](super::select) the section.
//! What is sent is sent by the one-hot vectors and the selection, so each side sees uniform bits.

use veilflow_correlation::Cost;
use veilflow_ring::Bits;

use super::select::{Sections, SelectEntry};
use crate::operation::SAMPLE;
use crate::{IndexBits, OneHot, OneHots, OnlineError, Party, Result, Tuning};

/// The entry of a public table under an index of shared bits, as shared bits.
#[derive(Debug, Clone)]
pub struct LookupBits {
    /// Bits of the index that select within a section, bits that select the section, and bits past the
    /// table's.
    index: [usize; 3],
    one_hots: OneHots,
    select: SelectEntry,
}

impl LookupBits {
    /// In the 2^m words of `table`, of up to `entry_bits` bits, under indices of `index_bits` ≥ m ≥ 1 bits.
    /// Where a bit past the table's is set, the entry is `outside`.
    pub fn new(
        index_bits: u32,
        table: &[u64],
        outside: u64,
        entry_bits: u32,
        tuning: Tuning,
    ) -> Result<Self> {
        let table_bits = table.len().trailing_zeros();
        if !table.len().is_power_of_two() || table_bits == 0 || index_bits < table_bits {
            return Err(OnlineError::argument("lookup_bits", "table and index differ in size"));
        }
        let parted = |low_bits: u32| -> Result<Self> {
            let rows = table.chunks(1 << low_bits).map(<[u64]>::to_vec).collect();
            let (high, beyond) = (table_bits - low_bits, index_bits - table_bits);
            // A high part without bits is none.
            let parts = [(low_bits, 0), (high, beyond)];
            let parts = if high + beyond == 0 { &parts[..1] } else { &parts[..] };
            Ok(Self {
                index: [low_bits, high, beyond].map(|bits| bits as usize),
                one_hots: OneHots::new(parts, tuning)?,
                select: SelectEntry::new(Sections { rows, outside, entry_bits }, beyond == 0)?,
            })
        };
        let options = (1..=table_bits).rev().map(parted).collect::<Result<Vec<_>>>()?;
        let cheapest = options.into_iter().min_by_key(|option| tuning.bytes(&option.cost(SAMPLE)));
        cheapest.ok_or_else(|| OnlineError::argument("lookup_bits", "an index has a bit at least"))
    }

    /// Cost of `n` elements.
    pub fn cost(&self, n: usize) -> Cost {
        self.one_hots.cost(n).then(self.select.cost(n))
    }

    /// Shares of the entry's bits, from shares of the index's; both lowest first.
    pub fn run(&self, party: &mut Party, index: &[Bits]) -> Result<Vec<Bits>> {
        let [low, high, beyond] = self.index;
        if index.len() != low + high + beyond {
            let reason = format!("an index of {} bits, not {}", index.len(), low + high + beyond);
            return Err(OnlineError::argument("lookup_bits", reason));
        }
        let (low, rest) = index.split_at(low);
        let (high, beyond) = rest.split_at(high);
        let parts = [IndexBits { bits: low, beyond: &[] }, IndexBits { bits: high, beyond }];
        let parts = if rest.is_empty() { &parts[..1] } else { &parts[..] };
        let mut selectors = self.one_hots.run(party, parts)?.into_iter();
        let (low, high) = (selectors.next(), selectors.next());
        let low = low.ok_or_else(|| OnlineError::argument("lookup_bits", "an index has a bit at least"))?;
        // A table of one section needs no selector.
        let high = high.unwrap_or_else(|| OneHot { rows: vec![Bits::default()], complete: true });
        self.select.run(party, &high, &low)
    }
}
