//! Statistical decoding: add up samples so that the secret cancels, and see that the sums are not uniform.
//!
//! A vector of weight w in the dual of the code gives a sum of w errors, with a bias of about (1 − 2w/n)^t;
//! the attack takes the inverse square of it. ePrint 2022/712 counts with the weight a dual vector of a
//! random code has for sure, and the estimators at lpnestimator.com have, over F_2,
//!
//! bits = log2(k + 1) + 2t · log2((n − t + 1) / (n − k − t)).
//!
//! Statistical decoding 2.0 (Carrier, Debris-Alazard, Meyer-Hilfiger, Tillich, ePrint 2022/1000) leaves s
//! places of the secret in the sums and finds them by a fast Fourier transform of 2^s. The same estimators
//! take for s the bits that pooled Gauss costs, and count the transform as free: the cost above with k − s in
//! place of k. That is a lower bound: s could not be larger without costing more than pooled Gauss.

use crate::{estimate::Estimate, gauss, set::Set};

/// What the attacks cost.
pub fn estimates(set: &Set) -> Vec<Estimate> {
    let t = set.blocks as f64;
    // The sums of blocks are equations without noise.
    let [n, k] = [set.samples() as f64 - t, set.secret as f64 - t];
    let bits = |k: f64| (k + 1.0).log2() + 2.0 * t * ((n - t + 1.0) / (n - k - t)).log2();
    let kept = gauss::published(n, k, t).floor();
    vec![
        Estimate {
            attack: "statistical decoding",
            bits: bits(k),
            source: "ePrint 2022/712",
            choice: format!("sums of {} samples", k + 1.0),
        },
        Estimate {
            attack: "statistical decoding 2.0",
            bits: bits(k - kept),
            source: "ePrint 2022/712, after 2022/1000",
            choice: format!("s = {kept}"),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::tests::ALL;

    #[test]
    fn dearer_than_128_bits() {
        for set in &ALL {
            let [plain, second] = &estimates(set)[..] else { panic!("two attacks") };
            assert!(second.bits <= plain.bits && second.bits > 131.0, "{set:?} {}", second.bits);
        }
    }
}
