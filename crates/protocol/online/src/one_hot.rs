//! One-hot rows from shared bits, the most significant one, and selection among public rows.
//!
//! A bit b is the one-hot pair (¬b, b); two one-hot vectors join by all products of their entries. As the entries of one add
//! up to one, one product in each row and column is the rest of its line and costs nothing. The products open masked bits.
//!
//! A helper deals one-hot vectors of random indices. Opening the exclusive or of both indices, which is uniform, tells how to permute
//! the rows (one-time truth tables: Ishai, Kushilevitz, Meldgaard, Orlandi, Paskin-Cherniavsky, "On the power of correlated randomness
//! in secure computation", TCC 2013). A long index is cut into parts by cost.

use veilflow_correlation::{self as correlation, Cost, Demand, MaskDigits};
use veilflow_net::Role;
use veilflow_ring::{Bits, RingVec, bit_slices};

use crate::{AndGroup, OnlineError, Party, Result, Tuning, and_shared, and_shared_cost};

/// Rows that multiply one factor in one correlation: a supplier's limit.
const GROUP: usize = 64;

/// Disjoint rows: at most one of them holds a one, and exactly one if they are `complete`.
#[derive(Debug, Clone)]
pub struct OneHot {
    /// Shares of the rows.
    pub rows: Vec<Bits>,
    /// Whether the rows add up to one.
    pub complete: bool,
}

/// A [`OneHot`] for costs: how many rows, and whether they are complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OneHotShape {
    rows: usize,
    complete: bool,
}

impl OneHotShape {
    /// Rows that must be multiplied.
    fn products(self) -> usize {
        self.rows - usize::from(self.complete)
    }

    fn join(self, other: Self) -> Self {
        Self { rows: self.rows * other.rows, complete: self.complete && other.complete }
    }

    /// Groups (payload, how often) of the products of two: each product row of the smaller times those of the larger.
    fn groups(self, other: Self) -> Vec<u32> {
        let (few, many) = self.ordered(other);
        let chunks = (0..many.products()).step_by(GROUP).map(|at| GROUP.min(many.products() - at) as u32);
        let chunks: Vec<u32> = chunks.collect();
        (0..few.products()).flat_map(|_| chunks.clone()).collect()
    }

    fn ordered(self, other: Self) -> (Self, Self) {
        if self.rows <= other.rows { (self, other) } else { (other, self) }
    }
}

impl OneHot {
    /// The pair of a shared bit.
    pub fn of_bit(role: Role, bit: &Bits) -> Self {
        let rest = if role == Role::P0 { bit.not() } else { bit.clone() };
        Self { rows: vec![rest, bit.clone()], complete: true }
    }

    /// A row by itself.
    pub fn of_row(row: Bits) -> Self {
        Self { rows: vec![row], complete: false }
    }

    fn shape(&self) -> OneHotShape {
        OneHotShape { rows: self.rows.len(), complete: self.complete }
    }
}

/// An index of shared bits, lowest first.
#[derive(Debug, Clone, Copy)]
pub struct IndexBits<'a> {
    /// Its bits, at least one of these or the next.
    pub bits: &'a [Bits],
    /// Bits above: where one of them is set, no row is.
    pub beyond: &'a [Bits],
}

/// The widest index whose one-hot vector is dealt.
const MAX_DEALT_BITS: u32 = 12;

/// An index as parts whose one-hot vectors are multiplied: their widths, and how many bits of each select a row.
fn parts(bits: u32, beyond: u32, tuning: Tuning) -> Vec<(u32, u32)> {
    let total = bits + beyond;
    if total == 0 {
        return Vec::new();
    }
    let cut = |count: u32| -> Vec<(u32, u32)> {
        let ends = (0..=count).map(|i| total * i / count).collect::<Vec<_>>();
        ends.windows(2).map(|span| (span[1] - span[0], span[1].min(bits) - span[0].min(bits))).collect()
    };
    let cuts = if tuning.dealt { total.div_ceil(MAX_DEALT_BITS)..=total } else { total..=total };
    let bytes = |parts: &Vec<(u32, u32)>| tuning.bytes(&parts_cost(std::slice::from_ref(parts), 64, tuning));
    cuts.map(cut).min_by_key(bytes).unwrap_or_default()
}

/// The shape of a part of so many bits, so many of which select a row.
fn part_shape((width, kept): (u32, u32)) -> OneHotShape {
    OneHotShape { rows: 1 << kept, complete: kept == width }
}

/// Shares of the one-hot vectors of every index, all in step: what products of bits yield, or, where a helper deals one-hot vectors
/// of random indices ρ, those permuted. The parties open index ⊕ ρ, which is uniform as ρ is used once; row j of the index is row
/// j ⊕ opened of ρ. m bits each, for 2^m − 1 dealt.
pub fn one_hots(party: &mut Party, indices: &[IndexBits<'_>]) -> Result<Vec<OneHot>> {
    let (role, tuning) = (party.role, party.tuning);
    let mut lists = Vec::with_capacity(indices.len());
    let mut dealt = Vec::new();
    let mut opening = Bits::default();
    for index in indices {
        let mut rest = [index.bits, index.beyond].concat();
        let mut list = Vec::new();
        for (width, kept) in parts(index.bits.len() as u32, index.beyond.len() as u32, tuning) {
            let above = rest.split_off(width as usize);
            let bits = std::mem::replace(&mut rest, above);
            list.push(match &bits[..] {
                [bit] if kept == 1 => OneHot::of_bit(role, bit),
                [bit] => OneHot::of_row(OneHot::of_bit(role, bit).rows.swap_remove(0)),
                bits => {
                    let batch = party.pools.take(correlation::OneHot { bits: width }, bits[0].len())?;
                    bits.iter().zip(&batch.index).for_each(|(bit, mask)| opening.append(&bit.xor(mask)));
                    dealt.push((lists.len(), list.len(), kept, batch));
                    OneHot { rows: Vec::new(), complete: kept == width }
                }
            });
        }
        lists.push(list);
    }
    if !dealt.is_empty() {
        let opened = party.open_bits(&opening)?;
        let mut at = 0;
        for (list, part, kept, batch) in dealt {
            let n = batch.index[0].len();
            let shift: Vec<Bits> = (0..batch.index.len()).map(|t| opened.slice(at + t * n, n)).collect();
            at += shift.len() * n;
            lists[list][part].rows = permuted(with_first(role, batch.rows), &shift);
            lists[list][part].rows.truncate(1 << kept);
        }
    }
    one_hot_products(party, lists)
}

/// All rows of a dealt vector: the first is what the others miss to one.
fn with_first(role: Role, mut rows: Vec<Bits>) -> Vec<Bits> {
    let mut first = Bits::zeros(rows[0].len());
    rows.iter().for_each(|row| first.xor_assign(row));
    rows.insert(0, if role == Role::P0 { first.not() } else { first });
    rows
}

/// Shares of the one-hot vector of x, of at most 12 bits, from a masked opening z = x + ρ: row j is row z − j of ρ. The opened value is
/// uniform, as ρ is used once.
pub(crate) fn one_hot_of(party: &mut Party, x: &RingVec) -> Result<OneHot> {
    let bits = x.ring().bits();
    let batch = party.pools.take(whole(bits), x.len())?;
    let opened = party.open(&x.add(&batch.mask))?;
    let mut rows = with_first(party.role, batch.rows);
    rows[1..].reverse();
    for (t, bit) in bit_slices(opened.values(), bits as usize).iter().enumerate() {
        let before = rows.clone();
        for (j, row) in rows.iter_mut().enumerate() {
            let from = &before[(j + before.len() - (1 << t)) % before.len()];
            row.xor_assign(&row.xor(from).and(bit));
        }
    }
    Ok(OneHot { rows, complete: true })
}

/// A mask that is one digit.
fn whole(bits: u32) -> MaskDigits {
    MaskDigits { bits, from: 0, digit: bits }
}

/// Cost of [`one_hot_of`] of `n` elements; none if they are too wide.
pub(crate) fn one_hot_of_cost(bits: u32, n: usize) -> Option<Cost> {
    let bytes = (bits as usize * n).div_ceil(8) as u64;
    (bits <= MAX_DEALT_BITS).then(|| Cost::exchange(bytes, bytes, Demand::of(whole(bits), n)))
}

/// Row j ⊕ shift in the place of row j: for each bit of the public shift, rows that differ in it change places where it is set.
fn permuted(mut rows: Vec<Bits>, shift: &[Bits]) -> Vec<Bits> {
    for (t, bit) in shift.iter().enumerate() {
        for j in (0..rows.len()).filter(|j| j >> t & 1 == 0) {
            let change = rows[j].xor(&rows[j | 1 << t]).and(bit);
            rows[j].xor_assign(&change);
            rows[j | 1 << t].xor_assign(&change);
        }
    }
    rows
}

/// Cost of [`one_hots`] of `n` elements: of each index how many bits it has, and how many beyond.
pub fn one_hots_cost(indices: &[(u32, u32)], n: usize, tuning: Tuning) -> Cost {
    let lists: Vec<_> = indices.iter().map(|&(bits, beyond)| parts(bits, beyond, tuning)).collect();
    parts_cost(&lists, n, tuning)
}

fn parts_cost(lists: &[Vec<(u32, u32)>], n: usize, tuning: Tuning) -> Cost {
    let mut demand = Demand::default();
    let mut opened = 0;
    for &(bits, _) in lists.iter().flatten().filter(|(width, _)| *width > 1) {
        opened += bits as usize * n;
        demand.add(correlation::OneHot { bits }, n);
    }
    let shapes: Vec<Vec<_>> =
        lists.iter().map(|parts| parts.iter().copied().map(part_shape).collect()).collect();
    let products = one_hot_products_cost(&shapes, n);
    let bytes = opened.div_ceil(8) as u64;
    if tuning.dealt && opened > 0 { Cost::exchange(bytes, bytes, demand).then(products) } else { products }
}

/// The product of every part in each list, all lists in step. Row i + r·j of two parts' product is their rows i and j, where r
/// is the number of rows of the first: the first part's index is lowest.
fn one_hot_products(party: &mut Party, mut lists: Vec<Vec<OneHot>>) -> Result<Vec<OneHot>> {
    if lists.iter().any(Vec::is_empty) {
        return Err(OnlineError::argument("one_hot", "an index has a bit at least"));
    }
    while lists.iter().any(|parts| parts.len() > 1) {
        let mut groups = Vec::new();
        for [low, high] in lists.iter().flat_map(|parts| parts.as_chunks::<2>().0) {
            let (few, many) = if low.rows.len() <= high.rows.len() { (low, high) } else { (high, low) };
            for row in &few.rows[..few.shape().products()] {
                for others in many.rows[..many.shape().products()].chunks(GROUP) {
                    groups.push(AndGroup { common: row.clone(), others: others.to_vec() });
                }
            }
        }
        let mut results = and_shared(party, &groups)?.into_iter();
        for parts in &mut lists {
            let next = parts.chunks(2).map(|pair| match pair {
                [low, high] => join(low, high, &mut results),
                rest => rest[0].clone(),
            });
            *parts = next.collect();
        }
    }
    Ok(lists.into_iter().flatten().collect())
}

/// Completes the products of two parts by what is free.
fn join(low: &OneHot, high: &OneHot, results: &mut impl Iterator<Item = Vec<Bits>>) -> OneHot {
    let low_is_few = low.rows.len() <= high.rows.len();
    let (few, many) = if low_is_few { (low, high) } else { (high, low) };
    let (shape, rows) = (many.shape(), many.rows.len());
    let chunks = shape.products().div_ceil(GROUP);
    let rest = |of: &Bits, parts: &mut dyn Iterator<Item = &Bits>| {
        parts.fold(of.clone(), |mut rest, part| {
            rest.xor_assign(part);
            rest
        })
    };
    let mut products: Vec<Vec<Bits>> = Vec::with_capacity(few.rows.len());
    for row in &few.rows[..few.shape().products()] {
        let mut line: Vec<Bits> = results.by_ref().take(chunks).flatten().collect();
        if many.complete {
            line.push(rest(row, &mut line.iter()));
        }
        products.push(line);
    }
    if few.complete {
        let line = (0..rows).map(|j| rest(&many.rows[j], &mut products.iter().map(|line| &line[j])));
        products.push(line.collect());
    }
    let at = |i: usize, j: usize| if low_is_few { products[i][j].clone() } else { products[j][i].clone() };
    let count = low.rows.len() * high.rows.len();
    OneHot {
        rows: (0..count).map(|k| at(k % low.rows.len(), k / low.rows.len())).collect(),
        complete: low.complete && high.complete,
    }
}

/// Cost of [`one_hot_products`] of `n` elements.
fn one_hot_products_cost(lists: &[Vec<OneHotShape>], n: usize) -> Cost {
    let (mut lists, mut cost) = (lists.to_vec(), Cost::default());
    while lists.iter().any(|parts| parts.len() > 1) {
        let pairs = lists.iter().flat_map(|parts| parts.as_chunks::<2>().0);
        let groups: Vec<_> = pairs.flat_map(|[a, b]| a.groups(*b)).map(|payload| (payload, n)).collect();
        cost = cost.then(and_shared_cost(&groups));
        for parts in &mut lists {
            *parts = parts.chunks(2).map(|p| if let [a, b] = p { a.join(*b) } else { p[0] }).collect();
        }
    }
    cost
}

/// Shares of a one-hot of shared bits, the most significant one (spec: `most_significant_one`): products of the complements
/// of all higher bits, by a parallel prefix.
pub fn most_significant_one(party: &mut Party, bits: &[Bits]) -> Result<Vec<Bits>> {
    let count = bits.len();
    // zeros[i]: bits i.. are all zero.
    let mut zeros: Vec<Bits> = match party.role {
        Role::P0 => bits.iter().map(Bits::not).collect(),
        Role::P1 => bits.to_vec(),
    };
    for level in 0..count.next_power_of_two().trailing_zeros() {
        let joints = prefix_joints(count, level);
        let groups = joints.iter().map(|(top, below)| AndGroup {
            common: zeros[*top].clone(),
            others: below.clone().map(|i| zeros[i].clone()).collect(),
        });
        let results = and_shared(party, &groups.collect::<Vec<_>>())?;
        for ((_, below), rows) in joints.into_iter().zip(results) {
            below.zip(rows).for_each(|(i, row)| zeros[i] = row);
        }
    }
    let mut out: Vec<Bits> = zeros.windows(2).map(|pair| pair[0].xor(&pair[1])).collect();
    out.extend(bits.last().cloned());
    Ok(out)
}

/// What joins at a level, counted from the top bit down: the lowest bit of a block's upper half, and all of its lower half.
fn prefix_joints(count: usize, level: u32) -> Vec<(usize, std::ops::Range<usize>)> {
    let half = 1usize << level;
    let blocks = (0..count).step_by(2 * half).filter(|start| start + half < count);
    blocks
        .map(|start| (count - start - half, count.saturating_sub(start + 2 * half)..count - start - half))
        .collect()
}

/// Cost of [`most_significant_one`] of `n` elements of `bits` bits.
pub fn most_significant_one_cost(bits: u32, n: usize) -> Cost {
    let count = bits as usize;
    (0..count.next_power_of_two().trailing_zeros()).fold(Cost::default(), |cost, level| {
        let joints = prefix_joints(count, level);
        let groups: Vec<_> = joints.into_iter().map(|(_, below)| (below.len() as u32, n)).collect();
        cost.then(and_shared_cost(&groups))
    })
}
