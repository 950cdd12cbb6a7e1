//! The OT sender.

use std::fmt;

use veilflow_net::Channel;
use veilflow_prim::{Block, CrHash, Prg, transpose};
use veilflow_ring::Bits;
use zeroize::{Zeroize, Zeroizing};

use super::{
    ggm,
    setup::{exchange, hash_of, salt_of},
    vole::{CHUNK, Groups, ROWS, STRIDE, check_k, steps},
};
use crate::{
    RandomOtSender, Result, VisitSent,
    base::{BaseReceiver, SENDER_MESSAGE_LEN, Session},
    batch::CotSender,
};

/// The OT sender of one session and direction.
pub(crate) struct SoftSpokenSender {
    delta: Block,
    groups: Groups,
    hash: CrHash,
    next_index: u64,
}

impl fmt::Debug for SoftSpokenSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftSpokenSender(k {}, {} OTs made)", self.groups.k(), self.next_index)
    }
}

impl Drop for SoftSpokenSender {
    fn drop(&mut self) {
        self.delta.zeroize();
    }
}

impl SoftSpokenSender {
    /// Sets the extension up, with a peer that calls
    /// [`SoftSpokenReceiver::setup`](super::SoftSpokenReceiver::setup) with the same `k` ∈ {1, 2, 4, 8}.
    pub(crate) fn setup(channel: &mut Channel, prg: &mut Prg, k: usize) -> Result<Self> {
        check_k(k)?;
        let choices = prg.bits(ROWS);
        Ok(Self::setup_tagged(channel, prg, k, &[k as u8], choices)?.0)
    }

    /// As [`setup`](Self::setup) for silent OT: the lowest bit of Δ is set, and `tag` takes the place of k.
    /// Returns the session, too.
    pub(crate) fn setup_odd(
        channel: &mut Channel,
        prg: &mut Prg,
        k: usize,
        tag: &[u8],
    ) -> Result<(Self, Session)> {
        check_k(k)?;
        let mut choices = prg.bits(ROWS);
        // Δ holds the complements of the choices, the last of a group lowest.
        choices.set(k - 1, false);
        Self::setup_tagged(channel, prg, k, tag, choices)
    }

    fn setup_tagged(
        channel: &mut Channel,
        prg: &mut Prg,
        k: usize,
        tag: &[u8],
        choices: Bits,
    ) -> Result<(Self, Session)> {
        let base = BaseReceiver::new(prg, choices.clone());
        let mut theirs = [0; SENDER_MESSAGE_LEN];
        exchange(channel, tag, base.message(), &mut theirs)?;
        let (keys, session) = base.finish(&theirs)?;

        let salt = salt_of(&session);
        let choices: Zeroizing<Vec<bool>> = Zeroizing::new(choices.iter().collect());
        let mut delta = Block::ZERO;
        let mut groups = Vec::with_capacity(ROWS / k);
        for (g, (keys, choices)) in keys.chunks_exact(k).zip(choices.chunks_exact(k)).enumerate() {
            let bytes = channel.recv_vec(32 * (k - 1))?;
            let corrections: Vec<Block> =
                bytes.chunks_exact(16).filter_map(|b| b.try_into().ok()).map(Block::from_bytes).collect();
            let (leaves, missing) = ggm::punctured(keys, choices, &corrections, salt);
            delta ^= Block((missing as u128) << (g * k));
            let stream = |x: usize| (x != 0).then(|| Prg::salted(leaves[x ^ missing], salt));
            groups.push((0..leaves.len()).map(stream).collect());
        }
        let this = Self { delta, groups: Groups::new(groups), hash: hash_of(&session), next_index: 0 };
        Ok((this, session))
    }

    /// Makes the q_i of `count` OTs; `visit` gets a step's offset, the hash index of its first OT, and its
    /// q_i.
    fn extend(
        &mut self,
        channel: &mut Channel,
        count: usize,
        mut visit: impl FnMut(&Self, usize, u64, &mut [Block]),
    ) -> Result<()> {
        let k = self.groups.k();
        let mut blocks = vec![Block::ZERO; count.min(CHUNK)];
        for (at, columns) in steps(count) {
            let bytes = columns.div_ceil(8);
            self.groups.expand(bytes);
            let corrections = channel.recv_vec((ROWS / k - 1) * bytes)?;
            for (g, correction) in (1..).zip(corrections.chunks_exact(bytes)) {
                for j in g * k..(g + 1) * k {
                    let mask = ((self.delta.0 >> j) as u8 & 1).wrapping_neg();
                    for (w, d) in self.groups.matrix[j * STRIDE..][..bytes].iter_mut().zip(correction) {
                        *w ^= d & mask;
                    }
                }
            }
            let blocks = &mut blocks[..columns];
            transpose(&self.groups.matrix, STRIDE, blocks);
            let first = self.next_index;
            self.next_index += columns as u64;
            visit(self, at, first, blocks);
        }
        blocks.zeroize();
        Ok(())
    }

    /// `count` OTs left correlated by Δ, not hashed: the raw material of silent OT.
    pub(crate) fn correlated(&mut self, channel: &mut Channel, count: usize) -> Result<CotSender> {
        let mut out = CotSender { delta: self.delta, blocks: Vec::with_capacity(count) };
        self.extend(channel, count, |_, _, _, blocks| out.blocks.extend_from_slice(blocks))?;
        Ok(out)
    }
}

impl RandomOtSender for SoftSpokenSender {
    fn speaks(&self) -> bool {
        false
    }

    fn random_chunks(
        &mut self,
        channel: &mut Channel,
        count: usize,
        visit: &mut VisitSent<'_>,
    ) -> Result<()> {
        let mut ones = vec![Block::ZERO; count.min(CHUNK)];
        self.extend(channel, count, |this, at, first, zeros| {
            let ones = &mut ones[..zeros.len()];
            this.hash.hash_pairs(first, this.delta, zeros, ones);
            visit(at, zeros, ones);
        })
    }
}
