//! Replies. They are flooded, re-randomised and switched to small moduli. They hold only the coefficients
//! that are needed, and share these between the parties.
//!
//! A needed coefficient of c₀ is a number of units of Q/2^ℓ, and eighths of them. The number of whole units
//! is the server's share s, and stays at home; the eighths travel. The client finds (c₀ − Q·s/2^ℓ) + c₁·key =
//! Q/2^ℓ·(m − s), up to noise. That gives its share m − s of the message m, exactly.

use std::fmt;

use veilflow_prim::Prg;
use veilflow_ring::{Ring, pack, packed_len, unpack};

use crate::budget::C0_BITS;
use crate::modulus::Shoup;
use crate::poly::{NttPoly, Poly};
use crate::{Budget, Combination, HeError, Parameters, Product, PublicKey, Result, SecretKey, sample};

fn width(bits: u32) -> Ring {
    Ring::new(bits).expect("budgets hold valid widths")
}

/// Bytes of a reply of `values` values.
pub fn reply_bytes(parameters: &Parameters, budget: &Budget, values: usize) -> usize {
    packed_len(width(budget.c1_bits), parameters.degree()) + packed_len(width(C0_BITS), values)
}

/// Makes the replies of one layer.
pub struct Replier<'k> {
    key: &'k PublicKey,
    budget: Budget,
}

impl fmt::Debug for Replier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Replier({:?})", self.budget)
    }
}

impl<'k> Replier<'k> {
    /// A replier to the holder of `key`'s secret.
    pub fn new(key: &'k PublicKey, budget: Budget) -> Self {
        Self { key, budget }
    }

    /// Appends the reply to `out` and returns the server's shares. The reply decrypts to the coefficients at
    /// `positions` minus these shares, and tells nothing else. By a fresh encryption of zero under the
    /// client's key c₁ is pseudorandom. Flooded, c₀ holds its message alone, and what is sent of it does not
    /// depend on that.
    pub fn reply(
        &self,
        product: Product<'_>,
        positions: &[usize],
        prg: &mut Prg,
        out: &mut Vec<u8>,
    ) -> Vec<u64> {
        let parameters = &*self.key.parameters;
        let degree = parameters.degree();
        let u = parameters.forward(parameters.lift(&sample::ternary(degree, prg)));
        let [c0, mut c1] = match product {
            Product::Points(sum) => sum.finish(self.key, &u),
            Product::Coefficients(combination) => self.add_zero(combination, &u),
        };
        let error = sample::errors(degree, prg);
        for (m, values) in parameters.moduli().zip(c1.values.chunks_exact_mut(degree)) {
            values.iter_mut().zip(error.iter()).for_each(|(x, e)| *x = m.add(*x, m.residue(*e)));
        }
        pack(width(self.budget.c1_bits), &switch(parameters, &c1, self.budget.c1_bits), out);

        let mut c0 = parameters.gather(&c0, positions.iter().copied());
        let floods = sample::floods(positions.len(), self.budget.flood_bits, prg);
        for (at, flood) in floods.iter().enumerate() {
            parameters.add_wide(&mut c0, at, *flood);
        }
        let ring = width(self.budget.ring_bits);
        // The leading ℓ + 3 bits, rounded. The fraction is wide, so that the eighths do not depend on the
        // units.
        let leading = |at: usize| {
            let bits = ring.bits() + C0_BITS;
            (parameters.fraction(&c0, at).wrapping_add(1 << (127 - bits)) >> (128 - bits)) as u64
        };
        let leading: Vec<u64> = (0..positions.len()).map(leading).collect();
        pack(width(C0_BITS), &leading, out);
        leading.into_iter().map(|x| x >> C0_BITS).collect()
    }

    /// Adds (p₀·u, p₁·u).
    fn add_zero(&self, Combination(mut polys): Combination, u: &NttPoly) -> [Poly; 2] {
        let parameters = &*self.key.parameters;
        let degree = parameters.degree();
        for (poly, p) in polys.iter_mut().zip(&self.key.p) {
            let mut zero = NttPoly { values: p.0.values.clone() };
            let by_prime = zero.values.chunks_exact_mut(degree).zip(u.values.chunks_exact(degree));
            for (ntt, (zero, u)) in parameters.ntts.iter().zip(by_prime) {
                ntt.multiply(zero, u);
            }
            let zero = parameters.inverse(zero);
            let by_prime = poly.values.chunks_exact_mut(degree).zip(zero.values.chunks_exact(degree));
            for (m, (values, zero)) in parameters.moduli().zip(by_prime) {
                values.iter_mut().zip(zero).for_each(|(x, z)| *x = m.add(*x, *z));
            }
        }
        polys
    }
}

/// round(2^bits·c/Q) for all coefficients. It is at most 3L/2^(64 − bits) further off than the nearest.
fn switch(parameters: &Parameters, poly: &Poly, bits: u32) -> Vec<u64> {
    let half = 1u64 << (63 - bits);
    let coefficient = |at: usize| {
        // c/Q is the sum of (c mod qᵢ)·(Q/qᵢ)^−1/qᵢ, up to integers.
        let residues = poly.values.iter().skip(at).step_by(parameters.degree());
        let constants = parameters.moduli().zip(&parameters.punctured_inverses);
        let fraction = constants
            .zip(residues)
            .fold(half, |sum, ((m, w), &x)| sum.wrapping_add(m.fraction(m.mul(x, *w))));
        fraction >> (64 - bits)
    };
    (0..parameters.degree()).map(coefficient).collect()
}

/// Reads replies.
pub struct Decryptor<'k> {
    key: &'k SecretKey,
    budget: Budget,
    one: [Shoup; 2],
}

impl fmt::Debug for Decryptor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decryptor({:?})", self.budget)
    }
}

impl<'k> Decryptor<'k> {
    /// A decryptor of replies to encryptions under `key`.
    pub fn new(key: &'k SecretKey, budget: Budget) -> Self {
        let one = [0, 1].map(|i| key.parameters.ntts[i].modulus.shoup(1));
        Self { key, budget, one }
    }

    /// The client's shares of the coefficients at `positions`, in their order. Errors on a wrong length.
    pub fn decrypt(&self, bytes: &[u8], positions: &[usize]) -> Result<Vec<u64>> {
        let (parameters, budget) = (&*self.key.parameters, &self.budget);
        let degree = parameters.degree();
        let want = reply_bytes(parameters, budget, positions.len());
        if bytes.len() != want {
            return Err(HeError::Length { what: "a reply", got: bytes.len(), want });
        }
        let (c1, c0) = bytes.split_at(packed_len(width(budget.c1_bits), degree));
        let c1 = unpack(width(budget.c1_bits), c1, degree);
        let c0 = unpack(width(C0_BITS), c0, positions.len());

        // c₁·s over the integers. It is N·2^54 in magnitude at most, so its residues modulo two primes
        // determine it.
        let product = [0, 1].map(|i| {
            let ntt = &parameters.ntts[i];
            let mut values: Vec<u64> = c1.iter().map(|&x| ntt.modulus.mul(x, self.one[i])).collect();
            ntt.forward(&mut values);
            ntt.multiply(&mut values, &self.key.s.values[i * degree..][..degree]);
            ntt.inverse(&mut values);
            values
        });
        let (m0, m1) = (parameters.ntts[0].modulus, parameters.ntts[1].modulus);
        let modulus = m0.value().wrapping_mul(m1.value());
        let inverse = parameters.prefix_inverses[1];
        // Bits of c₁ below the units of the message.
        let below = budget.c1_bits - budget.ring_bits;
        let half = 1u64 << (below - 1);
        let value = |(&at, &c0): (&usize, &u64)| {
            let (x, y) = (product[0][at], product[1][at]);
            let digit = m1.mul(m1.sub(y, m1.reduce(x)), inverse);
            let negative = u64::from(digit > m1.value() / 2).wrapping_neg();
            let integer = x.wrapping_add(m0.value().wrapping_mul(digit)).wrapping_sub(modulus & negative);
            let phase = (c0 << (below - C0_BITS)).wrapping_add(integer).wrapping_add(half);
            width(budget.ring_bits).reduce(phase >> below)
        };
        Ok(positions.iter().zip(&c0).map(value).collect())
    }
}
