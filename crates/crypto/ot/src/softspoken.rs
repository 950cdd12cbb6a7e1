//! SoftSpoken OT extension (Roy, CRYPTO 2022), semi-honest, for the repetition code.
//!
//! Δ, the OT sender's secret, is 128 bits in 128/k groups of k. The setup gives each group of rows a subspace
//! VOLE: w_j = v_j ⊕ Δ_j · u_g with an own u_g for each group g (modules `base`, `ggm`, `vole`). An extension
//! takes the u of group 0 for the choices and corrects the others: the OT receiver sends d_g = u_g ⊕ u_0 and
//! the OT sender adds Δ_j · d_g to row j. Turned by 90 degrees, this is q_i = t_i ⊕ u_i · Δ for OT i: the
//! messages are H(q_i, i) and H(q_i ⊕ Δ, i), and the OT receiver has H(t_i, i), the one of its choice u_i.
//! k = 1 is the protocol of Ishai, Kilian, Nissim and Petrank (CRYPTO 2003).
//!
//! Cost: 128/k − 1 bits from the OT receiver and 2^k/k · 128 bits of AES stream an OT on each side, one
//! message for each 8,192 OTs, no reply. Setup: two rounds, 128 base OTs.
//!
//! Model: semi-honest parties; that of the base OT, AES as a PRG, and H correlation robust (see
//! [`veilflow_prim::CrHash`]). The OT sender sees d_g, masked by streams it lacks; the OT receiver sees
//! nothing. The hash is keyed from the transcript of the base OTs, so no two sessions or directions share
//! hash keys, and streams and hash indices only move forward.

use std::fmt;

use veilflow_net::Channel;
use veilflow_prim::{Block, CrHash, Prg, derive, transpose};
use veilflow_ring::Bits;
use zeroize::{Zeroize, Zeroizing};

use crate::{
    CotReceiver, CotSender, OtError, Result, RotReceiver, RotSender,
    base::{BaseReceiver, BaseSender, SENDER_MESSAGE_LEN, Session, receiver_message_len},
    ggm,
    vole::{CHUNK, Groups, ROWS, STRIDE, check_k},
};

const NONCE_LABEL: &str = "veilflow 2026 SoftSpoken OT nonce";
const HASH_DOMAIN: &str = "veilflow 2026 SoftSpoken OT hash";

fn hash_of(session: &Session) -> CrHash {
    CrHash::new(derive(NONCE_LABEL, session), HASH_DOMAIN)
}

/// Sends the first message of the setup and receives the peer's, after checking that both set up the same: `tag` is k,
/// or what states a plan of silent OT.
fn exchange(channel: &mut Channel, tag: &[u8], message: &[u8], theirs: &mut [u8]) -> Result<()> {
    channel.send(tag)?;
    channel.send(message)?;
    let their_tag = channel.recv_vec(tag.len())?;
    match (tag, &their_tag[..]) {
        (&[ours], &[theirs]) if ours != theirs => {
            Err(OtError::KMismatch { ours: ours.into(), theirs: theirs.into() })
        }
        (ours, theirs) if ours != theirs => Err(OtError::PlanMismatch),
        _ => Ok(channel.recv(theirs)?),
    }
}

/// The sizes of the steps that `count` OTs are made in, with their offsets.
fn steps(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).step_by(CHUNK).map(move |at| (at, CHUNK.min(count - at)))
}

/// The OT sender of one session and direction.
pub struct SoftSpokenSender {
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
    /// Sets the extension up with a peer that calls [`SoftSpokenReceiver::setup`] with the same `k` ∈ {1, 2,
    /// 4, 8}. `prg` must be seeded from entropy and continued or forked, never repeated, from session to
    /// session.
    ///
    /// # Errors
    /// [`OtError::UnsupportedK`], [`OtError::KMismatch`], [`OtError::InvalidPoint`], or a failure of the
    /// channel.
    pub fn setup(channel: &mut Channel, prg: &mut Prg, k: usize) -> Result<Self> {
        check_k(k)?;
        let choices = prg.bits(ROWS);
        Ok(Self::setup_tagged(channel, prg, k, &[k as u8], choices)?.0)
    }

    /// As [`setup`](Self::setup) for silent OT: with a Δ whose lowest bit is set, and `tag` in the place of k. Returns the
    /// session, too.
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

        let choices: Zeroizing<Vec<bool>> = Zeroizing::new(choices.iter().collect());
        let mut delta = Block::ZERO;
        let mut groups = Vec::with_capacity(ROWS / k);
        for (g, (keys, choices)) in keys.chunks_exact(k).zip(choices.chunks_exact(k)).enumerate() {
            let bytes = channel.recv_vec(32 * (k - 1))?;
            let corrections: Vec<Block> =
                bytes.chunks_exact(16).filter_map(|b| b.try_into().ok()).map(Block::from_bytes).collect();
            let (leaves, missing) = ggm::punctured(keys, choices, &corrections);
            delta ^= Block((missing as u128) << (g * k));
            let stream = |x: usize| (x != 0).then(|| Prg::from_seed(leaves[x ^ missing]));
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

    /// `count` random OTs in steps of bounded memory: `visit` gets the offset of the step's first OT in this
    /// call, and both messages of each of its OTs. The peer calls one of its `random` functions.
    ///
    /// # Errors
    /// A failure of the channel.
    pub fn random_chunks(
        &mut self,
        channel: &mut Channel,
        count: usize,
        mut visit: impl FnMut(usize, &[Block], &[Block]),
    ) -> Result<()> {
        let mut ones = vec![Block::ZERO; count.min(CHUNK)];
        self.extend(channel, count, |this, at, first, zeros| {
            let ones = &mut ones[..zeros.len()];
            this.hash.hash_pairs(first, this.delta, zeros, ones);
            visit(at, zeros, ones);
        })
    }

    /// `count` random OTs. Traffic: [`softspoken_bytes`](crate::softspoken_bytes).
    ///
    /// # Errors
    /// A failure of the channel.
    pub fn random(&mut self, channel: &mut Channel, count: usize) -> Result<RotSender> {
        let mut out = RotSender { zeros: Vec::with_capacity(count), ones: Vec::with_capacity(count) };
        self.random_chunks(channel, count, |_, zeros, ones| {
            out.zeros.extend_from_slice(zeros);
            out.ones.extend_from_slice(ones);
        })?;
        Ok(out)
    }

    /// `count` OTs left correlated by Δ, not hashed: the raw material of other protocols. The traffic is that
    /// of [`random`](Self::random).
    ///
    /// # Errors
    /// A failure of the channel.
    pub fn correlated(&mut self, channel: &mut Channel, count: usize) -> Result<CotSender> {
        let mut out = CotSender { delta: self.delta, blocks: Vec::with_capacity(count) };
        self.extend(channel, count, |_, _, _, blocks| out.blocks.extend_from_slice(blocks))?;
        Ok(out)
    }
}

/// The OT receiver of one session and direction.
pub struct SoftSpokenReceiver {
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
    /// Sets the extension up with a peer that calls [`SoftSpokenSender::setup`] with the same `k` ∈ {1, 2, 4,
    /// 8}. `prg` must be seeded from entropy and continued or forked, never repeated, from session to
    /// session.
    ///
    /// # Errors
    /// [`OtError::UnsupportedK`], [`OtError::KMismatch`], [`OtError::InvalidPoint`], or a failure of the
    /// channel.
    pub fn setup(channel: &mut Channel, prg: &mut Prg, k: usize) -> Result<Self> {
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

        let mut groups = Vec::with_capacity(ROWS / k);
        for keys in keys.chunks_exact(k) {
            let (leaves, corrections) = ggm::full(keys);
            for correction in corrections {
                channel.send(&correction.to_bytes())?;
            }
            groups.push(leaves.iter().map(|&seed| Some(Prg::from_seed(seed))).collect());
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

    /// `count` random OTs in steps of bounded memory: `visit` gets the offset of the step's first OT in this
    /// call, the choices of the step and the message each chooses. The peer calls one of its `random`
    /// functions.
    ///
    /// # Errors
    /// A failure of the channel.
    pub fn random_chunks(
        &mut self,
        channel: &mut Channel,
        count: usize,
        mut visit: impl FnMut(usize, &Bits, &[Block]),
    ) -> Result<()> {
        self.extend(channel, count, |this, at, first, choices, blocks| {
            this.hash.hash_each(first, blocks);
            visit(at, &Bits::from_bytes(choices, blocks.len()), blocks);
        })
    }

    /// `count` random OTs. Traffic: [`softspoken_bytes`](crate::softspoken_bytes).
    ///
    /// # Errors
    /// A failure of the channel.
    pub fn random(&mut self, channel: &mut Channel, count: usize) -> Result<RotReceiver> {
        let mut out = RotReceiver { choices: Bits::default(), messages: Vec::with_capacity(count) };
        self.random_chunks(channel, count, |_, choices, messages| {
            out.choices.append(choices);
            out.messages.extend_from_slice(messages);
        })?;
        Ok(out)
    }

    /// `count` OTs left correlated by the peer's Δ, not hashed. The traffic is that of
    /// [`random`](Self::random).
    ///
    /// # Errors
    /// A failure of the channel.
    pub fn correlated(&mut self, channel: &mut Channel, count: usize) -> Result<CotReceiver> {
        let mut out = CotReceiver { choices: Bits::default(), blocks: Vec::with_capacity(count) };
        self.extend(channel, count, |_, _, _, choices, blocks| {
            out.choices.append(&Bits::from_bytes(choices, blocks.len()));
            out.blocks.extend_from_slice(blocks);
        })?;
        Ok(out)
    }
}
