//! Pools: correlations waiting for use, first in, first out.

use std::collections::{BTreeMap, VecDeque};

use veilflow_net::Role;

use crate::batch::{AnyBatch, Batch};
use crate::{
    AndBatch, BitProductBatch, CorrelationError, Demand, Kind, LeafBatch, LinearPair, MaskDigitsBatch,
    OneHotBatch, ProductBatch, RectifierBatch, Result, RingTripleBatch, TableBatch, TripleBatch,
};

/// Batches of one kind, and how much of the first is used up.
#[derive(Debug)]
struct Pool<B> {
    batches: VecDeque<B>,
    used: usize,
    available: usize,
}

impl<B> Default for Pool<B> {
    fn default() -> Self {
        Self { batches: VecDeque::new(), used: 0, available: 0 }
    }
}

impl<B: Batch> Pool<B> {
    fn put(&mut self, batch: B) {
        if batch.len() > 0 {
            self.available += batch.len();
            self.batches.push_back(batch);
        }
    }

    /// Moves `count` correlations out, or says how many there are. Nothing is taken on failure.
    fn take(&mut self, count: usize) -> std::result::Result<B, usize> {
        if count > self.available || self.batches.is_empty() {
            return Err(self.available);
        }
        self.available -= count;
        let mut out: Option<B> = None;
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
    triples: BTreeMap<Kind, Pool<TripleBatch>>,
    ands: BTreeMap<Kind, Pool<AndBatch>>,
    products: BTreeMap<Kind, Pool<ProductBatch>>,
    bit_products: BTreeMap<Kind, Pool<BitProductBatch>>,
    tables: BTreeMap<Kind, Pool<TableBatch>>,
    leaves: BTreeMap<Kind, Pool<LeafBatch>>,
    ring_triples: BTreeMap<Kind, Pool<RingTripleBatch>>,
    one_hots: BTreeMap<Kind, Pool<OneHotBatch>>,
    rectifiers: BTreeMap<Kind, Pool<RectifierBatch>>,
    mask_digits: BTreeMap<Kind, Pool<MaskDigitsBatch>>,
    linear: BTreeMap<(usize, Role), VecDeque<LinearPair>>,
}

macro_rules! accessors {
    ($put:ident, $take:ident, $field:ident, $batch:ty, $any:ident) => {
        /// Adds a batch of `kind`. Panics if the batch is not of that kind: a supplier's bug.
        pub fn $put(&mut self, kind: Kind, batch: $batch) {
            let batch = AnyBatch::$any(batch);
            assert!(batch.fits(kind), "{batch:?} does not fit the pool of {kind}");
            if let AnyBatch::$any(batch) = batch {
                self.$field.entry(kind).or_default().put(batch);
            }
        }

        /// Takes `count` of `kind`; they are gone from the pool. Errors if there are fewer.
        pub fn $take(&mut self, kind: Kind, count: usize) -> Result<$batch> {
            self.$field
                .get_mut(&kind)
                .map_or(Err(0), |pool| pool.take(count))
                .map_err(|available| CorrelationError::Exhausted { kind, wanted: count, available })
        }
    };
}

impl Pools {
    accessors!(put_triples, take_triples, triples, TripleBatch, Triple);
    accessors!(put_ands, take_ands, ands, AndBatch, And);
    accessors!(put_products, take_products, products, ProductBatch, Product);
    accessors!(put_bit_products, take_bit_products, bit_products, BitProductBatch, BitProduct);
    accessors!(put_tables, take_tables, tables, TableBatch, Table);
    accessors!(put_leaves, take_leaves, leaves, LeafBatch, Leaf);
    accessors!(put_ring_triples, take_ring_triples, ring_triples, RingTripleBatch, RingTriple);
    accessors!(put_one_hots, take_one_hots, one_hots, OneHotBatch, OneHot);
    accessors!(put_rectifiers, take_rectifiers, rectifiers, RectifierBatch, Rectifier);
    accessors!(put_mask_digits, take_mask_digits, mask_digits, MaskDigitsBatch, MaskDigits);

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
        match kind {
            Kind::Triple { .. } => self.triples.get(&kind).map_or(0, |p| p.available),
            Kind::And { .. } => self.ands.get(&kind).map_or(0, |p| p.available),
            Kind::Product { .. } => self.products.get(&kind).map_or(0, |p| p.available),
            Kind::BitProduct { .. } => self.bit_products.get(&kind).map_or(0, |p| p.available),
            Kind::Table { .. } => self.tables.get(&kind).map_or(0, |p| p.available),
            Kind::Leaf { .. } => self.leaves.get(&kind).map_or(0, |p| p.available),
            Kind::RingTriple { .. } => self.ring_triples.get(&kind).map_or(0, |p| p.available),
            Kind::OneHot { .. } => self.one_hots.get(&kind).map_or(0, |p| p.available),
            Kind::Rectifier(_) => self.rectifiers.get(&kind).map_or(0, |p| p.available),
            Kind::MaskDigits(_) => self.mask_digits.get(&kind).map_or(0, |p| p.available),
        }
    }

    /// Moves correlations that meet `demand` into a stock of their own, for one of several threads.
    pub fn split_off(&mut self, demand: &Demand) -> Result<Self> {
        let mut out = Self::default();
        for (kind, count) in demand.iter() {
            match kind {
                Kind::Triple { .. } => out.put_triples(kind, self.take_triples(kind, count)?),
                Kind::And { .. } => out.put_ands(kind, self.take_ands(kind, count)?),
                Kind::Product { .. } => out.put_products(kind, self.take_products(kind, count)?),
                Kind::BitProduct { .. } => out.put_bit_products(kind, self.take_bit_products(kind, count)?),
                Kind::Table { .. } => out.put_tables(kind, self.take_tables(kind, count)?),
                Kind::Leaf { .. } => out.put_leaves(kind, self.take_leaves(kind, count)?),
                Kind::RingTriple { .. } => out.put_ring_triples(kind, self.take_ring_triples(kind, count)?),
                Kind::OneHot { .. } => out.put_one_hots(kind, self.take_one_hots(kind, count)?),
                Kind::Rectifier(_) => out.put_rectifiers(kind, self.take_rectifiers(kind, count)?),
                Kind::MaskDigits(_) => out.put_mask_digits(kind, self.take_mask_digits(kind, count)?),
            }
        }
        Ok(out)
    }

    /// Whether every pool is empty: after a run, that the plan's demand was exact.
    pub fn is_empty(&self) -> bool {
        self.triples.values().all(|p| p.available == 0)
            && self.ands.values().all(|p| p.available == 0)
            && self.products.values().all(|p| p.available == 0)
            && self.bit_products.values().all(|p| p.available == 0)
            && self.tables.values().all(|p| p.available == 0)
            && self.leaves.values().all(|p| p.available == 0)
            && self.ring_triples.values().all(|p| p.available == 0)
            && self.one_hots.values().all(|p| p.available == 0)
            && self.rectifiers.values().all(|p| p.available == 0)
            && self.mask_digits.values().all(|p| p.available == 0)
            && self.linear.values().all(VecDeque::is_empty)
    }
}
