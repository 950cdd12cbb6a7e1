//! The secret key, and the public one.

use std::fmt;
use std::sync::Arc;

use veilflow_prim::{Block, Prg};
use veilflow_ring::{Ring, pack, packed_len, unpack};
use zeroize::Zeroizing;

use crate::modulus::{Modulus, PRIME_BITS};
use crate::parameters::Small;
use crate::poly::{NttPoly, Poly};
use crate::{HeError, Parameters, Result, sample};

/// Bytes of the seed that a key's uniform half is expanded from.
pub(crate) const SEED_BYTES: usize = 16;

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

/// A public polynomial, whose `Debug` is short.
pub(crate) struct PublicPoly(pub(crate) NttPoly);

impl fmt::Debug for PublicPoly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicPoly(len {})", self.0.values.len())
    }
}

/// Bytes of [`SecretKey::public_key`].
pub fn public_key_bytes(parameters: &Parameters) -> usize {
    SEED_BYTES + parameters.primes() * packed_len(prime_ring(), parameters.degree())
}

/// The form in which residues travel.
pub(crate) fn prime_ring() -> Ring {
    Ring::new(PRIME_BITS).expect("primes have fewer than 64 bits")
}

/// Reads `len` residues modulo one prime. Errors if one is not below it.
pub(crate) fn read_residues(m: Modulus, bytes: &[u8], len: usize, what: &'static str) -> Result<Vec<u64>> {
    let values = unpack(prime_ring(), bytes, len);
    if values.iter().any(|&x| x >= m.value()) {
        return Err(HeError::Range { what });
    }
    Ok(values)
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
            pack(prime_ring(), values, &mut out);
        }
        out
    }

    /// −a·s + e.
    pub(crate) fn mask(&self, a: NttPoly, error: &[i64]) -> Poly {
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
        let each = packed_len(prime_ring(), parameters.degree());
        for (m, bytes) in parameters.moduli().zip(rest.chunks_exact(each)) {
            p0.extend(read_residues(m, bytes, parameters.degree(), what)?);
        }
        let p1 = sample::uniform(&parameters, &mut Prg::from_seed(seed));
        Ok(Self { parameters, p: [p0, p1].map(|values| PublicPoly(NttPoly { values })) })
    }

    /// The parameters.
    pub fn parameters(&self) -> &Arc<Parameters> {
        &self.parameters
    }
}
