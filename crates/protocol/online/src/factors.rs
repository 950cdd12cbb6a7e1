//! Products of shared elements with a helper: both factors are extended to the product's ring, and multiplied there by a triple.
//!
//! What is sent is sent by comparisons, private products and [triples](crate::triple), so each side sees masked bits and elements.

use veilflow_correlation::Cost;
use veilflow_ring::{Bits, Ring, RingVec};

use crate::WrapCount;
use crate::extend::{lower, raise, remove_wraps};
use crate::legacy::{conversion_job, conversion_shape, converted};
use crate::triple::{ring_products, ring_products_cost};
use crate::wrap::Pending;
use crate::{Party, ProductJob, RangeClaim, Result, Tuning, carry, carry_cost, products, products_cost};

/// Whether the wrap of a factor takes a comparison.
fn compared(range: RangeClaim, signed: bool) -> bool {
    match range {
        RangeClaim::Any => true,
        RangeClaim::Slack => !signed,
        RangeClaim::NonNegative => false,
    }
}

/// How a factor's wraps become elements.
enum Wraps {
    /// The factor has the product's width.
    None,
    /// By the conversion of a compared bit.
    Bit(Bits, bool),
    Count(Pending),
}

/// The wraps of the factors that take a comparison, in one comparison if the factors are of one width.
fn compare(party: &mut Party, factors: &[&RingVec]) -> Result<Vec<Bits>> {
    if let [x, y] = factors
        && x.ring() == y.ring()
    {
        let mut both = RingVec::clone(x);
        both.append(y);
        let wraps = carry(party, &both, x.ring().bits())?;
        return Ok(vec![wraps.slice(0, x.len()), wraps.slice(x.len(), y.len())]);
    }
    factors.iter().map(|x| carry(party, x, x.ring().bits())).collect()
}

/// Shares in `out` of both factors' readings; `out` is as wide as either at least.
pub(crate) fn extend(
    party: &mut Party,
    factors: [&RingVec; 2],
    ranges: [RangeClaim; 2],
    out: Ring,
    signed: bool,
) -> Result<[RingVec; 2]> {
    let raised = [0, 1].map(|i| signed && compared(ranges[i], signed) && factors[i].ring() < out);
    let read = [0, 1].map(|i| if raised[i] { raise(party, factors[i]) } else { factors[i].clone() });
    let compares = |i: usize| compared(ranges[i], signed) && factors[i].ring() < out;
    let to_compare: Vec<&RingVec> = (0..2).filter(|&i| compares(i)).map(|i| &read[i]).collect();
    let mut bits = compare(party, &to_compare)?.into_iter();
    let mut jobs: Vec<ProductJob> = Vec::new();
    let mut wraps = Vec::with_capacity(2);
    for (i, x) in read.iter().enumerate() {
        let Ok(rest) = Ring::new(out.bits() - x.ring().bits()) else {
            wraps.push(Wraps::None);
            continue;
        };
        wraps.push(if compares(i) {
            let bits = bits.next().unwrap_or_default();
            let job = conversion_job(party, &bits, rest);
            let has_job = job.is_some();
            jobs.extend(job);
            Wraps::Bit(bits, has_job)
        } else {
            Wraps::Count(
                WrapCount::new(x.ring().bits(), ranges[i], rest, party.tuning)
                    .prepare(party, x, &mut jobs)?,
            )
        });
    }
    let results = if jobs.is_empty() { Vec::new() } else { products(party, jobs)? };
    let mut results = results.into_iter();
    let mut extended = read.clone();
    for ((x, wraps), raised) in extended.iter_mut().zip(wraps).zip(raised) {
        let wraps = match wraps {
            Wraps::None => continue,
            Wraps::Bit(bits, has_job) => {
                let product = if has_job { results.next() } else { None };
                converted(&bits, product.as_ref(), Ring::new(out.bits() - x.ring().bits())?)
            }
            Wraps::Count(count) => count.finish(&mut results),
        };
        let bits = x.ring().bits();
        *x = remove_wraps(x, &wraps, out);
        if raised {
            *x = lower(party, x, bits);
        }
    }
    Ok(extended)
}

/// Cost of [`extend`] of `n` elements, `m` of the second factor.
pub(crate) fn extend_cost(
    bits: [u32; 2],
    ranges: [RangeClaim; 2],
    out: u32,
    signed: bool,
    [n, m]: [usize; 2],
    tuning: Tuning,
) -> Cost {
    let factors = [(bits[0], ranges[0], n), (bits[1], ranges[1], m)].into_iter();
    let wrapped: Vec<_> = factors.filter(|(bits, ..)| *bits < out).collect();
    let compared: Vec<_> = wrapped.iter().filter(|(_, range, _)| compared(*range, signed)).collect();
    let mut cost = match compared[..] {
        [(a, ..), (b, ..)] if a == b => carry_cost(*a, n + m, tuning),
        _ => compared
            .iter()
            .fold(Cost::default(), |cost, (bits, _, n)| cost.then(carry_cost(*bits, *n, tuning))),
    };
    let mut jobs = Vec::new();
    for &(bits, range, n) in &wrapped {
        if self::compared(range, signed) {
            jobs.extend(conversion_shape(out - bits, n, tuning));
        } else {
            if let Ok(rest) = Ring::new(out - bits) {
                jobs.extend(WrapCount::new(bits, range, rest, tuning).shapes(n));
            }
        }
    }
    if !jobs.is_empty() {
        cost = cost.then(products_cost(&jobs));
    }
    cost
}

/// Shares of x·y mod 2^out of the signed or unsigned readings.
pub(crate) fn multiply(
    party: &mut Party,
    factors: [&RingVec; 2],
    ranges: [RangeClaim; 2],
    out: Ring,
    signed: bool,
) -> Result<RingVec> {
    let [x, y] = extend(party, factors, ranges, out, signed)?;
    Ok(ring_products(party, &[[&x, &y]])?.swap_remove(0))
}

/// Cost of [`multiply`] of `n` elements.
pub(crate) fn multiply_cost(
    bits: [u32; 2],
    ranges: [RangeClaim; 2],
    out: u32,
    signed: bool,
    n: usize,
    tuning: Tuning,
) -> Cost {
    extend_cost(bits, ranges, out, signed, [n; 2], tuning).then(ring_products_cost(&[(out, n)]))
}
