//! Demands: how many correlations of each kind an operation consumes.

use std::collections::BTreeMap;

use crate::Kind;

/// How many correlations of each kind are consumed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demand(BTreeMap<Kind, usize>);

impl Demand {
    /// `count` of `kind`.
    pub fn of(kind: impl Into<Kind>, count: usize) -> Self {
        let mut out = Self::default();
        out.add(kind, count);
        out
    }

    /// Adds `count` of `kind`.
    pub fn add(&mut self, kind: impl Into<Kind>, count: usize) {
        if count > 0 {
            *self.0.entry(kind.into()).or_default() += count;
        }
    }

    /// Adds everything in `other`.
    pub fn merge(&mut self, other: &Self) {
        other.iter().for_each(|(kind, count)| self.add(kind, count));
    }

    /// Every kind with its count, in a fixed order that both parties share.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, usize)> + '_ {
        self.0.iter().map(|(&kind, &count)| (kind, count))
    }

    /// How many of `kind`.
    pub fn count(&self, kind: impl Into<Kind>) -> usize {
        self.0.get(&kind.into()).copied().unwrap_or(0)
    }

    /// Whether nothing is demanded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
