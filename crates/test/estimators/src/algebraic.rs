//! Algebraic attacks on regular noise: AGB (Briaud, Øygarden, ePrint 2023/176) and AGB 2.0 (ePrint
//! 2025/1476).
//!
//! The errors of a block are unknowns whose products are zero and whose sum is one; the parity checks of the
//! code are linear equations between all of them. μ errors of each of f blocks are guessed to be zero, with
//! the probability (1 − μ/b)^f. A system is solved at the least degree D at which the coefficients of
//!
//! H(z) = (1 + (b − μ − 1)z)^f · (1 + (b − 1)z)^(t − f) · (1 + z)^(1 + k − n)
//!
//! from z to z^D add up to less than 1. It has M(f, μ) monomials, the sum of those coefficients of the first
//! two factors. The costs are those of the programs collected at lpnestimator.com, which stop at D = 4:
//!
//! - AGB: bits = log2 3(k + 1 − fμ)·M² − f · log2(1 − μ/b), for Wiedemann on rows of k + 1 − fμ entries;
//!   dense elimination, M^2.8, where that is cheaper.
//! - AGB 2.0 guesses in two steps. After a first guess (f', μ') it eliminates once, with R = M − N pivots,
//!   where N is the sum of coefficients of H, at the cost min(3(k + 1 − f'μ')·M², M·R²/log2 R). What remains
//!   costs 5.64·min(N, R)^2.8 for each guess (f, μ) that contains the first and has degree D: bits =
//!   log2(first / (1 − μ'/b)^f' + rest / (1 − μ/b)^f).
//!
//! For AGB 2.0 the search lets (f, μ) be the likeliest guess of degree D or less whether it contains the
//! first or not: a lower bound on what the program finds.

use crate::{
    estimate::Estimate,
    linear,
    math::{log2_complement, log2_sum},
    set::Set,
};

const DEGREES: usize = 4;

/// Coefficients of 1, z, …, z^4.
type Series = [f64; DEGREES + 1];

/// (1 + az)^m.
fn power(a: f64, m: f64) -> Series {
    let mut series = [1.0; DEGREES + 1];
    for i in 0..DEGREES {
        series[i + 1] = series[i] * a * (m - i as f64) / (i as f64 + 1.0);
    }
    series
}

fn product(x: &Series, y: &Series) -> Series {
    std::array::from_fn(|degree| (0..=degree).map(|i| x[i] * y[degree - i]).sum())
}

/// Sums of the coefficients from z to z^D, for each D.
fn sums(series: &Series) -> Series {
    let mut total = 0.0;
    std::array::from_fn(|degree| {
        total += if degree == 0 { 0.0 } else { series[degree] };
        total
    })
}

/// A guess of μ samples in each of f blocks.
struct Guess {
    f: u64,
    mu: u64,
    /// Minus log2 of the probability that it holds.
    bits: f64,
    /// Monomials up to each degree, and those that elimination leaves.
    monomials: Series,
    left: Series,
}

impl Guess {
    /// The least degree that solves the system.
    fn degree(&self) -> Option<usize> {
        (2..=DEGREES).find(|&degree| self.left[degree] < 1.0)
    }
}

/// n samples, k unknowns, t blocks of n/t samples with one error each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Problem {
    pub(crate) n: f64,
    pub(crate) k: f64,
    pub(crate) t: u64,
    /// The step of f: 1 for all guesses.
    pub(crate) step: usize,
}

impl Problem {
    /// Calls `visit` for all guesses of no more than k samples that hold with at least 2^−`limit`.
    fn guesses(&self, limit: f64, mut visit: impl FnMut(&Guess)) {
        let b = self.n / self.t as f64;
        let checks = power(1.0, 1.0 + self.k - self.n);
        for f in (0..=self.t).rev().step_by(self.step) {
            let whole = power(b - 1.0, (self.t - f) as f64);
            let most = if f == 0 { 0 } else { (self.k / f as f64).min(b - 1.0) as u64 };
            for mu in 0..=most {
                let bits = -(f as f64) * log2_complement(mu as f64 / b);
                if bits > limit {
                    break;
                }
                let noise = product(&power(b - mu as f64 - 1.0, f as f64), &whole);
                let left = sums(&product(&noise, &checks));
                visit(&Guess { f, mu, bits, monomials: sums(&noise), left });
            }
        }
    }

    /// log2 of a Wiedemann solution with `monomials` unknowns, for rows of the code with `guessed` entries
    /// fewer.
    fn wiedemann(&self, guessed: u64, monomials: f64) -> f64 {
        let row = (self.k - guessed as f64).max(0.0) + 1.0;
        (3.0 * row).log2() + 2.0 * monomials.log2()
    }
}

/// No guess costs more than this.
const LIMIT: f64 = 250.0;

/// What the attacks cost.
pub fn estimates(set: &Set) -> Vec<Estimate> {
    let [n, k] = [set.samples(), set.secret].map(|x| x as f64);
    solve(&Problem { n, k, t: set.blocks, step: 1 }).into()
}

/// What AGB and AGB 2.0 cost.
pub(crate) fn solve(problem: &Problem) -> [Estimate; 2] {
    let mut first = Estimate::impossible("AGB", "ePrint 2023/176");
    let mut likeliest = [LIMIT; DEGREES + 1];
    problem.guesses(LIMIT, |guess| {
        let Some(degree) = guess.degree() else { return };
        for known in &mut likeliest[degree..] {
            *known = known.min(guess.bits);
        }
        let monomials = guess.monomials[degree];
        let solve = problem.wiedemann(guess.f * guess.mu, monomials).min(linear::dense(monomials));
        first.improve(guess.bits + solve, || format!("f = {}, μ = {}, D = {degree}", guess.f, guess.mu));
    });

    let mut second = Estimate::impossible("AGB 2.0", "ePrint 2025/1476");
    problem.guesses(first.bits.min(LIMIT), |guess| {
        for (degree, last) in likeliest.iter().enumerate().skip(2).filter(|(_, last)| **last < LIMIT) {
            let monomials = guess.monomials[degree];
            let left = guess.left[degree].max(1.0);
            let pivots = (monomials - left).max(2.0);
            let eliminate = monomials.log2() + 2.0 * pivots.log2() - pivots.log2().log2();
            let once = eliminate.min(problem.wiedemann(guess.f * guess.mu, monomials)).max(0.0);
            let again = 5.64f64.log2() + linear::dense(left.min(pivots));
            let bits = log2_sum(&[once + guess.bits, again + last.max(guess.bits)]);
            second.improve(bits, || {
                format!("f' = {}, μ' = {}, D = {degree}, last guess 2^{last:.1}", guess.f, guess.mu)
            });
        }
    });
    [first, second]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::tests::{ALL, set};

    #[test]
    fn series_and_products() {
        assert_eq!(power(1.0, 4.0), [1.0, 4.0, 6.0, 4.0, 1.0]);
        assert_eq!(product(&power(1.0, -3.0), &power(1.0, 4.0)), power(1.0, 1.0));
        assert_eq!(sums(&[1.0, 2.0, 3.0, 4.0, 5.0]), [0.0, 2.0, 5.0, 9.0, 14.0]);
    }

    #[test]
    fn dearer_than_130_bits() {
        for set in &ALL {
            let all = estimates(set);
            assert!(all.iter().all(|estimate| estimate.bits > 130.0), "{all:#?}");
            assert!(all[1].bits <= all[0].bits + 0.5);
        }
    }

    #[test]
    fn guesses_are_needed() {
        let all = estimates(&set(1 << 12, 98, 6));
        assert!(all[0].bits.is_finite() && all[0].bits > 60.0, "{all:?}");
    }
}
