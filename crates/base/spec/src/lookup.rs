//! Lookup in a public table.

use thiserror::Error;
use veilflow_ring::{Ring, RingVec};

/// A table that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TableError {
    /// The index is too wide.
    #[error("a table's index has 1..=16 bits, not {0}")]
    Index(u32),
    /// An entry is too wide.
    #[error("a table has 1..=64 bits an entry over all its outputs, not {0}")]
    Width(u32),
    /// A column has not one value an index.
    #[error("a table of {expected} entries has a column of {found}")]
    Length {
        /// 2^m.
        expected: usize,
        /// Values in the column.
        found: usize,
    },
}

/// A public table: an m-bit index to one or several outputs, each of its own width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    index: Ring,
    outputs: Vec<Ring>,
    words: Vec<u64>,
}

impl Table {
    /// The table with these columns, one an output, of 2^m values each.
    pub fn new(index: Ring, columns: &[RingVec]) -> Result<Self, TableError> {
        if index.bits() > 16 {
            return Err(TableError::Index(index.bits()));
        }
        let bits: u32 = columns.iter().map(|c| c.ring().bits()).sum();
        if !(1..=64).contains(&bits) {
            return Err(TableError::Width(bits));
        }
        let expected = 1usize << index.bits();
        let mut words = vec![0; expected];
        let mut at = 0;
        for column in columns {
            if column.len() != expected {
                return Err(TableError::Length { expected, found: column.len() });
            }
            words.iter_mut().zip(column.values()).for_each(|(word, v)| *word |= v << at);
            at += column.ring().bits();
        }
        Ok(Self { index, outputs: columns.iter().map(RingVec::ring).collect(), words })
    }

    /// The ring of the index.
    pub fn index(&self) -> Ring {
        self.index
    }

    /// The rings of the outputs.
    pub fn outputs(&self) -> &[Ring] {
        &self.outputs
    }

    /// Every entry: its outputs one above the other, the first lowest.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Bits of an entry.
    pub fn entry_bits(&self) -> u32 {
        self.outputs.iter().map(|ring| ring.bits()).sum()
    }
}

/// Every output of `table` at every index. Panics if the index is of another ring than the table's.
pub fn lookup(table: &Table, index: &RingVec) -> Vec<RingVec> {
    assert_eq!(index.ring(), table.index, "an index of the table's ring");
    let mut at = 0;
    let column = |&out: &Ring| {
        let column = index.map_into(out, |i| table.words[i as usize] >> at);
        at += out.bits();
        column
    };
    table.outputs.iter().map(column).collect()
}
