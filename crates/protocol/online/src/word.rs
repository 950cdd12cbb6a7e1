//! Words whose bits are shared by exclusive or: their arithmetic value, and their product with a shared element, both by
//! correlated OTs of falling width. Bit j counts 2^j, so what it contributes to a ring of w bits is needed mod 2^(w−j) only.
//! The products open masked bits and elements.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::multiplex as private_multiplex;

use crate::product::{conversion_job, conversion_shape, converted};
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
}

/// A [`WordTerm`] for costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordShape {
    /// The value of a word of so many bits in a ring of so many.
    Value(u32, u32),
    /// Such a word times an element of a ring of so many bits.
    Times(u32, u32),
}

/// The rings that bits 0, 1, … contribute to.
fn rings(out: Ring) -> impl Iterator<Item = Ring> {
    (1..=out.bits()).rev().filter_map(|bits| Ring::new(bits).ok())
}

/// Shares of every term, all in one exchange.
pub fn words(party: &mut Party, terms: &[WordTerm<'_>]) -> Result<Vec<RingVec>> {
    let mut jobs = Vec::new();
    for term in terms {
        match term {
            WordTerm::Value { bits, out } => {
                jobs.extend(
                    bits.iter().zip(rings(*out)).filter_map(|(row, ring)| conversion_job(party, row, ring)),
                );
            }
            WordTerm::Times { bits, x } => {
                if bits.iter().any(|row| row.len() != x.len()) {
                    return Err(OnlineError::argument("words", "bits and elements differ in number"));
                }
                for (row, ring) in bits.iter().zip(rings(x.ring())) {
                    // As in `multiplex`: each party's bit times the other's element.
                    let x = x.narrow(ring);
                    let element = ProductJob::Element(x.sub(&private_multiplex(row, &x).scale(2)));
                    let bit = ProductJob::Bit(row.clone(), ring);
                    jobs.extend(if party.role == Role::P0 { [element, bit] } else { [bit, element] });
                }
            }
        }
    }
    let results = if jobs.is_empty() { Vec::new() } else { products(party, jobs)? };
    let mut results = results.iter();
    let mut out = Vec::with_capacity(terms.len());
    for term in terms {
        let (bits, ring) = match term {
            WordTerm::Value { bits, out } => (bits, *out),
            WordTerm::Times { bits, x } => (bits, x.ring()),
        };
        let n = bits.first().map_or(0, Bits::len);
        let mut sum = RingVec::zeros(ring, if let WordTerm::Times { x, .. } = term { x.len() } else { n });
        for (j, (row, narrow)) in bits.iter().zip(rings(ring)).enumerate() {
            let part = match term {
                WordTerm::Value { .. } if narrow.bits() == 1 => converted(row, None, narrow),
                WordTerm::Value { .. } => converted(row, results.next(), narrow),
                WordTerm::Times { x, .. } => results
                    .by_ref()
                    .take(2)
                    .fold(private_multiplex(row, &x.narrow(narrow)), |sum, product| sum.add(product)),
            };
            sum = sum.add(&part.map_into(ring, |v| v << j));
        }
        out.push(sum);
    }
    Ok(out)
}

/// Cost of [`words`] of `n` elements.
pub fn words_cost(shapes: &[WordShape], n: usize, tuning: Tuning) -> Cost {
    let jobs: Vec<_> = shapes
        .iter()
        .flat_map(|&shape| match shape {
            WordShape::Value(bits, out) => {
                (0..bits.min(out)).filter_map(|j| conversion_shape(out - j, n, tuning)).collect::<Vec<_>>()
            }
            WordShape::Times(bits, out) => {
                let pair = |j| [Role::P0, Role::P1].map(|role| ProductShape::Element(role, out - j, n));
                (0..bits.min(out)).flat_map(pair).collect()
            }
        })
        .collect();
    if jobs.is_empty() { Cost::default() } else { products_cost(&jobs) }
}
