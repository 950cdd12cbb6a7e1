//! Replies: masked, flooded, re-randomised, switched to small moduli, and only the coefficients that are needed.

use std::fmt;

use veilflow_prim::Prg;
use veilflow_ring::{Ring, pack, packed_len, unpack};

use crate::modulus::Shoup;
use crate::parameters::Scaling;
use crate::poly::{NttPoly, Poly};
use crate::product::Combination;
use crate::{Budget, HeError, Parameters, Product, PublicKey, Result, SecretKey, sample};

fn width(bits: u32) -> Ring {
    Ring::new(bits).expect("budgets hold valid widths")
}

/// Bytes of a reply of `values` values.
pub fn reply_bytes(parameters: &Parameters, budget: &Budget, values: usize) -> usize {
    packed_len(width(budget.c1_bits), parameters.degree()) + packed_len(width(budget.c0_bits), values)
}

/// Makes the replies of one layer.
pub struct Replier<'k> {
    key: &'k PublicKey,
    budget: Budget,
    scaling: Scaling,
}

impl fmt::Debug for Replier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Replier({:?})", self.budget)
    }
}

impl<'k> Replier<'k> {
    /// Replies to the holder of `key`'s secret.
    pub fn new(key: &'k PublicKey, budget: Budget) -> Self {
        Self { key, budget, scaling: Scaling::new(&key.parameters, width(budget.ring_bits)) }
    }

    /// Appends the reply that decrypts to coefficient `position` minus `mask`, for every (position, mask), and to nothing else:
    /// with a fresh encryption of zero under the client's key, c₁ is pseudorandom; flooded, c₀ holds its message alone.
    pub fn reply(&self, product: Product<'_>, masks: &[(usize, u64)], prg: &mut Prg, out: &mut Vec<u8>) {
        let parameters = &*self.key.parameters;
        let degree = parameters.degree();
        let u = parameters.forward(parameters.lift(&sample::ternary(degree, prg)));
        let [mut c0, mut c1] = match product {
            Product::Points(sum) => sum.finish(self.key, &u),
            Product::Coefficients(combination) => self.add_zero(combination, &u),
        };
        let error = sample::errors(degree, prg);
        for (m, values) in parameters.moduli().zip(c1.values.chunks_exact_mut(degree)) {
            values.iter_mut().zip(error.iter()).for_each(|(x, e)| *x = m.add(*x, m.residue(*e)));
        }
        let c1 = switch(parameters, &c1, 0..degree, self.budget.c1_bits);
        pack(width(self.budget.c1_bits), &c1, out);

        let floods = sample::floods(masks.len(), self.budget.flood_bits, prg);
        for (&(at, mask), flood) in masks.iter().zip(floods.iter()) {
            parameters.add_message(&mut c0, at, &self.scaling, mask.wrapping_neg());
            parameters.add_wide(&mut c0, at, *flood);
        }
        let c0 = switch(parameters, &c0, masks.iter().map(|(at, _)| *at), self.budget.c0_bits);
        pack(width(self.budget.c0_bits), &c0, out);
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

/// round(2^bits·c/Q) for the coefficients at `positions`, at most 3L/2^(64 − bits) further off than the nearest.
fn switch(
    parameters: &Parameters,
    poly: &Poly,
    positions: impl IntoIterator<Item = usize>,
    bits: u32,
) -> Vec<u64> {
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
    positions.into_iter().map(coefficient).collect()
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
    /// Reads replies to encryptions under `key`.
    pub fn new(key: &'k SecretKey, budget: Budget) -> Self {
        let one = [0, 1].map(|i| key.parameters.ntts[i].modulus.shoup(1));
        Self { key, budget, one }
    }

    /// The ring elements at `positions`, in their order. Errors on a wrong length.
    pub fn decrypt(&self, bytes: &[u8], positions: &[usize]) -> Result<Vec<u64>> {
        let (parameters, budget) = (&*self.key.parameters, &self.budget);
        let degree = parameters.degree();
        let want = reply_bytes(parameters, budget, positions.len());
        if bytes.len() != want {
            return Err(HeError::Length { what: "a reply", got: bytes.len(), want });
        }
        let (c1, c0) = bytes.split_at(packed_len(width(budget.c1_bits), degree));
        let c1 = unpack(width(budget.c1_bits), c1, degree);
        let c0 = unpack(width(budget.c0_bits), c0, positions.len());

        // c₁·s over the integers: of magnitude N·2^54 at most, it is determined by its residues modulo two primes.
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
        let (c0_shift, half) =
            (budget.c1_bits - budget.c0_bits, 1u64 << (budget.c1_bits - budget.ring_bits - 1));
        let value = |(&at, &c0): (&usize, &u64)| {
            let (x, y) = (product[0][at], product[1][at]);
            let digit = m1.mul(m1.sub(y, m1.reduce(x)), inverse);
            let negative = u64::from(digit > m1.value() / 2).wrapping_neg();
            let integer = x.wrapping_add(m0.value().wrapping_mul(digit)).wrapping_sub(modulus & negative);
            let phase = (c0 << c0_shift).wrapping_add(integer).wrapping_add(half);
            width(budget.ring_bits).reduce(phase >> (budget.c1_bits - budget.ring_bits))
        };
        Ok(positions.iter().zip(&c0).map(value).collect())
    }
}
