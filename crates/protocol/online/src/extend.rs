//! Extension to a wider ring. x₀ + x₁ taken as integers exceeds x by 2^m times a small count, which is
//! removed.
//!
//! What is sent is sent by the wrap count or the carry and its conversion, so each side sees masked bits and
//! elements only.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_ring::{Bits, Ring, RingVec};

use crate::wrap::Pending;
use crate::{
    BitToArithmetic, Carry, OnlineError, Operation, Party, ProductJob, ProductShape, RangeClaim, Result,
    Tuning, WrapCount, products, products_cost,
};

/// Shares of v + 2^(ℓ−1), whose unsigned reading is 2^(ℓ−1) more than the signed one of v.
pub(crate) fn raise(party: &Party, v: &RingVec) -> RingVec {
    let half = 1u64 << (v.ring().bits() - 1);
    if party.role == Role::P0 { v.map(|v| v.wrapping_add(half)) } else { v.clone() }
}

/// Takes from v what [`raise`] added to an element of so many bits.
fn lower(party: &Party, v: &RingVec, bits: u32) -> RingVec {
    let half = 1u64 << (bits - 1);
    if party.role == Role::P0 { v.map(|v| v.wrapping_sub(half)) } else { v.clone() }
}

/// How an extension finds the wraps to remove; they are needed mod 2^(n−m) only.
#[derive(Debug, Clone)]
enum Wraps {
    /// It extends by nothing.
    None,
    /// By what is known of the sign.
    Counted(WrapCount),
    /// By a comparison of all bits.
    Compared(Carry, BitToArithmetic),
}

/// An extension in parts, so that several can share a comparison and an exchange.
///
/// A signed element whose wrap takes a comparison is raised by half its ring, extended as an unsigned number,
/// and lowered: of it only the wrap matters, not the sign.
#[derive(Debug, Clone)]
pub(crate) struct Extension {
    out: Ring,
    raised: bool,
    wraps: Wraps,
}

/// An extension whose product jobs are under way: the element that is extended, and its wraps.
pub(crate) struct Extending(RingVec, ExtendingWraps);

enum ExtendingWraps {
    None,
    Counted(Pending),
    Compared(Bits),
}

impl Extension {
    /// Of the signed or unsigned reading, from `ring` to `out`, which is as wide at least, of elements within
    /// `claim`.
    pub(crate) fn new(
        [ring, out]: [Ring; 2],
        claim: RangeClaim,
        signed: bool,
        tuning: Tuning,
    ) -> Result<Self> {
        let Some(lacking) = out.bits().checked_sub(ring.bits()) else {
            let reason = format!("{} bits do not fit {}", ring.bits(), out.bits());
            return Err(OnlineError::argument(if signed { "sign_extend" } else { "zero_extend" }, reason));
        };
        let compared = claim.takes_comparison(signed);
        let wraps = match Ring::new(lacking) {
            Err(_) => Wraps::None,
            Ok(rest) if compared => {
                Wraps::Compared(Carry::new(ring.bits(), tuning), BitToArithmetic::new(rest, tuning))
            }
            Ok(rest) => Wraps::Counted(WrapCount::new(ring.bits(), claim, rest, tuning)),
        };
        Ok(Self { out, raised: signed && compared && lacking > 0, wraps })
    }

    /// The element that is extended in the place of x.
    pub(crate) fn read(&self, party: &Party, x: &RingVec) -> RingVec {
        if self.raised { raise(party, x) } else { x.clone() }
    }

    /// The comparison that comes first, if one does.
    pub(crate) fn carry(&self) -> Option<&Carry> {
        if let Wraps::Compared(carry, _) = &self.wraps { Some(carry) } else { None }
    }

    /// The products of `n` elements, for costs.
    pub(crate) fn shapes(&self, n: usize) -> Vec<ProductShape> {
        match &self.wraps {
            Wraps::None => Vec::new(),
            Wraps::Counted(count) => count.shapes(n),
            Wraps::Compared(_, convert) => convert.shape(n).into_iter().collect(),
        }
    }

    /// Adds the jobs for the element that was [`read`](Self::read), whose comparison told `carry`.
    pub(crate) fn prepare(
        &self,
        party: &mut Party,
        read: RingVec,
        carry: Option<Bits>,
        jobs: &mut Vec<ProductJob>,
    ) -> Result<Extending> {
        let wraps = match &self.wraps {
            Wraps::None => ExtendingWraps::None,
            Wraps::Counted(count) => ExtendingWraps::Counted(count.prepare(party, &read, jobs)?),
            Wraps::Compared(_, convert) => {
                let carry = carry.unwrap_or_else(|| Bits::zeros(read.len()));
                jobs.extend(convert.job(party.role, &carry));
                ExtendingWraps::Compared(carry)
            }
        };
        Ok(Extending(read, wraps))
    }

    /// Shares of the extended element from the first of `results`.
    pub(crate) fn finish(
        &self,
        party: &Party,
        Extending(read, wraps): Extending,
        results: &mut impl Iterator<Item = RingVec>,
    ) -> RingVec {
        let wraps = match (wraps, &self.wraps) {
            (ExtendingWraps::Counted(count), _) => count.finish(results),
            (ExtendingWraps::Compared(carry), Wraps::Compared(_, convert)) => convert.finish(&carry, results),
            _ => return read,
        };
        let bits = read.ring().bits();
        let extended = read.map_into(self.out, |v| v).sub(&wraps.map_into(self.out, |v| v << bits));
        if self.raised { lower(party, &extended, bits) } else { extended }
    }
}

impl Operation for Extension {
    fn cost(&self, n: usize) -> Cost {
        let compared = self.carry().map_or_else(Cost::default, |carry| carry.cost(n));
        compared.then(products_cost(&self.shapes(n)))
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        let read = self.read(party, x);
        let carry = self.carry().map(|carry| carry.run(party, &read)).transpose()?;
        let mut jobs = Vec::new();
        let extending = self.prepare(party, read, carry, &mut jobs)?;
        let results = products(party, jobs)?;
        Ok(self.finish(party, extending, &mut results.into_iter()))
    }
}

/// The signed reading in a wider ring (spec: `sign_extend`).
#[derive(Debug, Clone)]
pub struct SignExtend(Extension);

impl SignExtend {
    /// From `ring` to `out`, which is as wide at least, of elements within `claim`.
    pub fn new(ring: Ring, out: Ring, claim: RangeClaim, tuning: Tuning) -> Result<Self> {
        Extension::new([ring, out], claim, true, tuning).map(Self)
    }
}

impl Operation for SignExtend {
    fn cost(&self, n: usize) -> Cost {
        self.0.cost(n)
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        self.0.run(party, x)
    }
}

/// The unsigned reading in a wider ring (spec: `zero_extend`). Of non-negative elements it takes one private
/// product.
#[derive(Debug, Clone)]
pub struct ZeroExtend(Extension);

impl ZeroExtend {
    /// From `ring` to `out`, which is as wide at least, of elements within `claim`.
    pub fn new(ring: Ring, out: Ring, claim: RangeClaim, tuning: Tuning) -> Result<Self> {
        Extension::new([ring, out], claim, false, tuning).map(Self)
    }
}

impl Operation for ZeroExtend {
    fn cost(&self, n: usize) -> Cost {
        self.0.cost(n)
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        self.0.run(party, x)
    }
}
