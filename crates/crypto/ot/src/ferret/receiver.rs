//! The OT receiver.

use std::fmt;

use veilflow_net::Channel;
use veilflow_prim::{Block, CcrHash, CrHash, Prg};
use veilflow_ring::Bits;
use zeroize::Zeroizing;

use super::{
    instance::{Instance, SinglePoint, session_nonce},
    params::LpnSet,
    plan::{FerretPlan, SEED_K, Schedule},
    tree,
};
use crate::{RandomOtReceiver, Result, VisitReceived, batch::CotReceiver, softspoken::SoftSpokenReceiver};

/// The OT receiver of one session and direction.
pub(crate) struct FerretReceiver {
    instance: Instance,
}

/// The receiver's side of single-point correlated OT.
struct TreeReceiver;

impl fmt::Debug for FerretReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (depth, made) = (self.instance.set().depth(), self.instance.next_index());
        write!(f, "FerretReceiver(depth {depth}, {made} OTs made)")
    }
}

impl SinglePoint for TreeReceiver {
    fn grow(
        &mut self,
        channel: &mut Channel,
        hash: &CcrHash,
        bases: &[Block],
        leaves: &mut [Block],
    ) -> Result<()> {
        let mut message = vec![[0; 16]; bases.len()];
        channel.recv(message.as_flattened_mut())?;
        let sums = message.into_iter().zip(bases);
        let sums = sums.map(|(bytes, &base)| (Block::from_bytes(bytes) ^ base, base.0 & 1 == 1));
        let place = tree::punctured(hash, sums, leaves);
        for leaf in &mut *leaves {
            leaf.0 &= !1;
        }
        leaves[place].0 |= 1;
        Ok(())
    }
}

/// The lowest bit of each block.
fn low_bits(blocks: &[Block]) -> Bits {
    let word = |blocks: &[Block]| blocks.iter().rev().fold(0, |word, block| word << 1 | block.low() & 1);
    Bits::from_words(blocks.chunks(64).map(word).collect(), blocks.len())
}

impl FerretReceiver {
    /// Sets up by `plan`, with a peer that calls [`FerretSender::setup`](super::FerretSender::setup) with the
    /// same one.
    pub(crate) fn setup(channel: &mut Channel, prg: &mut Prg, plan: &FerretPlan) -> Result<Self> {
        let (mut seeds, session) = SoftSpokenReceiver::setup_tagged(channel, prg, SEED_K, &plan.tag())?;
        let CotReceiver { choices, blocks } = seeds.correlated(channel, plan.seed_len())?;
        let mut bases = Zeroizing::new(blocks);
        for (block, choice) in bases.iter_mut().zip(choices.iter()) {
            block.0 = block.0 & !1 | u128::from(choice);
        }
        let nonce = session_nonce(&session);
        match plan.booster() {
            None => Ok(Self::new(plan.set(), plan.schedule(), nonce, bases)),
            Some(booster) => Self::new(LpnSet::SMALLEST, booster, nonce, bases).child(channel, plan),
        }
    }

    fn new(set: LpnSet, schedule: Schedule, nonce: Block, bases: Zeroizing<Vec<Block>>) -> Self {
        Self { instance: Instance::new(set, schedule, nonce, bases) }
    }

    /// The instance whose bases are OTs of this one.
    fn child(mut self, channel: &mut Channel, plan: &FerretPlan) -> Result<Self> {
        let bases = Zeroizing::new(self.correlated(channel, plan.base_len())?.blocks);
        let nonce = self.instance.child_nonce();
        Ok(Self::new(plan.set(), plan.schedule(), nonce, bases))
    }

    /// `count` OTs left correlated by the peer's Δ, not hashed.
    pub(super) fn correlated(&mut self, channel: &mut Channel, count: usize) -> Result<CotReceiver> {
        let mut out = CotReceiver { choices: Bits::default(), blocks: Vec::with_capacity(count) };
        self.extend(channel, count, |_, _, _, blocks| {
            out.choices.append(&low_bits(blocks));
            out.blocks.extend_from_slice(blocks);
        })?;
        Ok(out)
    }

    fn extend(
        &mut self,
        channel: &mut Channel,
        count: usize,
        visit: impl FnMut(&CrHash, usize, u64, &mut [Block]),
    ) -> Result<()> {
        self.instance.extend(&mut TreeReceiver, channel, count, visit)
    }
}

impl RandomOtReceiver for FerretReceiver {
    fn speaks(&self) -> bool {
        false
    }

    fn random_chunks(
        &mut self,
        channel: &mut Channel,
        count: usize,
        visit: &mut VisitReceived<'_>,
    ) -> Result<()> {
        self.extend(channel, count, |hash, at, index, blocks| {
            let choices = low_bits(blocks);
            hash.hash_each(index, blocks);
            visit(at, &choices, blocks);
        })
    }
}
