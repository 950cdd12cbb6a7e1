//! Information-set decoding, as ePrint 2022/712 counts it: guess k + l samples of which few have errors, list
//! what the errors can be, and find them by collisions.
//!
//! All three attacks take an iteration's elimination of all n − k − l checks by the method of the four
//! Russians, and multiply it and the lists by n, the length of a vector. Errors are at random places; as the
//! estimators at lpnestimator.com do for regular noise, t samples and t unknowns are taken off for the
//! blocks' equations.
//!
//! - Prange (1962): no error among k samples, with p = l = 0 below.
//! - Stern (1988), Dumer (1991), "SD-ISD" in ePrint 2022/712: p errors, half of them in each half of k + l
//!   samples. With L = C((k + l)/2, p/2) and S = L²/2^l,
//!   bits = log2 n·((n − k − l)·n / log2(n − k − l) + 2L + 2S) − log2 L² · C(n − k − l, t − p) / C(n, t).
//! - BJMM (Becker, Joux, May, Meurer, EUROCRYPT 2012): three levels of lists, each vector the sum of two of
//!   the level below that overlap in e places, in many ways. Sizes and the best number r of bits to match are
//!   those of Hamdaoui, Sendrier ("A non asymptotic analysis of information set decoding", ePrint 2013/162),
//!   as ePrint 2022/712 takes them over.
//!
//! [`crate::pool`] has the same idea without elimination of all n samples.

use crate::{
    estimate::Estimate,
    gauss,
    math::{log2_binomial, log2_sum, valley},
    set::Set,
};

const SOURCE: &str = "ePrint 2022/712";

/// n samples, k unknowns, t errors at random places.
struct Problem {
    n: f64,
    k: f64,
    t: f64,
}

impl Problem {
    /// log2 of what an iteration costs whose lists have the given sizes.
    fn iteration(&self, l: f64, lists: &[f64]) -> f64 {
        let rows = self.n - self.k - l;
        let elimination = rows.log2() + self.n.log2() - rows.log2().log2();
        self.n.log2() + log2_sum(&[&[elimination], lists].concat())
    }

    /// log2 of the probability that a certain vector of weight p on k + l samples is what the errors are
    /// there.
    fn certain(&self, l: f64, p: f64) -> f64 {
        log2_binomial(self.n - self.k - l, self.t - p) - log2_binomial(self.n, self.t)
    }

    fn prange(&self) -> f64 {
        self.iteration(0.0, &[]) + gauss::guess_exact(self.n, self.k, self.t)
    }

    fn stern(&self, p: f64, l: f64) -> f64 {
        let list = log2_binomial((self.k + l) / 2.0, p / 2.0);
        let found = self.certain(l, p) + 2.0 * list;
        self.iteration(l, &[1.0 + list, 1.0 + 2.0 * list - l]) - found.min(0.0)
    }

    fn bjmm(&self, p2: f64, e2: f64, e1: f64, l: f64) -> f64 {
        let m = self.k + l;
        let (p1, p) = (2.0 * (p2 - e2), 4.0 * (p2 - e2) - 2.0 * e1);
        if p > self.t {
            return f64::INFINITY;
        }
        let choose = |p: f64| log2_binomial(m, p);
        // log2 of the pairs of vectors of weight p that overlap in e places, over the vectors of weight p.
        let overlap = |p: f64, e: f64| log2_binomial(p, e) + log2_binomial(m - p, p - e) - choose(p);
        let base = log2_binomial(m / 2.0, p2 / 2.0);
        let r2 = (overlap(p2, e2) + 4.0 * base - choose(p1)).floor().clamp(0.0, (l - 1.0).max(0.0));
        let r1 = (overlap(p1, e1) + 2.0 * choose(p1) - choose(p)).floor() - r2;
        let r1 = r1.clamp(0.0, (l - r2 - 1.0).max(0.0));
        let third = 2.0 * base - r2;
        let second = 2.0 * third - r1;
        let kept = (overlap(p2, e2) + second).min(choose(p1) - r1 - r2);
        let first = 2.0 * kept - l + r1 + r2;
        let solutions = (overlap(p1, e1) + first).min(choose(p) - l);
        let found = self.certain(l, p) + l + solutions;
        self.iteration(l, &[3.0 + base, 2.0 + third, 1.0 + second, 1.0 + first]) - found.min(0.0)
    }
}

/// What the attacks cost.
pub fn estimates(set: &Set) -> Vec<Estimate> {
    let t = set.blocks as f64;
    let problem = Problem { n: set.samples() as f64 - t, k: set.secret as f64 - t, t };
    vec![prange(&problem), stern(&problem), bjmm(&problem)]
}

fn prange(problem: &Problem) -> Estimate {
    let choice = format!("{} samples", problem.k);
    Estimate { attack: "ISD, Prange", bits: problem.prange(), source: SOURCE, choice }
}

fn stern(problem: &Problem) -> Estimate {
    let mut best = Estimate::impossible("ISD, Stern/Dumer", SOURCE);
    for p in (0..40).step_by(2).map(f64::from) {
        let (l, bits) = valley(0..400, |l| problem.stern(p, l as f64));
        best.improve(bits, || format!("p = {p}, l = {l}"));
    }
    best
}

fn bjmm(problem: &Problem) -> Estimate {
    let mut best = Estimate::impossible("ISD, BJMM", SOURCE);
    for p2 in (2..16).step_by(2) {
        for e2 in 0..p2 {
            for e1 in 0..2 * (p2 - e2) {
                let [p, e, f] = [p2, e2, e1].map(f64::from);
                let (l, bits) = valley(0..600, |l| problem.bjmm(p, e, f, l as f64));
                best.improve(bits, || format!("p = {}, l = {l}", 4 * (p2 - e2) - 2 * e1));
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::tests::{ALL, B10};

    #[test]
    fn each_improves_on_the_one_before() {
        for set in &ALL {
            let bits: Vec<f64> = estimates(set).iter().map(|estimate| estimate.bits).collect();
            assert!(bits[2] <= bits[1] + 0.1 && bits[1] <= bits[0], "{set:?} {bits:?}");
        }
    }

    /// Bits for noise at random places that the program of ePrint 2023/1568 quotes from ePrint 2022/712. The
    /// smallest, n = 2^10, is left out: the search here has a wider range of l and finds less.
    #[test]
    fn published_values() {
        for (n, k, t, published) in [
            (1 << 12, 1589, 98, 83.0),
            (1 << 14, 3482, 198, 86.0),
            (1 << 16, 7391, 389, 91.0),
            (1 << 18, 15336, 760, 95.0),
            (1 << 20, 32771, 1419, 98.0),
            (1 << 22, 64770, 2735, 103.0),
        ] {
            let [n, k, t] = [n, k, t].map(f64::from);
            let bits = bjmm(&Problem { n, k, t }).bits;
            assert!((bits - published).abs() < 2.0, "n = {n}: {bits}, published {published}");
        }
    }

    /// Less than the 131 bits that emp-ot once stated for all attacks but the hybrid, without this one.
    #[test]
    fn cost_of_b10() {
        assert!((estimates(&B10)[2].bits - 128.6).abs() < 0.5);
    }
}
