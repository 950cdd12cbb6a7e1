//! How well floods hide noise: over all values of a run, not over one.
//!
//! A **flood** is the sum of three uniform integers, of −2^(f−1)..2^(f−1) and twice of −2^(f−2)..2^(f−2). So
//! it lies in −2^f..2^f, as one uniform integer would; but its density g has no step, and that is what adds
//! up slowly.
//!
//! **Theorem.** Let v₁..v_n be any integers, and f ≥ 20. The statistical distance between n independent
//! floods and these floods with vᵢ added is at most 1.58·√(Σ vᵢ²)/2^f.
//!
//! *Proof.* Let W = 2^(f−1), and H the Hellinger distance, H²(P, P') = ½·Σ (√P − √P')².
//!
//! 1. *One step.* Let S = Σ (√g(x) − √g(x−1))², and count x from the least value of the support. Then g(x) −
//!    g(x−1) is t(x)/2W for x < 2W and −t(x − 2W)/2W from there on, where t(x) = min(x+1, 2W−1−x)/W² is the
//!    density of the two narrower integers' sum: 0 ≤ x ≤ 2W − 2, so the two parts do not meet. With √a − √b =
//!    (a − b)/(√a + √b), S is a Riemann sum of ¼·∫ g'²/g for the continuous density. Of half-widths ½, ¼, ¼
//!    that is 1 − 2x² for |x| up to ½ and 2(1 − |x|)² from there on. So 4W²·S goes to I/4 with
//!    I = ∫ g'²/g = 2·(16·(√2/4·artanh(√½) − ¼) + 4) < 9.972. How far is it off? In a tail, for x < W, g is
//!    (x+1)(x+2)/4W³, and a term of 4W²·S at most 2/W·(x+1)/(2x+1), where the integral has 1/W: that adds up
//!    to (1 + ½·ln W)/W a tail. In the middle g is at least half of its largest value, and the terms fall and
//!    rise once, so the sum exceeds the integral by two of its largest terms at most, of 1/W each. Together
//!    4W²·S ≤ (1 + 2(1 + ln W)/W)·I/4, and for f ≥ 20 that factor is below 1.0001. (A test computes S by the
//!    definition for small W.)
//! 2. *v steps.* √g is a vector of norm 1, and shifting keeps distances. By the triangle inequality
//!    ‖√g − √g(· − v)‖ ≤ |v|·√S, so H² ≤ v²·S/2.
//! 3. *n values.* 1 − H² multiplies over independent values, so H² adds up at most: H² ≤ Σ vᵢ²·S/2.
//! 4. *Distance.* The statistical distance is at most √2·H ≤ √(S·Σ vᵢ²) ≤ ½·√(1.0001·I)·√(Σ vᵢ²)/2^f, since
//!    2W = 2^f; and ½·√9.974 < 1.58. ∎
//!
//! The noise v of a reply depends on errors that the client knows. Given them it is fixed, so the theorem
//! holds for each outcome. What the client sees is the joint view, whose distance is at most the mean over
//! the errors, and E √(Σ vᵢ²) ≤ √(Σ E vᵢ²). So a value counts by its mean square V, and layers and runs add
//! up under the root: a thousand runs cost five bits.
//!
//! **Rounding.** What a reply sends of c₀ must not depend on the message. It could only if c₀ lies within ½
//! of a place where what is sent steps, and as much further as the quotient is computed wrong
//! (`docs/homomorphic-linear-layers.md`, step 2). Steps are Q/2^(ℓ+3) apart, a little less than 2^f, and a
//! flood modulo 2^f is uniform: so all steps together have no more than 1.01/2^f for each integer that is too
//! close to one. This term adds up without a root.

/// ½·√I of the flood.
const SMOOTH: f64 = 1.58;

/// How many integers lie within ½ of a step at most.
const AT_STEP: f64 = 2.0;

/// A statistical distance, as what adds up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Distance {
    /// What adds up under a root: the square of the first term.
    pub square: f64,
    /// What adds up as it is.
    pub sum: f64,
}

impl Distance {
    /// Of n values whose noise has the mean square V, under floods of −2^f..2^f, where the quotient of c₀ is
    /// up to so many integers too small.
    pub(crate) fn of(values: usize, mean_square: f64, flood_bits: i32, quotient_error: f64) -> Self {
        let (n, flood) = (values as f64, 2f64.powi(flood_bits));
        let at_steps = 1.01 * (AT_STEP + quotient_error);
        Self { square: n * mean_square * (SMOOTH / flood) * (SMOOTH / flood), sum: n * at_steps / flood }
    }

    /// Of two views together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { square: self.square + other.square, sum: self.sum + other.sum }
    }

    /// Of so many runs together.
    #[must_use]
    pub fn times(self, runs: f64) -> Self {
        Self { square: self.square * runs, sum: self.sum * runs }
    }

    /// A bound of the statistical distance.
    pub fn total(self) -> f64 {
        self.square.sqrt() + self.sum
    }
}

/// What the layers of a run may leave unhidden, each its part.
///
/// Half of the square is for layers that could not be done with less: needs are met from the smallest up, as
/// long as they last. The other half goes to all layers, half by their values and half alike; from it they
/// cut bits. The sum goes by values. All layers together stay within 2^−40.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    values: usize,
    layers: usize,
    /// The largest need that is met.
    met: f64,
}

impl Run {
    /// −log₂ of the statistical distance that a run may have.
    pub const BITS: i32 = 40;

    /// A run of layers: the values of each, and the square that it needs at least.
    pub fn new(layers: &[(usize, f64)]) -> Self {
        let mut needs: Vec<f64> = layers.iter().map(|&(_, need)| need).collect();
        needs.sort_by(f64::total_cmp);
        let (mut sum, mut met) = (0.0, 0.0);
        // Equal needs are met together or not at all.
        for alike in needs.chunk_by(|a, b| a == b) {
            sum += alike.iter().sum::<f64>();
            if sum > Self::all().square / 2.0 {
                break;
            }
            met = alike[0];
        }
        let values = layers.iter().fold(0usize, |sum, &(values, _)| sum.saturating_add(values));
        Self { values, layers: layers.len(), met }
    }

    /// What all layers together may leave: seven eighths under the root.
    fn all() -> Distance {
        let each = 2f64.powi(-Self::BITS - 3);
        Distance { square: 49.0 * each * each, sum: each }
    }

    /// What a layer of so many values, which needs so much, may leave. It must be one of the run's.
    pub fn part(self, values: usize, need: f64) -> Distance {
        let Distance { square, sum } = Self::all();
        let by_values = values as f64 / self.values as f64;
        let met = if need <= self.met { need } else { 0.0 };
        Distance { square: met + square * (by_values + 1.0 / self.layers as f64) / 4.0, sum: sum * by_values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The density of a flood of −2^f..2^f from its least value on, by the definition.
    fn density(bits: u32) -> Vec<f64> {
        let uniform = |n: usize| vec![1.0 / n as f64; n];
        let convolve = |a: &[f64], b: &[f64]| {
            let mut out = vec![0.0; a.len() + b.len() - 1];
            for (i, x) in a.iter().enumerate() {
                b.iter().enumerate().for_each(|(j, y)| out[i + j] += x * y);
            }
            out
        };
        let narrow = uniform(1 << (bits - 1));
        convolve(&uniform(1 << bits), &convolve(&narrow, &narrow))
    }

    /// S by the definition, times 4W².
    fn one_step(g: &[f64], bits: u32) -> f64 {
        let at = |i: Option<usize>| i.and_then(|i| g.get(i)).copied().unwrap_or(0.0);
        let steps = (0..=g.len()).map(|x| (at(Some(x)).sqrt() - at(x.checked_sub(1)).sqrt()).powi(2));
        steps.sum::<f64>() * 4f64.powi(bits as i32)
    }

    #[test]
    fn the_constant_is_that_of_the_flood() {
        let information = 2.0 * (16.0 * (2f64.sqrt() / 4.0 * 0.5f64.sqrt().atanh() - 0.25) + 4.0);
        assert!(information.sqrt() / 2.0 < 1.5790 && information < 9.972);
        assert!((1.0001 * information).sqrt() / 2.0 < SMOOTH);
        for bits in 4..=11 {
            let half = f64::from(1 << (bits - 1));
            let (steps, bound) =
                (one_step(&density(bits), bits), (1.0 + 2.0 * (1.0 + half.ln()) / half) * information / 4.0);
            assert!(steps <= bound && steps > information / 4.0 * 0.99, "f = {bits}: {steps}, {bound}");
        }
    }

    /// Distances by the definition are within the bound, for shifts from one to the whole support.
    #[test]
    fn one_value_is_within_the_bound() {
        const BITS: u32 = 10;
        let g = density(BITS);
        for v in [1, 2, 3, 10, 100, 500, 1000] {
            let at = |x: usize| g.get(x).copied().unwrap_or(0.0);
            let shifted = |x: usize| x.checked_sub(v).map_or(0.0, at);
            let distance = (0..g.len() + v).map(|x| (at(x) - shifted(x)).abs()).sum::<f64>() / 2.0;
            let bound = Distance::of(1, (v * v) as f64, BITS as i32, 0.0).square.sqrt();
            assert!(distance <= bound, "v = {v}: {distance} of {bound}");
        }
    }

    #[test]
    fn parts_make_a_whole() {
        let whole = |layers: &[(usize, f64)]| {
            let run = Run::new(layers);
            let parts = layers.iter().map(|&(values, need)| run.part(values, need));
            parts.fold(Distance::default(), Distance::and).total() * 2f64.powi(Run::BITS)
        };
        let half = Run::all().square / 2.0;
        // Nothing needed; all of the half needed; more than there is.
        assert!(whole(&[(500, 0.0), (300, 0.0), (200, 0.0)]) < 0.8);
        assert!((whole(&[(500, half / 2.0), (300, half / 2.0)]) - 1.0).abs() < 1e-9);
        assert!(whole(&[(500, half * 0.9), (300, half * 0.9), (7, half / 20.0)]) < 1.0);
        assert!((Distance { square: 1e-20, sum: 0.0 }.times(100.0).total() - 1e-9).abs() < 1e-12);
    }
}
