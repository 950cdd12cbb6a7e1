//! What sub-code attacks would cost with the smallest set of places there can be.
//!
//! With r = n/k samples a place that add up ℓ places each, on average
//!
//! C(k, σk) · Pr[Bin(n, σ^ℓ) ≥ σk] ≤ 2^(k·(H(σ) − r·D(σ/r ‖ σ^ℓ)))
//!
//! sets of σk places have σk samples in them alone, where H is the entropy and D the divergence in bits
//! (Chernoff). At a share σ where the exponent is negative there is no such set, but for codes as rare as
//! 2^(k·exponent). The bound is on sets, for the attacks of [`super`]; it says nothing about other attacks.

use super::attacks::{SOURCE, lists};
use crate::{estimate::Estimate, gauss, linear, pool, set::Set};

/// The share of k below which no set of places has as many samples.
pub fn least_share(set: &Set) -> f64 {
    let rate = set.samples() as f64 / set.secret as f64;
    let divergence = |a: f64, b: f64| a * (a / b).log2() + (1.0 - a) * ((1.0 - a) / (1.0 - b)).log2();
    let exists = |share: f64| {
        let (chance, goal) = (share.powi(set.locality as i32), share / rate);
        let entropy = -share * share.log2() - (1.0 - share) * (1.0 - share).log2();
        chance >= goal || entropy >= rate * divergence(goal, chance)
    };
    (1..10_000).map(|i| f64::from(i) / 10_000.0).find(|&share| exists(share)).unwrap_or(1.0)
}

/// What sub-code attacks would cost with so small a set.
pub fn floor(set: &Set) -> Vec<Estimate> {
    let share = least_share(set);
    let places = share * set.secret as f64;
    let size = format!("|S| = {share:.3} k");
    let solve = linear::cheaper(places, f64::from(set.locality));
    let found = pool::cheapest(&lists(set, places));
    let one = |attack, bits, choice| Estimate { attack, bits, source: SOURCE, choice };
    vec![
        one("sub-code Gauss, least S", solve + gauss::guess_regular(set, places), size.clone()),
        one("sub-code ISD, least S", found.bits, format!("{size}, {}", pool::choice(&found))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::tests::{ALL, set};

    #[test]
    fn shares_of_published_sets() {
        for (set, share) in ALL.iter().zip([0.604, 0.577, 0.557, 0.540]) {
            assert!((least_share(set) - share).abs() < 0.001, "{set:?}");
        }
    }

    #[test]
    fn more_samples_make_smaller_sets() {
        let shares = [2u64, 4, 8, 16, 32].map(|rate| least_share(&set(1 << 16, rate << 6, 10)));
        assert!(shares.windows(2).all(|pair| pair[1] < pair[0]), "{shares:?}");
    }
}
