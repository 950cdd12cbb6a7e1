//! Logarithms of sums, products and binomial coefficients.

use std::f64::consts::{LN_2, LOG2_E, PI};

/// log2 Γ(x + 1), that is log2 x! for real x ≥ 0, by Stirling's series shifted to x ≥ 16.
fn log2_factorial(x: f64) -> f64 {
    let (mut x, mut correction) = (x, 0.0);
    while x < 16.0 {
        x += 1.0;
        correction -= x.log2();
    }
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5));
    correction + LOG2_E * (x * x.ln() - x + 0.5 * (2.0 * PI * x).ln() + series)
}

/// log2 of n over m for real arguments; −∞ outside of 0 ≤ m ≤ n.
pub(crate) fn log2_binomial(n: f64, m: f64) -> f64 {
    if m < 0.0 || m > n {
        return f64::NEG_INFINITY;
    }
    log2_factorial(n) - log2_factorial(m) - log2_factorial(n - m)
}

/// log2(2^a + 2^b + …).
pub(crate) fn log2_sum(terms: &[f64]) -> f64 {
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest.is_infinite() {
        return largest;
    }
    largest + terms.iter().map(|term| (term - largest).exp2()).sum::<f64>().log2()
}

/// log2(1 − x) for 0 ≤ x < 1, exact for small x.
pub(crate) fn log2_complement(x: f64) -> f64 {
    (-x).ln_1p() / LN_2
}

/// The integer in `range` where `cost`, which falls and then rises, is least, and its cost: a ternary search,
/// then a scan of the last 30 and of 10 on both sides, as rounding makes costs bumpy.
pub(crate) fn valley(range: std::ops::Range<i64>, cost: impl Fn(i64) -> f64) -> (i64, f64) {
    let (mut start, mut end) = (range.start, range.end);
    while end - start > 30 {
        let third = (end - start) / 3;
        if cost(start + third) > cost(end - third) { start += third } else { end -= third }
    }
    let scan = (start - 10).max(range.start)..(end + 10).min(range.end);
    scan.map(|at| (at, cost(at))).min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((range.start, f64::INFINITY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binomials_and_sums() {
        assert!((log2_binomial(10.0, 3.0) - 120f64.log2()).abs() < 1e-9);
        assert!((log2_binomial(50.0, 25.0) - 126_410_606_437_752f64.log2()).abs() < 1e-9);
        assert_eq!(log2_binomial(3.0, 4.0), f64::NEG_INFINITY);
        assert!((log2_sum(&[3.0, 3.0, 4.0]) - 5.0).abs() < 1e-12);
        assert!((log2_complement(0.5) + 1.0).abs() < 1e-12);
    }

    #[test]
    fn bottom_of_a_valley() {
        assert_eq!(valley(0..10_000, |x| (x as f64 - 4321.0).abs()), (4321, 0.0));
    }
}
