//! The OT sender.

use std::fmt;

use veilflow_net::Channel;
use veilflow_prim::{Block, CcrHash, CrHash, Prg};
use zeroize::{Zeroize, Zeroizing};

use super::{
    instance::{Instance, SinglePoint, session_nonce},
    params::LpnSet,
    plan::{FerretPlan, SEED_K, Schedule},
    tree,
};
use crate::{RandomOtSender, Result, VisitSent, batch::CotSender, softspoken::SoftSpokenSender};

/// How many trees' messages travel together: enough to fill packets, few enough that the peer keeps busy.
const TREES_A_FLUSH: u32 = 32;

/// The OT sender of one session and direction.
pub(crate) struct FerretSender {
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
    /// Sets up by `plan`, with a peer that calls [`FerretReceiver::setup`](super::FerretReceiver::setup) with
    /// the same one.
    pub(crate) fn setup(channel: &mut Channel, prg: &mut Prg, plan: &FerretPlan) -> Result<Self> {
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
                Self::new(LpnSet::SMALLEST, booster, nonce, delta, prg.fork(), bases).child(channel, plan)
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

    /// The instance with the same Δ whose bases are OTs of this one.
    fn child(mut self, channel: &mut Channel, plan: &FerretPlan) -> Result<Self> {
        let bases = Zeroizing::new(self.correlated(channel, plan.base_len())?.blocks);
        let (nonce, roots) = (self.instance.child_nonce(), self.trees.roots.fork());
        Ok(Self::new(plan.set(), plan.schedule(), nonce, self.trees.delta, roots, bases))
    }

    /// `count` OTs left correlated by Δ, not hashed.
    pub(super) fn correlated(&mut self, channel: &mut Channel, count: usize) -> Result<CotSender> {
        let mut out = CotSender { delta: self.trees.delta, blocks: Vec::with_capacity(count) };
        self.extend(channel, count, |_, _, _, _, blocks| out.blocks.extend_from_slice(blocks))?;
        Ok(out)
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
        visit: &mut VisitSent<'_>,
    ) -> Result<()> {
        let mut ones = Zeroizing::new(vec![Block::ZERO; self.instance.set().leaves().min(count)]);
        self.extend(channel, count, |delta, hash, at, index, zeros| {
            let ones = &mut ones[..zeros.len()];
            hash.hash_pairs(index, delta, zeros, ones);
            visit(at, zeros, ones);
        })
    }
}
