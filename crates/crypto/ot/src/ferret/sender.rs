//! The OT sender.

use std::fmt;

use veilflow_net::Channel;
use veilflow_prim::{Block, CcrHash, CrHash, Prg};
use zeroize::{Zeroize, Zeroizing};

use super::{
    instance::{Instance, SinglePoint, session_nonce},
    params::LpnSet,
    plan::{FerretForecast, FerretPlan, SEED_K, Schedule},
    tree,
};
use crate::{CotSender, RandomOtSender, Result, SoftSpokenSender};

/// Trees whose messages travel together: enough for one packet's worth each, few enough that the peer keeps busy.
const TREES_A_FLUSH: u32 = 32;

/// The OT sender of one stream in one direction.
pub struct FerretSender {
    trees: TreeSender,
    instance: Instance,
}

/// The sender's side of single-point correlated OT.
struct TreeSender {
    delta: Block,
    roots: Prg,
    unflushed: u32,
}

impl fmt::Debug for FerretSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (depth, made) = (self.instance.set().depth(), self.instance.next_index());
        write!(f, "FerretSender(depth {depth}, {made} OTs made)")
    }
}

impl Drop for TreeSender {
    fn drop(&mut self) {
        self.delta.zeroize();
    }
}

impl SinglePoint for TreeSender {
    fn grow(
        &mut self,
        channel: &mut Channel,
        hash: &CcrHash,
        bases: &[Block],
        leaves: &mut [Block],
    ) -> Result<()> {
        let mut sums = vec![Block::ZERO; bases.len()];
        tree::full(hash, self.roots.block(), self.delta, leaves, &mut sums);
        for (&sum, &base) in sums.iter().zip(bases) {
            channel.send(&(sum ^ base).to_bytes())?;
        }
        for leaf in leaves {
            leaf.0 &= !1;
        }
        self.unflushed += 1;
        if self.unflushed == TREES_A_FLUSH {
            self.flush(channel)?;
        }
        Ok(())
    }
}

impl TreeSender {
    fn flush(&mut self, channel: &mut Channel) -> Result<()> {
        self.unflushed = 0;
        Ok(channel.flush()?)
    }
}

impl FerretSender {
    /// Sets up for `expected_total` OTs by the plan with the fewest bytes, with a peer that calls
    /// [`FerretReceiver::setup`](crate::FerretReceiver::setup) with the same number. `prg` must be seeded from entropy
    /// and continued or forked, never repeated, from session to session.
    ///
    /// # Errors
    /// As for [`setup_planned`](Self::setup_planned).
    pub fn setup(channel: &mut Channel, prg: &mut Prg, expected_total: usize) -> Result<Self> {
        Self::setup_planned(channel, prg, &FerretPlan::fewest_bytes(expected_total))
    }

    /// As [`setup`](Self::setup) by a plan that the peer uses too. Traffic: [`FerretPlan::setup`].
    ///
    /// # Errors
    /// [`OtError::PlanMismatch`](crate::OtError::PlanMismatch),
    /// [`OtError::InvalidPoint`](crate::OtError::InvalidPoint), or a failure of the channel.
    pub fn setup_planned(channel: &mut Channel, prg: &mut Prg, plan: &FerretPlan) -> Result<Self> {
        let (mut seeds, session) = SoftSpokenSender::setup_odd(channel, prg, SEED_K, &plan.tag())?;
        let CotSender { delta, blocks } = seeds.correlated(channel, plan.seed_len())?;
        let mut bases = Zeroizing::new(blocks);
        for block in bases.iter_mut() {
            block.0 &= !1;
        }
        let nonce = session_nonce(&session);
        match plan.booster() {
            None => Ok(Self::new(plan.set(), plan.schedule(), nonce, delta, prg.fork(), bases)),
            Some(booster) => {
                let mut booster = Self::new(LpnSet::B10, booster, nonce, delta, prg.fork(), bases);
                booster.child(channel, plan)
            }
        }
    }

    fn new(
        set: LpnSet,
        schedule: Schedule,
        nonce: Block,
        delta: Block,
        roots: Prg,
        bases: Zeroizing<Vec<Block>>,
    ) -> Self {
        let trees = TreeSender { delta, roots, unflushed: 0 };
        Self { trees, instance: Instance::new(set, schedule, nonce, bases) }
    }

    /// An independent stream with the same Δ and the same set for `expected_total` OTs, whose bases are OTs of this
    /// one; for use on a fork of the channel, in another thread. The peer forks at the same point of its stream. Traffic:
    /// [`FerretForecast::fork`].
    ///
    /// # Errors
    /// A failure of the channel, [`OtError::Unusable`](crate::OtError::Unusable) after one.
    pub fn fork(&mut self, channel: &mut Channel, expected_total: usize) -> Result<Self> {
        self.child(channel, &FerretPlan::for_fork(self.instance.set(), expected_total))
    }

    fn child(&mut self, channel: &mut Channel, plan: &FerretPlan) -> Result<Self> {
        let bases = Zeroizing::new(self.correlated(channel, plan.base_len())?.blocks);
        let (nonce, roots) = (self.instance.fork_nonce(), self.trees.roots.fork());
        Ok(Self::new(plan.set(), plan.schedule(), nonce, self.trees.delta, roots, bases))
    }

    /// The traffic to come.
    pub fn forecast(&self) -> FerretForecast {
        FerretForecast(self.instance.schedule().clone())
    }

    fn extend(
        &mut self,
        channel: &mut Channel,
        count: usize,
        mut visit: impl FnMut(Block, &CrHash, usize, u64, &mut [Block]),
    ) -> Result<()> {
        let delta = self.trees.delta;
        self.instance.extend(&mut self.trees, channel, count, |hash, at, index, blocks| {
            visit(delta, hash, at, index, blocks);
        })?;
        self.trees.flush(channel)
    }
}

impl RandomOtSender for FerretSender {
    fn speaks(&self) -> bool {
        true
    }

    fn random_chunks(
        &mut self,
        channel: &mut Channel,
        count: usize,
        mut visit: impl FnMut(usize, &[Block], &[Block]),
    ) -> Result<()> {
        let mut ones = Zeroizing::new(vec![Block::ZERO; self.instance.set().leaves().min(count)]);
        self.extend(channel, count, |delta, hash, at, index, zeros| {
            let ones = &mut ones[..zeros.len()];
            hash.hash_pairs(index, delta, zeros, ones);
            visit(at, zeros, ones);
        })
    }

    fn correlated(&mut self, channel: &mut Channel, count: usize) -> Result<CotSender> {
        let mut out = CotSender { delta: self.trees.delta, blocks: Vec::with_capacity(count) };
        self.extend(channel, count, |_, _, _, _, blocks| out.blocks.extend_from_slice(blocks))?;
        Ok(out)
    }
}
