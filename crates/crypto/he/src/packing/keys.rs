//! Packing keys, made by the client and read by the server.

use std::fmt;
use std::sync::Arc;

use veilflow_prim::{Block, Prg};
use veilflow_ring::{pack, packed_len};

use super::automorphism::{exponent, permute};
use crate::keys::{SEED_BYTES, prime_ring, read_residues};
use crate::modulus::{Modulus, Shoup};
use crate::ntt::Ntt;
use crate::{HeError, Parameters, Result, SecretKey, sample};

/// Bytes of [`SecretKey::packing_keys`].
pub fn packing_keys_bytes(parameters: &Parameters, levels: u32) -> usize {
    let primes = parameters.ntts.len() + parameters.special.len();
    SEED_BYTES + levels as usize * primes * packed_len(prime_ring(), parameters.degree())
}

/// All primes of a packing key, data first.
pub(super) fn all_primes(parameters: &Parameters) -> impl Iterator<Item = &Ntt> {
    parameters.ntts.iter().chain(&parameters.special)
}

/// P, the product of the special primes, modulo another prime.
fn special_product(parameters: &Parameters, m: Modulus) -> u64 {
    parameters.special.iter().fold(1, |p, s| m.mul_slow(p, s.modulus.value() % m.value()))
}

impl SecretKey {
    /// The packing keys of levels 1 to `levels` in the form they travel in. Panics if the parameters cannot
    /// pack.
    pub fn packing_keys(&self, levels: u32, prg: &mut Prg) -> Vec<u8> {
        let parameters = &*self.parameters;
        assert!(parameters.can_pack(), "these parameters cannot pack");
        let degree = parameters.degree();
        let seed = prg.block();
        let mut public = Prg::from_seed(seed);
        let mut out = seed.to_bytes().to_vec();
        for level in 1..=levels {
            let errors = sample::errors(degree, prg);
            let mut image = vec![0; degree];
            permute(degree, exponent(degree, level), |from, to, negate| {
                image[to] = if negate { -self.small[from] } else { self.small[from] };
            });
            for ntt in all_primes(parameters) {
                let m = ntt.modulus;
                // Zero modulo the special primes.
                let p = m.shoup(special_product(parameters, m));
                let residue = |x: i64| m.residue(x);
                let a = sample::uniform_residues(m, degree, &mut public);
                let mut mask: Vec<u64> = self.small.iter().map(|&x| residue(x)).collect();
                ntt.forward(&mut mask);
                ntt.multiply(&mut mask, &a);
                let mut message: Vec<u64> = errors
                    .iter()
                    .zip(&image)
                    .map(|(&e, &x)| m.add(residue(e), m.mul(residue(x), p)))
                    .collect();
                ntt.forward(&mut message);
                let key: Vec<u64> = message.iter().zip(&mask).map(|(&x, &y)| m.sub(x, y)).collect();
                pack(prime_ring(), &key, &mut out);
            }
        }
        out
    }
}

/// What the server needs to pack.
pub struct PackingKeys {
    pub(super) parameters: Arc<Parameters>,
    /// By level and prime: the two components.
    pub(super) levels: Vec<Vec<[Vec<u64>; 2]>>,
    /// P^−1 modulo the data primes.
    pub(super) inverses: Vec<Shoup>,
}

impl fmt::Debug for PackingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackingKeys({} levels)", self.levels.len())
    }
}

impl PackingKeys {
    /// Reads what [`SecretKey::packing_keys`] wrote. Errors on a wrong length or a number outside its range;
    /// panics if the parameters cannot pack.
    pub fn from_bytes(parameters: Arc<Parameters>, levels: u32, bytes: &[u8]) -> Result<Self> {
        assert!(parameters.can_pack(), "these parameters cannot pack");
        let what = "a packing key";
        let want = packing_keys_bytes(&parameters, levels);
        if bytes.len() != want {
            return Err(HeError::Length { what, got: bytes.len(), want });
        }
        let (seed, rest) = bytes.split_at(SEED_BYTES);
        let mut public = Prg::from_seed(Block::from_bytes(seed.try_into().expect("sixteen bytes")));
        let mut polys = rest.chunks_exact(packed_len(prime_ring(), parameters.degree()));
        let mut keys = Vec::new();
        for _ in 0..levels {
            let mut key = Vec::new();
            for (ntt, bytes) in all_primes(&parameters).zip(&mut polys) {
                let b = read_residues(ntt.modulus, bytes, parameters.degree(), what)?;
                key.push([b, sample::uniform_residues(ntt.modulus, parameters.degree(), &mut public)]);
            }
            keys.push(key);
        }
        let inverse = |m: Modulus| m.shoup(m.inverse(special_product(&parameters, m)));
        Ok(Self { inverses: parameters.moduli().map(inverse).collect(), levels: keys, parameters })
    }
}
