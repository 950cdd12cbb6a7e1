//! ArgMax: a tournament that carries the index along.
//!
//! What is sent is sent by the comparisons and multiplexers it is made of, so each side sees masked bits and
//! elements only.

use veilflow_correlation::Cost;
use veilflow_ring::{Ring, RingVec};

use crate::{Drelu, Multiplex, OnlineError, Party, Result, Tuning, products, products_cost};

/// The index of the largest of each `width` consecutive elements (spec: `arg_max`).
///
/// The lowest index wins ties: neighbours a, b meet, and b + [a − b ≥ 0]·(a − b) goes on with its index.
#[derive(Debug, Clone)]
pub struct ArgMax {
    width: usize,
    out: Ring,
    stays: Drelu,
    value: Multiplex,
    index: Multiplex,
}

impl ArgMax {
    /// Over rows of `width` elements of `ring`, with indices in `out`.
    pub fn new(ring: Ring, width: usize, out: Ring, tuning: Tuning) -> Result<Self> {
        if width == 0 {
            return Err(OnlineError::argument("arg_max", "a row has no elements"));
        }
        let stays = Drelu::new(ring.bits(), tuning);
        Ok(Self { width, out, stays, value: Multiplex::new(ring), index: Multiplex::new(out) })
    }

    /// Cost of so many rows.
    pub fn cost(&self, rows: usize) -> Cost {
        let (mut cost, mut width) = (Cost::default(), self.width);
        while width > 1 {
            let pairs = rows * (width / 2);
            let selected = [self.value.shapes(pairs), self.index.shapes(pairs)].concat();
            cost = cost.then(self.stays.cost(pairs)).then(products_cost(&selected));
            width = width.div_ceil(2);
        }
        cost
    }

    /// Shares of every row's index, from shares of the rows one after another.
    pub fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        let mut width = self.width;
        if !x.len().is_multiple_of(width) {
            let reason = format!("rows of {width} do not divide {}", x.len());
            return Err(OnlineError::argument("arg_max", reason));
        }
        let rows = x.len() / width;
        let indices = RingVec::from_values(self.out, (0..rows).flat_map(|_| 0..width as u64).collect());
        let (mut values, mut indices) = (x.clone(), party.only_p0(indices));
        while width > 1 {
            let side = |v: &RingVec, odd: usize| {
                v.gather((0..rows).flat_map(|r| (0..width / 2).map(move |i| r * width + 2 * i + odd)))
            };
            let [a, b] = [side(&values, 0), side(&values, 1)];
            let [index_a, index_b] = [side(&indices, 0), side(&indices, 1)];
            let stays = self.stays.run(party, &a.sub(&b))?;
            let mut jobs = Vec::with_capacity(4);
            let value = self.value.prepare(party.role, &stays, &a.sub(&b), &mut jobs);
            let index = self.index.prepare(party.role, &stays, &index_a.sub(&index_b), &mut jobs);
            let mut results = products(party, jobs)?.into_iter();
            let value = Multiplex::finish(value, &mut results);
            let index = Multiplex::finish(index, &mut results);
            values = with_odd_one(&values, &b.add(&value), rows, width);
            indices = with_odd_one(&indices, &index_b.add(&index), rows, width);
            width = width.div_ceil(2);
        }
        Ok(indices)
    }
}

/// The winners of each row, followed by the row's last element if it met nobody.
fn with_odd_one(before: &RingVec, winners: &RingVec, rows: usize, width: usize) -> RingVec {
    let half = width / 2;
    let row = |r: usize| {
        let odd = (width % 2 == 1).then(|| before.values()[(r + 1) * width - 1]);
        winners.values()[r * half..(r + 1) * half].iter().copied().chain(odd)
    };
    RingVec::from_values(before.ring(), (0..rows).flat_map(row).collect())
}
