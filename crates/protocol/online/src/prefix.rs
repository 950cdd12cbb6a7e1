//! A parallel-prefix network of carries (Sklansky, "Conditional-sum addition logic", IRE Transactions 1960),
//! over bit slices.
//!
//! A span of bits has g, the carry that it makes, and p, whether it hands a carry on. A low and a high
//! neighbour join as g = g_high ⊕ p_high·g_low and p = p_high·p_low. Spans that start at bit 0 need no p.
//! Only spans that lead to a carry asked for are joined. The products open masked bits, so each side sees
//! uniform bits.

use veilflow_correlation::Cost;
use veilflow_ring::Bits;

use crate::{AndGroup, Party, Result, and_shared, and_shared_cost};

/// Which spans join, level by level. What joins stays in the slots of the highs.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    bits: usize,
    levels: Vec<Vec<Joint>>,
}

/// Highs that join one low.
#[derive(Debug, Clone)]
struct Joint {
    low: usize,
    highs: Vec<usize>,
    /// Whether the joined spans start at bit 0.
    lowest: bool,
}

impl Network {
    /// The network for carries into the bits at `places`, each at least 1.
    pub(crate) fn new(places: impl IntoIterator<Item = u32>) -> Self {
        let places: Vec<usize> = places.into_iter().map(|place| place as usize).collect();
        let bits = places.iter().copied().max().unwrap_or(0);
        let mut needed = vec![false; bits];
        places.iter().for_each(|place| needed[place - 1] = true);
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

    /// How many lowest spans the network joins.
    pub(crate) fn bits(&self) -> usize {
        self.bits
    }

    /// Cost of [`Network::run`] on `n` elements.
    pub(crate) fn cost(&self, n: usize) -> Cost {
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

    /// Shares of g of the spans from 0 to every slot that was asked for, from g and p of every slot.
    pub(crate) fn run(&self, party: &mut Party, mut g: Vec<Bits>, mut p: Vec<Bits>) -> Result<Vec<Bits>> {
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
