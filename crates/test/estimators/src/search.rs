//! Search for sets that all attacks leave enough bits.
//!
//! At a given secret and depth the share of noise is fixed, and every block adds samples: attacks get cheaper,
//! and bits an oblivious transfer fewer. So the search looks for the most blocks. Bits fall with them but for
//! rounding, which the last scan is for.

use crate::{Estimate, Set, cheapest, generic, subcode};

/// What a set must withstand.
#[derive(Clone, Debug)]
pub struct Goal {
    /// The bits to keep.
    pub bits: f64,
    /// Whether sub-code attacks count at the smallest set there can be, [`subcode::floor`], instead of the one
    /// that a simulation finds.
    pub floor: bool,
    /// The simulation, if it counts.
    pub simulation: subcode::Simulation,
}

impl Goal {
    /// The cheapest attack.
    pub fn cheapest(&self, set: &Set) -> Estimate {
        let mut all = self.subcode(set);
        all.extend(generic(set));
        cheapest(all)
    }

    fn subcode(&self, set: &Set) -> Vec<Estimate> {
        if self.floor {
            subcode::floor(set)
        } else {
            subcode::estimates(set, &self.simulation.trajectories(set))
        }
    }

    fn holds(&self, set: &Set) -> bool {
        // The cheapest attacks come first: most sets fail there.
        self.subcode(set).iter().all(|estimate| estimate.bits >= self.bits)
            && generic(set).iter().all(|estimate| estimate.bits >= self.bits)
    }

    /// The set with the most blocks, for a secret of `secret` and a depth, that keeps the bits; `None` if even
    /// the fewest blocks that give more than they take do not.
    pub fn most_blocks(&self, secret: u64, depth: u32, locality: u32) -> Option<Set> {
        let set = |blocks| Set { secret, blocks, depth, locality };
        let fewest = ((2 * secret) >> depth) + 1;
        let most = secret.min((64 * secret) >> depth);
        let (mut good, mut bad) = (fewest, most);
        if !self.holds(&set(good)) {
            return None;
        }
        // To half a percent, as finer steps are within the error of a simulation.
        while bad - good > (good / 200).max(1) {
            let middle = good.midpoint(bad);
            if self.holds(&set(middle)) { good = middle } else { bad = middle }
        }
        Some(set(good))
    }
}
