//! Faithful truncation: the result equals ⌊x / 2^s⌋ always, by taking the carry of the dropped bits into account.

use veilflow_correlation::Cost;
use veilflow_ring::{Ring, RingVec};

use crate::product::{conversion_job, conversion_shape, converted};
use crate::sign::WrapCount;
use crate::{
    OnlineError, Party, RangeClaim, Result, Tuning, bit_to_arithmetic, bit_to_arithmetic_cost, carry,
    carry_cost, products, products_cost,
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

/// Shares of ⌊x / 2^s⌋ in ℓ − s bits (spec: `truncate_reduce`): (x₀ ≫ s) + (x₁ ≫ s) + carry of the low s bits.
pub fn truncate_reduce(party: &mut Party, x: &RingVec, s: u32) -> Result<RingVec> {
    check_shift("truncate_reduce", s, x.ring())?;
    if s == 0 {
        return Ok(x.clone());
    }
    let out = Ring::new(x.ring().bits() - s)?;
    let carry = carry(party, x, s)?;
    Ok(local_shift(x, s, out).add(&bit_to_arithmetic(party, &carry, out)?))
}

/// Cost of [`truncate_reduce`] of `n` elements of `bits` bits.
pub fn truncate_reduce_cost(bits: u32, s: u32, n: usize, tuning: Tuning) -> Cost {
    if s == 0 {
        return Cost::default();
    }
    carry_cost(s, n, tuning).then(bit_to_arithmetic_cost(bits - s, n, tuning))
}

/// Shares of ⌊x / 2^s⌋ in the same ring (spec: `arithmetic_shift`).
///
/// The signed x is x₀ + x₁ − 2^ℓ·MW, so the result is (x₀ ≫ s) + (x₁ ≫ s) + carry − 2^(ℓ−s)·MW, with MW mod 2^s.
pub fn arithmetic_shift(party: &mut Party, x: &RingVec, s: u32, range: RangeClaim) -> Result<RingVec> {
    check_shift("arithmetic_shift", s, x.ring())?;
    if s == 0 {
        return Ok(x.clone());
    }
    let ring = x.ring();
    let carry = carry(party, x, s)?;
    let mut jobs: Vec<_> = conversion_job(party, &carry, ring).into_iter().collect();
    let has_conversion = !jobs.is_empty();
    let count = WrapCount::prepare(party, x, range, Ring::new(s)?, &mut jobs)?;
    let mut results =
        if jobs.is_empty() { Vec::new().into_iter() } else { products(party, jobs)?.into_iter() };
    let conversion = if has_conversion { results.next() } else { None };
    let carry = converted(&carry, conversion.as_ref(), ring);
    let wraps = count.finish(&mut results).map_into(ring, |v| v << (ring.bits() - s));
    Ok(local_shift(x, s, ring).add(&carry).sub(&wraps))
}

/// Cost of [`arithmetic_shift`].
pub fn arithmetic_shift_cost(bits: u32, s: u32, range: RangeClaim, n: usize, tuning: Tuning) -> Cost {
    if s == 0 {
        return Cost::default();
    }
    let (before, wrap_jobs) = WrapCount::cost(bits, range, s, n, tuning);
    let jobs: Vec<_> = conversion_shape(bits, n, tuning).into_iter().chain(wrap_jobs).collect();
    let cost = carry_cost(s, n, tuning).then(before);
    if jobs.is_empty() { cost } else { cost.then(products_cost(&jobs)) }
}
