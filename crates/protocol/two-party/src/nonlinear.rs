//! Bit and element correlations from random OTs, without a message of their own.
//!
//! A random OT gives its sender m₀, m₁ and its receiver c, m_c, uniform 128-bit strings.
//! - AND: a = m₀ ⊕ m₁, u = m₀ on one side, b = c, v = m_c on the other: u ⊕ v = c·(m₀ ⊕ m₁).
//! - Triple: one such product in each direction gives both cross terms of (f₀ ⊕ f₁)(g₀ ⊕ g₁).
//! - Product in Z_2^w: α = m₁ − m₀, u = −m₀ and v = m_c.
//! - 1-of-2^d: from d OTs with messages K_{t,0}, K_{t,1}, message j is the ⊕ over t of F(K_{t,jₜ}, j) (Naor–Pinkas, STOC
//!   1999), where F(K, j) is simply the j-th group of bits of K: a random function table, as 2^d·payload ≤ 128.
//!
//! Triples need OTs in both directions; their messages share a round.

use veilflow_correlation::{AndBatch, ProductBatch, Result, TableBatch, TripleBatch};
use veilflow_net::{Channel, Role};
use veilflow_ot::{ExtensionReceiver, ExtensionSender, RandomOtReceiver, RandomOtSender, random_both_ways};
use veilflow_prim::Block;
use veilflow_ring::{Bits, Ring, RingVec, bit_slices};

use crate::supplier::ot_error;

/// A party's ends of the two OT extensions, and the channel.
pub(crate) struct Ends<'a> {
    pub(crate) role: Role,
    pub(crate) sender: &'a mut ExtensionSender,
    pub(crate) receiver: &'a mut ExtensionReceiver,
    pub(crate) channel: &'a mut Channel,
}

/// The low bits of both messages of a batch, bit-sliced.
struct SentBits {
    zeros: Vec<Bits>,
    ones: Vec<Bits>,
}

/// The choices and the low bits of the chosen messages, bit-sliced.
struct ReceivedBits {
    choices: Bits,
    messages: Vec<Bits>,
}

/// Appends the low bits of each block, a row each.
fn append(rows: &mut [Bits], blocks: &[Block]) {
    let words: Vec<u64> = blocks.iter().map(|b| b.low()).collect();
    let more = bit_slices(&words, rows.len());
    rows.iter_mut().zip(&more).for_each(|(row, more)| row.append(more));
}

impl SentBits {
    fn new(payload: usize) -> Self {
        Self { zeros: vec![Bits::default(); payload], ones: vec![Bits::default(); payload] }
    }

    fn take(&mut self, zeros: &[Block], ones: &[Block]) {
        append(&mut self.zeros, zeros);
        append(&mut self.ones, ones);
    }
}

impl ReceivedBits {
    fn new(payload: usize) -> Self {
        Self { choices: Bits::default(), messages: vec![Bits::default(); payload] }
    }

    fn take(&mut self, choices: &Bits, messages: &[Block]) {
        self.choices.append(choices);
        append(&mut self.messages, messages);
    }
}

impl Ends<'_> {
    fn send_bits(&mut self, payload: usize, n: usize) -> Result<SentBits> {
        let mut out = SentBits::new(payload);
        let visit = |_: usize, zeros: &[Block], ones: &[Block]| out.take(zeros, ones);
        self.sender.random_chunks(self.channel, n, visit).map_err(ot_error)?;
        self.channel.flush()?;
        Ok(out)
    }

    fn receive_bits(&mut self, payload: usize, n: usize) -> Result<ReceivedBits> {
        let mut out = ReceivedBits::new(payload);
        let visit = |_: usize, choices: &Bits, messages: &[Block]| out.take(choices, messages);
        self.receiver.random_chunks(self.channel, n, visit).map_err(ot_error)?;
        self.channel.flush()?;
        Ok(out)
    }

    pub(crate) fn triples(&mut self, payload: u32, n: usize) -> Result<TripleBatch> {
        let (mut sent, mut received) = (SentBits::new(payload as usize), ReceivedBits::new(payload as usize));
        random_both_ways(
            self.sender,
            self.receiver,
            self.channel,
            n,
            |_, zeros, ones| sent.take(zeros, ones),
            |_, choices, messages| received.take(choices, messages),
        )
        .map_err(ot_error)?;
        self.channel.flush()?;
        let f = received.choices;
        let g: Vec<Bits> = sent.zeros.iter().zip(&sent.ones).map(|(zero, one)| zero.xor(one)).collect();
        let h = g.iter().zip(&sent.zeros).zip(&received.messages);
        let h = h.map(|((g, u), v)| f.and(g).xor(u).xor(v)).collect();
        Ok(TripleBatch { f, g, h })
    }

    pub(crate) fn ands(&mut self, sender: Role, n: usize) -> Result<AndBatch> {
        if self.role == sender {
            let mut sent = self.send_bits(1, n)?;
            let share = sent.zeros.swap_remove(0);
            return Ok(AndBatch { factor: share.xor(&sent.ones[0]), share });
        }
        let mut received = self.receive_bits(1, n)?;
        Ok(AndBatch { factor: received.choices, share: received.messages.swap_remove(0) })
    }

    pub(crate) fn products(&mut self, sender: Role, bits: u32, n: usize) -> Result<ProductBatch> {
        let ring = Ring::new(bits).expect("demands hold valid widths");
        if self.role == sender {
            let (mut alpha, mut u) = (Vec::with_capacity(n), Vec::with_capacity(n));
            let visit = |_: usize, zeros: &[Block], ones: &[Block]| {
                alpha.extend(zeros.iter().zip(ones).map(|(m0, m1)| m1.low().wrapping_sub(m0.low())));
                u.extend(zeros.iter().map(|m0| m0.low().wrapping_neg()));
            };
            self.sender.random_chunks(self.channel, n, visit).map_err(ot_error)?;
            let [alpha, u] = [alpha, u].map(|v| RingVec::from_values(ring, v));
            return Ok(ProductBatch::Sender { alpha, u });
        }
        let (mut choice, mut v) = (Bits::default(), Vec::with_capacity(n));
        let visit = |_: usize, choices: &Bits, messages: &[Block]| {
            choice.append(choices);
            v.extend(messages.iter().map(|m| m.low()));
        };
        self.receiver.random_chunks(self.channel, n, visit).map_err(ot_error)?;
        self.channel.flush()?;
        Ok(ProductBatch::Receiver { choice, v: RingVec::from_values(ring, v) })
    }

    pub(crate) fn tables(&mut self, sender: Role, digit: u32, payload: u32, n: usize) -> Result<TableBatch> {
        let (entries, payload) = (1usize << digit, payload as usize);
        let width = entries * payload;
        assert!(width <= 64, "a table's messages come from the low half of one block");
        if self.role == sender {
            let mut messages = vec![vec![Bits::zeros(n); payload]; entries];
            for t in 0..digit {
                let keys = self.send_bits(width, n)?;
                for (j, message) in messages.iter_mut().enumerate() {
                    let key = if j >> t & 1 == 1 { &keys.ones } else { &keys.zeros };
                    message.iter_mut().zip(&key[j * payload..]).for_each(|(row, key)| row.xor_assign(key));
                }
            }
            return Ok(TableBatch::Sender { messages });
        }
        let mut index = Vec::with_capacity(digit as usize);
        let mut groups = vec![Bits::zeros(n); width];
        for _ in 0..digit {
            let received = self.receive_bits(width, n)?;
            index.push(received.choices);
            groups.iter_mut().zip(&received.messages).for_each(|(row, key)| row.xor_assign(key));
        }
        // Of the groups of bits, the one under the index is the message; the others mean nothing.
        let mut message = vec![Bits::zeros(n); payload];
        for j in 0..entries {
            let mut selected = Bits::filled(true, n);
            for (t, row) in index.iter().enumerate() {
                selected = if j >> t & 1 == 1 { selected.and(row) } else { selected.and(&row.not()) };
            }
            for (row, group) in message.iter_mut().zip(&groups[j * payload..]) {
                row.xor_assign(&selected.and(group));
            }
        }
        Ok(TableBatch::Receiver { index, message })
    }
}
