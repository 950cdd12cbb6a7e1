//! Lookup of a shared index in a public table, in the form that costs least:
//!
//! - [by OT](transfer), for small tables;
//! - by one-hot rows of the index's [bits](bits): the 2^m products of a one-hot vector are 2 bits each,
//!   whatever the width of an entry, and a helper deals them;
//! - where a helper deals, by the one-hot vector of a mask under which the index is opened as an element.
//!
//! By rows the entry comes out as shared bits, which [`Words`] make elements. What is sent is sent by these
//! operations, so each side sees masked bits and elements only.

mod bits;
mod select;
mod transfer;

use veilflow_correlation::Cost;
use veilflow_ring::{Bits, RingVec};
use veilflow_spec::Table;

use crate::one_hot::MaskedOneHot;
use crate::operation::SAMPLE;
use crate::{HighBits, OnlineError, Party, Result, Tuning, Word, Words};

pub use bits::LookupBits;
use select::select_bit;
pub use select::{Sections, SelectEntry};

/// Every output of a public table under a shared index (spec: `lookup`).
#[derive(Debug, Clone)]
pub struct Lookup {
    table: Table,
    protocol: Protocol,
    /// What makes the bits of an entry elements.
    outputs: Words,
}

#[derive(Debug, Clone)]
enum Protocol {
    Transfer,
    Bits(HighBits, LookupBits),
    Masked(MaskedOneHot),
}

impl Lookup {
    /// In `table`.
    pub fn new(table: &Table, tuning: Tuning) -> Result<Self> {
        let outputs = table.outputs().iter();
        let outputs = outputs.fold(Words::new(tuning), |words, &out| words.value(out.bits(), out));
        let (index, entry_bits) = (table.index(), table.entry_bits());
        let by = |protocol| Self { table: table.clone(), protocol, outputs: outputs.clone() };
        let lookup = LookupBits::new(index.bits(), table.words(), 0, entry_bits, tuning)?;
        let bits = by(Protocol::Bits(HighBits::new(index, 0, tuning), lookup));
        let masked = MaskedOneHot::option(index, tuning)
            .map(|one_hot| by(Protocol::Masked(one_hot)))
            .filter(|masked| tuning.prefers(&masked.cost(SAMPLE), &bits.cost(SAMPLE)));
        let rows = masked.unwrap_or(bits);
        let transfer = by(Protocol::Transfer);
        let bytes = |lookup: &Self| tuning.bytes(&lookup.cost(SAMPLE));
        let small = table.words().len() * entry_bits as usize <= transfer::MAX_TABLE_BITS;
        Ok(if small && bytes(&transfer) <= bytes(&rows) { transfer } else { rows })
    }

    /// Cost of `n` elements.
    pub fn cost(&self, n: usize) -> Cost {
        let entry = match &self.protocol {
            Protocol::Transfer => return transfer::cost(&self.table, n),
            Protocol::Bits(bits, lookup) => bits.cost(n).then(lookup.cost(n)),
            Protocol::Masked(one_hot) => one_hot.cost(n),
        };
        entry.then(self.outputs.cost(n))
    }

    /// Shares of the outputs, in the table's order.
    pub fn run(&self, party: &mut Party, index: &RingVec) -> Result<Vec<RingVec>> {
        let table = &self.table;
        if index.ring() != table.index() {
            return Err(OnlineError::argument("lookup", "the index is not of the table's ring"));
        }
        let rows: Vec<Bits> = match &self.protocol {
            Protocol::Transfer => return transfer::run(party, table, index),
            Protocol::Bits(bits, lookup) => {
                let (_, bits) = bits.run(party, index)?;
                lookup.run(party, &bits)?
            }
            Protocol::Masked(one_hot) => {
                let one_hot = one_hot.run(party, index)?;
                (0..table.entry_bits()).map(|bit| select_bit(&one_hot, table.words(), bit)).collect()
            }
        };
        let mut rest = rows.as_slice();
        let outputs = table.outputs().iter().map(|out| {
            let (bits, next) = rest.split_at(out.bits() as usize);
            rest = next;
            Word::alone(bits)
        });
        self.outputs.run(party, &outputs.collect::<Vec<_>>())
    }
}
