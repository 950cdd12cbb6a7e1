//! One party's stock of correlations.

use std::collections::{BTreeMap, VecDeque};

use veilflow_net::Role;
use veilflow_prim::Prg;

use crate::kinds::{Listed, Shelves, for_kind};
use crate::{Correlation, CorrelationError, Demand, Kind, LinearPair, Result};

/// One party's stock of correlations: a pool for each kind and width, first in, first out. A `kind` is any of
/// this crate's [`Correlation`]s.
#[derive(Debug, Default)]
pub struct Pools {
    shelves: Shelves,
    linear: BTreeMap<(usize, Role), VecDeque<LinearPair>>,
}

impl Pools {
    /// Adds a batch of `kind`. Panics if the batch has not the form of that kind: a supplier's bug.
    pub fn put<C: Listed>(&mut self, kind: C, batch: C::Batch) {
        assert!(kind.fits(&batch), "{batch:?} does not fit the pool of {kind}");
        C::shelf_mut(&mut self.shelves).entry(kind).or_default().put(batch);
    }

    /// Adds the half of `role` that a helper deals: from that party's stream and, if it is the
    /// [corrected](Correlation::corrected) party, the correction.
    pub fn put_dealt(&mut self, kind: Kind, role: Role, count: usize, prg: Prg, correction: &[u8]) {
        for_kind!(kind, it => self.put(it, it.half(role, prg, count, correction)));
    }

    /// Takes `count` of `kind`; they are gone from the pool.
    ///
    /// # Errors
    /// There are fewer.
    pub fn take<C: Listed>(&mut self, kind: C, count: usize) -> Result<C::Batch> {
        C::shelf_mut(&mut self.shelves)
            .get_mut(&kind)
            .map_or(Err(0), |pool| pool.take(count))
            .map_err(|available| CorrelationError::Exhausted { kind: kind.into(), wanted: count, available })
    }

    /// Adds a pair for linear layer `layer`, whose weights `holder` has.
    pub fn put_linear(&mut self, layer: usize, holder: Role, pair: LinearPair) {
        self.linear.entry((layer, holder)).or_default().push_back(pair);
    }

    /// Takes a pair for linear layer `layer`, whose weights `holder` has.
    ///
    /// # Errors
    /// There is none.
    pub fn take_linear(&mut self, layer: usize, holder: Role) -> Result<LinearPair> {
        let pair = self.linear.get_mut(&(layer, holder)).and_then(VecDeque::pop_front);
        pair.ok_or(CorrelationError::NoLinearPair { layer })
    }

    /// How many of `kind` are left.
    pub fn available(&self, kind: impl Into<Kind>) -> usize {
        fn available<C: Listed>(pools: &Pools, kind: C) -> usize {
            C::shelf(&pools.shelves).get(&kind).map_or(0, |pool| pool.available())
        }
        for_kind!(kind.into(), it => available(self, it))
    }

    /// Moves correlations that meet `demand` into a stock of their own, for one of several threads.
    ///
    /// # Errors
    /// There are fewer of a kind.
    pub fn split_off(&mut self, demand: &Demand) -> Result<Self> {
        let mut out = Self::default();
        for (kind, count) in demand.iter() {
            for_kind!(kind, it => out.put(it, self.take(it, count)?));
        }
        Ok(out)
    }

    /// Whether every pool is empty: after a run, that the plan's demand was exact.
    pub fn is_empty(&self) -> bool {
        self.shelves.are_empty() && self.linear.values().all(VecDeque::is_empty)
    }
}
