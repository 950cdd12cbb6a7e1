//! Bit and element correlations from random OTs, without a message of their own.
//!
//! A random OT gives its sender m₀, m₁ and its receiver c, m_c, uniform 128-bit strings.
//! - AND: a = m₀ ⊕ m₁, u = m₀ on one side, b = c, v = m_c on the other: u ⊕ v = c·(m₀ ⊕ m₁).
//! - Triple: one such product in each direction gives both cross terms of (f₀ ⊕ f₁)(g₀ ⊕ g₁).
//! - Product in Z_2^w: α = m₁ − m₀, u = −m₀ and v = m_c.
//! - 1-of-2^d: from d OTs with messages K_{t,0}, K_{t,1}, message j is the ⊕ over t of F(K_{t,jₜ}, j)
//!   (Naor–Pinkas, STOC 1999), where F(K, j) is simply the j-th group of bits of K: a random function table,
//!   as 2^d·payload ≤ 64.
//!
//! A demand is cut into batches of pieces. Each direction makes the OTs of a batch in one go, and each piece
//! is put together from its runs of OTs.

use veilflow_correlation::{AndBatch, Kind, Pools, Product, ProductBatch, Table, TableBatch, TripleBatch};
use veilflow_net::{Channel, Role};
use veilflow_ot::{RandomOtReceiver, RandomOtSender, Result};
use veilflow_prim::Block;
use veilflow_ring::{Bits, Ring, RingVec, bit_slices, select};

use super::pieces::{Piece, Take, takes};

/// What the OT sender keeps of a run.
pub(super) enum Sent {
    /// The low bits of both messages, bit-sliced.
    Bits { zeros: Vec<Bits>, ones: Vec<Bits> },
    /// The words α and u.
    Words { alpha: Vec<u64>, u: Vec<u64> },
}

/// What the OT receiver keeps of a run.
pub(super) struct Received {
    choices: Bits,
    /// The low bits of the chosen messages, bit-sliced.
    bits: Vec<Bits>,
    /// Their low words, where words are kept.
    words: Vec<u64>,
}

/// Appends the low bits of each block, a row each.
fn append(rows: &mut [Bits], blocks: &[Block]) {
    let words: Vec<u64> = blocks.iter().map(|b| b.low()).collect();
    let more = bit_slices(&words, rows.len());
    rows.iter_mut().zip(&more).for_each(|(row, more)| row.append(more));
}

/// Makes every run of the pieces in which this party is OT sender.
pub(super) fn send(
    ot: &mut dyn RandomOtSender,
    channel: &mut Channel,
    role: Role,
    pieces: &[Piece],
) -> Result<Vec<Sent>> {
    let mut out = Vec::new();
    for &piece in pieces {
        for take in takes(piece, role) {
            out.push(match take {
                Take::Bits(bits) => {
                    let (mut zeros, mut ones) = (vec![Bits::default(); bits], vec![Bits::default(); bits]);
                    ot.random_chunks(channel, piece.1, &mut |_, m0, m1| {
                        append(&mut zeros, m0);
                        append(&mut ones, m1);
                    })?;
                    Sent::Bits { zeros, ones }
                }
                Take::Word => {
                    let (mut alpha, mut u) = (Vec::with_capacity(piece.1), Vec::with_capacity(piece.1));
                    ot.random_chunks(channel, piece.1, &mut |_, m0, m1| {
                        alpha.extend(m0.iter().zip(m1).map(|(m0, m1)| m1.low().wrapping_sub(m0.low())));
                        u.extend(m0.iter().map(|m0| m0.low().wrapping_neg()));
                    })?;
                    Sent::Words { alpha, u }
                }
            });
        }
    }
    channel.flush()?;
    Ok(out)
}

/// Makes every run of the pieces in which this party is OT receiver.
pub(super) fn receive(
    ot: &mut dyn RandomOtReceiver,
    channel: &mut Channel,
    role: Role,
    pieces: &[Piece],
) -> Result<Vec<Received>> {
    let mut out = Vec::new();
    for &piece in pieces {
        for take in takes(piece, role.other()) {
            let (bits, words) = match take {
                Take::Bits(bits) => (bits, 0),
                Take::Word => (0, piece.1),
            };
            let mut run = Received {
                choices: Bits::default(),
                bits: vec![Bits::default(); bits],
                words: Vec::with_capacity(words),
            };
            ot.random_chunks(channel, piece.1, &mut |_, choices, messages| {
                run.choices.append(choices);
                match take {
                    Take::Bits(_) => append(&mut run.bits, messages),
                    Take::Word => run.words.extend(messages.iter().map(|m| m.low())),
                }
            })?;
            out.push(run);
        }
    }
    channel.flush()?;
    Ok(out)
}

/// Puts the pieces together from their runs, in order.
pub(super) fn assemble(
    role: Role,
    pieces: &[Piece],
    sent: Vec<Sent>,
    received: Vec<Received>,
    pools: &mut Pools,
) {
    let (mut sent, mut received) = (sent.into_iter(), received.into_iter());
    for &(kind, n) in pieces {
        match kind {
            Kind::Triple(kind) => {
                if let (Some(Sent::Bits { zeros, ones }), Some(run)) = (sent.next(), received.next()) {
                    pools.put(kind, triples(&zeros, &ones, run));
                }
            }
            Kind::And(kind) if kind.sender == role => {
                if let Some(Sent::Bits { mut zeros, ones }) = sent.next() {
                    let share = zeros.swap_remove(0);
                    pools.put(kind, AndBatch { factor: share.xor(&ones[0]), share });
                }
            }
            Kind::And(kind) => {
                if let Some(mut run) = received.next() {
                    let share = run.bits.swap_remove(0);
                    pools.put(kind, AndBatch { factor: run.choices, share });
                }
            }
            Kind::Product(kind @ Product { sender, bits }) => {
                let ring = Ring::new(bits).expect("demands hold valid widths");
                let batch = if sender == role {
                    let Some(Sent::Words { alpha, u }) = sent.next() else { continue };
                    let [alpha, u] = [alpha, u].map(|v| RingVec::from_values(ring, v));
                    ProductBatch::Sender { alpha, u }
                } else {
                    let Some(run) = received.next() else { continue };
                    ProductBatch::Receiver { choice: run.choices, v: RingVec::from_values(ring, run.words) }
                };
                pools.put(kind, batch);
            }
            Kind::Table(kind @ Table { sender, digit, payload }) => {
                let (digits, payload) = (digit as usize, payload as usize);
                let batch = if sender == role {
                    offered(sent.by_ref().take(digits), payload, n)
                } else {
                    chosen(received.by_ref().take(digits), payload, n)
                };
                pools.put(kind, batch);
            }
            // Such kinds were refused before anything was made.
            _ => {}
        }
    }
}

fn triples(zeros: &[Bits], ones: &[Bits], received: Received) -> TripleBatch {
    let f = received.choices;
    let g: Vec<Bits> = zeros.iter().zip(ones).map(|(zero, one)| zero.xor(one)).collect();
    let h = g.iter().zip(zeros).zip(&received.bits).map(|((g, u), v)| f.and(g).xor(u).xor(v)).collect();
    TripleBatch { f, g, h }
}

fn offered(keys: impl ExactSizeIterator<Item = Sent>, payload: usize, n: usize) -> TableBatch {
    let mut messages = vec![vec![Bits::zeros(n); payload]; 1 << keys.len()];
    for (t, run) in keys.enumerate() {
        let Sent::Bits { zeros, ones } = run else { continue };
        for (j, message) in messages.iter_mut().enumerate() {
            let key = if j >> t & 1 == 1 { &ones } else { &zeros };
            message.iter_mut().zip(&key[j * payload..]).for_each(|(row, key)| row.xor_assign(key));
        }
    }
    TableBatch::Sender { messages }
}

fn chosen(keys: impl ExactSizeIterator<Item = Received>, payload: usize, n: usize) -> TableBatch {
    let entries = 1usize << keys.len();
    let mut index = Vec::with_capacity(keys.len());
    let mut groups = vec![Bits::zeros(n); entries * payload];
    for run in keys {
        index.push(run.choices);
        groups.iter_mut().zip(&run.bits).for_each(|(row, key)| row.xor_assign(key));
    }
    // Of the groups of bits, the one under the index is the message; the others mean nothing.
    let message = select(groups.chunks(payload), &index);
    TableBatch::Receiver { index, message }
}
