//! Products of fresh ciphertexts with small polynomials, and their sums.

use std::fmt;
use std::sync::Arc;

use crate::ntt::{MAX_TERMS, Sums, Term};
use crate::poly::{NttPoly, Poly};
use crate::{Form, Inputs, Parameters, PublicKey};

/// A small polynomial by its values.
pub struct WeightPoly(NttPoly);

impl fmt::Debug for WeightPoly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeightPoly(..)")
    }
}

impl WeightPoly {
    /// The polynomial Σ weight·X^exponent. Weights must be below 2^48 in magnitude, sums at one exponent too.
    pub fn new(parameters: &Parameters, terms: impl IntoIterator<Item = (isize, i64)>) -> Self {
        let mut small = vec![0i64; parameters.degree()];
        for (exponent, weight) in terms {
            let (at, negate) = wrap(exponent, parameters.degree());
            small[at] += if negate { -weight } else { weight };
        }
        Self(parameters.forward(parameters.lift(&small)))
    }

    /// Bytes of one in memory.
    pub fn bytes(parameters: &Parameters) -> usize {
        parameters.degree() * parameters.primes() * size_of::<u64>()
    }
}

/// `weight`·X^`exponent` times ciphertext `input`.
#[derive(Clone, Copy)]
pub struct ScaledMonomial {
    /// Index of the ciphertext.
    pub input: usize,
    /// The exponent is any integer; X^N = −1.
    pub exponent: isize,
    /// A small weight.
    pub weight: i64,
}

impl fmt::Debug for ScaledMonomial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScaledMonomial(input {}, exponent {})", self.input, self.exponent)
    }
}

/// The exponent in 0..N, and whether the sign turns.
fn wrap(exponent: isize, degree: usize) -> (usize, bool) {
    let e = exponent.rem_euclid(2 * degree as isize) as usize;
    (e % degree, e >= degree)
}

impl Inputs {
    /// The sums of the rows' products, for ciphertexts in [`Form::Coefficients`]. Panics on a wrong index or
    /// form.
    pub fn combine(&self, rows: &[Vec<ScaledMonomial>]) -> Vec<Combination> {
        assert_eq!(self.form, Form::Coefficients);
        let degree = self.parameters.degree();
        let mut outs = [(); 2].map(|()| vec![vec![0; rows.len() * degree]; self.parameters.primes()]);
        for (i, ntt) in self.parameters.ntts.iter().enumerate() {
            let term = |t: &ScaledMonomial| {
                assert!(t.input < self.len(), "there is no such ciphertext");
                let (shift, negate) = wrap(t.exponent, degree);
                let weight = ntt.modulus.residue(if negate { -t.weight } else { t.weight });
                Term { start: self.start(t.input, 0, i) + degree - shift, weight }
            };
            let rows: Vec<Vec<Term>> = rows.iter().map(|row| row.iter().map(term).collect()).collect();
            // c₁ stands behind c₀, at the same distance everywhere.
            let c1 = self.start(0, 1, 0).min(self.words.len());
            for (words, outs) in [&self.words[..], &self.words[c1..]].into_iter().zip(&mut outs) {
                ntt.combine(words, &rows, &mut outs[i]);
            }
        }
        let poly = |component: usize, row: usize| {
            let by_prime = outs[component].iter().flat_map(|out| &out[row * degree..][..degree]);
            Poly { values: by_prime.copied().collect() }
        };
        (0..rows.len()).map(|row| Combination([poly(0, row), poly(1, row)])).collect()
    }
}

/// A growing sum of products in [`Form::Points`].
#[derive(Debug)]
pub struct Sum {
    parameters: Arc<Parameters>,
    sums: Vec<[Sums; 2]>,
    terms: usize,
}

impl Sum {
    /// Zero.
    pub fn new(parameters: Arc<Parameters>) -> Self {
        let zero = || [Sums::new(parameters.degree()), Sums::new(parameters.degree())];
        Self { sums: (0..parameters.primes()).map(|_| zero()).collect(), parameters, terms: 0 }
    }

    /// Back to zero.
    pub fn clear(&mut self) {
        self.sums.iter_mut().flatten().for_each(Sums::clear);
        self.terms = 0;
    }

    /// Adds a ciphertext times a small polynomial. Panics on a wrong index or form.
    pub fn add(&mut self, inputs: &Inputs, input: usize, weights: &WeightPoly) {
        assert!(inputs.form == Form::Points && input < inputs.len(), "there is no such ciphertext");
        let degree = self.parameters.degree();
        let c =
            |component: usize, prime: usize| &inputs.words[inputs.start(input, component, prime)..][..degree];
        self.accumulate(|prime| [c(0, prime), c(1, prime)], &weights.0);
    }

    fn accumulate<'a>(&mut self, factors: impl Fn(usize) -> [&'a [u64]; 2], weights: &NttPoly) {
        if self.terms == MAX_TERMS {
            for (ntt, sums) in self.parameters.ntts.iter().zip(&mut self.sums) {
                sums.iter_mut().for_each(|sums| sums.fold(ntt));
            }
            self.terms = 1;
        }
        let weights = weights.values.chunks_exact(self.parameters.degree());
        for (i, (ntt, weights)) in self.parameters.ntts.iter().zip(weights).enumerate() {
            ntt.multiply_accumulate(&mut self.sums[i], factors(i), weights);
        }
        self.terms += 1;
    }

    /// The sum by coefficients, for packing.
    pub fn combination(&self) -> Combination {
        Combination(self.coefficients())
    }

    /// The sum plus (p₀·u, p₁·u), by coefficients.
    pub(crate) fn finish(&mut self, key: &PublicKey, u: &NttPoly) -> [Poly; 2] {
        let degree = self.parameters.degree();
        self.accumulate(|i| [0, 1].map(|c| &key.p[c].0.values[i * degree..][..degree]), u);
        self.coefficients()
    }

    fn coefficients(&self) -> [Poly; 2] {
        let degree = self.parameters.degree();
        [0, 1].map(|component| {
            let mut values = vec![0; degree * self.parameters.primes()];
            let by_prime = self.parameters.ntts.iter().zip(values.chunks_exact_mut(degree));
            for ((ntt, values), sums) in by_prime.zip(&self.sums) {
                ntt.reduce(&sums[component], values);
            }
            self.parameters.inverse(NttPoly { values })
        })
    }
}

/// A finished sum of products, ready for its reply.
#[derive(Debug)]
pub enum Product<'s> {
    /// In points; used up by the reply.
    Points(&'s mut Sum),
    /// In coefficients.
    Coefficients(Combination),
}

/// A sum of products in coefficients.
pub struct Combination(pub(crate) [Poly; 2]);

impl fmt::Debug for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Combination(..)")
    }
}
