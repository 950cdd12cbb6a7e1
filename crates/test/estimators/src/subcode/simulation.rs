//! Runs of the removal, and where they led.

use super::graph::{Graph, Point};
use crate::set::Set;

/// How to simulate the removal.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// What the random code is drawn from.
    pub seed: u64,
    /// The code is simulated with no more places than this, and n in proportion: shares hardly depend on k.
    pub places: u64,
    /// A run for each starts with so large a share of the places removed at random.
    pub starts: Vec<f64>,
    /// How many samples more than places the attack needs.
    pub slack: u64,
}

impl Default for Simulation {
    fn default() -> Self {
        Self { seed: 1, places: 1 << 15, starts: vec![0.0, 0.1], slack: 64 }
    }
}

/// What happened in the runs of a simulation.
#[derive(Clone, Debug)]
pub struct Trajectories {
    pub(super) runs: Vec<(f64, Vec<Point>)>,
    pub(super) slack: f64,
}

impl Simulation {
    /// Runs the removal.
    pub fn trajectories(&self, set: &Set) -> Trajectories {
        let places = self.places.min(set.secret);
        let samples = (set.samples() as u128 * u128::from(places) / u128::from(set.secret)) as usize;
        let run = |&start: &f64| {
            let mut graph = Graph::random(places as usize, samples, set.locality as usize, self.seed);
            (start, graph.shrink((start * places as f64) as usize))
        };
        Trajectories { runs: self.starts.iter().map(run).collect(), slack: self.slack as f64 }
    }
}
