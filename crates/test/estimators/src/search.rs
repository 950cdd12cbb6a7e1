//! Search for sets that all attacks leave enough bits.
//!
//! At a given secret and depth the share of noise is fixed, and every block adds samples: attacks get
//! cheaper, and bits an oblivious transfer fewer. So the search looks for the most blocks, by halving: bits
//! of an attack fall with blocks but for what rounding and simulation add, which the goal should leave room
//! for.

use crate::{
    attacks::generic,
    estimate::{Estimate, cheapest},
    set::Set,
    subcode,
};

/// What a set must withstand.
#[derive(Clone, Debug)]
pub struct Goal {
    /// The bits to keep.
    pub bits: f64,
    /// Whether sub-code attacks count at the smallest set there can be, [`subcode::floor`], instead of the
    /// one that a simulation finds.
    pub floor: bool,
    /// The most samples for a place of the secret; bits an oblivious transfer hardly fall beyond 30.
    pub ratio: u64,
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

    /// The set with the most blocks, for a secret of `secret` and a depth, that keeps the bits; `None` if
    /// even the fewest blocks that give more than they take do not.
    pub fn most_blocks(&self, secret: u64, depth: u32, locality: u32) -> Option<Set> {
        let set = |blocks| Set { secret, blocks, depth, locality };
        let fewest = ((2 * secret) >> depth) + 1;
        let most = secret.min((self.ratio * secret) >> depth);
        if !self.holds(&set(fewest)) {
            return None;
        }
        if self.holds(&set(most)) {
            return Some(set(most));
        }
        let (mut good, mut bad) = (fewest, most);
        // To half a percent, as finer steps are within the error of a simulation.
        while bad - good > (good / 200).max(1) {
            let middle = good.midpoint(bad);
            if self.holds(&set(middle)) { good = middle } else { bad = middle }
        }
        Some(set(good))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(bits: f64) -> Goal {
        Goal { bits, floor: true, ratio: 32, simulation: subcode::Simulation::default() }
    }

    #[test]
    fn most_blocks_of_a_set() {
        let goal = goal(130.0);
        let set = goal.most_blocks(1 << 17, 10, 10).expect("a set");
        assert!((1900..1940).contains(&set.blocks), "{set:?}");
        let cheapest = goal.cheapest(&set);
        assert_eq!(cheapest.attack, "sub-code ISD, least S");
        assert!((130.0..130.2).contains(&cheapest.bits), "{cheapest:?}");
        assert!(!goal.holds(&Set { blocks: 2 * set.blocks, ..set }));
    }

    #[test]
    fn no_blocks_for_a_short_secret() {
        assert_eq!(goal(128.0).most_blocks(1 << 16, 11, 10), None);
    }
}
