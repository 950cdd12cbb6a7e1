//! Products of shared elements of different widths.
//!
//! Two parties share the wraps of both factors and multiply [by the bits](crate::by_bits) of the narrower.
//! Where a helper deals, both factors are [extended](crate::factors) and a [triple](crate::ring_products())
//! multiplies them.
//!
//! All that is sent is sent by the parts (comparisons, private products, triples), so each side sees masked
//! bits and elements only.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::msb as private_msb;

use crate::by_bits::ByBits;
use crate::extend::raise;
use crate::factors::Factors;
use crate::{
    Carry, OnlineError, Party, RangeClaim, Result, Tuning, and_private, and_private_cost, ring_products,
    ring_products_cost,
};

/// The wrap of a factor as shared bits; of a signed one, that of the raised factor.
///
/// Where the range is known, products of private bits take the place of a comparison. With t = [xᵢ ≥ 2^(ℓ−1)]
/// at each party, a non-negative x has the wrap t₀ ∨ t₁. A raised factor has the wrap MW − t₀ for the [wrap
/// count](crate::WrapCount) MW of x, of which the lowest bit is enough.
#[derive(Debug, Clone)]
struct FactorWrap {
    claim: RangeClaim,
    signed: bool,
    /// `None` where private products do.
    carry: Option<Carry>,
}

impl FactorWrap {
    fn new(ring: Ring, claim: RangeClaim, signed: bool, tuning: Tuning) -> Self {
        let carry = claim.takes_comparison(signed).then(|| Carry::new(ring.bits(), tuning));
        Self { claim, signed, carry }
    }

    /// Products of private bits that it takes.
    fn products(&self) -> usize {
        match (&self.carry, self.claim) {
            (Some(_), _) => 0,
            (None, RangeClaim::Slack) => 2,
            (None, _) => 1,
        }
    }

    /// Shares of what its products are to be added to, and adds the private bits of these.
    fn prepare(&self, party: &mut Party, x: &RingVec, private: &mut Bits) -> Result<Bits> {
        if let Some(carry) = &self.carry {
            return if self.signed { carry.run(party, &raise(party, x)) } else { carry.run(party, x) };
        }
        let top = private_msb(x);
        let first = if self.claim == RangeClaim::Slack { x.at_least_thirds(1) } else { top.clone() };
        private.append(&first);
        if self.claim == RangeClaim::Slack {
            private.append(&x.at_least_thirds(2));
        }
        Ok(if self.signed && party.role == Role::P0 { first.xor(&top) } else { first })
    }
}

/// Shares of some factors' wraps, with all private products in one exchange.
fn wraps(party: &mut Party, wraps: &[FactorWrap], factors: &[&RingVec]) -> Result<Vec<Bits>> {
    let mut private = Bits::default();
    let mut prepared = Vec::with_capacity(wraps.len());
    for (wrap, x) in wraps.iter().zip(factors) {
        prepared.push(wrap.prepare(party, x, &mut private)?);
    }
    if !private.is_empty() {
        let products = and_private(party, &private)?;
        let mut at = 0;
        for ((bits, wrap), x) in prepared.iter_mut().zip(wraps).zip(factors) {
            for _ in 0..wrap.products() {
                bits.xor_assign(&products.slice(at, x.len()));
                at += x.len();
            }
        }
    }
    Ok(prepared)
}

fn wraps_cost(wraps: &[FactorWrap], n: usize) -> Cost {
    let carries = wraps.iter().filter_map(|wrap| Some(wrap.carry.as_ref()?.cost(n)));
    let compared = carries.fold(Cost::default(), Cost::then);
    match n * wraps.iter().map(FactorWrap::products).sum::<usize>() {
        0 => compared,
        products => compared.then(and_private_cost(products)),
    }
}

/// The product by the bits of the narrower factor. Signed factors' wraps are opened together, unsigned ones'
/// in turn.
#[derive(Debug, Clone)]
struct MultiplyByBits {
    wraps: [FactorWrap; 2],
    together: usize,
    product: ByBits,
}

impl MultiplyByBits {
    fn cost(&self, n: usize) -> Cost {
        let wraps = self.wraps.chunks(self.together).map(|wraps| wraps_cost(wraps, n));
        wraps.fold(Cost::default(), Cost::then).then(self.product.cost(n))
    }

    fn run(&self, party: &mut Party, factors: [&RingVec; 2]) -> Result<RingVec> {
        let mut bits = Vec::with_capacity(2);
        for (part, factors) in self.wraps.chunks(self.together).zip(factors.chunks(self.together)) {
            bits.extend(wraps(party, part, factors)?);
        }
        let [x, y] = factors.map(|factor| self.product.read(party, factor));
        self.product.run(party, [&x, &y], [&bits[0], &bits[1]])
    }
}

/// x·y (spec: `multiply_unsigned`, `multiply_signed`).
#[derive(Debug, Clone)]
pub struct Multiply {
    rings: [Ring; 2],
    protocol: Protocol,
}

#[derive(Debug, Clone)]
enum Protocol {
    ByBits(MultiplyByBits),
    ByTriple(Factors, Ring),
}

/// The ring that holds every product of so wide factors.
pub(crate) fn full(rings: [Ring; 2]) -> Result<Ring> {
    Ok(Ring::new(rings[0].bits() + rings[1].bits())?)
}

impl Multiply {
    /// Of the unsigned readings, in m + n bits, which are 64 at most. The claims are those of x and y:
    /// [`RangeClaim::NonNegative`] saves a comparison.
    pub fn unsigned(rings: [Ring; 2], claims: [RangeClaim; 2], tuning: Tuning) -> Result<Self> {
        Self::new(rings, claims, full(rings)?, false, tuning)
    }

    /// Of the signed readings of unknown range, in m + n bits, which are 64 at most.
    pub fn signed(rings: [Ring; 2], tuning: Tuning) -> Result<Self> {
        Self::signed_into(rings, [RangeClaim::Any; 2], full(rings)?, tuning)
    }

    /// Of the signed readings, mod 2^w for an `out` of w bits, which is as wide as either factor at least and
    /// at most as wide as both together. Any claim but [`RangeClaim::Any`] saves a comparison.
    pub fn signed_into(rings: [Ring; 2], claims: [RangeClaim; 2], out: Ring, tuning: Tuning) -> Result<Self> {
        if out < rings[0] || out < rings[1] || out.bits() > rings[0].bits() + rings[1].bits() {
            return Err(OnlineError::argument("multiply", format!("a product of {} bits", out.bits())));
        }
        Self::new(rings, claims, out, true, tuning)
    }

    fn new(
        rings: [Ring; 2],
        claims: [RangeClaim; 2],
        out: Ring,
        signed: bool,
        tuning: Tuning,
    ) -> Result<Self> {
        let wrap = |i: usize| FactorWrap::new(rings[i], claims[i], signed, tuning);
        let protocol = if tuning.dealt {
            Protocol::ByTriple(Factors::new(rings, claims, out, signed, tuning)?, out)
        } else {
            Protocol::ByBits(MultiplyByBits {
                wraps: [wrap(0), wrap(1)],
                together: if signed { 2 } else { 1 },
                product: ByBits::new(rings, out, signed),
            })
        };
        Ok(Self { rings, protocol })
    }

    /// Cost of `n` products.
    pub fn cost(&self, n: usize) -> Cost {
        match &self.protocol {
            Protocol::ByBits(multiply) => multiply.cost(n),
            Protocol::ByTriple(factors, out) => {
                factors.cost([n; 2]).then(ring_products_cost(&[(out.bits(), n)]))
            }
        }
    }

    /// Shares of the products, from shares of both factors.
    pub fn run(&self, party: &mut Party, x: &RingVec, y: &RingVec) -> Result<RingVec> {
        if x.len() != y.len() || [x.ring(), y.ring()] != self.rings {
            return Err(OnlineError::argument("multiply", "factors differ in number or are of other rings"));
        }
        match &self.protocol {
            Protocol::ByBits(multiply) => multiply.run(party, [x, y]),
            Protocol::ByTriple(factors, _) => {
                let [x, y] = factors.run(party, [x, y])?;
                Ok(ring_products(party, &[[&x, &y]])?.swap_remove(0))
            }
        }
    }
}
