//! Rows of elements, one after another.

use veilflow_online::{OnlineError, Result};
use veilflow_ring::{Ring, RingVec};

/// Rows of `width` elements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows {
    pub(crate) width: usize,
}

impl Rows {
    /// How many rows `x` holds, whose elements must be of `ring`.
    pub(crate) fn count(self, op: &'static str, x: &RingVec, ring: Ring) -> Result<usize> {
        if x.ring() == ring && x.len().is_multiple_of(self.width) {
            return Ok(x.len() / self.width);
        }
        let reason = format!("not rows of {} elements of {} bits", self.width, ring.bits());
        Err(OnlineError::Argument { op, reason })
    }

    /// The indices of every row's elements.
    pub(crate) fn lists(self, rows: usize) -> Vec<Vec<usize>> {
        (0..rows).map(|row| (row * self.width..(row + 1) * self.width).collect()).collect()
    }

    /// The sum of every row.
    pub(crate) fn sums(self, x: &RingVec) -> RingVec {
        let sum = |row: &[u64]| row.iter().fold(0u64, |sum, v| sum.wrapping_add(*v));
        RingVec::from_values(x.ring(), x.values().chunks(self.width).map(sum).collect())
    }

    /// The row of every element of so many rows.
    pub(crate) fn indices(self, rows: usize) -> impl Iterator<Item = usize> {
        (0..rows * self.width).map(move |i| i / self.width)
    }

    /// A row's value at each of its elements.
    pub(crate) fn spread(self, of_rows: &RingVec) -> RingVec {
        of_rows.gather(self.indices(of_rows.len()))
    }
}
