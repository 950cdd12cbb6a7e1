//! Lookup by OT, for tables of at most 64 bits.
//!
//! P0 offers the table rotated by its share of the index, and P1 chooses by its own: m bits, then (2^m − 1)·n
//! bits. The outputs come out additive. P0 sees P1's share masked by a random index, and P1 the entries
//! masked by the messages of a random 1-of-2^m OT, all but one of which it does not hold. So everything seen
//! is uniform.

use veilflow_correlation::{self as correlation, Cost, Flow, TableBatch};
use veilflow_net::Role;
use veilflow_ring::{Bits, RingVec, from_bit_slices};
use veilflow_spec::Table;

use crate::{OnlineError, Party, Result};

/// The table as bits at most.
pub(super) const MAX_TABLE_BITS: usize = 64;

fn kind(table: &Table) -> correlation::Table {
    correlation::Table { sender: Role::P0, digit: table.index().bits(), payload: table.entry_bits() }
}

/// Cost of [`run`] on `n` elements.
pub(super) fn cost(table: &Table, n: usize) -> Cost {
    let corrections = (table.words().len() - 1) * n;
    let bytes: usize = table.outputs().iter().map(|&out| RingVec::byte_len(out, corrections)).sum();
    let mut cost = Cost::message(Role::P1, RingVec::byte_len(table.index(), n) as u64);
    cost.flows.push(Flow::From(Role::P0, bytes as u64));
    cost.demand.add(kind(table), n);
    cost
}

/// Shares of every output.
pub(super) fn run(party: &mut Party, table: &Table, index: &RingVec) -> Result<Vec<RingVec>> {
    match party.pools.take(kind(table), index.len())? {
        TableBatch::Sender { messages } if party.role == Role::P0 => offer(party, table, index, &messages),
        TableBatch::Receiver { index: random, message } if party.role == Role::P1 => {
            choose(party, table, index, [&random, &message])
        }
        _ => Err(OnlineError::argument("lookup", "the pool holds the other half")),
    }
}

/// P0's side.
fn offer(party: &mut Party, table: &Table, index: &RingVec, messages: &[Vec<Bits>]) -> Result<Vec<RingVec>> {
    let (ring, n, outputs) = (index.ring(), index.len(), table.outputs());
    let shift = party.channel.recv_vec(RingVec::byte_len(ring, n))?;
    let shift = RingVec::from_bytes(ring, &shift, n);
    let messages: Vec<Vec<u64>> = messages.iter().map(|rows| from_bit_slices(rows)).collect();
    // Under q the peer's share of the index is q ⊕ shift.
    let masked = |q: usize, i: usize| {
        let j = index.values()[i].wrapping_add(q as u64 ^ shift.values()[i]);
        let entry = split(table, table.words()[ring.reduce(j) as usize]);
        entry.zip(split(table, messages[q][i])).map(|(entry, mask)| entry.wrapping_add(mask))
    };
    let mut shares: Vec<Vec<u64>> = vec![Vec::with_capacity(n); outputs.len()];
    let mut corrections: Vec<Vec<u64>> = vec![Vec::new(); outputs.len()];
    for i in 0..n {
        // The share makes the correction of message 0 vanish.
        masked(0, i).zip(&mut shares).for_each(|(masked, share)| share.push(masked));
        for q in 1..messages.len() {
            let shared = masked(q, i).zip(&shares).zip(&mut corrections);
            shared.for_each(|((masked, share), out)| out.push(masked.wrapping_sub(share[i])));
        }
    }
    for (&out, values) in outputs.iter().zip(corrections) {
        party.channel.send(&RingVec::from_values(out, values).to_bytes())?;
    }
    party.channel.flush()?;
    Ok(outputs.iter().zip(shares).map(|(&out, values)| RingVec::from_values(out, values)).collect())
}

/// P1's side, with a random index and the message under it.
fn choose(party: &mut Party, table: &Table, index: &RingVec, random: [&[Bits]; 2]) -> Result<Vec<RingVec>> {
    let [random, message] = random.map(from_bit_slices);
    let random = RingVec::from_values(index.ring(), random);
    party.channel.send(&index.zip_map(&random, |a, b| a ^ b).to_bytes())?;
    party.channel.flush()?;
    let (n, each) = (index.len(), table.words().len() - 1);
    let mut shares = Vec::with_capacity(table.outputs().len());
    for (at, &out) in table.outputs().iter().enumerate() {
        let corrections = party.channel.recv_vec(RingVec::byte_len(out, n * each))?;
        let corrections = RingVec::from_bytes(out, &corrections, n * each);
        let share = message.iter().zip(random.values()).enumerate().map(|(i, (&word, &q))| {
            let mask = split(table, word).nth(at).unwrap_or(0);
            let correction = if q == 0 { 0 } else { corrections.values()[i * each + q as usize - 1] };
            correction.wrapping_sub(mask)
        });
        shares.push(RingVec::from_values(out, share.collect()));
    }
    Ok(shares)
}

/// Each output of an entry.
fn split(table: &Table, mut word: u64) -> impl Iterator<Item = u64> {
    table.outputs().iter().map(move |out| {
        let value = out.reduce(word);
        word = word.checked_shr(out.bits()).unwrap_or(0);
        value
    })
}
