//! One-hot vectors of shared bits, and the products of several, all in step.
//!
//! A bit b is the one-hot pair (¬b, b); two vectors join by all products of their entries. As the entries of
//! a complete one add up to one, one product in each row and column is the rest of its line and costs
//! nothing. The products open masked bits.

use std::ops::Range;

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_ring::Bits;

use crate::sign::negate;
use crate::{AndGroup, Party, Result, and_shared, and_shared_cost};

/// Rows that multiply one factor in one correlation: a supplier's limit.
const GROUP: usize = 64;

/// The exclusive or of rows of `n` shared bits: with those of a one-hot vector under which a public column
/// has a one, the column's entry.
pub fn xor_rows<'a>(n: usize, rows: impl IntoIterator<Item = &'a Bits>) -> Bits {
    rows.into_iter().fold(Bits::zeros(n), |mut sum, row| {
        sum.xor_assign(row);
        sum
    })
}

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
pub(super) struct OneHotShape {
    pub(super) rows: usize,
    pub(super) complete: bool,
}

impl OneHotShape {
    /// Rows that must be multiplied.
    fn products(self) -> usize {
        self.rows - usize::from(self.complete)
    }

    fn join(self, other: Self) -> Self {
        Self { rows: self.rows * other.rows, complete: self.complete && other.complete }
    }

    /// The products with one of no fewer rows: each row, and those that it multiplies at once.
    fn groups(self, many: Self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let last = many.products();
        let chunks = move || (0..last).step_by(GROUP).map(move |at| at..last.min(at + GROUP));
        (0..self.products()).flat_map(move |row| chunks().map(move |rows| (row, rows)))
    }
}

impl OneHot {
    /// The pair of a shared bit.
    pub fn of_bit(role: Role, bit: &Bits) -> Self {
        Self { rows: vec![negate(role, bit.clone()), bit.clone()], complete: true }
    }

    /// A row by itself.
    pub fn of_row(row: Bits) -> Self {
        Self { rows: vec![row], complete: false }
    }

    fn shape(&self) -> OneHotShape {
        OneHotShape { rows: self.rows.len(), complete: self.complete }
    }
}

/// The one of fewer rows, then the other.
fn ordered<T>(low: T, high: T, rows: impl Fn(&T) -> usize) -> (T, T) {
    if rows(&low) <= rows(&high) { (low, high) } else { (high, low) }
}

/// The product of every vector in each list, all lists in step; no list is empty. Row i + r·j of two vectors'
/// product is that of their rows i and j, where r is the number of rows of the first: the first list's index
/// is lowest.
pub(super) fn one_hot_products(party: &mut Party, mut lists: Vec<Vec<OneHot>>) -> Result<Vec<OneHot>> {
    while lists.iter().any(|list| list.len() > 1) {
        let mut groups = Vec::new();
        for [low, high] in lists.iter().flat_map(|list| list.as_chunks::<2>().0) {
            let (few, many) = ordered(low, high, |vector| vector.rows.len());
            groups.extend(few.shape().groups(many.shape()).map(|(row, rows)| AndGroup {
                common: few.rows[row].clone(),
                others: many.rows[rows].to_vec(),
            }));
        }
        let mut results = and_shared(party, &groups)?.into_iter();
        for list in &mut lists {
            let next = list.chunks(2).map(|pair| match pair {
                [low, high] => join(low, high, &mut results),
                rest => rest[0].clone(),
            });
            *list = next.collect();
        }
    }
    Ok(lists.into_iter().flatten().collect())
}

/// Completes the products of two vectors by what is free.
fn join(low: &OneHot, high: &OneHot, results: &mut impl Iterator<Item = Vec<Bits>>) -> OneHot {
    let (few, many) = ordered(low, high, |vector| vector.rows.len());
    let (n, rows) = (low.rows[0].len(), many.rows.len());
    let chunks = many.shape().products().div_ceil(GROUP);
    let mut products: Vec<Vec<Bits>> = Vec::with_capacity(few.rows.len());
    for row in &few.rows[..few.shape().products()] {
        let mut line: Vec<Bits> = results.by_ref().take(chunks).flatten().collect();
        if many.complete {
            line.push(xor_rows(n, line.iter().chain([row])));
        }
        products.push(line);
    }
    if few.complete {
        let column = |j: usize| products.iter().map(move |line| &line[j]);
        products.push((0..rows).map(|j| xor_rows(n, column(j).chain([&many.rows[j]]))).collect());
    }
    let low_is_few = low.rows.len() <= high.rows.len();
    let at = |i: usize, j: usize| if low_is_few { products[i][j].clone() } else { products[j][i].clone() };
    let count = low.rows.len() * high.rows.len();
    OneHot {
        rows: (0..count).map(|k| at(k % low.rows.len(), k / low.rows.len())).collect(),
        complete: low.complete && high.complete,
    }
}

/// Cost of [`one_hot_products`] of `n` elements.
pub(super) fn one_hot_products_cost(mut lists: Vec<Vec<OneHotShape>>, n: usize) -> Cost {
    let mut cost = Cost::default();
    while lists.iter().any(|list| list.len() > 1) {
        let pairs = lists.iter().flat_map(|list| list.as_chunks::<2>().0);
        let groups = pairs.flat_map(|&[low, high]| {
            let (few, many) = ordered(low, high, |shape| shape.rows);
            few.groups(many).map(|(_, rows)| (rows.len() as u32, n))
        });
        cost = cost.then(and_shared_cost(&groups.collect::<Vec<_>>()));
        for list in &mut lists {
            *list = list.chunks(2).map(|p| if let [a, b] = p { a.join(*b) } else { p[0] }).collect();
        }
    }
    cost
}
