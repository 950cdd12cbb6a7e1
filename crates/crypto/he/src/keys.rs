//! Keys, and fresh ciphertexts.

use std::fmt;
use std::sync::Arc;

use veilflow_prim::{Block, Prg};
use veilflow_ring::{Ring, pack, packed_len, unpack};
use zeroize::Zeroizing;

use crate::modulus::PRIME_BITS;
use crate::parameters::{Scaling, Small};
use crate::poly::{NttPoly, Poly};
use crate::{Budget, Form, HeError, Parameters, Result, sample};

const SEED_BYTES: usize = 16;

/// A ternary secret s.
pub struct SecretKey {
    pub(crate) parameters: Arc<Parameters>,
    pub(crate) s: Zeroizing<NttPoly>,
    /// The coefficients of s.
    pub(crate) small: Small,
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// An encryption of zero under the client's key: (p₀, p₁) with p₀ + p₁·s a small error.
#[derive(Debug)]
pub struct PublicKey {
    pub(crate) parameters: Arc<Parameters>,
    pub(crate) p: [PublicPoly; 2],
}

/// Redacts nothing secret, only length.
pub(crate) struct PublicPoly(pub(crate) NttPoly);

impl fmt::Debug for PublicPoly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicPoly(len {})", self.0.values.len())
    }
}

/// Bytes of [`SecretKey::public_key`].
pub fn public_key_bytes(parameters: &Parameters) -> usize {
    SEED_BYTES + parameters.primes() * packed_len(prime_ring(0), parameters.degree())
}

/// Bytes of [`Encryptor::encrypt`].
pub fn fresh_bytes(parameters: &Parameters, budget: &Budget) -> usize {
    digit_rings(parameters, budget).map(|ring| packed_len(ring, parameters.degree())).sum()
}

fn prime_ring(cut: u32) -> Ring {
    Ring::new(PRIME_BITS - cut).expect("less is cut than a prime has")
}

/// Widths of the mixed-radix digits of a fresh c₀; the lowest is cut.
fn digit_rings(parameters: &Parameters, budget: &Budget) -> impl Iterator<Item = Ring> {
    let cut = budget.cut_bits;
    (0..parameters.primes()).map(move |i| prime_ring(if i == 0 { cut } else { 0 }))
}

impl SecretKey {
    /// A fresh key.
    pub fn generate(parameters: Arc<Parameters>, prg: &mut Prg) -> Self {
        let small = sample::ternary(parameters.degree(), prg);
        let s = Zeroizing::new(parameters.forward(parameters.lift(&small)));
        Self { parameters, s, small }
    }

    /// The public key in the form it travels in: a seed, and one polynomial.
    pub fn public_key(&self, prg: &mut Prg) -> Vec<u8> {
        let seed = prg.block();
        let a = NttPoly { values: sample::uniform(&self.parameters, &mut Prg::from_seed(seed)) };
        let error = sample::errors(self.parameters.degree(), prg);
        let p0 = self.parameters.forward(self.mask(a, &error));
        let mut out = seed.to_bytes().to_vec();
        for values in p0.values.chunks_exact(self.parameters.degree()) {
            pack(prime_ring(0), values, &mut out);
        }
        out
    }

    /// −a·s + e.
    fn mask(&self, a: NttPoly, error: &[i64]) -> Poly {
        let degree = self.parameters.degree();
        let mut product = a;
        let pairs = product.values.chunks_exact_mut(degree).zip(self.s.values.chunks_exact(degree));
        for (ntt, (values, s)) in self.parameters.ntts.iter().zip(pairs) {
            ntt.multiply(values, s);
        }
        let mut out = self.parameters.inverse(product);
        for (m, values) in self.parameters.moduli().zip(out.values.chunks_exact_mut(degree)) {
            for (x, e) in values.iter_mut().zip(error) {
                *x = m.sub(m.residue(*e), *x);
            }
        }
        out
    }
}

impl PublicKey {
    /// Reads what [`SecretKey::public_key`] wrote. Errors on a wrong length or a number outside its range.
    pub fn from_bytes(parameters: Arc<Parameters>, bytes: &[u8]) -> Result<Self> {
        let what = "a public key";
        let want = public_key_bytes(&parameters);
        if bytes.len() != want {
            return Err(HeError::Length { what, got: bytes.len(), want });
        }
        let (seed, rest) = bytes.split_at(SEED_BYTES);
        let seed = Block::from_bytes(seed.try_into().expect("sixteen bytes"));
        let mut p0 = Vec::with_capacity(parameters.degree() * parameters.primes());
        let each = packed_len(prime_ring(0), parameters.degree());
        for (m, bytes) in parameters.moduli().zip(rest.chunks_exact(each)) {
            let values = unpack(prime_ring(0), bytes, parameters.degree());
            if values.iter().any(|&x| x >= m.value()) {
                return Err(HeError::Range { what });
            }
            p0.extend(values);
        }
        let p1 = sample::uniform(&parameters, &mut Prg::from_seed(seed));
        Ok(Self { parameters, p: [p0, p1].map(|values| PublicPoly(NttPoly { values })) })
    }

    /// The parameters.
    pub fn parameters(&self) -> &Arc<Parameters> {
        &self.parameters
    }
}

/// Makes the fresh ciphertexts of one layer. Their c₁ come from a seed that is sent once.
pub struct Encryptor<'k> {
    key: &'k SecretKey,
    form: Form,
    budget: Budget,
    scaling: Scaling,
    public: Prg,
}

impl fmt::Debug for Encryptor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encryptor({:?})", self.budget)
    }
}

impl<'k> Encryptor<'k> {
    /// `seed` is public, and must be fresh: ciphertexts that share it and its position reveal their difference.
    pub fn new(key: &'k SecretKey, form: Form, budget: Budget, seed: Block) -> Self {
        let ring = Ring::new(budget.ring_bits).expect("budgets hold valid widths");
        let scaling = Scaling::new(&key.parameters, ring);
        Self { key, form, budget, scaling, public: Prg::from_seed(seed) }
    }

    /// Appends an encryption of the polynomial with coefficients `message`, (index, ring element) each, zero elsewhere.
    pub fn encrypt(
        &mut self,
        message: impl IntoIterator<Item = (usize, u64)>,
        prg: &mut Prg,
        out: &mut Vec<u8>,
    ) {
        let parameters = &self.key.parameters;
        let degree = parameters.degree();
        let a = sample::uniform(parameters, &mut self.public);
        let a = match self.form {
            Form::Points => NttPoly { values: a },
            Form::Coefficients => parameters.forward(Poly { values: a }),
        };
        let mut error = sample::errors(degree, prg);
        if self.budget.cut_bits > 0 {
            // What is cut is 1/2 too little on average; a random bit makes the mean zero.
            let dither = prg.bits(degree);
            error.iter_mut().zip(dither.iter()).for_each(|(e, bit)| *e -= i64::from(bit));
        }
        let mut c0 = self.key.mask(a, &error);
        for (at, m) in message {
            parameters.add_message(&mut c0, at, &self.scaling, m);
        }
        // Mixed-radix digits in place, then the lowest is cut.
        for (i, m) in parameters.moduli().enumerate() {
            let (lower, this) = c0.values.split_at_mut(i * degree);
            for (at, x) in this[..degree].iter_mut().enumerate() {
                let prefix = parameters.prefixes[i].iter().zip(lower.iter().skip(at).step_by(degree));
                let known = prefix.fold(0, |sum, (&p, &digit)| m.add(sum, m.mul(digit, p)));
                *x = m.mul(m.sub(*x, known), parameters.prefix_inverses[i]);
            }
        }
        let cut = self.budget.cut_bits;
        c0.values[..degree].iter_mut().for_each(|x| *x >>= cut);
        for (ring, digits) in digit_rings(parameters, &self.budget).zip(c0.values.chunks_exact(degree)) {
            pack(ring, digits, out);
        }
    }
}

/// c₀ of a fresh ciphertext, from its digits.
pub(crate) fn read_fresh(parameters: &Parameters, budget: &Budget, bytes: &[u8]) -> Result<Poly> {
    let what = "a fresh ciphertext";
    let (degree, cut) = (parameters.degree(), budget.cut_bits);
    let want = fresh_bytes(parameters, budget);
    if bytes.len() != want {
        return Err(HeError::Length { what, got: bytes.len(), want });
    }
    let mut digits = Vec::with_capacity(degree * parameters.primes());
    let mut rest = bytes;
    for (ring, m) in digit_rings(parameters, budget).zip(parameters.moduli()) {
        let (now, later) = rest.split_at(packed_len(ring, degree));
        rest = later;
        let cut = PRIME_BITS - ring.bits();
        let values = unpack(ring, now, degree);
        if values.iter().any(|&x| x > (m.value() - 1) >> cut) {
            return Err(HeError::Range { what });
        }
        digits.extend(values);
    }
    // The middle of what the cut bits may have been, but not above the prime.
    let middle = (1u64 << cut) >> 1;
    let top = parameters.ntts[0].modulus.value() - 1;
    digits[..degree].iter_mut().for_each(|x| *x = ((*x << cut) + middle).min(top));
    for (i, m) in parameters.moduli().enumerate().skip(1).rev() {
        let (lower, this) = digits.split_at_mut(i * degree);
        let own = parameters.prefixes[i][i];
        for (at, x) in this[..degree].iter_mut().enumerate() {
            let prefix = parameters.prefixes[i].iter().zip(lower.iter().skip(at).step_by(degree));
            let known = prefix.fold(0, |sum, (&p, &digit)| m.add(sum, m.mul(digit, p)));
            *x = m.add(known, m.mul(*x, own));
        }
    }
    Ok(Poly { values: digits })
}
