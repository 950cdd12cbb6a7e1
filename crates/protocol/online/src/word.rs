//! Words whose bits are shared by exclusive or: their arithmetic value, and their product with a shared
//! element.
//!
//! Bit j of a word counts 2^j, so what it contributes to a ring of w bits is needed mod 2^(w−j) only. Both
//! take private products of falling width: for bit j a conversion ([`BitToArithmetic`]) or a selection
//! ([`Multiplex`]) in w − j bits. What is sent is sent by them and by [triples](crate::ring_products()), so
//! each side sees masked bits and elements only.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_ring::{Bits, Ring, RingVec};

use crate::operation::SAMPLE;
use crate::{
    BitToArithmetic, Multiplex, OnlineError, Party, PrivateBits, ProductJob, ProductShape, Result, Tuning,
    products, products_cost, ring_products, ring_products_cost,
};

/// The operands of a term of [`Words`].
#[derive(Debug, Clone, Copy)]
pub struct Word<'a> {
    bits: &'a [Bits],
    factor: Option<&'a RingVec>,
}

impl<'a> Word<'a> {
    /// Of a value: the word's bits as rows, lowest first. Of private products: one row, the bits that this
    /// party knows.
    pub fn alone(bits: &'a [Bits]) -> Self {
        Self { bits, factor: None }
    }

    /// Of a product: the word's bits as rows, lowest first, and the element that it multiplies.
    pub fn times(bits: &'a [Bits], x: &'a RingVec) -> Self {
        Self { bits, factor: Some(x) }
    }

    /// How many words there are.
    fn count(self) -> usize {
        self.factor.map_or_else(|| self.bits.first().map_or(0, Bits::len), RingVec::len)
    }

    fn fits(self, term: &Term) -> bool {
        self.bits.len() >= term.rows()
            && self.bits.iter().all(|row| row.len() == self.count())
            && self.factor.map(RingVec::ring) == term.factor()
    }
}

/// The rings that bits 0, 1, … of a word contribute to.
pub(crate) fn rings(out: Ring, bits: u32) -> impl Iterator<Item = Ring> {
    (1..=out.bits()).rev().take(bits as usize).filter_map(|bits| Ring::new(bits).ok())
}

/// Σ 2^j·partⱼ in `out`, of `n` elements.
pub(crate) fn sum(out: Ring, n: usize, parts: impl Iterator<Item = RingVec>) -> RingVec {
    parts.zip(0..).fold(RingVec::zeros(out, n), |sum, (part, j)| sum.add(&part.map_into(out, |v| v << j)))
}

#[derive(Debug, Clone)]
struct Term {
    out: Ring,
    form: Form,
    /// A triple then multiplies the word, which has become an element, by another element.
    triple: bool,
}

#[derive(Debug, Clone)]
enum Form {
    /// Σ 2^j·bⱼ.
    Convert(Vec<BitToArithmetic>),
    /// Σ 2^j·bⱼ·x.
    Select(Vec<Multiplex>),
    Private(PrivateBits),
}

impl Term {
    fn value(bits: u32, out: Ring, tuning: Tuning) -> Self {
        let convert = |ring| BitToArithmetic::new(ring, tuning);
        Self { out, form: Form::Convert(rings(out, bits).map(convert).collect()), triple: false }
    }

    fn rows(&self) -> usize {
        match &self.form {
            Form::Convert(rows) => rows.len(),
            Form::Select(rows) => rows.len(),
            Form::Private(_) => 1,
        }
    }

    /// The ring of the element that the word multiplies, if it does.
    fn factor(&self) -> Option<Ring> {
        (self.triple || matches!(self.form, Form::Select(_))).then_some(self.out)
    }

    fn shapes(&self, n: usize) -> Vec<ProductShape> {
        match &self.form {
            Form::Convert(rows) => rows.iter().filter_map(|convert| convert.shape(n)).collect(),
            Form::Select(rows) => rows.iter().flat_map(|select| select.shapes(n)).collect(),
            Form::Private(product) => vec![product.shape(n)],
        }
    }

    fn cost(&self, n: usize) -> Cost {
        let triple = if self.triple { vec![(self.out.bits(), n)] } else { Vec::new() };
        products_cost(&self.shapes(n)).then(ring_products_cost(&triple))
    }

    /// The local terms of selections, and the jobs.
    fn prepare(&self, role: Role, word: Word<'_>, jobs: &mut Vec<ProductJob>) -> Vec<RingVec> {
        match (&self.form, word.factor) {
            (Form::Convert(rows), _) => {
                jobs.extend(rows.iter().zip(word.bits).filter_map(|(convert, row)| convert.job(role, row)));
            }
            (Form::Select(rows), Some(x)) => {
                let rows = rows.iter().zip(word.bits).zip(rings(self.out, u32::MAX));
                return rows
                    .map(|((select, row), ring)| select.prepare(role, row, &x.narrow(ring), jobs))
                    .collect();
            }
            (Form::Private(product), _) => {
                jobs.extend(word.bits.first().map(|bits| product.job(role, bits)));
            }
            (Form::Select(_), None) => {}
        }
        Vec::new()
    }

    /// The share from its jobs' results, the first of `results`.
    fn finish(
        &self,
        word: Word<'_>,
        local: Vec<RingVec>,
        results: &mut impl Iterator<Item = RingVec>,
    ) -> RingVec {
        let n = word.count();
        match &self.form {
            Form::Convert(rows) => {
                let rows = rows.iter().zip(word.bits);
                sum(self.out, n, rows.map(|(convert, row)| convert.finish(row, results)))
            }
            Form::Select(_) => {
                sum(self.out, n, local.into_iter().map(|chosen| Multiplex::finish(chosen, results)))
            }
            Form::Private(_) => sum(self.out, n, results.next().into_iter()),
        }
    }
}

/// Terms over words, all in one exchange. Where a helper deals, some products take a second one.
#[derive(Debug, Clone)]
pub struct Words {
    tuning: Tuning,
    terms: Vec<Term>,
}

impl Words {
    /// No terms yet.
    pub fn new(tuning: Tuning) -> Self {
        Self { tuning, terms: Vec::new() }
    }

    /// Adds a term: a word of so many bits as an unsigned number in `out`.
    #[must_use]
    pub fn value(mut self, bits: u32, out: Ring) -> Self {
        self.terms.push(Term::value(bits, out, self.tuning));
        self
    }

    /// Adds a term: a word of so many bits, as an unsigned number, times an element of `ring`.
    ///
    /// A selection takes two correlations. So where a helper deals, the word becomes an element first if a
    /// triple then multiplies both by fewer bytes, in an exchange more.
    #[must_use]
    pub fn times(mut self, bits: u32, ring: Ring) -> Self {
        let select = Form::Select(rings(ring, bits).map(Multiplex::new).collect());
        let by_bits = Term { out: ring, form: select, triple: false };
        let by_triple = Term { triple: true, ..Term::value(bits, ring, self.tuning) };
        let [bits, triple] = [&by_bits, &by_triple].map(|term| self.tuning.bytes(&term.cost(SAMPLE)));
        self.terms.push(if self.tuning.dealt && triple < bits { by_triple } else { by_bits });
        self
    }

    /// Adds a term: the products, in `out`, of bits that P0 alone knows with bits that P1 alone knows.
    #[must_use]
    pub fn private(mut self, out: Ring) -> Self {
        let form = Form::Private(PrivateBits::new(out, self.tuning));
        self.terms.push(Term { out, form, triple: false });
        self
    }

    /// Cost of `n` elements.
    pub fn cost(&self, n: usize) -> Cost {
        let shapes: Vec<_> = self.terms.iter().flat_map(|term| term.shapes(n)).collect();
        let triples = self.terms.iter().filter(|term| term.triple).map(|term| (term.out.bits(), n));
        products_cost(&shapes).then(ring_products_cost(&triples.collect::<Vec<_>>()))
    }

    /// Shares of every term, from its operands.
    pub fn run(&self, party: &mut Party, words: &[Word<'_>]) -> Result<Vec<RingVec>> {
        let terms = || self.terms.iter().zip(words.iter().copied());
        if words.len() != self.terms.len() || terms().any(|(term, word)| !word.fits(term)) {
            return Err(OnlineError::argument("words", "bits and elements do not fit the terms"));
        }
        let mut jobs = Vec::new();
        let local: Vec<_> = terms().map(|(term, word)| term.prepare(party.role, word, &mut jobs)).collect();
        let mut results = products(party, jobs)?.into_iter();
        let finished = terms().zip(local).map(|((term, word), local)| term.finish(word, local, &mut results));
        let mut out: Vec<RingVec> = finished.collect();
        let at: Vec<usize> = (0..out.len()).filter(|&i| self.terms[i].triple).collect();
        let pairs: Vec<_> = at.iter().filter_map(|&i| Some([&out[i], words[i].factor?])).collect();
        let multiplied = ring_products(party, &pairs)?;
        at.into_iter().zip(multiplied).for_each(|(i, product)| out[i] = product);
        Ok(out)
    }
}
