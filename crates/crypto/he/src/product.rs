//! Products of fresh ciphertexts with small polynomials, and their sums.

use std::fmt;
use std::sync::Arc;

use veilflow_prim::{Block, Prg};

use crate::fresh::read_fresh;
use crate::ntt::{MAX_TERMS, Sums, Term};
use crate::poly::{NttPoly, Poly};
use crate::{Budget, Parameters, PublicKey, Result, Slots, sample};

/// How products are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Point by point, after transforms: a product costs the same whatever the weights.
    Points,
    /// Monomial by monomial, without transforms: for weight polynomials of few monomials.
    Coefficients,
}

/// The fresh ciphertexts of one layer, as the server holds them.
pub struct Inputs {
    parameters: Arc<Parameters>,
    form: Form,
    budget: Budget,
    count: usize,
    /// c₀ and c₁ by prime: `buffers[component][prime]`, ciphertext after ciphertext. In points, N words each; in coefficients
    /// 2N, the negated polynomial first: multiplication by a power of X is then a shift of the window.
    buffers: [Vec<Vec<u64>>; 2],
}

impl fmt::Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inputs({} in {:?})", self.count, self.form)
    }
}

/// A small polynomial by its values.
pub struct WeightPoly(NttPoly);

impl fmt::Debug for WeightPoly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeightPoly(..)")
    }
}

/// `weight`·X^`exponent` times ciphertext `input`.
#[derive(Clone, Copy)]
pub struct ScaledMonomial {
    /// Index of the ciphertext.
    pub input: usize,
    /// Any integer; X^N = −1.
    pub exponent: isize,
    /// A small weight.
    pub weight: i64,
}

impl fmt::Debug for ScaledMonomial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScaledMonomial(input {}, exponent {})", self.input, self.exponent)
    }
}

/// Exponent in 0..N, and whether the sign turns.
fn wrap(exponent: isize, degree: usize) -> (usize, bool) {
    let e = exponent.rem_euclid(2 * degree as isize) as usize;
    (e % degree, e >= degree)
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
}

impl Inputs {
    /// None yet, with room for `capacity`.
    pub fn new(parameters: Arc<Parameters>, form: Form, budget: Budget, capacity: usize) -> Self {
        let words = capacity * parameters.degree() * if form == Form::Points { 1 } else { 2 };
        let buffer = |_| Vec::with_capacity(words);
        let buffers = [(); 2].map(|()| (0..parameters.primes()).map(buffer).collect());
        Self { parameters, form, budget, count: 0, buffers }
    }

    /// Reads the next ciphertext, of that seed and those slots. Errors if `bytes` is not a valid one.
    pub fn push(&mut self, seed: Block, slots: &Slots, bytes: &[u8]) -> Result<()> {
        let mut c0 = read_fresh(&self.parameters, &self.budget, slots, bytes)?;
        let mut c1 = sample::uniform(&self.parameters, &mut Prg::from_seed(seed));
        if self.budget.levels > 0 {
            // Packing multiplies by 2^levels.
            self.parameters.divide_by_power(&mut c0.values, self.budget.levels);
            self.parameters.divide_by_power(&mut c1, self.budget.levels);
        }
        let degree = self.parameters.degree();
        let [buffer0, buffer1] = &mut self.buffers;
        match self.form {
            Form::Points => {
                let c0 = self.parameters.forward(c0).values;
                for (buffers, values) in [(buffer0, c0), (buffer1, c1)] {
                    for (buffer, values) in buffers.iter_mut().zip(values.chunks_exact(degree)) {
                        buffer.extend_from_slice(values);
                    }
                }
            }
            Form::Coefficients => {
                for (buffers, values) in [(buffer0, c0.values), (buffer1, c1)] {
                    let by_prime = buffers.iter_mut().zip(values.chunks_exact(degree));
                    for ((buffer, values), m) in by_prime.zip(self.parameters.moduli()) {
                        buffer.extend(values.iter().map(|&x| m.sub(0, x)));
                        buffer.extend_from_slice(values);
                    }
                }
            }
        }
        self.count += 1;
        Ok(())
    }

    /// How many were read.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether none was read.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The sums of the rows' products, for ciphertexts in [`Form::Coefficients`]. Panics on a wrong index or form.
    pub fn combine(&self, rows: &[Vec<ScaledMonomial>]) -> Vec<Combination> {
        assert_eq!(self.form, Form::Coefficients);
        let degree = self.parameters.degree();
        let mut outs = [(); 2].map(|()| vec![vec![0; rows.len() * degree]; self.parameters.primes()]);
        for (i, ntt) in self.parameters.ntts.iter().enumerate() {
            let term = |t: &ScaledMonomial| {
                assert!(t.input < self.count, "there is no such ciphertext");
                let (shift, negate) = wrap(t.exponent, degree);
                let weight = ntt.modulus.residue(if negate { -t.weight } else { t.weight });
                Term { start: (2 * t.input + 1) * degree - shift, weight }
            };
            let rows: Vec<Vec<Term>> = rows.iter().map(|row| row.iter().map(term).collect()).collect();
            for (buffers, outs) in self.buffers.iter().zip(&mut outs) {
                ntt.combine(&buffers[i], &rows, &mut outs[i]);
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
        assert!(inputs.form == Form::Points && input < inputs.count, "there is no such ciphertext");
        let degree = self.parameters.degree();
        let at = input * degree..(input + 1) * degree;
        let c = |component: usize, prime: usize| &inputs.buffers[component][prime][at.clone()];
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
