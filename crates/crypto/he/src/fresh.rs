//! Fresh ciphertexts, whose messages may come out of the encryption itself.
//!
//! An encryption of m is (c₀, a) with c₀ = −a·s + e + round(Q·m/2^ℓ), and a expanded from a seed. Where m
//! need only be uniform and known to the client, its ℓ bits need not travel. Let v = −a·s + e, let h be the ℓ
//! leading bits of v as a fraction of Q, and let m = −h. Then c₀ = v − round(Q·h/2^ℓ) is below 2^−ℓ of the
//! modulus, and takes ℓ bits less. To a party without the key v is pseudorandom, and so is m: it is ℓ bits of
//! v, of which the rest is sent.
//!
//! **The range of c₀** is exact. Write Q = P·q with q the last prime, below 2^52. h = ⌊2^ℓ·F⌋ with F = v/Q −
//! δ, where 0 ≤ δ ≤ 9L/2^128 for the L primes ([`Parameters::fraction`]). Hence Q·h/2^ℓ ≤ v, so that c₀ ≥ 0;
//! and v < Q·(h + 1)/2^ℓ + δ·Q, so that c₀ < Q/2^ℓ + δ·Q + 1/2 ≤ P·2^(52−ℓ): its last mixed-radix digit is
//! below 2^(52−ℓ), without exception. (P·(2^52 − q)/2^ℓ is at least P/2^40, and δ·Q + 1/2 less.) Where v <
//! δ·Q, F may be taken around to 1 − δ′: then h = 2^ℓ − 1, and c₀ = v + round(Q/2^ℓ) keeps the same bound.
//!
//! **How uniform m is.** If v is uniform, then given c₀ all m are equally likely, up to the v within δ·Q + 1
//! of a multiple of Q/2^ℓ: a fraction of at most (2 + 18L·Q/2^128)·2^ℓ/Q, below 2^−59 wherever a flood fits
//! ([`Budget`]).

use std::fmt;

use veilflow_prim::{Block, Prg};
use veilflow_ring::{Ring, pack, packed_len, unpack};

use crate::modulus::PRIME_BITS;
use crate::parameters::Scaling;
use crate::poly::{NttPoly, Poly};
use crate::{Budget, Form, HeError, Parameters, Result, SecretKey, sample};

/// The coefficients of c₀ that travel. The server takes zero for the others, so no output may depend on them.
/// Slots are public.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slots {
    /// The coefficients whose message the encryption chooses.
    pub free: Vec<usize>,
    /// The coefficients whose message is given.
    pub given: Vec<usize>,
}

impl Slots {
    fn positions(&self) -> impl Iterator<Item = usize> + Clone {
        self.free.iter().chain(&self.given).copied()
    }
}

/// Bytes of a fresh ciphertext with so many free and given coefficients.
pub fn fresh_bytes(parameters: &Parameters, budget: &Budget, free: usize, given: usize) -> usize {
    let lower: usize = lower_rings(parameters, budget).map(|ring| packed_len(ring, free + given)).sum();
    lower
        + top_rings(budget)
            .into_iter()
            .zip([free, given])
            .map(|(ring, len)| packed_len(ring, len))
            .sum::<usize>()
}

/// Bits of a free and of a given coefficient of a fresh ciphertext.
pub fn fresh_bits(parameters: &Parameters, budget: &Budget) -> [u32; 2] {
    let given = parameters.log_q() - budget.cut_bits;
    [given - budget.ring_bits, given]
}

fn width(bits: u32) -> Ring {
    Ring::new(bits).expect("less is left away than a prime has")
}

/// Widths of all mixed-radix digits of c₀ but the last. The lowest digit is cut.
fn lower_rings(parameters: &Parameters, budget: &Budget) -> impl Iterator<Item = Ring> {
    let cut = budget.cut_bits;
    (1..parameters.primes()).map(move |i| width(PRIME_BITS - if i == 1 { cut } else { 0 }))
}

/// Widths of the last digit of free and of given coefficients.
fn top_rings(budget: &Budget) -> [Ring; 2] {
    [width(PRIME_BITS - budget.ring_bits), width(PRIME_BITS)]
}

/// The message that makes coefficient `at` small, which is minus its ℓ leading bits.
fn choose(parameters: &Parameters, ring: Ring, poly: &Poly, at: usize) -> u64 {
    let leading = (parameters.fraction(poly, at) >> (128 - ring.bits())) as u64;
    ring.reduce(leading.wrapping_neg())
}

/// Makes the fresh ciphertexts of one layer.
pub struct Encryptor<'k> {
    key: &'k SecretKey,
    form: Form,
    budget: Budget,
    scaling: Scaling,
}

impl fmt::Debug for Encryptor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encryptor({:?})", self.budget)
    }
}

impl<'k> Encryptor<'k> {
    /// An encryptor for products in `form`, under `budget`.
    pub fn new(key: &'k SecretKey, form: Form, budget: Budget) -> Self {
        let scaling = Scaling::new(&key.parameters, width(budget.ring_bits));
        Self { key, form, budget, scaling }
    }

    /// Appends a ciphertext to `out`, in which the given slots hold `given`, and returns what the free ones
    /// hold. `seed` is public, and must be fresh: ciphertexts of one seed reveal their difference. Panics if
    /// there are fewer messages than slots.
    pub fn encrypt(
        &self,
        seed: Block,
        slots: &Slots,
        given: &[u64],
        prg: &mut Prg,
        out: &mut Vec<u8>,
    ) -> Vec<u64> {
        assert_eq!(slots.given.len(), given.len(), "one message a given slot");
        let parameters = &self.key.parameters;
        let degree = parameters.degree();
        let a = sample::uniform(parameters, &mut Prg::from_seed(seed));
        let a = match self.form {
            Form::Points => NttPoly { values: a },
            Form::Coefficients => parameters.forward(Poly { values: a }),
        };
        let mut error = sample::errors(degree, prg);
        if self.budget.cut_bits > 0 {
            // A cut leaves 1/2 too little on average. A random bit makes the mean zero.
            let dither = prg.bits(degree);
            error.iter_mut().zip(dither.iter()).for_each(|(e, bit)| *e -= i64::from(bit));
        }
        let mut c0 = parameters.gather(&self.key.mask(a, &error), slots.positions());
        let ring = width(self.budget.ring_bits);
        let free: Vec<u64> = (0..slots.free.len()).map(|at| choose(parameters, ring, &c0, at)).collect();
        for (at, &m) in free.iter().chain(given).enumerate() {
            parameters.add_message(&mut c0, at, &self.scaling, m);
        }
        parameters.to_digits(&mut c0);

        let len = free.len() + given.len();
        let (lower, top) = c0.values.split_at_mut((parameters.primes() - 1) * len);
        lower[..len].iter_mut().for_each(|x| *x >>= self.budget.cut_bits);
        for (i, ring) in lower_rings(parameters, &self.budget).enumerate() {
            pack(ring, &lower[i * len..][..len], out);
        }
        let (top_free, top_given) = top.split_at(free.len());
        for (ring, digits) in top_rings(&self.budget).into_iter().zip([top_free, top_given]) {
            pack(ring, digits, out);
        }
        free
    }
}

/// c₀ of a fresh ciphertext, from its digits.
pub(crate) fn read_fresh(
    parameters: &Parameters,
    budget: &Budget,
    slots: &Slots,
    bytes: &[u8],
) -> Result<Poly> {
    let what = "a fresh ciphertext";
    let (free, given) = (slots.free.len(), slots.given.len());
    let want = fresh_bytes(parameters, budget, free, given);
    if bytes.len() != want {
        return Err(HeError::Length { what, got: bytes.len(), want });
    }
    let len = free + given;
    let lower = lower_rings(parameters, budget).map(|ring| (ring, len));
    let top = top_rings(budget).into_iter().zip([free, given]);
    let mut digits = Vec::with_capacity(len * parameters.primes());
    let mut rest = bytes;
    for (ring, count) in lower.chain(top) {
        let (now, later) = rest.split_at(packed_len(ring, count));
        rest = later;
        digits.extend(unpack(ring, now, count));
    }
    let cut = budget.cut_bits;
    for (i, m) in parameters.moduli().enumerate() {
        let most = (m.value() - 1) >> if i == 0 { cut } else { 0 };
        if digits[i * len..][..len].iter().any(|&x| x > most) {
            return Err(HeError::Range { what });
        }
    }
    // The middle of what the cut bits may have been, but not above the prime.
    let middle = (1u64 << cut) >> 1;
    let top = parameters.ntts[0].modulus.value() - 1;
    digits[..len].iter_mut().for_each(|x| *x = ((*x << cut) + middle).min(top));
    let mut sent = Poly { values: digits };
    parameters.to_residues(&mut sent);
    let mut c0 = Poly { values: vec![0; parameters.degree() * parameters.primes()] };
    for (i, values) in c0.values.chunks_exact_mut(parameters.degree()).enumerate() {
        for (at, &x) in slots.positions().zip(&sent.values[i * len..][..len]) {
            values[at] = x;
        }
    }
    Ok(c0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Load;
    use crate::hiding::Run;

    /// At and around every boundary of leading bits, what is left has its bits.
    #[test]
    fn the_last_digit_never_overflows() {
        let mut prg = Prg::from_seed(Block(21));
        for (degree, primes) in [(64, 2), (64, 3), (4096, 2), (8192, 2), (8192, 3), (64, 4)] {
            let parameters = Parameters::insecure_for_tests(degree, primes);
            for bits in 1..=crate::MAX_RING_BITS {
                let ring = width(bits);
                let scaling = Scaling::new(&parameters, ring);
                let heads =
                    [0, 1, 2, 3, ring.mask() >> 1, (ring.mask() >> 1) + 1, ring.mask() - 1, ring.mask()]
                        .into_iter()
                        .chain(prg.ring_vec(ring, 64).into_values());
                for head in heads.map(|head| ring.reduce(head)) {
                    // For three primes the fraction is off by as much as 2^33.
                    for off in [-(1i128 << 33), -3, -2, -1, 0, 1, 2, 3, 1 << 20, 1 << 26, 1 << 33] {
                        let mut c0 = Poly { values: vec![0; primes] };
                        parameters.add_message(&mut c0, 0, &scaling, head);
                        parameters.add_wide(&mut c0, 0, off);
                        let m = choose(&parameters, ring, &c0, 0);
                        parameters.add_message(&mut c0, 0, &scaling, m);
                        parameters.to_digits(&mut c0);
                        let last = c0.values[primes - 1];
                        assert!(
                            last >> (PRIME_BITS - bits) == 0,
                            "{degree}, {primes}: {bits} bits, {head} + {off}"
                        );
                        let below = ring.reduce(head.wrapping_add(m));
                        assert!(below <= 1, "the leading bits of {head} + {off} are {m}, {bits} bits");
                    }
                }
            }
        }
    }

    /// The last digit, which the server sees, does not tell the message: 16 × 16 classes of both are equally
    /// full.
    #[test]
    fn chosen_messages_are_uniform_given_what_is_sent() {
        let mut prg = Prg::from_seed(Block(22));
        let parameters = Arc::new(Parameters::new(4096, 2).unwrap());
        let key = SecretKey::generate(Arc::clone(&parameters), &mut prg);
        let part = Run::new(&[(4096, 0.0)]).part(4096, 0.0);
        let load = Load { ring_bits: 32, weight_bits: 8, weights: 9, levels: 0, values: 4096, part };
        let budget = Budget::new(&parameters, &load).unwrap();
        let slots = Slots { free: (0..4096).collect(), given: Vec::new() };
        let encryptor = Encryptor::new(&key, Form::Points, budget);
        let mut classes = [0f64; 256];
        for _ in 0..8 {
            let mut bytes = Vec::new();
            let chosen = encryptor.encrypt(prg.block(), &slots, &[], &mut prg, &mut bytes);
            let mut c0 = read_fresh(&parameters, &budget, &slots, &bytes).unwrap();
            parameters.to_digits(&mut c0);
            for (m, digit) in chosen.iter().zip(&c0.values[4096..]) {
                classes[(m >> 28 << 4 | digit >> (PRIME_BITS - 32 - 4)) as usize] += 1.0;
            }
        }
        let chi_square: f64 = classes.iter().map(|n| (n - 128.0) * (n - 128.0) / 128.0).sum();
        // 255 ± 22.6 if both are uniform and independent.
        assert!((255.0 - 136.0..255.0 + 136.0).contains(&chi_square), "{chi_square}");
    }
}
