//! Where the modulus goes: noise, flood and rounding of one product.
//!
//! In units of Q/2^ℓ, the distance of two messages, a reply decrypts exactly when noise, flood and rounding stay under 1/2
//! together. The flood gets 1/8, the rounding of c₁ a quarter, the rounding of c₀ a sixteenth; the noise must be 2^40 times
//! smaller than the flood to be hidden, which leaves a margin of a sixteenth. These are bounds, not estimates: no choice of
//! secret, errors, messages or weights exceeds them, so decryption cannot fail.
//!
//! **Noise.** A coefficient of a reply is Σ wᵢ·xᵢ over encrypted coefficients xᵢ, each off by an error of at most 21, the
//! rounding of Q·m/2^ℓ (1/2), and 2^(t−1) for the t low bits that the sender of a fresh ciphertext cuts. Re-randomisation
//! adds e·u + e′·s with ternary u and s: at most 2·21·N. Rounding the mask adds 1/2; 1 covers it:
//!
//! B = ‖w‖₁·(21 + 1/2 + 2^(t−1)) + 42·N + 1.
//!
//! **Packing** through h levels adds the noise of key switching, at most κ = 21·N·Q/(2P) + (N + 1)/2 + 1 each (the digit is c₁
//! itself, centred; P is the product of the special primes). A level adds up two noises twice over: (4^h − 1)/3·κ in all. The
//! noise of the packed products passes unchanged, for they were divided by 2^h beforehand.
//!
//! **Flood.** Uniform in −2^f..2^f. The statistical distance between flood and flood + noise is at most B/2^(f+1) a
//! coefficient: f ≥ 40 + log₂ B is demanded, and f is as large as the ring allows in any case.
//!
//! **Cut.** t is the largest with which that still holds, so a fresh ciphertext costs ℓ + 44 + log₂‖w‖₁ bits a coefficient,
//! whatever Q is.
//!
//! **Reply.** c₁ is rounded to ℓ + 1 + log₂ N bits, off by N/2 units after multiplication by s at most, a quarter in all; c₀ to
//! ℓ + 3 bits.

use crate::ntt::Ntt;
use crate::sample::ERROR_BOUND;
use crate::{HeError, Parameters, Result};

/// Statistical security parameter σ: noise hides behind a flood 2^σ times larger.
pub const STATISTICAL_BITS: u32 = 40;

/// The widest message ring: with it c₁ of a reply has 54 bits, where 64-bit fractions round well.
pub const MAX_RING_BITS: u32 = 40;

/// Flood bits at most: more would hide nothing more, and cost time.
const MAX_FLOOD: i32 = 96;

/// The widest weights: their residues are below every prime.
pub const MAX_WEIGHT_BITS: u32 = 48;

/// Cut bits at most: the lowest prime has 50.
const MAX_CUT: u32 = 45;

/// How the modulus is divided for one product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// Width ℓ of the message ring.
    pub ring_bits: u32,
    /// Levels h of packing: 2^h products become one reply.
    pub levels: u32,
    /// Low bits t that fresh ciphertexts leave away.
    pub cut_bits: u32,
    /// The flood is uniform in −2^f..2^f.
    pub flood_bits: u32,
    /// Bits of a coefficient of c₀ of a reply.
    pub c0_bits: u32,
    /// Bits of a coefficient of c₁ of a reply.
    pub c1_bits: u32,
    /// The noise bound B.
    pub noise: f64,
}

/// κ·(4^h − 1)/3.
fn packing_noise(parameters: &Parameters, levels: u32) -> f64 {
    let product = |ntts: &[Ntt]| ntts.iter().map(|ntt| ntt.modulus.value() as f64).product::<f64>();
    let (degree, ratio) =
        (parameters.degree() as f64, product(&parameters.ntts) / product(&parameters.special));
    let switching = ERROR_BOUND as f64 * degree * ratio / 2.0 + (degree + 1.0) / 2.0 + 1.0;
    switching * (4f64.powi(levels as i32) - 1.0) / 3.0
}

/// B for fresh ciphertexts with `cut` bits cut, without packing.
fn noise(parameters: &Parameters, weight_norm: f64, cut: u32) -> f64 {
    let rounding = if cut == 0 { 0.0 } else { (1u64 << (cut - 1)) as f64 };
    let bound = ERROR_BOUND as f64;
    weight_norm * (bound + 0.5 + rounding) + 2.0 * bound * parameters.degree() as f64 + 1.0
}

impl Budget {
    /// The division for messages of `ring_bits` bits and weights whose magnitudes sum up to `weight_norm` at most, over all
    /// that is added up in one product, with 2^`levels` products packed into a reply. Errors if the flood would not hide the
    /// noise. Panics if there are levels, and the parameters cannot pack or have a degree below 2^`levels`.
    pub fn new(parameters: &Parameters, ring_bits: u32, weight_norm: f64, levels: u32) -> Result<Self> {
        let packable = parameters.can_pack() && levels <= parameters.degree().trailing_zeros();
        assert!(levels == 0 || packable, "these parameters cannot pack that");
        if ring_bits > MAX_RING_BITS {
            return Err(HeError::Ring { bits: ring_bits, limit: MAX_RING_BITS });
        }
        let available = (parameters.log_q() as i32 - ring_bits as i32 - 3).min(MAX_FLOOD);
        let allowed = 2f64.powi(available - STATISTICAL_BITS as i32);
        let packing = if levels == 0 { 0.0 } else { packing_noise(parameters, levels) };
        let uncut = noise(parameters, weight_norm, 0) + packing;
        if uncut > allowed {
            return Err(HeError::Noise {
                degree: parameters.degree(),
                ring_bits,
                noise_bits: uncut.log2(),
                statistical: STATISTICAL_BITS,
                wanted: uncut.log2() + f64::from(STATISTICAL_BITS),
                available,
            });
        }
        // The largest t with ‖w‖₁·2^(t−1) within what is left. Both parties must find the same: no rounded logarithms.
        let room = (allowed - uncut) / weight_norm.max(1.0);
        let cut_bits = (0..MAX_CUT).take_while(|&t| (1u64 << t) as f64 <= room).count() as u32;
        Ok(Self {
            ring_bits,
            levels,
            cut_bits,
            flood_bits: available as u32,
            c0_bits: ring_bits + 3,
            c1_bits: ring_bits + 1 + parameters.degree().trailing_zeros(),
            noise: noise(parameters, weight_norm, cut_bits) + packing,
        })
    }

    /// What noise, flood and rounding come to at most, in units of the distance of two messages. Below 1/2.
    pub fn worst_case(&self, parameters: &Parameters) -> f64 {
        let unit =
            parameters.moduli().map(|m| m.value() as f64).product::<f64>() / 2f64.powi(self.ring_bits as i32);
        // A fraction of 2^64 is off by 3 a prime at most, besides the rounding to the nearest.
        let rounding = |bits: u32| 0.5 + 3.0 * parameters.primes() as f64 * 2f64.powi(bits as i32 - 64);
        let c0 = rounding(self.c0_bits) / 2f64.powi((self.c0_bits - self.ring_bits) as i32);
        let c1 = rounding(self.c1_bits) / 2f64.powi((self.c1_bits - self.ring_bits) as i32);
        (self.noise + 2f64.powi(self.flood_bits as i32)) / unit + c0 + c1 * parameters.degree() as f64
    }

    /// log₂ of flood over noise: at least [`STATISTICAL_BITS`].
    pub fn hiding_bits(&self) -> f64 {
        f64::from(self.flood_bits) - self.noise.log2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_budget_decrypts_and_hides() {
        for (degree, primes) in [(4096, 2), (8192, 3), (8192, 4)] {
            let parameters = Parameters::new(degree, primes).unwrap();
            for ring_bits in 1..=MAX_RING_BITS {
                for norm_bits in 0..50 {
                    if let Ok(budget) = Budget::new(&parameters, ring_bits, 2f64.powi(norm_bits), 0) {
                        assert!(budget.worst_case(&parameters) < 15.0 / 32.0, "{budget:?}");
                        assert!(budget.hiding_bits() >= f64::from(STATISTICAL_BITS), "{budget:?}");
                        assert!(budget.c1_bits <= 54);
                        let more = noise(&parameters, 2f64.powi(norm_bits), budget.cut_bits + 1);
                        let hidden =
                            more.log2() + f64::from(STATISTICAL_BITS) <= f64::from(budget.flood_bits);
                        assert!(budget.cut_bits == MAX_CUT || !hidden, "more could be cut: {budget:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_reason() {
        let small = Parameters::new(4096, 2).unwrap();
        let error = Budget::new(&small, 37, 2f64.powi(25), 0).unwrap_err();
        assert!(
            matches!(error, HeError::Noise { degree: 4096, ring_bits: 37, available: 60, .. }),
            "{error}"
        );
        assert!(Budget::new(&Parameters::new(8192, 3).unwrap(), 37, 2f64.powi(25), 0).is_ok());
        assert!(matches!(Budget::new(&small, 41, 1.0, 0), Err(HeError::Ring { bits: 41, limit: 40 })));
    }

    #[test]
    fn only_secure_parameters_are_made() {
        for (degree, primes) in [(4096, 3), (2048, 2), (8192, 5), (4095, 2), (64, 2)] {
            assert!(
                matches!(Parameters::new(degree, primes), Err(HeError::Insecure { .. })),
                "{degree}, {primes}"
            );
        }
        assert!(Parameters::new(8192, 4).is_ok_and(|p| p.is_secure() && p.log_q() == 200));
    }
}
