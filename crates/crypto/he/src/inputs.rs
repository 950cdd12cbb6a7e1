//! The fresh ciphertexts of a layer, as the server holds them.

use std::fmt;
use std::sync::Arc;

use veilflow_prim::{Block, Prg};

use crate::fresh::read_fresh;
use crate::{Budget, Form, Parameters, Result, Slots, sample};

/// The fresh ciphertexts of one layer, as the server holds them.
pub struct Inputs {
    pub(crate) parameters: Arc<Parameters>,
    pub(crate) form: Form,
    budget: Budget,
    count: usize,
    /// Ciphertext after ciphertext, c₀ by prime and then c₁ by prime. A polynomial takes N words in points.
    /// In coefficients it takes 2N, the negated polynomial first: multiplication by a power of X is then a
    /// shift of the window.
    pub(crate) words: Vec<u64>,
}

impl fmt::Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inputs({} in {:?})", self.count, self.form)
    }
}

/// The place of one ciphertext among the others.
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

/// How many words a polynomial of one prime takes.
fn stride(parameters: &Parameters, form: Form) -> usize {
    parameters.degree() * if form == Form::Points { 1 } else { 2 }
}

impl Inputs {
    /// Room for `count` ciphertexts, all zero.
    pub fn new(parameters: Arc<Parameters>, form: Form, budget: Budget, count: usize) -> Self {
        let words = vec![0; count * 2 * parameters.primes() * stride(&parameters, form)];
        Self { parameters, form, budget, count, words }
    }

    /// The place of each ciphertext, in order. Several may be read at a time.
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
    pub(crate) fn start(&self, input: usize, component: usize, prime: usize) -> usize {
        let primes = self.parameters.primes();
        ((2 * input + component) * primes + prime) * stride(&self.parameters, self.form)
    }
}

impl Place<'_> {
    /// Reads a ciphertext of this seed and these slots. Errors if `bytes` is not a valid one.
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
            // In points there is no negated polynomial.
            let (negated, own) = place.split_at_mut(place.len() - degree);
            negated.iter_mut().zip(poly).for_each(|(to, &x)| *to = m.sub(0, x));
            own.copy_from_slice(poly);
        }
        Ok(())
    }
}
