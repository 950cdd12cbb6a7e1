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
    /// Ciphertext after ciphertext: c₀ by prime, c₁ by prime. In points, N words each; in coefficients 2N, the negated polynomial first:
    /// multiplication by a power of X is then a shift of the window.
    words: Vec<u64>,
}

impl fmt::Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inputs({} in {:?})", self.count, self.form)
    }
}

/// Where one ciphertext goes.
pub struct Place<'i> {
    parameters: &'i Parameters,
    form: Form,
    budget: &'i Budget,
    words: &'i mut [u64],
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place(in {:?})", self.form)
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

    /// Bytes of one in memory.
    pub fn bytes(parameters: &Parameters) -> usize {
        parameters.degree() * parameters.primes() * size_of::<u64>()
    }
}

/// Words of a polynomial of one prime.
fn stride(parameters: &Parameters, form: Form) -> usize {
    parameters.degree() * if form == Form::Points { 1 } else { 2 }
}

impl Inputs {
    /// Room for `count` ciphertexts, all zero.
    pub fn new(parameters: Arc<Parameters>, form: Form, budget: Budget, count: usize) -> Self {
        let words = vec![0; count * 2 * parameters.primes() * stride(&parameters, form)];
        Self { parameters, form, budget, count, words }
    }

    /// The place of each ciphertext, in order: several may be read at a time.
    pub fn places(&mut self) -> impl Iterator<Item = Place<'_>> {
        let Self { parameters, form, budget, words, .. } = self;
        let (parameters, form, budget) = (&**parameters, *form, &*budget);
        let ciphertext = 2 * parameters.primes() * stride(parameters, form);
        words.chunks_exact_mut(ciphertext).map(move |words| Place { parameters, form, budget, words })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Where component c₀ or c₁ of a ciphertext starts, for a prime.
    fn start(&self, input: usize, component: usize, prime: usize) -> usize {
        let primes = self.parameters.primes();
        ((2 * input + component) * primes + prime) * stride(&self.parameters, self.form)
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

impl Place<'_> {
    /// Reads a ciphertext of that seed and those slots. Errors if `bytes` is not a valid one.
    pub fn read(self, seed: Block, slots: &Slots, bytes: &[u8]) -> Result<()> {
        let mut c0 = read_fresh(self.parameters, self.budget, slots, bytes)?;
        let mut c1 = sample::uniform(self.parameters, &mut Prg::from_seed(seed));
        if self.budget.levels > 0 {
            // Packing multiplies by 2^levels.
            self.parameters.divide_by_power(&mut c0.values, self.budget.levels);
            self.parameters.divide_by_power(&mut c1, self.budget.levels);
        }
        let c0 = match self.form {
            Form::Points => self.parameters.forward(c0).values,
            Form::Coefficients => c0.values,
        };
        let degree = self.parameters.degree();
        let polys = c0.chunks_exact(degree).chain(c1.chunks_exact(degree));
        let moduli = self.parameters.moduli().chain(self.parameters.moduli());
        let places = self.words.chunks_exact_mut(stride(self.parameters, self.form));
        for ((place, poly), m) in places.zip(polys).zip(moduli) {
            // The negated polynomial is missing in points.
            let (negated, own) = place.split_at_mut(place.len() - degree);
            negated.iter_mut().zip(poly).for_each(|(to, &x)| *to = m.sub(0, x));
            own.copy_from_slice(poly);
        }
        Ok(())
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
