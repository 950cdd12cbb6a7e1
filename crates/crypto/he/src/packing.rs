//! Packing: many products with few useful coefficients each become one (Chen, Dai, Kim, Song, ACNS 2021, §3).
//!
//! The automorphism X → X^g with g = 2N/2^s + 1 leaves X^i alone when 2^s divides i, and turns its sign when 2^(s−1) does but
//! 2^s does not. Of two ciphertexts whose coefficients at multiples of 2^s are useful,
//!
//! (e + X^a·o) + σ_g(e − X^a·o), a = 2^(s−1),
//!
//! holds twice e's at multiples of 2^s and twice o's in the middle between. From s = h down to 1, 2^h ciphertexts with useful
//! multiples of 2^h become one that is useful everywhere: coefficient j + 2^h·i is coefficient 2^h·i of ciphertext j, times
//! 2^h, by which the inputs were divided beforehand (2 is invertible mod Q).
//!
//! σ_g turns the key s into σ_g(s); switching back takes an encryption of P·σ_g(s) modulo Q·P, with P the product of two special
//! primes: c₁, centred, times that, divided by P. That such encryptions under s itself are safe is the usual circular-security
//! assumption.

use std::fmt;
use std::sync::Arc;

use veilflow_prim::{Block, Prg};
use veilflow_ring::{Ring, pack, packed_len, unpack};

use crate::modulus::{Modulus, PRIME_BITS, Shoup};
use crate::ntt::{Ntt, vectorised};
use crate::product::Combination;
use crate::{HeError, Parameters, Result, SecretKey, sample};

const SEED_BYTES: usize = 16;

fn ring() -> Ring {
    Ring::new(PRIME_BITS).expect("primes have fewer than 64 bits")
}

/// Bytes of [`SecretKey::packing_keys`].
pub fn packing_keys_bytes(parameters: &Parameters, levels: u32) -> usize {
    let primes = parameters.ntts.len() + parameters.special.len();
    SEED_BYTES + levels as usize * primes * packed_len(ring(), parameters.degree())
}

/// The exponent g of level s.
fn exponent(degree: usize, level: u32) -> usize {
    ((2 * degree) >> level) + 1
}

/// Calls `place` with the index of every coefficient, its place after X → X^g, and whether its sign turns.
fn permute(degree: usize, g: usize, mut place: impl FnMut(usize, usize, bool)) {
    let mut to = 0;
    for from in 0..degree {
        place(from, to & (degree - 1), to & degree != 0);
        to = (to + g) & (2 * degree - 1);
    }
}

/// All primes of a packing key, data first.
fn all_primes(parameters: &Parameters) -> impl Iterator<Item = &Ntt> {
    parameters.ntts.iter().chain(&parameters.special)
}

impl SecretKey {
    /// The packing keys of levels 1 to `levels` in the form they travel in. Panics if the parameters cannot pack.
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
                // P is zero modulo the special primes.
                let p =
                    parameters.special.iter().fold(1, |p, s| m.mul_slow(p, s.modulus.value() % m.value()));
                let p = m.shoup(p);
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
                pack(ring(), &key, &mut out);
            }
        }
        out
    }
}

/// Garner's recombination of residues modulo two primes, and the reduction of the centred integer modulo two others.
struct Extension<'p> {
    /// The second prime.
    from: &'p Ntt,
    /// The inverse of the first prime modulo the second.
    inverse: Shoup,
    targets: [Target<'p>; 2],
}

/// The first prime, and the product of both, modulo one to go to.
struct Target<'p> {
    ntt: &'p Ntt,
    first: Shoup,
    product: u64,
}

impl<'p> Extension<'p> {
    fn new(from: &'p [Ntt], to: &'p [Ntt]) -> Self {
        let [p, q] = [from[0].modulus.value(), from[1].modulus.value()];
        let target = |ntt: &'p Ntt| {
            let m = ntt.modulus;
            let first = m.shoup(p % m.value());
            Target { ntt, first, product: m.mul(q, first) }
        };
        let last = from[1].modulus;
        Self {
            from: &from[1],
            inverse: last.shoup(last.inverse(p % q)),
            targets: [target(&to[0]), target(&to[1])],
        }
    }

    /// The residues modulo every target of the integers with the given ones, centred up to one part in 2^49.
    fn extend(&self, [x, y]: [&[u64]; 2]) -> [Vec<u64>; 2] {
        let q = self.from.modulus;
        let mut digits = vec![0; x.len()];
        vectorised(|| {
            for (digit, (&x, &y)) in digits.iter_mut().zip(x.iter().zip(y)) {
                *digit = q.sub(y, q.reduce(x));
            }
        });
        self.from.scale(&mut digits, self.inverse);
        self.targets.each_ref().map(|target| {
            let mut out = digits.clone();
            target.ntt.scale(&mut out, target.first);
            let m = target.ntt.modulus;
            vectorised(|| {
                for (out, (&x, &digit)) in out.iter_mut().zip(x.iter().zip(&digits)) {
                    let negative = u64::from(digit > q.value() / 2).wrapping_neg();
                    *out = m.sub(m.add(m.reduce(x), *out), target.product & negative);
                }
            });
            out
        })
    }
}

/// What the server needs to pack.
pub struct PackingKeys {
    parameters: Arc<Parameters>,
    /// By level and prime: the two components.
    levels: Vec<Vec<[Vec<u64>; 2]>>,
    /// P^−1 modulo the data primes.
    inverses: Vec<Shoup>,
}

impl fmt::Debug for PackingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackingKeys({} levels)", self.levels.len())
    }
}

impl PackingKeys {
    /// Reads what [`SecretKey::packing_keys`] wrote. Errors on a wrong length or a number outside its range; panics if the
    /// parameters cannot pack.
    pub fn from_bytes(parameters: Arc<Parameters>, levels: u32, bytes: &[u8]) -> Result<Self> {
        assert!(parameters.can_pack(), "these parameters cannot pack");
        let what = "a packing key";
        let want = packing_keys_bytes(&parameters, levels);
        if bytes.len() != want {
            return Err(HeError::Length { what, got: bytes.len(), want });
        }
        let (seed, rest) = bytes.split_at(SEED_BYTES);
        let mut public = Prg::from_seed(Block::from_bytes(seed.try_into().expect("sixteen bytes")));
        let mut polys = rest.chunks_exact(packed_len(ring(), parameters.degree()));
        let mut keys = Vec::new();
        for _ in 0..levels {
            let mut key = Vec::new();
            for (ntt, bytes) in all_primes(&parameters).zip(&mut polys) {
                let b = unpack(ring(), bytes, parameters.degree());
                if b.iter().any(|&x| x >= ntt.modulus.value()) {
                    return Err(HeError::Range { what });
                }
                key.push([b, sample::uniform_residues(ntt.modulus, parameters.degree(), &mut public)]);
            }
            keys.push(key);
        }
        let inverse = |m: Modulus| {
            let p = parameters.special.iter().fold(1, |p, s| m.mul_slow(p, s.modulus.value() % m.value()));
            m.shoup(m.inverse(p))
        };
        Ok(Self { inverses: parameters.moduli().map(inverse).collect(), levels: keys, parameters })
    }

    /// One combination from 2^h or fewer: coefficient j + 2^h·i is coefficient 2^h·i of the one with index j. Their inputs must
    /// have been read with a budget of h = `levels` levels. Panics if there are none or too many, or no keys of that level.
    pub fn pack(&self, combinations: Vec<Combination>, levels: u32) -> Combination {
        assert!((1..=1 << levels).contains(&combinations.len()), "nothing to pack, or too much");
        let mut slots: Vec<Option<Combination>> = combinations.into_iter().map(Some).collect();
        slots.resize_with(1 << levels, || None);
        for level in (1..=levels).rev() {
            let odd = slots.split_off(1 << (level - 1));
            for (even, odd) in slots.iter_mut().zip(odd) {
                *even = even.take().map(|even| self.merge(even, odd, level));
            }
        }
        slots.remove(0).expect("the first slot was filled")
    }

    /// (e + X^a·o) + σ(e − X^a·o).
    fn merge(&self, even: Combination, odd: Option<Combination>, level: u32) -> Combination {
        let (degree, shift) = (self.parameters.degree(), 1usize << (level - 1));
        let Combination(mut sum) = even;
        let mut image = [(); 2].map(|()| vec![0; sum[0].values.len()]);
        let mut difference = vec![0; degree];
        for (component, image) in image.iter_mut().enumerate() {
            for (i, m) in self.parameters.moduli().enumerate() {
                let at = i * degree..(i + 1) * degree;
                let sum = &mut sum[component].values[at.clone()];
                difference.copy_from_slice(sum);
                if let Some(Combination(odd)) = &odd {
                    let (low, high) = odd[component].values[at.clone()].split_at(degree - shift);
                    vectorised(|| {
                        // X^a moves the low part up, and the high part around, where its sign turns.
                        let (wrapped, moved) = sum.split_at_mut(shift);
                        let (wrapped_difference, moved_difference) = difference.split_at_mut(shift);
                        for ((x, d), &o) in wrapped.iter_mut().zip(wrapped_difference).zip(high) {
                            (*x, *d) = (m.sub(*x, o), m.add(*d, o));
                        }
                        for ((x, d), &o) in moved.iter_mut().zip(moved_difference).zip(low) {
                            (*x, *d) = (m.add(*x, o), m.sub(*d, o));
                        }
                    });
                }
                let image = &mut image[at];
                permute(degree, exponent(degree, level), |from, to, negate| {
                    let x = difference[from];
                    // Without a branch, which would be taken at random.
                    let turned = u64::from(negate).wrapping_neg();
                    image[to] = m.reduce_once((x & !turned) | ((m.value() - x) & turned));
                });
            }
        }
        let [c0, c1] = image;
        let [d0, d1] = self.switch(&c1, level);
        let [sum0, sum1] = &mut sum;
        for (i, m) in self.parameters.moduli().enumerate() {
            let at = i * degree..(i + 1) * degree;
            let add = |to: &mut [u64], from: &[u64]| {
                vectorised(|| to.iter_mut().zip(from).for_each(|(x, &y)| *x = m.add(*x, y)));
            };
            add(&mut sum0.values[at.clone()], &c0[at.clone()]);
            add(&mut sum0.values[at.clone()], &d0[at.clone()]);
            add(&mut sum1.values[at.clone()], &d1[at]);
        }
        Combination(sum)
    }

    /// (d₀, d₁) with d₀ + d₁·s ≈ c₁·σ(s).
    fn switch(&self, c1: &[u64], level: u32) -> [Vec<u64>; 2] {
        let parameters = &*self.parameters;
        let degree = parameters.degree();
        let (first, second) = c1.split_at(degree);
        let [p0, p1] = Extension::new(&parameters.ntts, &parameters.special).extend([first, second]);
        // By prime: both products, by coefficients.
        let products: Vec<[Vec<u64>; 2]> = all_primes(parameters)
            .zip([first.to_vec(), second.to_vec(), p0, p1])
            .zip(&self.levels[level as usize - 1])
            .map(|((ntt, mut digit), key)| {
                ntt.forward(&mut digit);
                key.each_ref().map(|key| {
                    let mut product = digit.clone();
                    ntt.multiply(&mut product, key);
                    ntt.inverse(&mut product);
                    product
                })
            })
            .collect();
        let down = Extension::new(&parameters.special, &parameters.ntts);
        [0, 1].map(|component| {
            let rest = down.extend([&products[2][component], &products[3][component]]);
            let mut out = Vec::with_capacity(2 * degree);
            for (i, ntt) in parameters.ntts.iter().enumerate() {
                let mut quotient = rest[i].clone();
                let m = ntt.modulus;
                vectorised(|| {
                    let pairs = quotient.iter_mut().zip(&products[i][component]);
                    pairs.for_each(|(rest, &x)| *rest = m.sub(x, *rest));
                });
                ntt.scale(&mut quotient, self.inverses[i]);
                out.extend(quotient);
            }
            out
        })
    }
}
