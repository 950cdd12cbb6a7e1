//! Where the modulus goes: noise, flood and rounding of one product.
//!
//! The unit is Q/2^ℓ, the distance of two messages. A reply decrypts exactly when noise, flood and rounding
//! stay under 1/2 together. The flood gets 1/8, the rounding of c₁ a quarter, the rounding of c₀ a sixteenth.
//! The noise must be less than a quarter of the flood, which leaves a margin of a 32nd. These are bounds, not
//! estimates: no choice of secret, errors, messages or weights exceeds them, so decryption cannot fail.
//! Hiding the noise takes a flood far larger than that, by its mean square.
//!
//! **Noise.** A coefficient of a reply is Σ wᵢ·xᵢ over encrypted coefficients xᵢ, each off by an error of at
//! most 21, the rounding of Q·m/2^ℓ (1/2), and 2^(t−1) + 1 for the t low bits that the sender of a fresh
//! ciphertext cuts, and the bit it adds to keep their mean at zero. Re-randomisation adds e·u + e′·s with
//! ternary u and s: at most 2·21·N.
//!
//! B = ‖w‖₁·(21 + 1/2 + 2^(t−1) + 1) + 42·N.
//!
//! **Packing** through h levels adds the noise of key switching, at most κ = 21·N·Q/(2P) + (N + 1)/2 + 1 each
//! (the digit is c₁ itself, centred; P is the product of the special primes). A level makes x + y + σ(x − y)
//! of two polynomials, where σ keeps the useful coefficients of one and negates those of the other. So a
//! useful coefficient meets twice the noise of the half that it comes from, and nothing of the other: the
//! switch of level i is doubled by the levels after it, which gives (2^h − 1)·κ in all, and (4^h − 1)/3 times
//! the mean square of one switch. The noise of the packed products passes unchanged, for they were divided by
//! 2^h beforehand.
//!
//! **Flood.** It lies in −2^f..2^f, with f as large as the ring allows. Of n values whose noise has the mean
//! square V, it leaves a statistical distance of 1.58·√(n·V)/2^f (module [`hiding`](crate::hiding)), where
//! ‖w‖₂ is bounded like ‖w‖₁ and
//!
//! V = ‖w‖₂²·(10.5 + 1/4 + 4^t/12 + 1/4) + (‖w‖₁/2^(ℓ+1))² + 14·N + (4^h − 1)/3·(10.5·N·(Q/2P)² + N).
//!
//! A layer takes its part of what a run may have ([`Run`]), so that all layers of a run together are within
//! 2^−40. Where it cannot, the parameters are refused for it.
//!
//! **Cut.** As many bits are cut as that leaves room for. So a coefficient of a fresh ciphertext takes about
//! ℓ + 44 + log₂(√n·‖w‖₂) bits, never more than log₂ Q, and ℓ less where encryption chooses the message.
//!
//! **Reply.** c₁ is rounded to ℓ + 1 + log₂ N bits. After multiplication by s it is off by N/2 of its units
//! at most, a quarter in all. c₀ is rounded to ℓ + 3 bits, of which the low 3 are sent.

use crate::hiding::{Distance, Run};
use crate::ntt::Ntt;
use crate::sample::{ERROR_BOUND, ERROR_VARIANCE};
use crate::{HeError, Parameters, Result};

/// The widest message ring. With it c₁ of a reply has 54 bits, where 64-bit fractions round well.
pub const MAX_RING_BITS: u32 = 40;

/// How many bits of a coefficient of c₀ a reply sends: eighths of a unit. The rest is the server's share.
pub(crate) const C0_BITS: u32 = 3;

/// The largest flood, in bits: what [`Parameters::add_wide`] adds.
const MAX_FLOOD: i32 = 101;

/// The widest weights. Their residues are below every prime.
pub const MAX_WEIGHT_BITS: u32 = 48;

/// The largest cut, in bits. The lowest prime has 52.
const MAX_CUT: u32 = 45;

/// What a layer asks of the modulus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Width ℓ of the message ring.
    pub ring_bits: u32,
    /// Width b of a weight: in −2^(b−1)..2^(b−1).
    pub weight_bits: u32,
    /// Weights of one product, over all ciphertexts that are added up in it.
    pub weights: usize,
    /// Levels h of packing: 2^h products become one reply.
    pub levels: u32,
    /// Values n of all replies of the layer.
    pub values: usize,
    /// What it may leave unhidden.
    pub part: Distance,
}

impl Load {
    fn largest_weight(&self) -> f64 {
        2f64.powi(self.weight_bits as i32 - 1)
    }

    /// ‖w‖₁ at most.
    fn weight_norm(&self) -> f64 {
        self.weights as f64 * self.largest_weight()
    }
}

/// How the modulus is divided for one product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// Width ℓ of the message ring.
    pub ring_bits: u32,
    /// Levels h of packing: 2^h products become one reply.
    pub levels: u32,
    /// The number t of low bits that fresh ciphertexts leave away.
    pub cut_bits: u32,
    /// The flood lies in −2^f..2^f.
    pub flood_bits: u32,
    /// How many bits a coefficient of c₁ of a reply has.
    pub c1_bits: u32,
    /// The noise bound B.
    pub noise: f64,
    /// The bound V of its mean square.
    pub mean_square: f64,
    /// What is left unhidden of the layer.
    pub distance: Distance,
}

fn product(ntts: &[Ntt]) -> f64 {
    ntts.iter().map(|ntt| ntt.modulus.value() as f64).product()
}

/// κ·(2^h − 1).
fn packing_noise(parameters: &Parameters, levels: u32) -> f64 {
    if levels == 0 {
        return 0.0;
    }
    let (degree, ratio) =
        (parameters.degree() as f64, product(&parameters.ntts) / product(&parameters.special));
    let switching = ERROR_BOUND as f64 * degree * ratio / 2.0 + (degree + 1.0) / 2.0 + 1.0;
    switching * (2f64.powi(levels as i32) - 1.0)
}

/// B with `cut` bits cut.
fn noise(parameters: &Parameters, load: &Load, cut: u32) -> f64 {
    let rounding = if cut == 0 { 0.0 } else { (1u64 << (cut - 1)) as f64 + 1.0 };
    let bound = ERROR_BOUND as f64;
    load.weight_norm() * (bound + 0.5 + rounding)
        + 2.0 * bound * parameters.degree() as f64
        + packing_noise(parameters, load.levels)
}

/// V with `cut` bits cut.
fn mean_square(parameters: &Parameters, load: &Load, cut: u32) -> f64 {
    let degree = parameters.degree() as f64;
    let packing = if load.levels == 0 {
        0.0
    } else {
        let ratio = product(&parameters.ntts) / product(&parameters.special) / 2.0;
        let switches = (4f64.powi(load.levels as i32) - 1.0) / 3.0;
        switches * (ERROR_VARIANCE * degree * ratio * ratio + degree)
    };
    let rounding = if cut == 0 { 0.0 } else { 4f64.powi(cut as i32) / 12.0 + 0.25 };
    // Half of the remainders at a power of two below are rounded up.
    let bias = load.weight_norm() * 2f64.powi(-(load.ring_bits as i32) - 1);
    let weight = load.largest_weight();
    load.weights as f64 * weight * weight * (ERROR_VARIANCE + 0.25 + rounding)
        + bias * bias
        + 14.0 * degree
        + packing
}

/// The largest f that decrypts.
fn flood_bits(parameters: &Parameters, ring_bits: u32) -> i32 {
    (parameters.log_q() as i32 - ring_bits as i32 - 3).min(MAX_FLOOD)
}

/// What is left unhidden with `cut` bits cut.
fn unhidden(parameters: &Parameters, load: &Load, cut: u32) -> Distance {
    let flood = flood_bits(parameters, load.ring_bits);
    // `Parameters::fraction` is at most 9 a prime too small, of 2^128.
    let quotient_error = 9.0 * parameters.primes() as f64 * product(&parameters.ntts) / 2f64.powi(128);
    Distance::of(load.values, mean_square(parameters, load, cut), flood, quotient_error)
}

impl Budget {
    /// The square that a layer leaves unhidden at least under these parameters, whatever its part.
    pub fn need(parameters: &Parameters, load: &Load) -> f64 {
        unhidden(parameters, load, 0).square
    }

    /// The division for one layer. Errors if the ring or the weights are too wide, or the flood would not
    /// hide the noise as well as a run asks. Panics if there are levels, and the parameters cannot pack or
    /// have a degree below 2^`levels`.
    pub fn new(parameters: &Parameters, load: &Load) -> Result<Self> {
        let Load { ring_bits, weight_bits, levels, part, .. } = *load;
        let packable = parameters.can_pack() && levels <= parameters.degree().trailing_zeros();
        assert!(levels == 0 || packable, "these parameters cannot pack that");
        if ring_bits > MAX_RING_BITS {
            return Err(HeError::Ring { bits: ring_bits, limit: MAX_RING_BITS });
        }
        if weight_bits > MAX_WEIGHT_BITS {
            return Err(HeError::Weights { bits: weight_bits, limit: MAX_WEIGHT_BITS });
        }
        let flood_bits = flood_bits(parameters, ring_bits);
        // Both parties must find the same, so nothing here depends on how a library rounds.
        let distance = |t: u32| unhidden(parameters, load, t);
        let holds = |t: u32| {
            let Distance { square, sum } = distance(t);
            noise(parameters, load, t) <= 2f64.powi(flood_bits - 2)
                && square <= part.square
                && sum <= part.sum
        };
        let Some(cut_bits) = (0..=MAX_CUT).take_while(|&t| holds(t)).last() else {
            let uncut = distance(0);
            let missing = (uncut.square / part.square).sqrt().max(uncut.sum / part.sum);
            return Err(HeError::Noise {
                degree: parameters.degree(),
                ring_bits,
                statistical: Run::BITS,
                wanted: f64::from(flood_bits) + missing.log2(),
                available: flood_bits,
            });
        };
        Ok(Self {
            ring_bits,
            levels,
            cut_bits,
            flood_bits: flood_bits as u32,
            c1_bits: ring_bits + 1 + parameters.degree().trailing_zeros(),
            noise: noise(parameters, load, cut_bits),
            mean_square: mean_square(parameters, load, cut_bits),
            distance: distance(cut_bits),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What noise, flood and rounding come to at most, in units of the distance of two messages.
    fn worst_case(budget: &Budget, parameters: &Parameters) -> f64 {
        let unit = product(&parameters.ntts) / 2f64.powi(budget.ring_bits as i32);
        // A fraction of 2^64 is off by 3 a prime at most, one of 2^128 by 9, besides the rounding to the
        // nearest.
        let primes = parameters.primes() as f64;
        let c0_error = 9.0 * primes * 2f64.powi((budget.ring_bits + C0_BITS) as i32 - 128);
        let c1_error = 3.0 * primes * 2f64.powi(budget.c1_bits as i32 - 64);
        let c0 = (0.5 + c0_error) / 2f64.powi(C0_BITS as i32);
        let c1 = (0.5 + c1_error) / 2f64.powi((budget.c1_bits - budget.ring_bits) as i32);
        (budget.noise + 2f64.powi(budget.flood_bits as i32)) / unit + c0 + c1 * parameters.degree() as f64
    }

    #[test]
    fn every_budget_decrypts_and_hides() {
        let sets = [(4096, 2, 0), (8192, 2, 0), (8192, 2, 5), (8192, 3, 0)];
        // Eleven such layers.
        let part = Run::new(&[(200_704, 0.0); 11]).part(200_704, 0.0);
        let mut layers = 0;
        for (degree, primes, levels) in sets {
            let parameters = if levels > 0 {
                Parameters::with_packing(degree).unwrap()
            } else {
                Parameters::new(degree, primes).unwrap()
            };
            for ring_bits in 1..=MAX_RING_BITS {
                for weight_bits in 1..16 {
                    for weights in [1, 576, 8192] {
                        let load = Load { ring_bits, weight_bits, weights, levels, values: 200_704, part };
                        let Ok(budget) = Budget::new(&parameters, &load) else { continue };
                        assert!(worst_case(&budget, &parameters) < 31.0 / 64.0, "{budget:?}");
                        assert!(budget.distance.times(11.0).total() <= 2f64.powi(-40), "{budget:?}");
                        assert!(budget.c1_bits <= 54 && budget.cut_bits <= MAX_CUT);
                        layers += 1;
                    }
                }
            }
        }
        assert!(layers > 1000, "{layers} layers have a budget");
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_reason() {
        let (small, large) = (Parameters::new(4096, 2).unwrap(), Parameters::new(8192, 3).unwrap());
        let part = Run::new(&[(1, 0.0)]).part(1, 0.0);
        let load = Load { ring_bits: 40, weight_bits: 10, weights: 1 << 24, levels: 0, values: 1, part };
        let error = Budget::new(&small, &load).unwrap_err();
        assert!(
            matches!(error, HeError::Noise { degree: 4096, ring_bits: 40, available: 61, .. }),
            "{error}"
        );
        assert!(Budget::new(&large, &load).is_ok());
        let wide = Load { ring_bits: 41, ..load };
        assert!(matches!(Budget::new(&large, &wide), Err(HeError::Ring { bits: 41, limit: 40 })));
        let heavy = Load { weight_bits: 49, ..load };
        assert!(matches!(Budget::new(&large, &heavy), Err(HeError::Weights { bits: 49, limit: 48 })));
    }

    #[test]
    fn only_secure_parameters_are_made() {
        for (degree, primes) in [(4096, 3), (2048, 2), (8192, 5), (4095, 2), (64, 2)] {
            assert!(
                matches!(Parameters::new(degree, primes), Err(HeError::Insecure { .. })),
                "{degree}, {primes}"
            );
        }
        assert!(Parameters::new(8192, 4).is_ok_and(|p| p.log_q() == 208));
    }
}
