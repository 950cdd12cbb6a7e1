//! Extension to a wider ring. x₀ + x₁ taken as integers exceeds x by 2^m times a small count, which is removed.
//!
//! What is sent is sent by the wrap count or the carry and its conversion, so each side sees masked bits and elements only.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_ring::{Ring, RingVec};

use crate::{
    OnlineError, Party, RangeClaim, Result, Tuning, bit_to_arithmetic, bit_to_arithmetic_cost, carry,
    carry_cost, wrap_count, wrap_count_cost,
};

fn check(op: &'static str, x: &RingVec, out: Ring) -> Result<()> {
    if out.bits() >= x.ring().bits() {
        return Ok(());
    }
    Err(OnlineError::argument(op, format!("{} bits do not fit {}", x.ring().bits(), out.bits())))
}

/// Takes 2^m·count from the shares read as integers; the count is needed mod 2^(n−m) only.
pub(crate) fn remove_wraps(x: &RingVec, wraps: &RingVec, out: Ring) -> RingVec {
    let m = x.ring().bits();
    x.map_into(out, |v| v).sub(&wraps.map_into(out, |v| v << m))
}

/// Shares of v + 2^(ℓ−1), whose unsigned reading is 2^(ℓ−1) more than the signed one of v.
pub(crate) fn raise(party: &Party, v: &RingVec) -> RingVec {
    let half = 1u64 << (v.ring().bits() - 1);
    if party.role == Role::P0 { v.map(|v| v.wrapping_add(half)) } else { v.clone() }
}

/// Takes from v what [`raise`] added to an element of so many bits.
pub(crate) fn lower(party: &Party, v: &RingVec, bits: u32) -> RingVec {
    let half = 1u64 << (bits - 1);
    if party.role == Role::P0 { v.map(|v| v.wrapping_sub(half)) } else { v.clone() }
}

/// Shares in `out` of the signed reading (spec: `sign_extend`).
pub fn sign_extend(party: &mut Party, x: &RingVec, out: Ring, range: RangeClaim) -> Result<RingVec> {
    check("sign_extend", x, out)?;
    if out == x.ring() {
        return Ok(x.clone());
    }
    if range == RangeClaim::Any {
        // Of the raised element only the wrap matters, not the sign.
        let raised = raise(party, x);
        let extended = zero_extend(party, &raised, out, range)?;
        return Ok(lower(party, &extended, x.ring().bits()));
    }
    let wraps = wrap_count(party, x, range, Ring::new(out.bits() - x.ring().bits())?)?;
    Ok(remove_wraps(x, &wraps, out))
}

/// Cost of [`sign_extend`] of `n` elements from `bits` to `out_bits` bits.
pub fn sign_extend_cost(bits: u32, out_bits: u32, range: RangeClaim, n: usize, tuning: Tuning) -> Cost {
    if out_bits <= bits {
        return Cost::default();
    }
    if range == RangeClaim::Any {
        return zero_extend_cost(bits, out_bits, range, n, tuning);
    }
    wrap_count_cost(bits, range, out_bits - bits, n, tuning)
}

/// Shares in `out` of the unsigned reading (spec: `zero_extend`). [`RangeClaim::NonNegative`] takes one private product.
pub fn zero_extend(party: &mut Party, x: &RingVec, out: Ring, range: RangeClaim) -> Result<RingVec> {
    check("zero_extend", x, out)?;
    if out == x.ring() {
        return Ok(x.clone());
    }
    let rest = Ring::new(out.bits() - x.ring().bits())?;
    let wraps = if range == RangeClaim::NonNegative {
        wrap_count(party, x, range, rest)?
    } else {
        let wrap = carry(party, x, x.ring().bits())?;
        bit_to_arithmetic(party, &wrap, rest)?
    };
    Ok(remove_wraps(x, &wraps, out))
}

/// Cost of [`zero_extend`].
pub fn zero_extend_cost(bits: u32, out_bits: u32, range: RangeClaim, n: usize, tuning: Tuning) -> Cost {
    if out_bits <= bits {
        return Cost::default();
    }
    let rest = out_bits - bits;
    if range == RangeClaim::NonNegative {
        return wrap_count_cost(bits, range, rest, n, tuning);
    }
    carry_cost(bits, n, tuning).then(bit_to_arithmetic_cost(rest, n, tuning))
}
