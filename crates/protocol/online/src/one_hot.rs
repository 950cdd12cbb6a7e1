//! One-hot rows from shared bits, the most significant one, and selection among public rows.
//!
//! A bit b is the one-hot pair (¬b, b); two one-hot vectors join by all products of their entries. As the entries of one add
//! up to one, one product in each row and column is the rest of its line and costs nothing. The products open masked bits.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_ring::Bits;

use crate::{AndGroup, OnlineError, Party, Result, and_shared, and_shared_cost};

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
pub struct OneHotShape {
    /// Number of rows.
    pub rows: usize,
    /// Whether they add up to one.
    pub complete: bool,
}

impl OneHotShape {
    /// Of one bit.
    pub const BIT: Self = Self { rows: 2, complete: true };
    /// A single row.
    pub const ROW: Self = Self { rows: 1, complete: false };

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

/// The product of every part in each list, all lists in step. Row i + r·j of two parts' product is their rows i and j, where r
/// is the number of rows of the first: the first part's index is lowest.
pub fn one_hot_products(party: &mut Party, mut lists: Vec<Vec<OneHot>>) -> Result<Vec<OneHot>> {
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
pub fn one_hot_products_cost(lists: &[Vec<OneHotShape>], n: usize) -> Cost {
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
