//! Lookup of a shared index in a public table, in two forms, the one with fewer bytes chosen by cost.
//!
//! **By OT**: P0 offers the table rotated by its share of the index, P1 chooses by its own: m bits, then (2^m − 1)·n bits,
//! masked by the messages of a random 1-of-2^m OT. The outputs come out additive. For tables of at most 64 bits.
//!
//! **By one-hot rows**: with the index as shared bits, an entry's bit is the exclusive or of the one-hot rows under which it is
//! one: local. The 2^m products of a one-hot vector are 2 bits each, whatever the width of an entry, and the m bits of the
//! index may be parted: the low ones select in every section of the table, locally, and the high ones select the section,
//! with one product a bit of the entry. With a helper the one-hot vectors are dealt, a bit an entry ([`one_hots`]), or that of a mask under
//! which the index is opened as an element. A bit that is constant in a section costs nothing there. Bits become elements by
//! [`words`](crate::words()).

use veilflow_correlation::{self as correlation, Cost, Flow, TableBatch};
use veilflow_net::Role;
use veilflow_ring::{Bits, RingVec, from_bit_slices};
use veilflow_spec::Table;

use crate::one_hot::{one_hot_of, one_hot_of_cost};
use crate::{
    AndGroup, IndexBits, OneHot, OnlineError, Party, Result, Tuning, WordShape, WordTerm, and_shared,
    and_shared_cost, high_bits, high_bits_cost, one_hots, one_hots_cost, words, words_cost,
};

/// Public rows of entries of up to 64 bits, all rows of one length: what [`select_entry`] selects from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sections {
    /// The rows.
    pub rows: Vec<Vec<u64>>,
    /// The entry where no row is selected.
    pub outside: u64,
    /// Bits of an entry.
    pub entry_bits: u32,
}

impl Sections {
    /// What every row is compared with: the last row if exactly one is selected, else the outside entry.
    fn base(&self, complete: bool) -> Vec<u64> {
        match self.rows.last() {
            Some(last) if complete => last.clone(),
            _ => vec![self.outside; self.rows.first().map_or(0, Vec::len)],
        }
    }

    /// For each row but the base, its difference from the base and which of its bits vary within the row.
    fn differences(&self, complete: bool) -> Vec<(Vec<u64>, u64)> {
        let base = self.base(complete);
        let rows = &self.rows[..self.rows.len() - usize::from(complete)];
        let difference = |row: &Vec<u64>| {
            let words: Vec<u64> = row.iter().zip(&base).map(|(a, b)| a ^ b).collect();
            let varies = words.iter().fold(0, |varies, word| varies | (word ^ words[0]));
            (words, varies)
        };
        rows.iter().map(difference).collect()
    }
}

/// The exclusive or of the `low` rows under which a bit of the entries is one, for each bit in `wanted`.
fn select_low(low: &[Bits], words: &[u64], bit: u32) -> Bits {
    let mut out = Bits::zeros(low[0].len());
    low.iter().zip(words).filter(|(_, word)| *word >> bit & 1 == 1).for_each(|(row, _)| out.xor_assign(row));
    out
}

/// Shares of the bits of the entry under a row selected by `high` and an index within the row selected by `low`, which is
/// complete.
pub fn select_entry(
    party: &mut Party,
    high: &OneHot,
    low: &OneHot,
    sections: &Sections,
) -> Result<Vec<Bits>> {
    let fits =
        high.rows.len() == sections.rows.len() && sections.rows.iter().all(|r| r.len() == low.rows.len());
    if !fits || !low.complete {
        return Err(OnlineError::argument("select_entry", "selectors and rows differ in number"));
    }
    let base = sections.base(high.complete);
    let mut out: Vec<Bits> = (0..sections.entry_bits).map(|bit| select_low(&low.rows, &base, bit)).collect();
    let differences = sections.differences(high.complete);
    let bits_of = |word: u64| (0..sections.entry_bits).filter(move |bit| word >> bit & 1 == 1);
    let mut groups = Vec::new();
    for (selector, (words, varies)) in high.rows.iter().zip(&differences) {
        bits_of(words[0] & !varies).for_each(|bit| out[bit as usize].xor_assign(selector));
        if *varies != 0 {
            let others = bits_of(*varies).map(|bit| select_low(&low.rows, words, bit)).collect();
            groups.push(AndGroup { common: selector.clone(), others });
        }
    }
    let results = if groups.is_empty() { Vec::new() } else { and_shared(party, &groups)? };
    for ((_, varies), rows) in differences.iter().filter(|(_, varies)| *varies != 0).zip(results) {
        bits_of(*varies).zip(&rows).for_each(|(bit, row)| out[bit as usize].xor_assign(row));
    }
    Ok(out)
}

/// Cost of [`select_entry`] of `n` elements.
pub fn select_entry_cost(complete: bool, sections: &Sections, n: usize) -> Cost {
    let varies = sections.differences(complete).into_iter().map(|(_, varies)| varies.count_ones());
    let groups: Vec<_> = varies.filter(|&rows| rows > 0).map(|rows| (rows, n)).collect();
    if groups.is_empty() { Cost::default() } else { and_shared_cost(&groups) }
}

/// How a table of 2^m entries is looked up by bits: the low part of the index and the sections under the high part.
struct Parting {
    low_bits: u32,
    sections: Sections,
}

impl Parting {
    fn part(words: &[u64], outside: u64, entry_bits: u32, low_bits: u32) -> Self {
        let rows = words.chunks(1 << low_bits).map(<[u64]>::to_vec).collect();
        Self { low_bits, sections: Sections { rows, outside, entry_bits } }
    }

    /// The bits of low and high part, and those beyond the latter; a high part without bits is none.
    fn indices(&self, index_bits: u32, beyond: u32) -> Vec<(u32, u32)> {
        let high = (index_bits - self.low_bits, beyond);
        [(self.low_bits, 0), high].into_iter().filter(|&part| part != (0, 0)).collect()
    }

    fn cost(&self, index_bits: u32, beyond: u32, n: usize, tuning: Tuning) -> Cost {
        one_hots_cost(&self.indices(index_bits, beyond), n, tuning).then(select_entry_cost(
            beyond == 0,
            &self.sections,
            n,
        ))
    }

    /// The parting with the fewest bytes.
    fn cheapest(words: &[u64], outside: u64, entry_bits: u32, beyond: u32, tuning: Tuning) -> Self {
        let index_bits = words.len().trailing_zeros();
        let plans = (1..=index_bits).rev().map(|low_bits| Self::part(words, outside, entry_bits, low_bits));
        let bytes = |plan: &Parting| tuning.bytes(&plan.cost(index_bits, beyond, 64, tuning));
        plans.min_by_key(bytes).expect("an index has a bit")
    }
}

/// Shares of the bits of the entry under an index of shared bits, lowest first. Index bits past the table's must be zero, or
/// the entry is `outside`.
pub fn lookup_bits(
    party: &mut Party,
    index: &[Bits],
    words: &[u64],
    outside: u64,
    entry_bits: u32,
) -> Result<Vec<Bits>> {
    let index_bits = words.len().trailing_zeros();
    if !words.len().is_power_of_two() || index_bits == 0 || index.len() < index_bits as usize {
        return Err(OnlineError::argument("lookup_bits", "table and index differ in size"));
    }
    let beyond = index.len() as u32 - index_bits;
    let plan = Parting::cheapest(words, outside, entry_bits, beyond, party.tuning);
    let (index, beyond) = index.split_at(index_bits as usize);
    let (low, high) = index.split_at(plan.low_bits as usize);
    let mut indices = vec![IndexBits { bits: low, beyond: &[] }];
    if !(high.is_empty() && beyond.is_empty()) {
        indices.push(IndexBits { bits: high, beyond });
    }
    let selectors = one_hots(party, &indices)?;
    let all = OneHot { rows: vec![Bits::zeros(0)], complete: true };
    select_entry(party, selectors.get(1).unwrap_or(&all), &selectors[0], &plan.sections)
}

/// Cost of [`lookup_bits`] of `n` elements with an index of `index_bits` bits.
pub fn lookup_bits_cost(
    index_bits: u32,
    words: &[u64],
    outside: u64,
    entry_bits: u32,
    n: usize,
    tuning: Tuning,
) -> Cost {
    let table_bits = words.len().trailing_zeros();
    let beyond = index_bits - table_bits;
    Parting::cheapest(words, outside, entry_bits, beyond, tuning).cost(table_bits, beyond, n, tuning)
}

/// Shares of every output of `table` under a shared index (spec: `lookup`).
pub fn lookup(party: &mut Party, table: &Table, index: &RingVec) -> Result<Vec<RingVec>> {
    if index.ring() != table.index() {
        return Err(OnlineError::argument("lookup", "the index is not of the table's ring"));
    }
    if by_ot(table, party.tuning) {
        return lookup_by_ot(party, table, index);
    }
    let rows = if by_mask(table, party.tuning) {
        let one_hot = one_hot_of(party, index)?;
        (0..table.entry_bits()).map(|bit| select_low(&one_hot.rows, table.words(), bit)).collect()
    } else {
        let (_, bits) = high_bits(party, index, 0)?;
        lookup_bits(party, &bits, table.words(), 0, table.entry_bits())?
    };
    let mut rest = rows.as_slice();
    let terms = table.outputs().iter().map(|&out| {
        let (bits, next) = rest.split_at(out.bits() as usize);
        rest = next;
        WordTerm::Value { bits, out }
    });
    words(party, &terms.collect::<Vec<_>>())
}

/// Cost of [`lookup`] of `n` elements.
pub fn lookup_cost(table: &Table, n: usize, tuning: Tuning) -> Cost {
    if by_ot(table, tuning) { by_ot_cost(table, n) } else { by_bits_cost(table, n, tuning) }
}

fn by_bits_cost(table: &Table, n: usize, tuning: Tuning) -> Cost {
    let m = table.index().bits();
    let entry = one_hot_of_cost(m, n).filter(|_| by_mask(table, tuning));
    entry.unwrap_or_else(|| entry_cost(table, n, tuning)).then(words_cost(&word_shapes(table), n, tuning))
}

fn word_shapes(table: &Table) -> Vec<WordShape> {
    table.outputs().iter().map(|out| WordShape::Value(out.bits(), out.bits())).collect()
}

/// The cost of an entry's bits from those of the index.
fn entry_cost(table: &Table, n: usize, tuning: Tuning) -> Cost {
    let m = table.index().bits();
    let entry = lookup_bits_cost(m, table.words(), 0, table.entry_bits(), n, tuning);
    high_bits_cost(m, 0, n, tuning).then(entry)
}

/// Whether the index is opened masked, with the one-hot vector of the mask dealt: the bits of the index are then not needed.
fn by_mask(table: &Table, tuning: Tuning) -> bool {
    let opened = one_hot_of_cost(table.index().bits(), 64).filter(|_| tuning.dealt);
    let words = words_cost(&word_shapes(table), 64, tuning);
    let all = |cost: Cost| cost.then(words.clone());
    opened.is_some_and(|cost| tuning.prefers(&all(cost), &all(entry_cost(table, 64, tuning))))
}

fn by_ot(table: &Table, tuning: Tuning) -> bool {
    table.words().len() * table.entry_bits() as usize <= 64
        && tuning.bytes(&by_ot_cost(table, 64)) <= tuning.bytes(&by_bits_cost(table, 64, tuning))
}

fn kind(table: &Table) -> correlation::Table {
    correlation::Table { sender: Role::P0, digit: table.index().bits(), payload: table.entry_bits() }
}

/// Each output of an entry.
fn split(table: &Table, mut word: u64) -> impl Iterator<Item = u64> {
    table.outputs().iter().map(move |out| {
        let value = out.reduce(word);
        word = word.checked_shr(out.bits()).unwrap_or(0);
        value
    })
}

fn lookup_by_ot(party: &mut Party, table: &Table, index: &RingVec) -> Result<Vec<RingVec>> {
    let (n, entries) = (index.len(), table.words().len());
    let outputs = table.outputs();
    let message_len = |out: &veilflow_ring::Ring| RingVec::byte_len(*out, n * (entries - 1));
    match party.pools.take(kind(table), n)? {
        TableBatch::Sender { messages } if party.role == Role::P0 => {
            let shift_len = RingVec::byte_len(index.ring(), n);
            let shift = RingVec::from_bytes(index.ring(), &party.channel.recv_vec(shift_len)?, n);
            let messages: Vec<Vec<u64>> = messages.iter().map(|rows| from_bit_slices(rows)).collect();
            // Under q the peer's share of the index is q ⊕ shift.
            let entry = |q: usize, i: usize| {
                let j = index.values()[i].wrapping_add(q as u64 ^ shift.values()[i]);
                split(table, table.words()[index.ring().reduce(j) as usize]).zip(split(table, messages[q][i]))
            };
            let mut shares: Vec<Vec<u64>> = vec![Vec::with_capacity(n); outputs.len()];
            let mut corrections: Vec<Vec<u64>> = vec![Vec::new(); outputs.len()];
            for i in 0..n {
                // The share makes the correction of message 0 vanish.
                entry(0, i).zip(&mut shares).for_each(|((t, mask), share)| share.push(t.wrapping_add(mask)));
                for q in 1..entries {
                    for (((t, mask), share), out) in entry(q, i).zip(&shares).zip(&mut corrections) {
                        out.push(t.wrapping_add(mask).wrapping_sub(share[i]));
                    }
                }
            }
            for (&out, values) in outputs.iter().zip(corrections) {
                party.channel.send(&RingVec::from_values(out, values).to_bytes())?;
            }
            party.channel.flush()?;
            Ok(outputs.iter().zip(shares).map(|(&out, values)| RingVec::from_values(out, values)).collect())
        }
        TableBatch::Receiver { index: random, message } if party.role == Role::P1 => {
            let random = RingVec::from_values(index.ring(), from_bit_slices(&random));
            party.channel.send(&index.zip_map(&random, |a, b| a ^ b).to_bytes())?;
            party.channel.flush()?;
            let message = from_bit_slices(&message);
            let mut masks: Vec<Vec<u64>> = vec![Vec::with_capacity(n); outputs.len()];
            for &word in &message {
                split(table, word).zip(&mut masks).for_each(|(mask, out)| out.push(mask));
            }
            let mut shares = Vec::with_capacity(outputs.len());
            for (out, masks) in outputs.iter().zip(masks) {
                let bytes = party.channel.recv_vec(message_len(out))?;
                let corrections = RingVec::from_bytes(*out, &bytes, n * (entries - 1));
                let share = (0..n).map(|i| {
                    let q = random.values()[i] as usize;
                    let correction = if q == 0 { 0 } else { corrections.values()[i * (entries - 1) + q - 1] };
                    correction.wrapping_sub(masks[i])
                });
                shares.push(RingVec::from_values(*out, share.collect()));
            }
            Ok(shares)
        }
        _ => Err(OnlineError::argument("lookup", "the pool holds the other half")),
    }
}

fn by_ot_cost(table: &Table, n: usize) -> Cost {
    let corrections = (table.words().len() - 1) * n;
    let bytes: usize = table.outputs().iter().map(|&out| RingVec::byte_len(out, corrections)).sum();
    let mut cost = Cost::message(Role::P1, RingVec::byte_len(table.index(), n) as u64);
    cost.flows.push(Flow::From(Role::P0, bytes as u64));
    cost.demand.add(kind(table), n);
    cost
}
