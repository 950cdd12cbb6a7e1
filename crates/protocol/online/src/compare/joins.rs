//! Inner nodes: two neighbouring segments join as lt = lt_high ⊕ eq_high·lt_low and eq = eq_high·eq_low, both
//! products sharing eq_high. The lowest segment never needs eq.
//!
//! The nodes of a level open masked bits in one exchange, so each side sees uniform bits.

use veilflow_correlation::Cost;
use veilflow_ring::Bits;

use super::shape::Shape;
use crate::{AndGroup, OnlineError, Party, Result, and_shared, and_shared_cost};

/// The two shares that a segment of the bits carries. The lowest one has no `eq`.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) lt: Bits,
    pub(crate) eq: Option<Bits>,
}

impl Segment {
    /// A segment from its rows: lt, and eq if there is a second.
    pub(super) fn from_rows(rows: Vec<Bits>) -> Self {
        let mut rows = rows.into_iter();
        let lt = rows.next().unwrap_or_default();
        Self { lt, eq: rows.next() }
    }

    /// Adds segments of further comparisons.
    pub(crate) fn append(&mut self, other: &Self) {
        self.lt.append(&other.lt);
        self.eq.iter_mut().zip(&other.eq).for_each(|(eq, other)| eq.append(other));
    }
}

impl Shape {
    /// Cost of [`Shape::join`].
    pub(super) fn join_cost(&self, n: usize) -> Cost {
        self.levels
            .iter()
            .fold(Cost::default(), |cost, level| cost.then(and_shared_cost(&node_groups(level, n))))
    }

    /// Joins the segments of a tree that has some. The result of the low part goes on as its exclusive or
    /// with `low_part`.
    pub(super) fn join(
        &self,
        party: &mut Party,
        mut slots: Vec<Segment>,
        low_part: Option<&Bits>,
    ) -> Result<(Bits, Option<Bits>)> {
        let mut carry = None;
        for done in 0..=self.levels.len() {
            if self.carry_after == Some(done) {
                low_part.into_iter().for_each(|bits| slots[0].lt.xor_assign(bits));
                carry = Some(slots[0].lt.clone());
            }
            if let Some(level) = self.levels.get(done) {
                join_level(party, level, &mut slots)?;
            }
        }
        Ok((slots.swap_remove(0).lt, carry))
    }
}

/// The AND groups of a level: joins that make (lt, eq), then the one that makes lt only.
fn node_groups(level: &[(usize, usize)], n: usize) -> Vec<(u32, usize)> {
    let full = level.iter().filter(|(low, _)| *low != 0).count();
    let mut out = Vec::new();
    if full > 0 {
        out.push((2, full * n));
    }
    if full < level.len() {
        out.push((1, n));
    }
    out
}

fn join_level(party: &mut Party, level: &[(usize, usize)], slots: &mut [Segment]) -> Result<()> {
    let n = slots[0].lt.len();
    let no_eq = || OnlineError::argument("compare", "only the lowest segment lacks eq");
    let mut groups = Vec::new();
    let (lowest, full): (Vec<_>, Vec<_>) = level.iter().copied().partition(|(low, _)| *low == 0);
    if !full.is_empty() {
        let mut group = AndGroup { common: Bits::default(), others: vec![Bits::default(); 2] };
        for &(low, high) in &full {
            group.common.append(slots[high].eq.as_ref().ok_or_else(no_eq)?);
            group.others[0].append(&slots[low].lt);
            group.others[1].append(slots[low].eq.as_ref().ok_or_else(no_eq)?);
        }
        groups.push(group);
    }
    for &(low, high) in &lowest {
        let common = slots[high].eq.clone().ok_or_else(no_eq)?;
        groups.push(AndGroup { common, others: vec![slots[low].lt.clone()] });
    }
    let mut results = and_shared(party, &groups)?.into_iter();
    if !full.is_empty() {
        let rows = results.next().ok_or_else(no_eq)?;
        for (i, &(low, high)) in full.iter().enumerate() {
            slots[low].lt = slots[high].lt.xor(&rows[0].slice(i * n, n));
            slots[low].eq = Some(rows[1].slice(i * n, n));
        }
    }
    for &(low, high) in &lowest {
        let rows = results.next().ok_or_else(no_eq)?;
        slots[low].lt = slots[high].lt.xor(&rows[0]);
    }
    Ok(())
}
