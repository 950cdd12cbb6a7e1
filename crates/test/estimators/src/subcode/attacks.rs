//! What attacks on the sub-codes of a simulation cost.

use super::{graph::Point, simulation::Trajectories};
use crate::{algebraic, estimate::Estimate, gauss, linear, pool, regular_isd::Lists, set::Set};

/// Who published the cost.
pub(super) const SOURCE: &str = "ours";

/// What the attacks cost.
pub fn estimates(set: &Set, trajectories: &Trajectories) -> Vec<Estimate> {
    let locality = f64::from(set.locality);
    vec![
        solve(set, trajectories, "sub-code Gauss, dense", linear::dense),
        solve(set, trajectories, "sub-code Gauss, sparse", |places| linear::sparse(places, locality)),
        decode(set, trajectories),
        distinguish(set, trajectories),
        linearize(set, trajectories.runs.iter().flat_map(|(_, run)| run.iter().copied())),
    ]
}

/// The least share of the places with enough samples.
fn least_found(set: &Set, trajectories: &Trajectories) -> Option<f64> {
    let enough = |point: &&Point| (point.samples - point.places) * set.secret as f64 >= trajectories.slack;
    let points = trajectories.runs.iter().flat_map(|(_, run)| run).filter(enough);
    points.map(|point| point.places).min_by(f64::total_cmp)
}

/// Guesses samples without errors.
fn solve(
    set: &Set,
    trajectories: &Trajectories,
    attack: &'static str,
    solve: impl Fn(f64) -> f64,
) -> Estimate {
    let k = set.secret as f64;
    let mut best = Estimate::impossible(attack, SOURCE);
    for (start, run) in &trajectories.runs {
        for point in run {
            let needed = point.places * k + trajectories.slack;
            let missing = (needed - point.samples * k).max(0.0);
            let bits = solve(point.places * k) + gauss::guess_regular(set, needed - missing) + missing;
            best.improve(bits, || {
                format!("|S| = {:.3} k, {missing:.0} guessed, {start} removed at random", point.places)
            });
        }
    }
    best
}

/// The samples of a sub-code with `places`, for information-set decoding.
pub(super) fn lists(set: &Set, places: f64) -> Lists {
    pool::lists(set, places, linear::cheaper(places, f64::from(set.locality)))
}

/// Guesses that few samples have errors, at the smallest S with enough of them.
fn decode(set: &Set, trajectories: &Trajectories) -> Estimate {
    let mut best = Estimate::impossible("sub-code ISD", SOURCE);
    if let Some(share) = least_found(set, trajectories) {
        let found = pool::cheapest(&lists(set, share * set.secret as f64));
        best.improve(found.bits, || format!("|S| = {share:.3} k, {}", pool::choice(&found)));
    }
    best
}

/// Sums samples so that the secret cancels, at the smallest S with enough of them.
fn distinguish(set: &Set, trajectories: &Trajectories) -> Estimate {
    let mut best = Estimate::impossible("sub-code statistics", SOURCE);
    if let Some(share) = least_found(set, trajectories) {
        // Twice half of the samples, so the bias is as small as the probability that none has an error.
        let bits = 2.0 * gauss::guess_regular(set, share * set.secret as f64);
        best.improve(bits, || format!("|S| = {share:.3} k"));
    }
    best
}

/// AGB 2.0 on the samples of sub-codes, at 20 sizes of S.
fn linearize(set: &Set, points: impl Iterator<Item = Point>) -> Estimate {
    let mut best = Estimate::impossible("sub-code AGB 2.0", SOURCE);
    let mut next = 1.0;
    for Point { places, samples } in points {
        if places > next || samples <= places {
            continue;
        }
        next = places - 0.02;
        let [k, n] = [places, samples].map(|share| share * set.secret as f64);
        let step = (set.blocks as usize / 100).max(1);
        let [_, found] = algebraic::solve(&algebraic::Problem { n, k, t: set.blocks, step });
        best.improve(found.bits, || format!("|S| = {places:.3} k, {}", found.choice));
    }
    best
}

#[cfg(test)]
mod tests {
    use super::{
        super::{floor::floor, simulation::Simulation},
        *,
    };
    use crate::set::tests::{ALL, B10, set};

    #[test]
    fn known_values() {
        let small = Simulation::default();
        for set in &ALL {
            let all = estimates(set, &small.trajectories(set));
            assert!((all[0].bits - 104.0).abs() < 3.0, "{set:?} {all:#?}");
            assert!((all[1].bits - 96.0).abs() < 3.0, "{set:?} {all:#?}");
        }
    }

    #[test]
    fn candidates() {
        for (set, bits) in [(set(1 << 18, 2400, 11), 164.0), (set(1 << 17, 3400, 10), 156.0)] {
            let all = estimates(&set, &Simulation::default().trajectories(&set));
            assert!((all[0].bits - bits).abs() < 3.0, "{all:#?}");
        }
    }

    #[test]
    fn shares_do_not_depend_on_size() {
        let best = |places| {
            let simulation = Simulation { places, ..Simulation::default() };
            estimates(&B10, &simulation.trajectories(&B10))[1].bits
        };
        assert!((best(1 << 14) - best(1 << 16)).abs() < 0.5);
    }

    #[test]
    fn no_simulation_is_below_the_floor() {
        for set in &ALL {
            let all = estimates(set, &Simulation::default().trajectories(set));
            let least = floor(set);
            assert!(least[0].bits <= all[1].bits && least[1].bits <= all[2].bits);
            assert!(least[0].bits > all[1].bits - 8.0, "{least:?} {all:?}");
        }
    }
}
