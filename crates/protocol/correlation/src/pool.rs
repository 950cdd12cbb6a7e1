//! Pools: correlations waiting for use, first in, first out.

use std::collections::{BTreeMap, VecDeque};

use veilflow_net::Role;

use crate::batch::{AnyBatch, Batch};
use crate::{
    AndBatch, BitProductBatch, CorrelationError, Demand, Kind, LeafBatch, LinearPair, MaskDigitsBatch,
    OneHotBatch, ProductBatch, RectifierBatch, Result, RingTripleBatch, TableBatch, TripleBatch,
};

/// Batches of one kind, and how much of the first is used up.
#[derive(Debug, Default)]
struct Pool {
    batches: VecDeque<AnyBatch>,
    used: usize,
    available: usize,
}

impl Pool {
    fn put(&mut self, batch: AnyBatch) {
        if batch.len() > 0 {
            self.available += batch.len();
            self.batches.push_back(batch);
        }
    }

    /// Moves `count` correlations out, or says how many there are. Nothing is taken on failure.
    fn take(&mut self, count: usize) -> std::result::Result<AnyBatch, usize> {
        if count > self.available || self.batches.is_empty() {
            return Err(self.available);
        }
        self.available -= count;
        let mut out: Option<AnyBatch> = None;
        let mut missing = count;
        loop {
            let front = &self.batches[0];
            let (left, part) = (front.len() - self.used, missing.min(front.len() - self.used));
            let piece = if self.used == 0 && part == left {
                self.batches.pop_front().expect("there is a front batch")
            } else {
                let piece = front.slice(self.used, part);
                self.used += part;
                if part == left {
                    self.batches.pop_front();
                    self.used = 0;
                }
                piece
            };
            missing -= part;
            match &mut out {
                Some(joined) => joined.append(&piece),
                None => out = Some(piece),
            }
            if missing == 0 {
                return Ok(out.expect("at least one piece was taken"));
            }
        }
    }
}

/// One party's stock of correlations.
#[derive(Debug, Default)]
pub struct Pools {
    pools: BTreeMap<Kind, Pool>,
    linear: BTreeMap<(usize, Role), VecDeque<LinearPair>>,
}

macro_rules! accessors {
    ($put:ident, $take:ident, $batch:ty, $any:ident) => {
        /// Adds a batch of `kind`. Panics if the batch is not of that kind: a supplier's bug.
        pub fn $put(&mut self, kind: Kind, batch: $batch) {
            self.put(kind, AnyBatch::$any(batch));
        }

        /// Takes `count` of `kind`; they are gone from the pool. Errors if there are fewer.
        pub fn $take(&mut self, kind: Kind, count: usize) -> Result<$batch> {
            match self.take(kind, count)? {
                AnyBatch::$any(batch) => Ok(batch),
                // Another kind of correlation than this method is for.
                _ => Err(CorrelationError::Exhausted { kind, wanted: count, available: 0 }),
            }
        }
    };
}

impl Pools {
    accessors!(put_triples, take_triples, TripleBatch, Triple);
    accessors!(put_ands, take_ands, AndBatch, And);
    accessors!(put_products, take_products, ProductBatch, Product);
    accessors!(put_bit_products, take_bit_products, BitProductBatch, BitProduct);
    accessors!(put_tables, take_tables, TableBatch, Table);
    accessors!(put_leaves, take_leaves, LeafBatch, Leaf);
    accessors!(put_ring_triples, take_ring_triples, RingTripleBatch, RingTriple);
    accessors!(put_one_hots, take_one_hots, OneHotBatch, OneHot);
    accessors!(put_rectifiers, take_rectifiers, RectifierBatch, Rectifier);
    accessors!(put_mask_digits, take_mask_digits, MaskDigitsBatch, MaskDigits);

    fn put(&mut self, kind: Kind, batch: AnyBatch) {
        assert!(batch.fits(kind), "{batch:?} does not fit the pool of {kind}");
        self.pools.entry(kind).or_default().put(batch);
    }

    fn take(&mut self, kind: Kind, count: usize) -> Result<AnyBatch> {
        self.pools
            .get_mut(&kind)
            .map_or(Err(0), |pool| pool.take(count))
            .map_err(|available| CorrelationError::Exhausted { kind, wanted: count, available })
    }

    /// Adds a pair for linear layer `layer`, whose weights `holder` has.
    pub fn put_linear(&mut self, layer: usize, holder: Role, pair: LinearPair) {
        self.linear.entry((layer, holder)).or_default().push_back(pair);
    }

    /// Takes a pair for linear layer `layer`, whose weights `holder` has.
    pub fn take_linear(&mut self, layer: usize, holder: Role) -> Result<LinearPair> {
        let pair = self.linear.get_mut(&(layer, holder)).and_then(VecDeque::pop_front);
        pair.ok_or(CorrelationError::NoLinearPair { layer })
    }

    /// How many of `kind` are left.
    pub fn available(&self, kind: Kind) -> usize {
        self.pools.get(&kind).map_or(0, |pool| pool.available)
    }

    /// Moves correlations that meet `demand` into a stock of their own, for one of several threads.
    pub fn split_off(&mut self, demand: &Demand) -> Result<Self> {
        let mut out = Self::default();
        for (kind, count) in demand.iter() {
            out.put(kind, self.take(kind, count)?);
        }
        Ok(out)
    }

    /// Whether every pool is empty: after a run, that the plan's demand was exact.
    pub fn is_empty(&self) -> bool {
        self.pools.values().all(|pool| pool.available == 0) && self.linear.values().all(VecDeque::is_empty)
    }
}
