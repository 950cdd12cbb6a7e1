//! All attacks together.

use crate::{
    algebraic,
    estimate::{Estimate, cheapest},
    gauss, hybrid, isd, pool, regular_isd,
    set::Set,
    statistical, subcode,
};

/// What all attacks cost, with the seed 1 for simulated codes.
pub fn estimates(set: &Set) -> Vec<Estimate> {
    estimates_with(set, &subcode::Simulation::default())
}

/// What all attacks cost, with a given simulation of the code.
pub fn estimates_with(set: &Set, simulation: &subcode::Simulation) -> Vec<Estimate> {
    let mut all = generic(set);
    all.extend(subcode::estimates(set, &simulation.trajectories(set)));
    all
}

/// What the attacks cost that need no simulation of the code.
pub fn generic(set: &Set) -> Vec<Estimate> {
    let parts = [
        gauss::estimates(set),
        statistical::estimates(set),
        isd::estimates(set),
        regular_isd::estimates(set),
        hybrid::estimates(set),
        algebraic::estimates(set),
        pool::estimates(set),
    ];
    parts.into_iter().flatten().collect()
}

/// The cheapest attack.
pub fn security(set: &Set) -> Estimate {
    cheapest(estimates(set))
}
