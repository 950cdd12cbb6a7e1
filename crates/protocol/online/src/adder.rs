//! The carries of x₀ + x₁ at many places at once, and the digits and bits that they complete.
//!
//! A bit alone makes the carry a·b, a private product, and hands a carry on if a ⊕ b, which is free; a
//! [parallel-prefix network](crate::prefix) joins such spans. What is sent is sent by these products and by
//! conversions, so each side sees masked bits and elements only.

use veilflow_correlation::Cost;
use veilflow_ring::{Bits, Ring, RingVec, bit_slices};

use crate::masked_bits::MaskedBits;
use crate::operation::SAMPLE;
use crate::prefix::Network;
use crate::{
    BitToArithmetic, OnlineError, Party, Result, Tuning, and_private, and_private_cost, products,
    products_cost,
};

/// The carries out of the low bits, at many places (spec: `carry`).
#[derive(Debug, Clone)]
pub struct Carries {
    places: Vec<u32>,
    network: Network,
}

impl Carries {
    /// The carries out of the low s bits of elements of `ring`, for every s in `places`, each in 1..=ℓ.
    pub fn new(ring: Ring, places: Vec<u32>) -> Result<Self> {
        if places.iter().any(|place| !(1..=ring.bits()).contains(place)) {
            let reason = format!("a carry comes out of 1 to {} bits, not of {places:?}", ring.bits());
            return Err(OnlineError::argument("carries", reason));
        }
        Ok(Self::into_bits(places))
    }

    /// Those into the bits at `places`, each at least 1.
    fn into_bits(places: Vec<u32>) -> Self {
        Self { network: Network::new(places.iter().copied()), places }
    }

    /// Cost of `n` elements.
    pub fn cost(&self, n: usize) -> Cost {
        if self.places.is_empty() {
            return Cost::default();
        }
        and_private_cost(self.network.bits() * n).then(self.network.cost(n))
    }

    /// Shares of the carries, one row a place.
    pub fn run(&self, party: &mut Party, x: &RingVec) -> Result<Vec<Bits>> {
        if self.places.is_empty() {
            return Ok(Vec::new());
        }
        let (rows, n) = (bit_slices(x.values(), self.network.bits()), x.len());
        let made = and_private(party, &Bits::concat(&rows))?;
        let g = (0..rows.len()).map(|i| made.slice(i * n, n)).collect();
        let g = self.network.run(party, g, rows)?;
        Ok(self.places.iter().map(|&place| g[place as usize - 1].clone()).collect())
    }
}

/// The digits of d bits, each in a ring of its own width (spec: `digits`): those of both shares and the carry
/// into them.
#[derive(Debug, Clone)]
pub struct Digits {
    lowest: Ring,
    /// Where each digit but the lowest begins, its ring, and the conversion of the carry into it.
    higher: Vec<(u32, Ring, BitToArithmetic)>,
    carries: Carries,
}

impl Digits {
    /// Of elements of `ring`, with `d` ≥ 1 bits a digit.
    pub fn new(ring: Ring, d: u32, tuning: Tuning) -> Result<Self> {
        if d == 0 {
            return Err(OnlineError::argument("digits", "a digit has a bit at least"));
        }
        let places: Vec<u32> = (1..ring.bits().div_ceil(d)).map(|i| i * d).collect();
        let width = |at: u32| Ring::new(d.min(ring.bits() - at));
        let digit = |&at: &u32| {
            let out = width(at)?;
            Ok((at, out, BitToArithmetic::new(out, tuning)))
        };
        let higher = places.iter().map(digit).collect::<Result<_>>()?;
        Ok(Self { lowest: width(0)?, higher, carries: Carries::into_bits(places) })
    }

    /// Cost of `n` elements.
    pub fn cost(&self, n: usize) -> Cost {
        let jobs: Vec<_> = self.higher.iter().filter_map(|(.., convert)| convert.shape(n)).collect();
        self.carries.cost(n).then(products_cost(&jobs))
    }

    /// Shares of the digits, lowest first.
    pub fn run(&self, party: &mut Party, x: &RingVec) -> Result<Vec<RingVec>> {
        let carries = self.carries.run(party, x)?;
        let carried = || self.higher.iter().zip(&carries);
        let jobs = carried().filter_map(|((.., convert), carry)| convert.job(party.role, carry)).collect();
        let mut results = products(party, jobs)?.into_iter();
        let higher = carried().map(|(&(at, ring, convert), carry)| {
            x.map_into(ring, |v| v >> at).add(&convert.finish(carry, &mut results))
        });
        Ok([x.map_into(self.lowest, |v| v)].into_iter().chain(higher).collect())
    }
}

/// The bits from one on, and the carry into it.
#[derive(Debug, Clone)]
pub struct HighBits {
    bits: u32,
    from: u32,
    protocol: Protocol,
}

#[derive(Debug, Clone)]
enum Protocol {
    /// The bits of both shares, and the carries into them.
    Added(Carries),
    /// Where a helper deals.
    Masked(MaskedBits),
}

impl HighBits {
    /// The bits from bit `from` on, of elements of `ring`; none past the ring's.
    pub fn new(ring: Ring, from: u32, tuning: Tuning) -> Self {
        let added = Carries::into_bits((from.max(1)..ring.bits()).collect());
        let masked = MaskedBits::option(ring.bits(), from, tuning)
            .filter(|masked| tuning.prefers(&masked.cost(SAMPLE), &added.cost(SAMPLE)));
        Self { bits: ring.bits(), from, protocol: masked.map_or(Protocol::Added(added), Protocol::Masked) }
    }

    /// Cost of `n` elements.
    pub fn cost(&self, n: usize) -> Cost {
        match &self.protocol {
            Protocol::Added(carries) => carries.cost(n),
            Protocol::Masked(masked) => masked.cost(n),
        }
    }

    /// Shares of the carry into the lowest of the bits, none into bit 0, and of the bits, lowest first.
    pub fn run(&self, party: &mut Party, x: &RingVec) -> Result<(Option<Bits>, Vec<Bits>)> {
        let own: Vec<Bits> =
            bit_slices(x.values(), self.bits as usize).into_iter().skip(self.from as usize).collect();
        let bits = match &self.protocol {
            Protocol::Masked(masked) => masked.run(party, x)?,
            Protocol::Added(carries) => {
                let (carries, mut bits) = (carries.run(party, x)?, own.clone());
                let carried = bits.iter_mut().skip(usize::from(self.from == 0));
                carried.zip(&carries).for_each(|(bit, carry)| bit.xor_assign(carry));
                bits
            }
        };
        let carry = bits.first().zip(own.first()).filter(|_| self.from > 0);
        Ok((carry.map(|(bit, own)| bit.xor(own)), bits))
    }
}
