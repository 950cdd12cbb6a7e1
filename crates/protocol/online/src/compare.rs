//! Comparison of private integers by a bit-sliced tree (CrypTFlow2 §3.1's Millionaires' recursion, evaluated over
//! packed words as in SecONNds, with leaves by 1-of-2^m OT and inner nodes by triples).
//!
//! P0 holds a, P1 holds b, k bits each; the result is a share of [a < b] and, from the same tree, of [a mod 2^s < b mod
//! 2^s]. A segment of the bits carries (lt, eq); two neighbours join as lt = lt_high ⊕ eq_high·lt_low and eq =
//! eq_high·eq_low, both products sharing eq_high. The lowest segment never needs eq.
//!
//! P1 sees P0's leaf tables masked by messages it does not hold, P0 sees P1's digits masked by a random index; the
//! nodes open masked bits. Everything seen is uniform.

use veilflow_correlation::{Cost, Flow, Kind, TableBatch};
use veilflow_net::Role;
use veilflow_ring::{Bits, bit_slices};

use crate::boolean::finish_and;
use crate::{AndGroup, OnlineError, Party, Result, Tuning, and_shared, and_shared_cost};

/// The shape of a comparison: how k bits are cut into digits, and in which order segments join. Public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompareTree {
    /// Digit widths, least significant first.
    digits: Vec<u32>,
    /// Joins by level: (low, high) slots; the result stays in the low slot.
    levels: Vec<Vec<(usize, usize)>>,
    /// After how many levels slot 0 holds the comparison of the low s bits.
    carry_after: Option<usize>,
}

/// The two shares a segment of the bits carries; the lowest one has no `eq`.
struct Segment {
    lt: Bits,
    eq: Option<Bits>,
}

impl CompareTree {
    /// A tree over `k` bits that also yields the comparison of the low `s` bits, if asked for. `s` must be in 1..=k.
    pub fn new(k: u32, s: Option<u32>, tuning: Tuning) -> Self {
        let cut = |bits: u32| -> Vec<u32> {
            let m = tuning.leaf_bits.clamp(1, 4);
            (0..bits.div_ceil(m)).map(|i| m.min(bits - i * m)).collect()
        };
        let s = s.map(|s| s.min(k));
        let (low, high) = (cut(s.unwrap_or(0)), cut(k - s.unwrap_or(0)));
        let mut below: Vec<usize> = (0..low.len()).collect();
        let mut above: Vec<usize> = (low.len()..low.len() + high.len()).collect();
        let mut levels = Vec::new();
        let mut carry_after = None;
        let join = |slots: &mut Vec<usize>, level: &mut Vec<(usize, usize)>| {
            level.extend(slots.chunks_exact(2).map(|pair| (pair[0], pair[1])));
            *slots = slots.iter().copied().step_by(2).collect();
        };
        loop {
            if below.len() == 1 {
                // The low part is one segment now: an ordinary neighbour of what lies above.
                carry_after = s.map(|_| levels.len());
                above.splice(0..0, below.drain(..));
            }
            if below.is_empty() && above.len() <= 1 {
                break;
            }
            let mut level = Vec::new();
            join(&mut below, &mut level);
            join(&mut above, &mut level);
            levels.push(level);
        }
        Self { digits: [low, high].concat(), levels, carry_after }
    }

    fn payload(slot: usize) -> u32 {
        if slot == 0 { 1 } else { 2 }
    }

    fn table(&self, slot: usize) -> Option<Kind> {
        let digit = self.digits[slot];
        (digit > 1).then_some(Kind::Table { sender: Role::P0, digit, payload: Self::payload(slot) })
    }

    /// Cost of [`CompareTree::run`] on `n` pairs.
    pub fn cost(&self, n: usize) -> Cost {
        let mut cost = Cost::default();
        if self.digits.is_empty() {
            return cost;
        }
        let (mut from_p0, mut from_p1) = (0, 0);
        for (slot, &digit) in self.digits.iter().enumerate() {
            match self.table(slot) {
                Some(kind) => {
                    from_p0 += ((1 << digit) - 1) * Self::payload(slot) as usize * n;
                    from_p1 += digit as usize * n;
                    cost.demand.add(kind, n);
                }
                None => {
                    from_p0 += n;
                    from_p1 += n;
                    cost.demand.add(Kind::And { sender: Role::P0 }, n);
                }
            }
        }
        let (from_p0, from_p1) = (from_p0.div_ceil(8) as u64, from_p1.div_ceil(8) as u64);
        if self.digits.iter().all(|&d| d == 1) {
            cost.flows.push(Flow::Exchange(from_p0, from_p1));
        } else {
            cost.flows.extend([Flow::From(Role::P1, from_p1), Flow::From(Role::P0, from_p0)]);
        }
        for level in &self.levels {
            cost = cost.then(and_shared_cost(&node_groups(level, n)));
        }
        cost
    }

    /// Shares of [a < b] and of the low bits' comparison. `private` is P0's a or P1's b; bits past k are ignored.
    pub fn run(&self, party: &mut Party, private: &[u64]) -> Result<(Bits, Option<Bits>)> {
        let n = private.len();
        if self.digits.is_empty() {
            return Ok((Bits::zeros(n), None));
        }
        let k: u32 = self.digits.iter().sum();
        let rows = bit_slices(private, k as usize);
        let mut slots = match party.role {
            Role::P0 => self.leaves_p0(party, &rows)?,
            Role::P1 => self.leaves_p1(party, &rows)?,
        };
        let mut carry = None;
        for (done, level) in self.levels.iter().enumerate() {
            if self.carry_after == Some(done) {
                carry = Some(slots[0].lt.clone());
            }
            join_level(party, level, &mut slots, n)?;
        }
        if self.carry_after == Some(self.levels.len()) {
            carry = Some(slots[0].lt.clone());
        }
        Ok((slots.swap_remove(0).lt, carry))
    }

    /// P0 offers, for each digit of a, the table of (a < j, a = j) over all digits j.
    fn leaves_p0(&self, party: &mut Party, rows: &[Bits]) -> Result<Vec<Segment>> {
        let n = rows[0].len();
        let mut ands = Vec::new();
        let mut sent_first = Bits::default();
        let exchange = self.digits.iter().all(|&d| d == 1);
        for (slot, row) in self.single_bits(rows) {
            let batch = party.pools.take_ands(Kind::And { sender: Role::P0 }, n)?;
            let private = row.not();
            sent_first.append(&private.xor(&batch.factor));
            ands.push((slot, private, batch));
        }
        let shifts: usize = self.digits.iter().map(|&d| d as usize).sum();
        let received = if exchange {
            party.exchange_bits(&sent_first)?
        } else {
            Bits::from_bytes(&party.channel.recv_vec((shifts * n).div_ceil(8))?, shifts * n)
        };
        let mut reply = Bits::default();
        let mut at = 0;
        let mut next = || {
            at += n;
            received.slice(at - n, n)
        };
        let mut segments: Vec<Option<Segment>> = self.digits.iter().map(|_| None).collect();
        for (slot, digit_rows) in self.tables(rows) {
            let kind = self.table(slot).expect("a wide digit has a table");
            let TableBatch::Sender { messages } = party.pools.take_tables(kind, n)? else {
                return Err(OnlineError::argument("compare", "the pool holds the other half"));
            };
            let shift: Vec<Bits> = digit_rows.iter().map(|_| next()).collect();
            let share: Vec<Bits> = table_entry(digit_rows, &shift, 0, slot)
                .iter()
                .zip(&messages[0])
                .map(|(entry, message)| entry.xor(message))
                .collect();
            for (q, message) in messages.iter().enumerate().skip(1) {
                let entry = table_entry(digit_rows, &shift, q, slot);
                for ((mut bit, message), share) in entry.into_iter().zip(message).zip(&share) {
                    bit.xor_assign(message);
                    bit.xor_assign(share);
                    reply.append(&bit);
                }
            }
            let mut share = share.into_iter();
            segments[slot] = share.next().map(|lt| Segment { lt, eq: share.next() });
        }
        if !exchange {
            reply.append(&sent_first);
            party.channel.send(&reply.to_bytes())?;
            party.channel.flush()?;
        }
        for (slot, private, batch) in ands {
            let lt = finish_and(Role::P0, &private, &batch.factor, &batch.share, &next());
            segments[slot] = Some(Segment { lt, eq: (slot > 0).then_some(private) });
        }
        Ok(segments.into_iter().flatten().collect())
    }

    /// P1 shifts each of its digits by the index it holds a message for, and corrects that message by P0's reply.
    fn leaves_p1(&self, party: &mut Party, rows: &[Bits]) -> Result<Vec<Segment>> {
        let n = rows[0].len();
        let mut message = Bits::default();
        let mut chosen = Vec::new();
        let mut ands = Vec::new();
        for (slot, digit_rows) in self.tables(rows) {
            let kind = self.table(slot).expect("a wide digit has a table");
            let TableBatch::Receiver { index, message: masks } = party.pools.take_tables(kind, n)? else {
                return Err(OnlineError::argument("compare", "the pool holds the other half"));
            };
            for (bit, index) in digit_rows.iter().zip(&index) {
                message.append(&bit.xor(index));
            }
            chosen.push((slot, index, masks));
        }
        for (slot, row) in self.single_bits(rows) {
            let batch = party.pools.take_ands(Kind::And { sender: Role::P0 }, n)?;
            message.append(&row.xor(&batch.factor));
            ands.push((slot, row, batch));
        }
        let corrections: usize =
            chosen.iter().map(|(_, index, masks)| ((1 << index.len()) - 1) * masks.len()).sum();
        let bits = (corrections + ands.len()) * n;
        let received = Bits::from_bytes(&party.exchange(&message.to_bytes(), bits.div_ceil(8))?, bits);
        let mut at = 0;
        let mut next = || {
            at += n;
            received.slice(at - n, n)
        };
        let mut segments: Vec<Option<Segment>> = self.digits.iter().map(|_| None).collect();
        for (slot, index, mut share) in chosen {
            for q in 1..1usize << index.len() {
                let selected = equals(&index, q);
                for bit in &mut share {
                    bit.xor_assign(&selected.and(&next()));
                }
            }
            let mut share = share.into_iter();
            segments[slot] = share.next().map(|lt| Segment { lt, eq: share.next() });
        }
        for (slot, row, batch) in ands {
            let lt = finish_and(Role::P1, row, &batch.factor, &batch.share, &next());
            segments[slot] = Some(Segment { lt, eq: (slot > 0).then(|| row.clone()) });
        }
        Ok(segments.into_iter().flatten().collect())
    }

    /// The wide digits with their rows.
    fn tables<'a>(&'a self, rows: &'a [Bits]) -> impl Iterator<Item = (usize, &'a [Bits])> {
        self.slots(rows).filter(|(_, rows)| rows.len() > 1)
    }

    /// The one-bit digits with their row: lt = ¬a·b by one private product, eq = ¬a ⊕ b without any.
    fn single_bits<'a>(&'a self, rows: &'a [Bits]) -> impl Iterator<Item = (usize, &'a Bits)> {
        self.slots(rows).filter(|(_, rows)| rows.len() == 1).map(|(slot, rows)| (slot, &rows[0]))
    }

    fn slots<'a>(&'a self, rows: &'a [Bits]) -> impl Iterator<Item = (usize, &'a [Bits])> {
        self.digits.iter().enumerate().scan(0usize, move |start, (slot, &digit)| {
            let from = *start;
            *start += digit as usize;
            Some((slot, &rows[from..*start]))
        })
    }
}

/// The rows of [index = q].
fn equals(index: &[Bits], q: usize) -> Bits {
    let mut out = Bits::filled(true, index[0].len());
    for (i, row) in index.iter().enumerate() {
        out = if q >> i & 1 == 1 { out.and(row) } else { out.and(&row.not()) };
    }
    out
}

/// (a < j, a = j) for j = q ⊕ shift, bit-sliced; the lowest slot has no second entry.
fn table_entry(a: &[Bits], shift: &[Bits], q: usize, slot: usize) -> Vec<Bits> {
    let mut lt = Bits::zeros(a[0].len());
    let mut eq = Bits::filled(true, a[0].len());
    for (i, (a, shift)) in a.iter().zip(shift).enumerate() {
        let j = if q >> i & 1 == 1 { shift.not() } else { shift.clone() };
        let differ = a.xor(&j);
        // The higher bit decides where it differs.
        lt.xor_assign(&differ.and(&lt.xor(&j)));
        eq = eq.and(&differ.not());
    }
    if slot == 0 { vec![lt] } else { vec![lt, eq] }
}

/// The AND groups of a level: joins that make (lt, eq), then the one that makes lt only.
fn node_groups(level: &[(usize, usize)], n: usize) -> Vec<(u32, usize)> {
    let full = level.iter().filter(|(low, _)| *low != 0).count();
    let mut out = Vec::new();
    if full > 0 {
        out.push((2, full * n));
    }
    if full < level.len() {
        out.push((1, n));
    }
    out
}

fn join_level(party: &mut Party, level: &[(usize, usize)], slots: &mut [Segment], n: usize) -> Result<()> {
    let no_eq = || OnlineError::argument("compare", "only the lowest segment lacks eq");
    let mut groups = Vec::new();
    let (lowest, full): (Vec<_>, Vec<_>) = level.iter().copied().partition(|(low, _)| *low == 0);
    if !full.is_empty() {
        let mut group = AndGroup { common: Bits::default(), others: vec![Bits::default(); 2] };
        for &(low, high) in &full {
            group.common.append(slots[high].eq.as_ref().ok_or_else(no_eq)?);
            group.others[0].append(&slots[low].lt);
            group.others[1].append(slots[low].eq.as_ref().ok_or_else(no_eq)?);
        }
        groups.push(group);
    }
    for &(low, high) in &lowest {
        let common = slots[high].eq.clone().ok_or_else(no_eq)?;
        groups.push(AndGroup { common, others: vec![slots[low].lt.clone()] });
    }
    let mut results = and_shared(party, &groups)?.into_iter();
    if !full.is_empty() {
        let rows = results.next().ok_or_else(no_eq)?;
        for (i, &(low, high)) in full.iter().enumerate() {
            slots[low].lt = slots[high].lt.xor(&rows[0].slice(i * n, n));
            slots[low].eq = Some(rows[1].slice(i * n, n));
        }
    }
    for &(low, high) in &lowest {
        let rows = results.next().ok_or_else(no_eq)?;
        slots[low].lt = slots[high].lt.xor(&rows[0]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_join_every_segment_and_stop_at_the_boundary() {
        for leaf_bits in 1..=4 {
            for k in 1..=64u32 {
                for s in std::iter::once(None).chain((1..=k).map(Some)) {
                    let tree = CompareTree::new(k, s, Tuning { leaf_bits });
                    assert_eq!(tree.digits.iter().sum::<u32>(), k);
                    let joins: usize = tree.levels.iter().map(Vec::len).sum();
                    assert_eq!(joins + 1, tree.digits.len(), "k {k} s {s:?}");
                    assert_eq!(tree.carry_after.is_some(), s.is_some());
                    let mut start = 0;
                    let on_boundary = tree.digits.iter().any(|d| {
                        start += d;
                        Some(start) == s
                    });
                    assert_eq!(on_boundary, s.is_some());
                    assert!(!tree.cost(100).demand.is_empty());
                }
            }
        }
    }
}
