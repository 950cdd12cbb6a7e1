//! Faithful truncation: the result equals ⌊x / 2^s⌋ always, by taking the carry of the dropped bits into
//! account.
//!
//! What is sent is sent by the comparison, the wrap count and conversions, so each side sees masked bits and
//! elements only.

use veilflow_correlation::Cost;
use veilflow_ring::{Ring, RingVec};

use crate::{
    BitToArithmetic, Carry, OnlineError, Operation, Party, RangeClaim, Result, Tuning, WrapCount, products,
    products_cost,
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

/// ⌊x / 2^s⌋ in the same ring (spec: `arithmetic_shift`).
///
/// The signed x is x₀ + x₁ − 2^ℓ·MW, so the result is (x₀ ≫ s) + (x₁ ≫ s) + carry − 2^(ℓ−s)·MW, with MW mod
/// 2^s.
#[derive(Debug, Clone)]
pub struct ArithmeticShift {
    ring: Ring,
    shift: u32,
    carry: Carry,
    convert: BitToArithmetic,
    /// `None` for a shift by nothing.
    wraps: Option<WrapCount>,
}

impl ArithmeticShift {
    /// Of elements of `ring` within `claim`, by `shift` < ℓ.
    pub fn new(ring: Ring, shift: u32, claim: RangeClaim, tuning: Tuning) -> Result<Self> {
        check_shift("arithmetic_shift", shift, ring)?;
        let wraps = Ring::new(shift).ok().map(|out| WrapCount::new(ring.bits(), claim, out, tuning));
        let (carry, convert) = (Carry::new(shift, tuning), BitToArithmetic::new(ring, tuning));
        Ok(Self { ring, shift, carry, convert, wraps })
    }
}

impl Operation for ArithmeticShift {
    fn cost(&self, n: usize) -> Cost {
        let Some(wraps) = &self.wraps else { return Cost::default() };
        let jobs: Vec<_> = self.convert.shape(n).into_iter().chain(wraps.shapes(n)).collect();
        self.carry.cost(n).then(wraps.cost_before(n)).then(products_cost(&jobs))
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        let Some(wraps) = &self.wraps else { return Ok(x.clone()) };
        let carry = self.carry.run(party, x)?;
        let mut jobs: Vec<_> = self.convert.job(party.role, &carry).into_iter().collect();
        let wraps = wraps.prepare(party, x, &mut jobs)?;
        let mut results = products(party, jobs)?.into_iter();
        let carry = self.convert.finish(&carry, &mut results);
        let top = self.ring.bits() - self.shift;
        let wraps = wraps.finish(&mut results).map_into(self.ring, |v| v << top);
        Ok(local_shift(x, self.shift, self.ring).add(&carry).sub(&wraps))
    }
}
