//! The OT receiver.

use std::fmt;

use veilflow_net::Channel;
use veilflow_prim::{Block, CrHash, Prg, transpose};
use veilflow_ring::Bits;
use zeroize::Zeroize;

use super::{
    ggm,
    setup::{exchange, hash_of, salt_of},
    vole::{CHUNK, Groups, ROWS, STRIDE, check_k, steps},
};
use crate::{
    RandomOtReceiver, Result, VisitReceived,
    base::{BaseSender, Session, receiver_message_len},
    batch::CotReceiver,
};

/// The OT receiver of one session and direction.
pub(crate) struct SoftSpokenReceiver {
    groups: Groups,
    hash: CrHash,
    next_index: u64,
}

impl fmt::Debug for SoftSpokenReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftSpokenReceiver(k {}, {} OTs made)", self.groups.k(), self.next_index)
    }
}

impl SoftSpokenReceiver {
    /// Sets the extension up, with a peer that calls
    /// [`SoftSpokenSender::setup`](super::SoftSpokenSender::setup) with the same `k` ∈ {1, 2, 4, 8}.
    pub(crate) fn setup(channel: &mut Channel, prg: &mut Prg, k: usize) -> Result<Self> {
        Ok(Self::setup_tagged(channel, prg, k, &[k as u8])?.0)
    }

    /// As [`setup`](Self::setup) with `tag` in the place of k. Returns the session, too.
    pub(crate) fn setup_tagged(
        channel: &mut Channel,
        prg: &mut Prg,
        k: usize,
        tag: &[u8],
    ) -> Result<(Self, Session)> {
        check_k(k)?;
        let base = BaseSender::new(prg);
        let mut theirs = vec![0; receiver_message_len(ROWS)];
        exchange(channel, tag, base.message(), &mut theirs)?;
        let (keys, session) = base.finish(&theirs)?;

        let salt = salt_of(&session);
        let mut groups = Vec::with_capacity(ROWS / k);
        for keys in keys.chunks_exact(k) {
            let (leaves, corrections) = ggm::full(keys, salt);
            for correction in corrections {
                channel.send(&correction.to_bytes())?;
            }
            groups.push(leaves.iter().map(|&seed| Some(Prg::salted(seed, salt))).collect());
        }
        channel.flush()?;
        Ok((Self { groups: Groups::new(groups), hash: hash_of(&session), next_index: 0 }, session))
    }

    /// Makes the t_i of `count` OTs; `visit` gets a step's offset, the hash index of its first OT, its
    /// choices as bytes and its t_i.
    fn extend(
        &mut self,
        channel: &mut Channel,
        count: usize,
        mut visit: impl FnMut(&Self, usize, u64, &[u8], &mut [Block]),
    ) -> Result<()> {
        let mut blocks = vec![Block::ZERO; count.min(CHUNK)];
        for (at, columns) in steps(count) {
            let bytes = columns.div_ceil(8);
            self.groups.expand(bytes);
            let (choices, others) = self.groups.sums.split_at_mut(STRIDE);
            for sum in others.chunks_exact_mut(STRIDE) {
                let sum = &mut sum[..bytes];
                for (u, u0) in sum.iter_mut().zip(&*choices) {
                    *u ^= u0;
                }
                channel.send(sum)?;
            }
            channel.flush()?;
            let blocks = &mut blocks[..columns];
            transpose(&self.groups.matrix, STRIDE, blocks);
            let first = self.next_index;
            self.next_index += columns as u64;
            visit(self, at, first, &self.groups.sums[..bytes], blocks);
        }
        blocks.zeroize();
        Ok(())
    }

    /// `count` OTs left correlated by the peer's Δ, not hashed.
    pub(crate) fn correlated(&mut self, channel: &mut Channel, count: usize) -> Result<CotReceiver> {
        let mut out = CotReceiver { choices: Bits::default(), blocks: Vec::with_capacity(count) };
        self.extend(channel, count, |_, _, _, choices, blocks| {
            out.choices.append(&Bits::from_bytes(choices, blocks.len()));
            out.blocks.extend_from_slice(blocks);
        })?;
        Ok(out)
    }
}

impl RandomOtReceiver for SoftSpokenReceiver {
    fn speaks(&self) -> bool {
        true
    }

    fn random_chunks(
        &mut self,
        channel: &mut Channel,
        count: usize,
        visit: &mut VisitReceived<'_>,
    ) -> Result<()> {
        self.extend(channel, count, |this, at, first, choices, blocks| {
            this.hash.hash_each(first, blocks);
            visit(at, &Bits::from_bytes(choices, blocks.len()), blocks);
        })
    }
}
