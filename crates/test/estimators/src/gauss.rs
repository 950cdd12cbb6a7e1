//! Pooled Gauss: guess k samples without errors, solve for the secret, check it against the other samples.
//!
//! The attack is by Esser, Kübler, May (CRYPTO 2017, "LPN decoded"). ePrint 2022/712 (Liu, Wang, Yang, Yu,
//! "The hardness of LPN over any integer ring and field for PCG applications") counts it for t errors at
//! random places as
//!
//! bits = 2.8 · log2 min(k, n − k) − log2 C(n − k, t) / C(n, t).
//!
//! With regular noise the samples of a block add up to an equation without noise. The estimators at
//! lpnestimator.com take these t equations and the noise at random places: n − t samples, k − t unknowns
//! (`exact noise`). The `regular` version takes the samples evenly from blocks, v = k/t from each:
//!
//! bits = solve(k) − t · log2(1 − v / 2^d).
//!
//! The `sparse` versions solve by [`linear::sparse`]. There the equations of the blocks are taken for free
//! though they are not sparse, so that the result is a lower bound: k − t unknowns.

use crate::{
    estimate::Estimate,
    linear,
    math::{log2_binomial, log2_complement},
    set::Set,
};

const SOURCE: &str = "ePrint 2022/712";

/// Minus log2 of the probability that `taken` of n samples with `errors` at random places have none.
pub(crate) fn guess_exact(n: f64, taken: f64, errors: f64) -> f64 {
    log2_binomial(n, errors) - log2_binomial(n - taken, errors)
}

/// Minus log2 of the probability that `taken` samples, spread evenly over the blocks, have no error.
pub fn guess_regular(set: &Set, taken: f64) -> f64 {
    -(set.blocks as f64) * log2_complement(taken / set.samples() as f64)
}

/// As ePrint 2022/712 counts n samples, k unknowns and t errors at random places.
pub(crate) fn published(n: f64, k: f64, t: f64) -> f64 {
    linear::dense(k.min(n - k)) + guess_exact(n, k, t)
}

/// What the attack costs.
pub fn estimates(set: &Set) -> Vec<Estimate> {
    let [n, k, t] = [set.samples(), set.secret, set.blocks].map(|x| x as f64);
    let locality = f64::from(set.locality);
    let guess = guess_regular(set, k);
    let one = |attack, bits, choice| Estimate { attack, bits, source: SOURCE, choice };
    vec![
        one("pooled Gauss, exact noise", published(n - t, k - t, t), format!("{} samples", k - t)),
        one("pooled Gauss, regular noise", linear::dense(k) + guess, format!("{:.1} a block", k / t)),
        Estimate {
            source: "ePrint 2022/712, sparse solving",
            ..one(
                "pooled Gauss, sparse",
                linear::cheaper(k - t, locality) + guess_regular(set, k - t),
                format!("{:.1} a block", k / t - 1.0),
            )
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::tests::B10;

    #[test]
    fn known_values() {
        let all = estimates(&B10);
        assert!((all[1].bits - 141.0).abs() < 1.0, "{}", all[1].bits);
        assert!(all[2].bits < all[1].bits);
    }
}
