//! Parameter sets, and what each is worth.

use std::fmt;

use zeroize::Zeroizing;

use veilflow_ring::Ring;

use crate::modulus::{Modulus, PRIME_BITS, Shoup, ntt_primes};
use crate::ntt::{Ntt, vectorised};
use crate::poly::{NttPoly, Poly};
use crate::{HeError, Result};

/// The largest log₂ Q at degree N that is 128-bit secure against classical attacks with a uniform ternary
/// secret and an error of standard deviation 3.19: Bossuat et al., "Security guidelines for implementing
/// homomorphic encryption", ePrint 2024/463, table 5.2, of the degrees in use.
pub const SECURITY_TABLE: [(usize, u32); 2] = [(4096, 106), (8192, 214)];

/// Degree N, modulus Q = q₁⋯q_L of L primes of 52 bits, and the tables that go with them.
///
/// Ciphertexts are pairs (c₀, c₁) over Z_Q\[X\]/(X^N + 1) with c₀ + c₁·s = Q/2^ℓ·m + noise.
pub struct Parameters {
    degree: usize,
    pub(crate) ntts: Vec<Ntt>,
    /// Tables of the special primes of packing keys, if there are.
    pub(crate) special: Vec<Ntt>,
    /// (Q/qᵢ)^−1 mod qᵢ.
    pub(crate) punctured_inverses: Vec<Shoup>,
    /// Mixed-radix constants. Row i holds the products of the first j primes, j ≤ i, modulo the prime with
    /// index i.
    pub(crate) prefixes: Vec<Vec<Shoup>>,
    /// The inverse of the last constant in each row.
    pub(crate) prefix_inverses: Vec<Shoup>,
    /// 2^51 mod qᵢ.
    halves: Vec<Shoup>,
    /// Q mod 2^64.
    pub(crate) product_word: u64,
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameters(degree {}, {} bits)", self.degree, self.log_q())
    }
}

impl Parameters {
    /// `primes` primes, two or more, at `degree`. Errors unless [`SECURITY_TABLE`] has the degree and allows
    /// the modulus.
    pub fn new(degree: usize, primes: usize) -> Result<Self> {
        let limit = SECURITY_TABLE.iter().find(|(n, _)| *n == degree).map_or(0, |(_, limit)| *limit);
        let log_q = u32::try_from(primes).unwrap_or(u32::MAX).saturating_mul(PRIME_BITS);
        assert!(primes >= 2, "decryption works modulo two primes");
        if log_q > limit {
            return Err(HeError::Insecure { degree, log_q, limit });
        }
        Ok(Self::build(degree, primes, 0))
    }

    /// Two primes at `degree`, and two special ones for [`PackingKeys`](crate::PackingKeys), which live
    /// modulo all four. Errors unless [`SECURITY_TABLE`] allows that.
    pub fn with_packing(degree: usize) -> Result<Self> {
        Self::new(degree, 4)?;
        Ok(Self::build(degree, 2, 2))
    }

    /// Parameters of any degree, **insecure, for tests only**: small degrees make exhaustive tests quick.
    /// With two primes packing is possible.
    pub fn insecure_for_tests(degree: usize, primes: usize) -> Self {
        Self::build(degree, primes, if primes == 2 { 2 } else { 0 })
    }

    fn build(degree: usize, count: usize, special: usize) -> Self {
        let mut primes = ntt_primes(degree, count + special);
        let special = primes.split_off(count).into_iter().map(|q| Ntt::new(q, degree)).collect();
        let ntts: Vec<Ntt> = primes.iter().map(|&q| Ntt::new(q, degree)).collect();
        let residue =
            |m: Modulus, factors: &[u64]| factors.iter().fold(1, |p, &f| m.mul_slow(p, f % m.value()));
        let (mut punctured_inverses, mut prefixes, mut prefix_inverses) = (vec![], vec![], vec![]);
        for (i, ntt) in ntts.iter().enumerate() {
            let m = ntt.modulus;
            let others: Vec<u64> = primes.iter().copied().filter(|&q| q != m.value()).collect();
            punctured_inverses.push(m.shoup(m.inverse(residue(m, &others))));
            prefixes.push((0..=i).map(|j| m.shoup(residue(m, &primes[..j]))).collect());
            prefix_inverses.push(m.shoup(m.inverse(residue(m, &primes[..i]))));
        }
        let product_word = primes.iter().fold(1u64, |p, &q| p.wrapping_mul(q));
        let halves = ntts.iter().map(|ntt| ntt.modulus.shoup(1 << (PRIME_BITS - 1))).collect();
        Self { degree, ntts, special, halves, punctured_inverses, prefixes, prefix_inverses, product_word }
    }

    /// Whether replies can be packed.
    pub fn can_pack(&self) -> bool {
        !self.special.is_empty()
    }

    /// Ring degree N: coefficients of a polynomial.
    pub fn degree(&self) -> usize {
        self.degree
    }

    /// Number of primes L.
    pub fn primes(&self) -> usize {
        self.ntts.len()
    }

    /// ⌈log₂ Q⌉. All primes being just below 2^52, Q is within a factor 1 − 2^−20 of 2 to this power.
    pub fn log_q(&self) -> u32 {
        self.primes() as u32 * PRIME_BITS
    }

    /// The primes.
    pub(crate) fn moduli(&self) -> impl DoubleEndedIterator<Item = Modulus> + ExactSizeIterator + '_ {
        self.ntts.iter().map(|ntt| ntt.modulus)
    }

    /// Adds round(Q·m/2^ℓ) to coefficient `at` of `poly`, for m in the ring.
    pub(crate) fn add_message(&self, poly: &mut Poly, at: usize, scaling: &Scaling, m: u64) {
        // Q·m − 2^ℓ·round(Q·m/2^ℓ) = centred remainder of Q·m; hence the rounded value is −remainder/2^ℓ mod
        // every q.
        let remainder = scaling.ring.to_signed(scaling.ring.mul(m, self.product_word));
        let stride = self.stride(poly);
        for (i, m) in self.moduli().enumerate() {
            let value = m.mul(m.residue(-remainder), scaling.inverses[i]);
            let slot = &mut poly.values[i * stride + at];
            *slot = m.add(*slot, value);
        }
    }

    /// Adds an integer of magnitude below 2^102 to coefficient `at` of `poly`.
    pub(crate) fn add_wide(&self, poly: &mut Poly, at: usize, x: i128) {
        const HALF: u32 = PRIME_BITS - 1;
        let (high, low) = ((x >> HALF) as i64, x as u64 & ((1 << HALF) - 1));
        let stride = self.stride(poly);
        for (i, m) in self.moduli().enumerate() {
            let value = m.add(low, m.mul(m.residue(high), self.halves[i]));
            let slot = &mut poly.values[i * stride + at];
            *slot = m.add(*slot, value);
        }
    }

    /// Coefficients of `poly`, all or gathered.
    fn stride(&self, poly: &Poly) -> usize {
        poly.values.len() / self.primes()
    }

    /// The coefficients at `positions`, in that order.
    pub(crate) fn gather(&self, poly: &Poly, positions: impl Iterator<Item = usize> + Clone) -> Poly {
        let by_prime = poly.values.chunks_exact(self.degree);
        Poly { values: by_prime.flat_map(|values| positions.clone().map(|at| values[at])).collect() }
    }

    /// x/Q as a fraction of 2^128, for coefficient x with index `at`. It is at most 9 a prime too small,
    /// which may take a zero around to the top.
    pub(crate) fn fraction(&self, poly: &Poly, at: usize) -> u128 {
        // x/Q is the sum of (x mod qᵢ)·(Q/qᵢ)^−1/qᵢ, up to integers.
        let residues = poly.values.iter().skip(at).step_by(self.stride(poly));
        let constants = self.moduli().zip(&self.punctured_inverses);
        constants.zip(residues).fold(0, |sum, ((m, w), &x)| sum.wrapping_add(m.wide_fraction(m.mul(x, *w))))
    }

    /// Residues to mixed-radix digits, in place: x = d₀ + q₀·(d₁ + q₁·(d₂ + …)).
    pub(crate) fn to_digits(&self, poly: &mut Poly) {
        let stride = self.stride(poly);
        for (i, m) in self.moduli().enumerate() {
            let (lower, this) = poly.values.split_at_mut(i * stride);
            for (at, x) in this[..stride].iter_mut().enumerate() {
                let prefix = self.prefixes[i].iter().zip(lower.iter().skip(at).step_by(stride));
                let known = prefix.fold(0, |sum, (&p, &digit)| m.add(sum, m.mul(digit, p)));
                *x = m.mul(m.sub(*x, known), self.prefix_inverses[i]);
            }
        }
    }

    /// The inverse of [`to_digits`](Self::to_digits).
    pub(crate) fn to_residues(&self, poly: &mut Poly) {
        let stride = self.stride(poly);
        for (i, m) in self.moduli().enumerate().skip(1).rev() {
            let (lower, this) = poly.values.split_at_mut(i * stride);
            let own = self.prefixes[i][i];
            for (at, x) in this[..stride].iter_mut().enumerate() {
                let prefix = self.prefixes[i].iter().zip(lower.iter().skip(at).step_by(stride));
                let known = prefix.fold(0, |sum, (&p, &digit)| m.add(sum, m.mul(digit, p)));
                *x = m.add(known, m.mul(*x, own));
            }
        }
    }

    /// Divides residues by 2^`log`.
    pub(crate) fn divide_by_power(&self, values: &mut [u64], log: u32) {
        for (ntt, values) in self.ntts.iter().zip(values.chunks_exact_mut(self.degree)) {
            let m = ntt.modulus;
            ntt.scale(values, m.shoup(m.inverse(1 << log)));
        }
    }

    /// Point-by-point transform of a polynomial.
    pub(crate) fn forward(&self, mut poly: Poly) -> NttPoly {
        for (ntt, values) in self.ntts.iter().zip(poly.values.chunks_exact_mut(self.degree)) {
            ntt.forward(values);
        }
        NttPoly { values: poly.values }
    }

    /// The inverse of [`forward`](Self::forward).
    pub(crate) fn inverse(&self, mut poly: NttPoly) -> Poly {
        for (ntt, values) in self.ntts.iter().zip(poly.values.chunks_exact_mut(self.degree)) {
            ntt.inverse(values);
        }
        Poly { values: poly.values }
    }

    /// The residues of small signed coefficients.
    pub(crate) fn lift(&self, small: &[i64]) -> Poly {
        let mut values = vec![0; self.degree * self.primes()];
        vectorised(|| {
            for (m, values) in self.moduli().zip(values.chunks_exact_mut(self.degree)) {
                values.iter_mut().zip(small).for_each(|(to, &x)| *to = m.residue(x));
            }
        });
        Poly { values }
    }
}

/// What encoding messages of one ring takes.
#[derive(Debug)]
pub(crate) struct Scaling {
    ring: Ring,
    /// 2^−ℓ mod qᵢ.
    inverses: Vec<Shoup>,
}

impl Scaling {
    pub(crate) fn new(parameters: &Parameters, ring: Ring) -> Self {
        let inverse = |m: Modulus| m.shoup(m.inverse(m.pow(2, u64::from(ring.bits()))));
        Self { ring, inverses: parameters.moduli().map(inverse).collect() }
    }
}

/// Small coefficients that are secret.
pub(crate) type Small = Zeroizing<Vec<i64>>;
