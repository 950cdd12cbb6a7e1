//! Comparison of private integers by a bit-sliced tree (CrypTFlow2 §3.1's Millionaires' recursion, evaluated
//! over packed words as in SecONNds, with leaves by 1-of-2^m OT and inner nodes by triples).
//!
//! P0 holds a, P1 holds b, k bits each; the result is a share of [a < b] and, from the same tree, of [a mod
//! 2^s < b mod 2^s]. The bits are cut into digits ([`shape`]). Each digit's [leaf](leaves) makes shares of
//! (lt, eq), and neighbours [join](joins).
//!
//! Leaves and joins open masked bits only, so everything seen is uniform.

mod joins;
mod leaves;
mod public;
mod shape;

use veilflow_correlation::{Cost, Flow};
use veilflow_net::Role;
use veilflow_ring::{Bits, bit_slices};

pub(crate) use joins::Segment;
use leaves::{Leaf, Rows};
pub(crate) use public::public_leaf;
use shape::Shape;

use crate::{Party, Result, Tuning};

/// A comparison of private numbers of k bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompareTree {
    shape: Shape,
    /// One a digit, least significant first.
    leaves: Vec<Leaf>,
}

impl CompareTree {
    /// A tree over `k` bits that also yields the comparison of the low `s` bits, if asked for. `s` must be in
    /// 1..=k.
    pub fn new(k: u32, s: Option<u32>, tuning: Tuning) -> Self {
        let shape = Shape::new(k, s, tuning);
        let leaf = |(slot, &width): (usize, &u32)| Leaf::new(slot, width, tuning.dealt);
        let leaves = shape.digits.iter().enumerate().map(leaf).collect();
        Self { shape, leaves }
    }

    /// A tree over `k` bits above one segment more, of which the parties have shares already: [a < b], and
    /// where a = b that segment's bit. It makes one leaf's eq and one join more than a tree without it.
    pub(crate) fn above(k: u32, tuning: Tuning) -> Self {
        let shape = Shape::above(k, tuning);
        let leaf = |(slot, &width): (usize, &u32)| Leaf::new(slot, width, tuning.dealt);
        let leaves = (1..).zip(&shape.digits).map(leaf).collect();
        Self { shape, leaves }
    }

    /// Cost of [`CompareTree::run`] on `n` pairs, or of the same above a segment.
    pub fn cost(&self, n: usize) -> Cost {
        let mut cost = Cost::default();
        self.leaves.iter().for_each(|leaf| leaf.demand(&mut cost.demand, n));
        let bytes = |bits: &dyn Fn(&Leaf, Role) -> usize| {
            [Role::P0, Role::P1].map(|role| {
                self.leaves.iter().map(|leaf| bits(leaf, role) * n).sum::<usize>().div_ceil(8) as u64
            })
        };
        for [from_p0, from_p1] in
            [bytes(&|leaf, role| leaf.opened(role)), bytes(&|leaf, role| leaf.corrected(role))]
        {
            if from_p0 + from_p1 > 0 {
                cost.flows.push(Flow::Exchange(from_p0, from_p1));
            }
        }
        cost.then(self.join_cost(n))
    }

    /// Shares of \[a < b\] and of the low bits' comparison. `private` is P0's a or P1's b; bits past k are
    /// ignored.
    pub fn run(&self, party: &mut Party, private: &[u64]) -> Result<(Bits, Option<Bits>)> {
        if self.leaves.is_empty() {
            return Ok((Bits::zeros(private.len()), None));
        }
        let segments = self.segments(party, &bit_slices(private, self.bits()))?;
        self.join(party, segments, None)
    }

    /// Shares of \[a < b\], or of the lowest segment's bit where a = b. `lowest` is this party's share of it,
    /// `private` as in [`CompareTree::run`].
    pub(crate) fn run_above(&self, party: &mut Party, private: &[u64], lowest: Bits) -> Result<Bits> {
        if self.leaves.is_empty() {
            return Ok(lowest);
        }
        let mut segments = vec![Segment { lt: lowest, eq: None }];
        segments.extend(self.segments(party, &bit_slices(private, self.bits()))?);
        Ok(self.join(party, segments, None)?.0)
    }

    /// The bits that are compared.
    fn bits(&self) -> usize {
        self.leaves.iter().map(|leaf| leaf.width() as usize).sum()
    }

    /// Cost of [`CompareTree::join`].
    pub(crate) fn join_cost(&self, n: usize) -> Cost {
        self.shape.join_cost(n)
    }

    /// Joins the segments of a tree that has some. The result of the low part goes on as its exclusive or
    /// with `low_part`.
    pub(crate) fn join(
        &self,
        party: &mut Party,
        segments: Vec<Segment>,
        low_part: Option<&Bits>,
    ) -> Result<(Bits, Option<Bits>)> {
        self.shape.join(party, segments, low_part)
    }

    /// The shares of every digit's (lt, eq), in two exchanges: indices and masked bits, then corrections if
    /// there are tables.
    fn segments(&self, party: &mut Party, rows: &[Bits]) -> Result<Vec<Segment>> {
        let (role, n, mut rows) = (party.role, rows[0].len(), rows);
        let mut opening = Bits::default();
        let mut opened = Vec::with_capacity(self.leaves.len());
        for leaf in &self.leaves {
            let (digit, above) = rows.split_at(leaf.width() as usize);
            rows = above;
            opened.push(leaf.open(party, digit, &mut opening)?);
        }
        let expected = |bits: &dyn Fn(&Leaf) -> usize| self.leaves.iter().map(bits).sum::<usize>() * n;
        let mut theirs = trade(party, &opening, expected(&|leaf| leaf.opened(role.other())), n)?;
        let mut corrections = Bits::default();
        let answer = |(leaf, opened): (&Leaf, _)| leaf.answer(role, opened, &mut theirs, &mut corrections);
        let answered: Vec<_> = self.leaves.iter().zip(opened).map(answer).collect();
        let mut theirs = trade(party, &corrections, expected(&|leaf| leaf.corrected(role.other())), n)?;
        Ok(answered.into_iter().map(|leaf| leaf.finish(&mut theirs)).collect())
    }
}

/// Sends `mine` and receives `theirs` bits, to be read in rows of `n`. Where neither has any, nothing is
/// said.
fn trade(party: &mut Party, mine: &Bits, theirs: usize, n: usize) -> Result<Rows> {
    let bytes = party.exchange(&mine.to_bytes(), theirs.div_ceil(8))?;
    if theirs == 0 {
        party.channel.flush()?;
    }
    Ok(Rows { bits: Bits::from_bytes(&bytes, theirs), at: 0, n })
}
