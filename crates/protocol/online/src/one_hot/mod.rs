//! One-hot vectors of indices of shared bits.
//!
//! Without a helper an index's bits, each a one-hot pair, are [multiplied](vector). A helper deals the
//! one-hot vector of a random index ρ of m bits: the parties open index ⊕ ρ, m bits each, and
//! [permute](masked) its rows, for 2^m − 1 dealt bits. A long index is cut into parts by cost, and the parts
//! are multiplied.
//!
//! What is opened is masked by a ρ used once, or is sent by the products: each side sees uniform bits.

mod masked;
mod vector;

use veilflow_correlation::{self as correlation, Cost, Demand};
use veilflow_ring::Bits;

use crate::operation::SAMPLE;
use crate::sign::negate;
use crate::{OnlineError, Party, Result, Tuning};

pub(crate) use masked::MaskedOneHot;
use masked::{MAX_DEALT_BITS, permuted};
pub use vector::{OneHot, xor_rows};
use vector::{OneHotShape, one_hot_products, one_hot_products_cost};

/// An index of shared bits, lowest first.
#[derive(Debug, Clone, Copy)]
pub struct IndexBits<'a> {
    /// Its bits, at least one of these or the next.
    pub bits: &'a [Bits],
    /// Bits above: where one of them is set, no row is.
    pub beyond: &'a [Bits],
}

/// A part of an index whose one-hot vector is made at once: from a bit, or dealt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    width: u32,
    /// How many of its bits select a row; those above are beyond.
    kept: u32,
}

impl Part {
    fn shape(self) -> OneHotShape {
        OneHotShape { rows: 1 << self.kept, complete: self.kept == self.width }
    }
}

/// The one-hot vectors of several indices, all in step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneHots {
    /// Of every index how many bits it has, and how many beyond.
    indices: Vec<(u32, u32)>,
    /// Its parts, lowest first, whose vectors are multiplied.
    parts: Vec<Vec<Part>>,
}

impl OneHots {
    /// Of indices of so many bits, and so many beyond.
    pub fn new(indices: &[(u32, u32)], tuning: Tuning) -> Result<Self> {
        if indices.contains(&(0, 0)) {
            return Err(OnlineError::argument("one_hots", "an index has a bit at least"));
        }
        let parts = indices.iter().map(|&(bits, beyond)| Self::cheapest(bits, beyond, tuning)).collect();
        Ok(Self { indices: indices.to_vec(), parts })
    }

    /// An index cut into the parts that cost fewest bytes; without a helper into bits.
    fn cheapest(bits: u32, beyond: u32, tuning: Tuning) -> Vec<Part> {
        let total = bits + beyond;
        let cut = |count: u32| {
            let end = |i: u32| total * i / count;
            let part = |i| Part { width: end(i + 1) - end(i), kept: end(i + 1).min(bits) - end(i).min(bits) };
            (0..count).map(part).collect::<Vec<_>>()
        };
        let counts = if tuning.dealt { total.div_ceil(MAX_DEALT_BITS)..=total } else { total..=total };
        let bytes = |parts: &Vec<Part>| tuning.bytes(&Self::cost_of(std::slice::from_ref(parts), SAMPLE));
        counts.map(cut).min_by_key(bytes).unwrap_or_default()
    }

    /// Cost of `n` elements.
    pub fn cost(&self, n: usize) -> Cost {
        Self::cost_of(&self.parts, n)
    }

    fn cost_of(indices: &[Vec<Part>], n: usize) -> Cost {
        let mut demand = Demand::default();
        let mut opened = 0;
        for &Part { width, .. } in indices.iter().flatten().filter(|part| part.width > 1) {
            opened += width as usize * n;
            demand.add(correlation::OneHot { bits: width }, n);
        }
        let shapes = indices.iter().map(|parts| parts.iter().map(|part| part.shape()).collect());
        let products = one_hot_products_cost(shapes.collect(), n);
        let bytes = opened.div_ceil(8) as u64;
        if opened > 0 { Cost::exchange(bytes, bytes, demand).then(products) } else { products }
    }

    /// Shares of every index's vector.
    pub fn run(&self, party: &mut Party, indices: &[IndexBits<'_>]) -> Result<Vec<OneHot>> {
        let widths = indices.iter().map(|index| (index.bits.len() as u32, index.beyond.len() as u32));
        if !widths.eq(self.indices.iter().copied()) {
            return Err(OnlineError::argument("one_hots", "indices differ in number or width"));
        }
        let role = party.role;
        let mut lists: Vec<Vec<OneHot>> = Vec::with_capacity(indices.len());
        let mut dealt = Vec::new();
        let mut opening = Bits::default();
        for (index, parts) in indices.iter().zip(&self.parts) {
            let all = [index.bits, index.beyond].concat();
            let mut rest = all.as_slice();
            let mut list = Vec::with_capacity(parts.len());
            for &Part { width, kept } in parts {
                let (bits, above) = rest.split_at(width as usize);
                rest = above;
                list.push(match bits {
                    [bit] if kept == 1 => OneHot::of_bit(role, bit),
                    [bit] => OneHot::of_row(negate(role, bit.clone())),
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
                lists[list][part].rows = permuted(role, batch.rows, &shift);
                lists[list][part].rows.truncate(1 << kept);
            }
        }
        one_hot_products(party, lists)
    }
}
