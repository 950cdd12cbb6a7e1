//! What to set up for an expected number of OTs, and the exact traffic of it.

use super::params::LpnSet;
use crate::{
    Result, Traffic,
    cost::{setup_bytes, softspoken_bytes},
};

/// SoftSpoken's parameter in the set-up, chosen for the fewest bytes.
pub(crate) const SEED_K: usize = 8;
/// OTs are used up in multiples of this within a tree, so that chunks are whole words of choices.
pub(crate) const GRAIN: usize = 64;
/// Bytes with which each party states its plan in the set-up.
const TAG_LEN: usize = 9;

/// The trees of one instance: which iteration it is in, and what is left of it. This is the one place that
/// decides when a tree is grown and when an iteration refills the next. Both parties and the forecasts follow
/// it.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    set: LpnSet,
    /// Trees of the current iteration, without those kept to refill the next.
    usable: usize,
    grown: usize,
    /// OTs left in the current tree, a multiple of [`GRAIN`].
    rest: usize,
}

/// What to do before the next tree can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The current tree has OTs left.
    Ready,
    /// Grow the tree with this number in its iteration.
    Tree(usize),
    /// Grow the trees from this number on for the bases of the next iteration.
    Refill(usize),
}

impl Schedule {
    /// An instance whose first iteration has `trees` trees, `kept` of them to refill the next.
    pub(crate) fn new(set: LpnSet, trees: usize, kept: usize) -> Self {
        Self { set, usable: trees - kept, grown: 0, rest: 0 }
    }

    /// The next thing to do, which counts as done.
    pub(crate) fn next(&mut self) -> Next {
        if self.rest > 0 {
            Next::Ready
        } else if self.grown < self.usable {
            self.grown += 1;
            self.rest = self.set.leaves();
            Next::Tree(self.grown - 1)
        } else {
            let first = self.usable;
            (self.grown, self.usable) = (0, self.set.trees() - self.set.refill_trees());
            Next::Refill(first)
        }
    }

    /// Takes up to `want` OTs of the current tree: their place in it and how many.
    pub(crate) fn take(&mut self, want: usize) -> (usize, usize) {
        let at = self.set.leaves() - self.rest;
        let count = want.min(self.rest);
        self.rest -= count.next_multiple_of(GRAIN);
        (at, count)
    }

    /// The traffic of the next `count` OTs.
    fn advance(&mut self, mut count: usize) -> Traffic {
        let (mut trees, full) = (0, self.set.trees() - self.set.refill_trees());
        while count > 0 {
            if (self.rest, self.grown, self.usable) == (0, full, full) {
                // Whole iterations end in the state they start from.
                trees += count / (full * self.set.leaves()) * self.set.trees();
                count %= full * self.set.leaves();
                if count == 0 {
                    break;
                }
            }
            match self.next() {
                Next::Ready => count -= self.take(count).1,
                Next::Tree(_) => trees += 1,
                Next::Refill(_) => trees += self.set.refill_trees(),
            }
        }
        Traffic { sender: self.set.tree_bytes(trees), receiver: 0 }
    }
}

/// The traffic to come of an instance. It is asked in the order of the calls to be made.
#[derive(Clone, Debug)]
pub(crate) struct FerretForecast(Schedule);

impl FerretForecast {
    /// The next `count` OTs: one message of the OT sender, possibly empty, and nothing of the OT receiver.
    pub(crate) fn extend(&mut self, count: usize) -> Traffic {
        self.0.advance(count)
    }
}

/// Which LPN set makes the OTs, and what makes its bases: SoftSpoken OT, or a small instance whose bases
/// SoftSpoken OT makes. Both parties must use the same plan.
///
/// A plan is for an expected number of OTs: the set-up makes no more bases than they need. More OTs, or
/// fewer, may be made, since an iteration starts when the one before is used up.
#[derive(Clone, Debug, PartialEq)]
pub struct FerretPlan {
    main: LpnSet,
    /// Trees of the first iteration.
    trees: usize,
    /// Trees of an instance of [`LpnSet::SMALLEST`] that makes the bases, if SoftSpoken does not make them.
    booster: Option<usize>,
}

impl FerretPlan {
    /// The plan with the least time for `expected_total` OTs, set-up included, on a link that takes
    /// `ns_per_byte` nanoseconds a byte (80 at 100 Mbit/s), by [`LpnSet::nominal_ns`]. At infinity it is the
    /// plan with the fewest bytes.
    pub fn for_link(expected_total: usize, ns_per_byte: f64) -> Self {
        let cost = |plan: &Self| {
            let bytes = plan.total(expected_total).bytes() as f64;
            bytes + expected_total as f64 * f64::from(plan.main.nominal_ns()) / ns_per_byte
        };
        let [first, others @ ..] = LpnSet::ALL.map(|set| Self::with_set(set, expected_total));
        others.into_iter().fold(first, |best, plan| if cost(&plan) < cost(&best) { plan } else { best })
    }

    /// The plan that makes `expected_total` OTs by `set`.
    pub fn with_set(set: LpnSet, expected_total: usize) -> Self {
        let trees = expected_total.div_ceil(set.leaves()).saturating_add(set.refill_trees());
        let direct = Self { main: set, trees: trees.min(set.trees()), booster: None };
        let boosted =
            Self { booster: Some(direct.base_len().div_ceil(LpnSet::SMALLEST.leaves())), ..direct.clone() };
        if boosted.setup().bytes() < direct.setup().bytes() { boosted } else { direct }
    }

    /// As [`with_set`](Self::with_set) for any parameters, bases by SoftSpoken.
    #[cfg(test)]
    pub(crate) fn insecure(set: LpnSet, trees: usize) -> Self {
        Self { main: set, trees, booster: None }
    }

    /// The set that makes the OTs.
    pub fn set(&self) -> LpnSet {
        self.main
    }

    /// How many correlated OTs the first iteration starts from.
    pub(crate) fn base_len(&self) -> usize {
        self.main.base_len(self.trees)
    }

    /// The instance of the booster, if there is one.
    pub(crate) fn booster(&self) -> Option<Schedule> {
        self.booster.map(|trees| Schedule::new(LpnSet::SMALLEST, trees, 0))
    }

    /// The instance that makes the OTs.
    pub(crate) fn schedule(&self) -> Schedule {
        Schedule::new(self.main, self.trees, self.main.refill_trees())
    }

    /// How many correlated OTs SoftSpoken makes.
    pub(crate) fn seed_len(&self) -> usize {
        self.booster.map_or(self.base_len(), |trees| LpnSet::SMALLEST.base_len(trees))
    }

    /// The plan as both parties state it to each other. The first byte is no parameter k of SoftSpoken.
    pub(crate) fn tag(&self) -> [u8; TAG_LEN] {
        let mut tag = [0x80 | self.main.depth() as u8; TAG_LEN];
        tag[1..5].copy_from_slice(&(self.trees as u32).to_le_bytes());
        tag[5..].copy_from_slice(&(self.booster.unwrap_or(0) as u32).to_le_bytes());
        tag
    }

    /// The set-up of one direction; [`setup_rounds`](Self::setup_rounds) rounds.
    pub fn setup(&self) -> Traffic {
        self.try_setup().unwrap_or_default()
    }

    fn try_setup(&self) -> Result<Traffic> {
        let (base, seeds) = (setup_bytes(SEED_K)?, softspoken_bytes(SEED_K, self.seed_len())?);
        let tag = TAG_LEN as u64 - 1;
        Ok(Traffic {
            sender: base.sender + tag + LpnSet::SMALLEST.tree_bytes(self.booster.unwrap_or(0)),
            receiver: base.receiver + tag + seeds.receiver,
        })
    }

    /// Rounds of the set-up: an exchange and a message of the OT receiver, then with a booster one of the OT
    /// sender.
    pub fn setup_rounds(&self) -> u64 {
        2 + u64::from(self.booster.is_some())
    }

    /// The traffic after the set-up.
    pub(crate) fn forecast(&self) -> FerretForecast {
        FerretForecast(self.schedule())
    }

    /// The set-up and one batch of `count` OTs.
    pub fn total(&self, count: usize) -> Traffic {
        let (setup, batch) = (self.setup(), self.forecast().extend(count));
        Traffic { sender: setup.sender + batch.sender, receiver: setup.receiver + batch.receiver }
    }
}
