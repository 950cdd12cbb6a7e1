//! The product of shared elements of different widths by the bits of the narrower, once the factors' wraps
//! are shared.
//!
//! With x = x₀ + x₁ − 2^m·wₓ and y = y₀ + y₁ − 2^n·w_y as integers,
//!
//! x·y = x₀y₀ + x₁y₁ + x₀y₁ + x₁y₀ − 2^m·wₓ·y − 2^n·w_y·x mod 2^(m+n):
//!
//! two local products, two private × private ones by the bits of the narrower factor, and two selections
//! (SIRNN §III-E, with OTs of falling width). Mod 2^w for w < m + n, 2^m·wₓ needs wₓ·y mod 2^(w−m) only, and
//! for w = m nothing.
//!
//! Signed factors are raised: with X = x + 2^(m−1) and Y = y + 2^(n−1), whose unsigned readings are meant,
//! x·y = X·Y − 2^(m−1)·Y − 2^(n−1)·X + 2^(m+n−2). There 2^(m−1)·Y needs Y's wrap mod 2 only, which its shares
//! by exclusive or are, and in fewer than m + n bits not even that. So signs cost nothing.
//!
//! What is sent is sent by the private products, so each side sees masked bits and elements only.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_ring::{Bits, Ring, RingVec, bit_slices};

use crate::extend::raise;
use crate::word::{rings, sum};
use crate::{Multiplex, Party, ProductJob, ProductShape, Result, products, products_cost};

/// Which party has the bits in the first and in the second private product.
const BITS_AT: [Role; 2] = [Role::P0, Role::P1];

/// x·y mod 2^w from the wraps of both factors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByBits {
    rings: [Ring; 2],
    out: Ring,
    signed: bool,
}

impl ByBits {
    /// In `out`, which is as wide as either factor at least and at most as wide as both together.
    pub(crate) fn new(rings: [Ring; 2], out: Ring, signed: bool) -> Self {
        Self { rings, out, signed }
    }

    /// The rings in which the bits of the narrower factor are multiplied.
    fn cross(self) -> impl Iterator<Item = Ring> {
        rings(self.out, self.rings[0].min(self.rings[1]).bits())
    }

    /// The rings in which y is selected by x's wrap and x by y's, where that shows.
    fn wrapped(self) -> [Option<Ring>; 2] {
        self.rings.map(|ring| Ring::new(self.out.bits() - ring.bits()).ok())
    }

    /// Cost of `n` products.
    pub(crate) fn cost(self, n: usize) -> Cost {
        let cross = BITS_AT
            .into_iter()
            .flat_map(|at| self.cross().map(move |ring| ProductShape::Element(at.other(), ring.bits(), n)));
        let wrapped = self.wrapped().into_iter().flatten();
        let shapes = cross.chain(wrapped.flat_map(|ring| Multiplex::new(ring).shapes(n)));
        products_cost(&shapes.collect::<Vec<_>>())
    }

    /// The factor whose wrap is wanted: a signed one is raised.
    pub(crate) fn read(self, party: &Party, x: &RingVec) -> RingVec {
        if self.signed { raise(party, x) } else { x.clone() }
    }

    /// Shares of the products from the factors as they are [`read`](Self::read) and their wraps.
    pub(crate) fn run(self, party: &mut Party, [x, y]: [&RingVec; 2], wraps: [&Bits; 2]) -> Result<RingVec> {
        let (n, out) = (x.len(), self.out);
        let (few, many) = if x.ring() <= y.ring() { (x, y) } else { (y, x) };
        let rows = bit_slices(few.values(), few.ring().bits() as usize);
        let mut jobs = Vec::new();
        for at in BITS_AT {
            jobs.extend(self.cross().zip(&rows).map(|(ring, row)| {
                if party.role == at {
                    ProductJob::Bit(row.clone(), ring)
                } else {
                    ProductJob::Element(many.map_into(ring, |v| v))
                }
            }));
        }
        let wrapped = self.wrapped().into_iter().zip([y, x]).zip(wraps);
        let select = |((ring, factor), wrap): ((Option<Ring>, &RingVec), &Bits)| {
            ring.map(|ring| Multiplex::new(ring).prepare(party.role, wrap, &factor.narrow(ring), &mut jobs))
        };
        let chosen: Vec<Option<RingVec>> = wrapped.map(select).collect();
        let mut results = products(party, jobs)?.into_iter();
        let own = x.values().iter().zip(y.values()).map(|(a, b)| a.wrapping_mul(*b));
        let mut product = RingVec::from_values(out, own.collect());
        for _ in BITS_AT {
            product = product.add(&sum(out, n, results.by_ref().take(rows.len())));
        }
        for (chosen, ring) in chosen.into_iter().zip(self.rings) {
            let Some(chosen) = chosen else { continue };
            let excess = Multiplex::finish(chosen, &mut results);
            product = product.sub(&excess.map_into(out, |v| v << ring.bits()));
        }
        Ok(if self.signed { self.lower(party, product, [x, y], wraps) } else { product })
    }

    /// From X·Y, the product of the signed factors.
    fn lower(self, party: &Party, product: RingVec, [x, y]: [&RingVec; 2], wraps: [&Bits; 2]) -> RingVec {
        let (out, [m, n]) = (self.out, self.rings.map(Ring::bits));
        // 2^(other − 1)·(v₀ + v₁ − 2^own·w).
        let partial = |v: &RingVec, wrap: &Bits, other: u32| {
            let wrap = RingVec::from_bits(out, wrap).scale(1 << (m + n - 1));
            v.map_into(out, |v| v << (other - 1)).sub(&wrap)
        };
        let corner = party.only_p0(RingVec::from_values(out, vec![1 << (m + n - 2); x.len()]));
        product.sub(&partial(y, wraps[1], m)).sub(&partial(x, wraps[0], n)).add(&corner)
    }
}
