//! Selection by a shared bit.
//!
//! b·x₀ = b₀·x₀ + b₁·(1 − 2b₀)·x₀: a local term and a product of P1's bit with P0's element; likewise for x₁.
//! What is sent is sent by the products, so each side sees masked bits and elements only.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::multiplex as private_multiplex;

use crate::{OnlineError, Party, ProductJob, ProductShape, Result, products, products_cost};

/// A shared bit times a shared element (spec: `multiplex`). 2(w + 1) bits, one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Multiplex {
    ring: Ring,
}

impl Multiplex {
    /// In `ring`.
    pub fn new(ring: Ring) -> Self {
        Self { ring }
    }

    pub(crate) fn ring(self) -> Ring {
        self.ring
    }

    /// The local term, and the two products' jobs, to be done beside others in one exchange.
    pub(crate) fn prepare(self, role: Role, b: &Bits, x: &RingVec, jobs: &mut Vec<ProductJob>) -> RingVec {
        let chosen = private_multiplex(b, x);
        let element = ProductJob::Element(x.sub(&chosen.scale(2)));
        let bit = ProductJob::Bit(b.clone(), self.ring);
        jobs.extend(if role == Role::P0 { [element, bit] } else { [bit, element] });
        chosen
    }

    /// The share from the local term and its jobs' results, the first two of `results`.
    pub(crate) fn finish(chosen: RingVec, results: &mut impl Iterator<Item = RingVec>) -> RingVec {
        results.by_ref().take(2).fold(chosen, |sum, product| sum.add(&product))
    }

    /// The products of `n` instances, for costs.
    pub(crate) fn shapes(self, n: usize) -> [ProductShape; 2] {
        [Role::P0, Role::P1].map(|role| ProductShape::Element(role, self.ring.bits(), n))
    }

    /// Cost of `n` instances.
    pub fn cost(self, n: usize) -> Cost {
        products_cost(&self.shapes(n))
    }

    /// Shares of b·x, from shares of both.
    pub fn run(self, party: &mut Party, b: &Bits, x: &RingVec) -> Result<RingVec> {
        if x.len() != b.len() || x.ring() != self.ring {
            return Err(OnlineError::argument("multiplex", "bits and elements do not fit"));
        }
        let mut jobs = Vec::with_capacity(2);
        let chosen = self.prepare(party.role, b, x, &mut jobs);
        Ok(Self::finish(chosen, &mut products(party, jobs)?.into_iter()))
    }
}
