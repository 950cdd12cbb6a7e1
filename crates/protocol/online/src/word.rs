//! Words whose bits are shared by exclusive or: their arithmetic value, and their product with a shared element, both by
//! correlated OTs of falling width. Bit j counts 2^j, so what it contributes to a ring of w bits is needed mod 2^(w−j) only.
//! With a helper a word becomes an element first if a triple then multiplies it by fewer bits. The products open masked bits and
//! elements.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::multiplex as private_multiplex;

use crate::legacy::{conversion_job, conversion_shape, converted, private_bits_job, private_bits_shape};
use crate::triple::{ring_products, ring_products_cost};
use crate::{OnlineError, Party, ProductJob, ProductShape, Result, Tuning, products, products_cost};

/// A term over words; bits are rows, lowest first.
#[derive(Debug)]
pub enum WordTerm<'a> {
    /// The word as an unsigned number.
    Value {
        /// Its bits.
        bits: &'a [Bits],
        /// The ring of the result.
        out: Ring,
    },
    /// The word as an unsigned number times a shared element, in the element's ring.
    Times {
        /// Its bits.
        bits: &'a [Bits],
        /// The element.
        x: &'a RingVec,
    },
    /// The products of bits that P0 alone knows with bits that P1 alone knows.
    Private {
        /// This party's.
        bits: &'a Bits,
        /// The ring of the products.
        out: Ring,
    },
}

/// A [`WordTerm`] for costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordShape {
    /// The value of a word of so many bits in a ring of so many.
    Value(u32, u32),
    /// Such a word times an element of a ring of so many bits.
    Times(u32, u32),
    /// Products of private bits in a ring of so many.
    Private(u32),
}

/// The rings that bits 0, 1, … contribute to.
fn rings(out: Ring) -> impl Iterator<Item = Ring> {
    (1..=out.bits()).rev().filter_map(|bits| Ring::new(bits).ok())
}

/// Whether a word of so many bits is multiplied by an element of `out` bits as an element itself, by a triple, which takes an
/// exchange more. The products of bits take two correlations each.
fn by_triple(bits: u32, out: u32, tuning: Tuning) -> bool {
    if !tuning.dealt {
        return false;
    }
    let triple = products_cost(&value_shapes(bits, out, 64, tuning)).then(ring_products_cost(&[(out, 64)]));
    tuning.bytes(&triple) < tuning.bytes(&products_cost(&times_shapes(bits, out, 64)))
}

/// The jobs by which a word becomes an element.
fn value_jobs(party: &Party, bits: &[Bits], out: Ring) -> Vec<ProductJob> {
    bits.iter().zip(rings(out)).filter_map(|(row, ring)| conversion_job(party, row, ring)).collect()
}

fn value_shapes(bits: u32, out: u32, n: usize, tuning: Tuning) -> Vec<ProductShape> {
    (0..bits.min(out)).filter_map(|j| conversion_shape(out - j, n, tuning)).collect()
}

/// The word of `n` elements from the results of its jobs.
fn value(bits: &[Bits], out: Ring, n: usize, results: &mut impl Iterator<Item = RingVec>) -> RingVec {
    let rows = bits.iter().zip(rings(out)).zip(0..);
    rows.fold(RingVec::zeros(out, n), |sum, ((row, ring), j)| {
        let product = if ring.bits() > 1 { results.next() } else { None };
        sum.add(&converted(row, product.as_ref(), ring).map_into(out, |v| v << j))
    })
}

/// The jobs by which an element is multiplied by a word bit by bit: as in `multiplex`, each party's bit times the other's element.
fn times_jobs(party: &Party, bits: &[Bits], x: &RingVec) -> Vec<ProductJob> {
    let pair = |(row, ring): (&Bits, Ring)| {
        let x = x.narrow(ring);
        let element = ProductJob::Element(x.sub(&private_multiplex(row, &x).scale(2)));
        let bit = ProductJob::Bit(row.clone(), ring);
        if party.role == Role::P0 { [element, bit] } else { [bit, element] }
    };
    bits.iter().zip(rings(x.ring())).flat_map(pair).collect()
}

fn times_shapes(bits: u32, out: u32, n: usize) -> Vec<ProductShape> {
    let pair = |j| [Role::P0, Role::P1].map(|role| ProductShape::Element(role, out - j, n));
    (0..bits.min(out)).flat_map(pair).collect()
}

/// The products of an element with a word from the results of their jobs.
fn times(bits: &[Bits], x: &RingVec, results: &mut impl Iterator<Item = RingVec>) -> RingVec {
    let rows = bits.iter().zip(rings(x.ring())).zip(0..);
    rows.fold(RingVec::zeros(x.ring(), x.len()), |sum, ((row, ring), j)| {
        let own = private_multiplex(row, &x.narrow(ring));
        let part = results.by_ref().take(2).fold(own, |part, product| part.add(&product));
        sum.add(&part.map_into(x.ring(), |v| v << j))
    })
}

/// Shares of every term, all in one exchange; with a helper, words of some bits are multiplied in a second one.
pub fn words(party: &mut Party, terms: &[WordTerm<'_>]) -> Result<Vec<RingVec>> {
    let tuning = party.tuning;
    let mut jobs = Vec::new();
    for term in terms {
        jobs.extend(match term {
            WordTerm::Value { bits, out } => value_jobs(party, bits, *out),
            WordTerm::Times { bits, x } if bits.iter().any(|row| row.len() != x.len()) => {
                return Err(OnlineError::argument("words", "bits and elements differ in number"));
            }
            WordTerm::Times { bits, x } if by_triple(bits.len() as u32, x.ring().bits(), tuning) => {
                value_jobs(party, bits, x.ring())
            }
            WordTerm::Times { bits, x } => times_jobs(party, bits, x),
            WordTerm::Private { bits, out } => vec![private_bits_job(party, bits, *out)],
        });
    }
    let results = if jobs.is_empty() { Vec::new() } else { products(party, jobs)? };
    let mut results = results.into_iter();
    let mut factors = Vec::new();
    let mut out = Vec::with_capacity(terms.len());
    for term in terms {
        out.push(match term {
            WordTerm::Value { bits, out } => {
                value(bits, *out, bits.first().map_or(0, Bits::len), &mut results)
            }
            WordTerm::Times { bits, x } if by_triple(bits.len() as u32, x.ring().bits(), tuning) => {
                factors.push((out.len(), *x));
                value(bits, x.ring(), x.len(), &mut results)
            }
            WordTerm::Times { bits, x } => times(bits, x, &mut results),
            WordTerm::Private { bits, out } => {
                results.next().unwrap_or_else(|| RingVec::zeros(*out, bits.len()))
            }
        });
    }
    if !factors.is_empty() {
        let pairs: Vec<_> = factors.iter().map(|&(at, x)| [&out[at], x]).collect();
        let products = ring_products(party, &pairs)?;
        factors.iter().zip(products).for_each(|(&(at, _), product)| out[at] = product);
    }
    Ok(out)
}

/// Cost of [`words`] of `n` elements.
pub fn words_cost(shapes: &[WordShape], n: usize, tuning: Tuning) -> Cost {
    let (mut jobs, mut triples) = (Vec::new(), Vec::new());
    for &shape in shapes {
        jobs.extend(match shape {
            WordShape::Times(bits, out) if by_triple(bits, out, tuning) => {
                triples.push((out, n));
                value_shapes(bits, out, n, tuning)
            }
            WordShape::Times(bits, out) => times_shapes(bits, out, n),
            WordShape::Value(bits, out) => value_shapes(bits, out, n, tuning),
            WordShape::Private(out) => vec![private_bits_shape(out, n, tuning)],
        });
    }
    let cost = if jobs.is_empty() { Cost::default() } else { products_cost(&jobs) };
    if triples.is_empty() { cost } else { cost.then(ring_products_cost(&triples)) }
}
