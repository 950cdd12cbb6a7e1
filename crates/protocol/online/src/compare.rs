//! Comparison of private integers by a bit-sliced tree (CrypTFlow2 §3.1's Millionaires' recursion, evaluated over
//! packed words as in SecONNds, with leaves by 1-of-2^m OT and inner nodes by triples).
//!
//! P0 holds a, P1 holds b, k bits each; the result is a share of [a < b] and, from the same tree, of [a mod 2^s < b mod
//! 2^s]. A segment of the bits carries (lt, eq); two neighbours join as lt = lt_high ⊕ eq_high·lt_low and eq =
//! eq_high·eq_low, both products sharing eq_high. The lowest segment never needs eq.
//!
//! With dealt correlations ([`Tuning::dealt`]) a digit of d bits is compared by the 2^d − 1 products [a < j]·[b = j], whose sum is [a < b], and by
//! another sum of products of the same bits for equality ([`LeafBatch::sums`]). Each side opens its bits masked, as for a
//! private product; of the masks' products only the sums matter, a bit each.
//!
//! The parties offer leaf tables in turns. Who chooses sees the table masked by messages it does not hold, who offers sees
//! the digit masked by a random index; the nodes open masked bits. Everything seen is uniform.

use veilflow_correlation::{
    self as correlation, And, AndBatch, Cost, Flow, LeafBatch, Table, TableBatch, digits,
};
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
    dealt: bool,
}

/// More levels than this save next to nothing.
const MAX_EXTRA_LEVELS: u32 = 8;

/// After how many levels the low segments are joined, and all: the least depth plus `extra`, with as many joins of the
/// lowest segment as it allows. At level j it can take in 2^(j−1) segments.
fn depths(low: usize, high: usize, extra: u32) -> (u32, u32) {
    let log = |n: usize| n.next_power_of_two().trailing_zeros();
    let fits = |split: u32, depth: u32| (1usize << depth) - (1usize << split) >= high;
    let first = log(low);
    let least = (first..).find(|&depth| fits(first, depth)).unwrap_or(first);
    let depth = least + extra;
    let joins = |split: u32| (split as usize).min(low - 1) + ((depth - split) as usize).min(high);
    let best = (first..=depth)
        .filter(|&split| fits(split, depth))
        .max_by_key(|&split| (joins(split), depth - split));
    (best.unwrap_or(first), depth)
}

/// How many segments the lowest one takes in at each of these levels (counted from 0), `total` in all.
fn distribute(total: usize, levels: std::ops::Range<u32>) -> Vec<usize> {
    let mut sizes = vec![1; levels.len().min(total)];
    let mut rest = total - sizes.len();
    for (size, level) in sizes.iter_mut().zip(levels).rev() {
        let more = rest.min((1 << level) - 1);
        *size += more;
        rest -= more;
    }
    sizes
}

/// Joins segments `start..start + size` into the first, as early as possible.
fn join_balanced(start: usize, size: usize, levels: &mut [Vec<(usize, usize)>]) {
    let mut slots: Vec<usize> = (start..start + size).collect();
    for level in levels {
        level.extend(slots.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        slots = slots.into_iter().step_by(2).collect();
    }
}

/// The two shares a segment of the bits carries; the lowest one has no `eq`.
pub(crate) struct Segment {
    pub(crate) lt: Bits,
    pub(crate) eq: Option<Bits>,
}

impl Segment {
    /// Segments of further comparisons.
    pub(crate) fn append(&mut self, other: &Self) {
        self.lt.append(&other.lt);
        self.eq.iter_mut().zip(&other.eq).for_each(|(eq, other)| eq.append(other));
    }
}

impl CompareTree {
    /// A tree over `k` bits that also yields the comparison of the low `s` bits, if asked for. `s` must be in 1..=k.
    ///
    /// The lowest segment takes in, level by level, what the other segments have joined to so far. A join with it is
    /// cheaper than others, since it makes no eq; more levels than necessary allow for more of them.
    pub fn new(k: u32, s: Option<u32>, tuning: Tuning) -> Self {
        let s = s.map(|s| s.min(k));
        let width = tuning.leaf_bits();
        let digits = digits(k, s.unwrap_or(0), width);
        if digits.is_empty() {
            return Self { digits, levels: Vec::new(), carry_after: None, dealt: tuning.dealt };
        }
        // Without a boundary the low part is the lowest digit alone.
        let low = s.map_or(1, |s| s.div_ceil(width) as usize);
        let high = digits.len() - low;
        let (split, depth) = depths(low, high, tuning.extra_levels.min(MAX_EXTRA_LEVELS));
        let below = distribute(low - 1, 0..split);
        let above = distribute(high, split..depth);
        let mut levels = vec![Vec::new(); depth as usize];
        let mut start = 1;
        let taken = (1..).zip(&below).chain((split + 1..).zip(&above));
        for (level, &size) in taken {
            join_balanced(start, size, &mut levels);
            levels[level as usize - 1].push((0, start));
            start += size;
        }
        while levels.last().is_some_and(Vec::is_empty) {
            levels.pop();
        }
        Self { digits, levels, carry_after: s.map(|_| below.len()), dealt: tuning.dealt }
    }

    fn payload(slot: usize) -> u32 {
        if slot == 0 { 1 } else { 2 }
    }

    /// Who offers a slot's table: in turns, so that both directions carry alike.
    fn sender(slot: usize) -> Role {
        if slot.is_multiple_of(2) { Role::P0 } else { Role::P1 }
    }

    fn table(&self, slot: usize) -> Table {
        let (digit, payload) = (self.digits[slot], Self::payload(slot));
        Table { sender: Self::sender(slot), digit, payload }
    }

    fn products(&self, slot: usize) -> correlation::Leaf {
        correlation::Leaf { digit: self.digits[slot], payload: Self::payload(slot) }
    }

    /// Cost of [`CompareTree::run`] on `n` pairs.
    pub fn cost(&self, n: usize) -> Cost {
        let mut cost = Cost::default();
        if self.digits.is_empty() {
            return cost;
        }
        // Bits of the two messages: what each party opens, then what it corrects.
        let (mut opened, mut corrected) = ([0; 2], [0; 2]);
        for (slot, &digit) in self.digits.iter().enumerate() {
            if digit == 1 {
                opened = opened.map(|bits| bits + n);
                cost.demand.add(And { sender: Role::P0 }, n);
            } else if self.dealt {
                opened = opened.map(|bits| bits + ((1 << digit) - 1) * n);
                cost.demand.add(self.products(slot), n);
            } else {
                let sender = Self::sender(slot);
                opened[sender.other().index()] += digit as usize * n;
                corrected[sender.index()] += ((1 << digit) - 1) * Self::payload(slot) as usize * n;
                cost.demand.add(self.table(slot), n);
            }
        }
        for bits in [opened, corrected] {
            let [from_p0, from_p1] = bits.map(|bits| bits.div_ceil(8) as u64);
            if from_p0 + from_p1 > 0 {
                cost.flows.push(Flow::Exchange(from_p0, from_p1));
            }
        }
        cost.then(self.join_cost(n))
    }

    /// Cost of [`CompareTree::join`].
    pub(crate) fn join_cost(&self, n: usize) -> Cost {
        self.levels
            .iter()
            .fold(Cost::default(), |cost, level| cost.then(and_shared_cost(&node_groups(level, n))))
    }

    /// Shares of [a < b] and of the low bits' comparison. `private` is P0's a or P1's b; bits past k are ignored.
    pub fn run(&self, party: &mut Party, private: &[u64]) -> Result<(Bits, Option<Bits>)> {
        let n = private.len();
        if self.digits.is_empty() {
            return Ok((Bits::zeros(n), None));
        }
        let k: u32 = self.digits.iter().sum();
        let rows = bit_slices(private, k as usize);
        let slots = self.leaves(party, &rows)?;
        self.join(party, slots, None)
    }

    /// Joins the segments of a tree that has some. The result of the low part goes on as its exclusive or with `low_part`.
    pub(crate) fn join(
        &self,
        party: &mut Party,
        mut slots: Vec<Segment>,
        low_part: Option<&Bits>,
    ) -> Result<(Bits, Option<Bits>)> {
        let mut carry = None;
        for done in 0..=self.levels.len() {
            if self.carry_after == Some(done) {
                low_part.into_iter().for_each(|bits| slots[0].lt.xor_assign(bits));
                carry = Some(slots[0].lt.clone());
            }
            if let Some(level) = self.levels.get(done) {
                join_level(party, level, &mut slots)?;
            }
        }
        Ok((slots.swap_remove(0).lt, carry))
    }

    /// The shares of every digit's (lt, eq), in two exchanges: indices and masked bits, then corrections if there are tables.
    fn leaves(&self, party: &mut Party, rows: &[Bits]) -> Result<Vec<Segment>> {
        let (role, n) = (party.role, rows[0].len());
        let wrong_half = || OnlineError::argument("compare", "the pool holds the other half");
        let mut opening = Bits::default();
        let mut leaves = Vec::with_capacity(self.digits.len());
        for (slot, digit) in self.digit_rows(rows) {
            leaves.push(if let [row] = digit {
                // lt = ¬a·b by one private product, eq = ¬a ⊕ b without any.
                let private = if role == Role::P0 { row.not() } else { row.clone() };
                let batch = party.pools.take(And { sender: Role::P0 }, n)?;
                opening.append(&private.xor(&batch.factor));
                Leaf::Bit { private, batch }
            } else if self.dealt {
                let private = operands(role, digit);
                let batch = party.pools.take(self.products(slot), n)?;
                private.iter().zip(&batch.masks).for_each(|(bit, mask)| opening.append(&bit.xor(mask)));
                Leaf::Products { private, batch }
            } else {
                match party.pools.take(self.table(slot), n)? {
                    TableBatch::Sender { messages } if Self::sender(slot) == role => {
                        Leaf::Offered { digit, messages }
                    }
                    TableBatch::Receiver { index, message } if Self::sender(slot) != role => {
                        digit.iter().zip(&index).for_each(|(bit, index)| opening.append(&bit.xor(index)));
                        Leaf::Chosen { index, message }
                    }
                    _ => return Err(wrong_half()),
                }
            });
        }
        let opened = |leaf: &Leaf<'_>| match leaf {
            Leaf::Bit { .. } => 1,
            Leaf::Products { private, .. } => private.len(),
            Leaf::Offered { digit, .. } => digit.len(),
            Leaf::Chosen { .. } => 0,
        };
        let mut theirs = self.trade(party, &opening, leaves.iter().map(opened).sum::<usize>() * n, n)?;
        let mut corrections = Bits::default();
        let mut segments = Vec::with_capacity(leaves.len());
        let mut chosen = Vec::new();
        for (slot, leaf) in leaves.into_iter().enumerate() {
            let has_eq = slot > 0;
            segments.push(match leaf {
                Leaf::Bit { private, batch } => {
                    let lt = finish_and(role, &private, &batch.factor, &batch.share, &theirs.next());
                    Segment { lt, eq: has_eq.then_some(private) }
                }
                Leaf::Products { private, batch } => {
                    let theirs: Vec<Bits> = private.iter().map(|_| theirs.next()).collect();
                    finish_products(role, &private, &batch, &theirs)
                }
                Leaf::Offered { digit, messages } => {
                    let shift: Vec<Bits> = digit.iter().map(|_| theirs.next()).collect();
                    offer(role, digit, &shift, &messages, has_eq, &mut corrections)
                }
                Leaf::Chosen { index, message } => {
                    chosen.push((slot, index));
                    segment(message)
                }
            });
        }
        let expected =
            chosen.iter().map(|(slot, index)| ((1usize << index.len()) - 1) * Self::payload(*slot) as usize);
        let mut theirs = self.trade(party, &corrections, expected.sum::<usize>() * n, n)?;
        for (slot, index) in chosen {
            let Segment { lt, eq } = &mut segments[slot];
            for q in 1..1usize << index.len() {
                let selected = equals(&index, q);
                lt.xor_assign(&selected.and(&theirs.next()));
                if let Some(eq) = eq {
                    eq.xor_assign(&selected.and(&theirs.next()));
                }
            }
        }
        Ok(segments)
    }

    /// Sends `mine` and receives `theirs` bits, to be read in rows of `n`. Where neither has any, nothing is said.
    fn trade(&self, party: &mut Party, mine: &Bits, theirs: usize, n: usize) -> Result<Rows> {
        let bytes = party.exchange(&mine.to_bytes(), theirs.div_ceil(8))?;
        if theirs == 0 {
            party.channel.flush()?;
        }
        Ok(Rows { bits: Bits::from_bytes(&bytes, theirs), at: 0, n })
    }

    /// The rows of each digit.
    fn digit_rows<'a>(&'a self, rows: &'a [Bits]) -> impl Iterator<Item = (usize, &'a [Bits])> {
        self.digits.iter().enumerate().scan(0usize, move |start, (slot, &digit)| {
            let from = *start;
            *start += digit as usize;
            Some((slot, &rows[from..*start]))
        })
    }
}

/// A digit between the two exchanges.
enum Leaf<'a> {
    /// One bit, by a private product.
    Bit { private: Bits, batch: AndBatch },
    /// A digit, by products of private bits.
    Products { private: Vec<Bits>, batch: LeafBatch },
    /// A digit whose table this party offers.
    Offered { digit: &'a [Bits], messages: Vec<Vec<Bits>> },
    /// A digit that chooses from the peer's table.
    Chosen { index: Vec<Bits>, message: Vec<Bits> },
}

/// Bits read row by row.
struct Rows {
    bits: Bits,
    at: usize,
    n: usize,
}

impl Rows {
    fn next(&mut self) -> Bits {
        let row = self.bits.slice(self.at, self.n);
        self.at += self.n;
        row
    }
}

fn segment(rows: Vec<Bits>) -> Segment {
    let mut rows = rows.into_iter();
    let lt = rows.next().unwrap_or_default();
    Segment { lt, eq: rows.next() }
}

/// The sender's half of a leaf: its share is the masked entry at the peer's shift, and every other entry is sent masked
/// and corrected by that share. With index r the peer holds mask r, and r ⊕ shift is its digit.
fn offer(
    role: Role,
    digit: &[Bits],
    shift: &[Bits],
    messages: &[Vec<Bits>],
    has_eq: bool,
    corrections: &mut Bits,
) -> Segment {
    let mut share = table_entry(role, digit, shift, 0, has_eq);
    share.iter_mut().zip(&messages[0]).for_each(|(entry, mask)| entry.xor_assign(mask));
    for (q, masks) in messages.iter().enumerate().skip(1) {
        for ((mut entry, mask), share) in
            table_entry(role, digit, shift, q, has_eq).into_iter().zip(masks).zip(&share)
        {
            entry.xor_assign(mask);
            entry.xor_assign(share);
            corrections.append(&entry);
        }
    }
    segment(share)
}

/// What a party multiplies to compare its digit: [a < j] at P0 and [b = j] at P1, for j in 1..2^d.
fn operands(role: Role, digit: &[Bits]) -> Vec<Bits> {
    let rows = 1..1usize << digit.len();
    if role == Role::P1 {
        return rows.map(|j| equals(digit, j)).collect();
    }
    let mut below = Bits::zeros(digit[0].len());
    let row = |j| {
        below.xor_assign(&equals(digit, j - 1));
        below.clone()
    };
    rows.map(row).collect()
}

/// The shares of (lt, eq) given what the other party opened. P0 multiplies its own bits with P1's masked ones, P1 the
/// masked bits of P0 with its masks; their sum lacks what the masks contribute, which the batch holds.
fn finish_products(role: Role, private: &[Bits], batch: &LeafBatch, theirs: &[Bits]) -> Segment {
    let (left, right) = if role == Role::P0 { (private, theirs) } else { (theirs, &batch.masks[..]) };
    let mut rows = LeafBatch::sums(left, right, batch.shares.len() as u32);
    rows.iter_mut().zip(&batch.shares).for_each(|(row, share)| row.xor_assign(share));
    if let [_, eq] = &mut rows[..] {
        eq.xor_assign(if role == Role::P0 { &private[0] } else { &private[private.len() - 1] });
    }
    segment(rows)
}

/// The rows of [index = q].
fn equals(index: &[Bits], q: usize) -> Bits {
    let mut out = Bits::filled(true, index[0].len());
    for (i, row) in index.iter().enumerate() {
        out = if q >> i & 1 == 1 { out.and(row) } else { out.and(&row.not()) };
    }
    out
}

/// The sender's digit compared with j = q ⊕ shift, bit-sliced: (a < b, a = b) where the sender's is a at P0, b at P1.
fn table_entry(role: Role, mine: &[Bits], shift: &[Bits], q: usize, has_eq: bool) -> Vec<Bits> {
    let n = mine[0].len();
    let (mut lt, mut eq) = (Bits::zeros(n), Bits::filled(true, n));
    for (i, (mine, shift)) in mine.iter().zip(shift).enumerate() {
        let j = if q >> i & 1 == 1 { shift.not() } else { shift.clone() };
        let differ = mine.xor(&j);
        // The highest bit in which they differ decides: b's is set there if a < b.
        let b = if role == Role::P0 { &j } else { mine };
        lt.xor_assign(&differ.and(&lt.xor(b)));
        eq = eq.and(&differ.not());
    }
    if has_eq { vec![lt, eq] } else { vec![lt] }
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

fn join_level(party: &mut Party, level: &[(usize, usize)], slots: &mut [Segment]) -> Result<()> {
    let n = slots[0].lt.len();
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
                    let tuning = Tuning { leaf_bits, extra_levels: k % 4, ..Tuning::default() };
                    let tree = CompareTree::new(k, s, tuning);
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
                    // Who is joined was not joined before, and the survivor is below.
                    let mut joined = vec![false; tree.digits.len()];
                    for &(low, high) in tree.levels.iter().flatten() {
                        assert!(low < high && !joined[low] && !joined[high]);
                        joined[high] = true;
                    }
                    let quick = CompareTree::new(k, s, Tuning { leaf_bits, ..Tuning::default() });
                    assert!(tree.levels.len() <= quick.levels.len() + (k % 4) as usize);
                    assert!(tree.cost(100).volume().bytes <= quick.cost(100).volume().bytes);
                }
            }
        }
    }
}
