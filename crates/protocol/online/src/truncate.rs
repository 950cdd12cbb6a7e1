//! Faithful truncation: the result equals ⌊x / 2^s⌋ always, by taking the carry of the dropped bits into
//! account.
//!
//! What is sent is sent by the comparison, the wrap count and conversions, so each side sees masked bits and
//! elements only.

use veilflow_correlation::Cost;
use veilflow_ring::{Ring, RingVec};

use crate::extend::raise;
use crate::sign::operand;
use crate::{
    BitToArithmetic, Carry, CompareTree, OnlineError, Operation, Party, RangeClaim, Result, Tuning,
    WrapCount, products, products_cost,
};

pub(crate) fn check_shift(op: &'static str, s: u32, ring: Ring) -> Result<()> {
    if s < ring.bits() {
        return Ok(());
    }
    Err(OnlineError::argument(op, format!("cannot shift {} bits by {s}", ring.bits())))
}

/// The top bits of a share.
pub(crate) fn local_shift(x: &RingVec, s: u32, out: Ring) -> RingVec {
    x.map_into(out, |v| v >> s)
}

/// ⌊x / 2^s⌋ in ℓ − s bits (spec: `truncate_reduce`): (x₀ ≫ s) + (x₁ ≫ s) + carry of the low s bits.
#[derive(Debug, Clone)]
pub struct TruncateReduce {
    shift: u32,
    out: Ring,
    carry: Carry,
    convert: BitToArithmetic,
}

impl TruncateReduce {
    /// Of elements of `ring`, by `shift` < ℓ.
    pub fn new(ring: Ring, shift: u32, tuning: Tuning) -> Result<Self> {
        check_shift("truncate_reduce", shift, ring)?;
        let out = Ring::new(ring.bits() - shift)?;
        let (carry, convert) = (Carry::new(shift, tuning), BitToArithmetic::new(out, tuning));
        Ok(Self { shift, out, carry, convert })
    }
}

impl Operation for TruncateReduce {
    fn cost(&self, n: usize) -> Cost {
        if self.shift == 0 { Cost::default() } else { self.carry.cost(n).then(self.convert.cost(n)) }
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        if self.shift == 0 {
            return Ok(x.clone());
        }
        let carry = self.carry.run(party, x)?;
        Ok(local_shift(x, self.shift, self.out).add(&self.convert.run(party, &carry)?))
    }
}

/// ⌊x / 2^s⌋ of the signed reading in a ring of at least ℓ − s bits (spec: `truncate_extend`).
///
/// The signed x is x₀ + x₁ − 2^ℓ·MW, so the result is (x₀ ≫ s) + (x₁ ≫ s) + carry − 2^(ℓ−s)·MW, with MW mod
/// 2^(n − (ℓ−s)) for a result of n bits.
#[derive(Debug, Clone)]
pub struct TruncateExtend {
    ring: Ring,
    shift: u32,
    out: Ring,
    convert: BitToArithmetic,
    wraps: Wraps,
}

/// How the carry of the dropped bits is found, and the wraps to remove.
#[derive(Debug, Clone)]
enum Wraps {
    /// The result is as narrow as can be, so none are removed.
    None(Carry),
    /// By what is known of x.
    Counted(Carry, WrapCount),
    /// By one tree over all bits of x + 2^(ℓ−1), of which the wrap alone matters.
    Compared(CompareTree, BitToArithmetic),
}

impl TruncateExtend {
    /// Of elements of `ring` within `claim`, by `shift` < ℓ, into `out`.
    pub fn new(ring: Ring, shift: u32, out: Ring, claim: RangeClaim, tuning: Tuning) -> Result<Self> {
        check_shift("truncate_extend", shift, ring)?;
        let bits = ring.bits();
        let Some(lacking) = out.bits().checked_sub(bits - shift) else {
            let reason = format!("{} bits do not fit {}", bits - shift, out.bits());
            return Err(OnlineError::argument("truncate_extend", reason));
        };
        let carry = Carry::new(shift, tuning);
        let wraps = match Ring::new(lacking) {
            Err(_) => Wraps::None(carry),
            Ok(rest) if claim == RangeClaim::Any => Wraps::Compared(
                CompareTree::new(bits, (shift > 0).then_some(shift), tuning),
                BitToArithmetic::new(rest, tuning),
            ),
            Ok(rest) => Wraps::Counted(carry, WrapCount::new(bits, claim, rest, tuning)),
        };
        Ok(Self { ring, shift, out, convert: BitToArithmetic::new(out, tuning), wraps })
    }

    /// The conversion of the carry; without a shift there is none.
    fn carried(&self) -> Option<BitToArithmetic> {
        (self.shift > 0).then_some(self.convert)
    }
}

impl Operation for TruncateExtend {
    fn cost(&self, n: usize) -> Cost {
        let mut jobs: Vec<_> = self.carried().and_then(|convert| convert.shape(n)).into_iter().collect();
        let compared = match &self.wraps {
            Wraps::None(carry) => carry.cost(n),
            Wraps::Counted(carry, count) => {
                jobs.extend(count.shapes(n));
                carry.cost(n).then(count.cost_before(n))
            }
            Wraps::Compared(tree, convert) => {
                jobs.extend(convert.shape(n));
                tree.cost(n)
            }
        };
        compared.then(products_cost(&jobs))
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        let (bits, top) = (self.ring.bits(), self.ring.bits() - self.shift);
        let raised = if let Wraps::Compared(..) = self.wraps { raise(party, x) } else { x.clone() };
        let (carry, wrap) = match &self.wraps {
            Wraps::None(carry) | Wraps::Counted(carry, _) => (Some(carry.run(party, x)?), None),
            Wraps::Compared(tree, _) => {
                let (wrap, carry) = tree.run(party, &operand(party.role, &raised))?;
                (carry, Some(wrap))
            }
        };
        let carried = self.carried().zip(carry);
        let mut jobs = Vec::new();
        jobs.extend(carried.as_ref().and_then(|(convert, carry)| convert.job(party.role, carry)));
        let mut pending = None;
        match (&self.wraps, &wrap) {
            (Wraps::Counted(_, count), _) => pending = Some(count.prepare(party, x, &mut jobs)?),
            (Wraps::Compared(_, convert), Some(wrap)) => jobs.extend(convert.job(party.role, wrap)),
            _ => {}
        }
        let mut results = products(party, jobs)?.into_iter();
        let mut y = local_shift(&raised, self.shift, self.out);
        if let Some((convert, carry)) = &carried {
            y = y.add(&convert.finish(carry, &mut results));
        }
        let wraps = match (pending, &self.wraps, &wrap) {
            (Some(count), ..) => count.finish(&mut results),
            (_, Wraps::Compared(_, convert), Some(wrap)) => {
                // What raising added.
                y = party.add_public(&y, (1u64 << (bits - 1 - self.shift)).wrapping_neg());
                convert.finish(wrap, &mut results)
            }
            _ => return Ok(y),
        };
        Ok(y.sub(&wraps.map_into(self.out, |v| v << top)))
    }
}
