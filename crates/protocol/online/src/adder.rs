//! The carries of x₀ + x₁ at many places at once, by a parallel-prefix adder (Sklansky 1960) on bit slices.
//!
//! A span of bits has g, the carry it makes, and p, whether it hands a carry on: of one bit, g = a·b is a private product and
//! p = a ⊕ b is free. A low and a high neighbour join as g = g_high ⊕ p_high·g_low and p = p_high·p_low. Spans that start at
//! bit 0 need no p. Only spans that lead to a carry asked for are computed. The products open masked bits.

use veilflow_correlation::{Cost, MaskDigits};
use veilflow_ring::{Bits, Ring, RingVec, bit_slices};

use crate::legacy::{conversion_job, conversion_shape, converted};
use crate::masked_bits;
use crate::{
    AndGroup, OnlineError, Party, Result, Tuning, and_private, and_private_cost, and_shared, and_shared_cost,
    products, products_cost,
};

/// Highs that join the same low, level by level; the results stay in the highs' slots.
pub(crate) struct Network {
    bits: usize,
    levels: Vec<Vec<Joint>>,
}

struct Joint {
    low: usize,
    highs: Vec<usize>,
    /// Whether the joined spans start at bit 0.
    lowest: bool,
}

impl Network {
    /// The network for carries into the bits at `places`, each at least 1.
    pub(crate) fn new(places: &[u32]) -> Self {
        let bits = places.iter().copied().max().unwrap_or(0) as usize;
        let mut needed = vec![false; bits];
        places.iter().for_each(|&place| needed[place as usize - 1] = true);
        let mut levels = Vec::new();
        for level in (0..bits.next_power_of_two().trailing_zeros()).rev() {
            let mut joints = Vec::new();
            // Blocks of 2^(level + 1) bits: all of the upper half joins the end of the lower half.
            for start in (0..bits).step_by(2 << level) {
                let middle = start + (1 << level);
                let upper = middle..(start + (2 << level)).min(bits);
                let highs: Vec<usize> = upper.filter(|&i| needed[i]).collect();
                if !highs.is_empty() {
                    needed[middle - 1] = true;
                    joints.push(Joint { low: middle - 1, highs, lowest: start == 0 });
                }
            }
            levels.push(joints);
        }
        levels.reverse();
        Self { bits, levels }
    }

    fn cost(&self, n: usize) -> Cost {
        if self.bits == 0 {
            return Cost::default();
        }
        and_private_cost(self.bits * n).then(self.join_cost(n))
    }

    /// How many lowest spans the network joins.
    pub(crate) fn bits(&self) -> usize {
        self.bits
    }

    /// Cost of [`Network::join`] of `n` elements.
    pub(crate) fn join_cost(&self, n: usize) -> Cost {
        self.levels.iter().fold(Cost::default(), |cost, joints| {
            let groups = joints.iter().flat_map(|joint| {
                if joint.lowest {
                    vec![(joint.highs.len() as u32, n)]
                } else {
                    vec![(2, n); joint.highs.len()]
                }
            });
            cost.then(and_shared_cost(&groups.collect::<Vec<_>>()))
        })
    }

    /// Shares of g of the spans from 0 to every slot that was asked for. `rows` are the bits of this party's share.
    fn run(&self, party: &mut Party, rows: &[Bits]) -> Result<Vec<Bits>> {
        let n = rows.first().map_or(0, Bits::len);
        if self.bits == 0 {
            return Ok(Vec::new());
        }
        let leaves = and_private(party, &Bits::concat(&rows[..self.bits]))?;
        let g = (0..self.bits).map(|i| leaves.slice(i * n, n)).collect();
        self.join(party, g, rows[..self.bits].to_vec())
    }

    /// As [`Network::run`], from g and p of every slot.
    pub(crate) fn join(&self, party: &mut Party, mut g: Vec<Bits>, mut p: Vec<Bits>) -> Result<Vec<Bits>> {
        for joints in &self.levels {
            let mut groups = Vec::new();
            for Joint { low, highs, lowest } in joints {
                if *lowest {
                    let others = highs.iter().map(|&i| p[i].clone()).collect();
                    groups.push(AndGroup { common: g[*low].clone(), others });
                } else {
                    groups.extend(highs.iter().map(|&i| AndGroup {
                        common: p[i].clone(),
                        others: vec![g[*low].clone(), p[*low].clone()],
                    }));
                }
            }
            let mut results = and_shared(party, &groups)?.into_iter();
            for Joint { highs, lowest, .. } in joints {
                if *lowest {
                    let rows = results.next().unwrap_or_default();
                    highs.iter().zip(&rows).for_each(|(&i, row)| g[i].xor_assign(row));
                } else {
                    for (&i, mut rows) in highs.iter().zip(&mut results) {
                        g[i].xor_assign(&rows[0]);
                        p[i] = rows.swap_remove(1);
                    }
                }
            }
        }
        Ok(g)
    }
}

fn check(places: &[u32], bits: u32) -> Result<()> {
    if places.iter().all(|place| (1..=bits).contains(place)) {
        return Ok(());
    }
    Err(OnlineError::argument("carries", format!("a place is not in 1..={bits}")))
}

/// Shares of the carries out of the low s bits, for every s in `places` (spec: `carry`).
pub fn carries(party: &mut Party, x: &RingVec, places: &[u32]) -> Result<Vec<Bits>> {
    check(places, x.ring().bits())?;
    let network = Network::new(places);
    let mut g = network.run(party, &bit_slices(x.values(), network.bits))?;
    Ok(places.iter().map(|&place| std::mem::take(&mut g[place as usize - 1])).collect())
}

/// Cost of [`carries`] of `n` elements.
pub fn carries_cost(places: &[u32], n: usize) -> Cost {
    Network::new(places).cost(n)
}

/// The places where digits of d bits begin, but for the first.
fn digit_places(bits: u32, d: u32) -> Vec<u32> {
    (1..bits.div_ceil(d)).map(|i| i * d).collect()
}

/// Shares of the digits of d bits, each in a ring of its own width (spec: `digits`).
pub fn digits(party: &mut Party, x: &RingVec, d: u32) -> Result<Vec<RingVec>> {
    let bits = x.ring().bits();
    if d == 0 {
        return Err(OnlineError::argument("digits", "a digit has a bit at least"));
    }
    let places = digit_places(bits, d);
    let carries = carries(party, x, &places)?;
    let ring = |at: u32| Ring::new(d.min(bits - at));
    let mut jobs = Vec::new();
    for (carry, &at) in carries.iter().zip(&places) {
        jobs.extend(conversion_job(party, carry, ring(at)?));
    }
    let results = if jobs.is_empty() { Vec::new() } else { products(party, jobs)? };
    let mut results = results.iter();
    let mut out = vec![x.map_into(ring(0)?, |v| v)];
    for (carry, &at) in carries.iter().zip(&places) {
        let ring = ring(at)?;
        let product = if ring.bits() > 1 { results.next() } else { None };
        out.push(x.map_into(ring, |v| v >> at).add(&converted(carry, product, ring)));
    }
    Ok(out)
}

/// Cost of [`digits`] of `n` elements of `bits` bits.
pub fn digits_cost(bits: u32, d: u32, n: usize, tuning: Tuning) -> Cost {
    let places = digit_places(bits, d);
    let jobs: Vec<_> =
        places.iter().filter_map(|&at| conversion_shape(d.min(bits - at), n, tuning)).collect();
    let cost = carries_cost(&places, n);
    if jobs.is_empty() { cost } else { cost.then(products_cost(&jobs)) }
}

/// Shares of the bits from bit `from` on, lowest first, and of the carry into bit `from` (none if that is 0).
pub fn high_bits(party: &mut Party, x: &RingVec, from: u32) -> Result<(Option<Bits>, Vec<Bits>)> {
    let bits = x.ring().bits();
    if let Some((widths, _)) = masked(bits, from, x.len(), party.tuning) {
        let rows = masked_bits::high_bits(party, x, &widths)?;
        let carry = rows[0].xor(&bit_slices(x.values(), bits as usize)[from as usize]);
        return Ok(((from > 0).then_some(carry), rows));
    }
    let places: Vec<u32> = (from.max(1)..bits).collect();
    let carries = carries(party, x, &places)?;
    let mut rows = bit_slices(x.values(), bits as usize).split_off(from as usize);
    let without_carry = usize::from(from == 0);
    rows[without_carry..].iter_mut().zip(&carries).for_each(|(row, carry)| row.xor_assign(carry));
    Ok((if from == 0 { None } else { carries.into_iter().next() }, rows))
}

/// Cost of [`high_bits`] of `n` elements of `bits` bits.
pub fn high_bits_cost(bits: u32, from: u32, n: usize, tuning: Tuning) -> Cost {
    masked(bits, from, n, tuning).map_or_else(|| added_cost(bits, from, n), |(_, cost)| cost)
}

/// The cost of the bits by the adder.
fn added_cost(bits: u32, from: u32, n: usize) -> Cost {
    carries_cost(&(from.max(1)..bits).collect::<Vec<_>>(), n)
}

/// The digits of a masked opening and its cost, if a helper deals and the adder takes more.
fn masked(bits: u32, from: u32, n: usize, tuning: Tuning) -> Option<(MaskDigits, Cost)> {
    if !tuning.dealt || from >= bits {
        return None;
    }
    let (widths, cost) = masked_bits::cheapest(bits, from, 64, tuning);
    let cheaper = tuning.prefers(&cost, &added_cost(bits, from, 64));
    cheaper.then(|| (widths, masked_bits::cost(&widths, n)))
}
