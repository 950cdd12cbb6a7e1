//! Products of shared elements of different widths, and division by a power of two toward zero.
//!
//! With x = x₀ + x₁ − 2^m·wₓ and y = y₀ + y₁ − 2^n·w_y as integers, x·y mod 2^(m+n) is x₀y₀ + x₁y₁ + x₀y₁ + x₁y₀ − 2^m·wₓ·y −
//! 2^n·w_y·x: two local products, two private × private ones by the bits of the narrower factor, and two multiplexers
//! (SIRNN §III-E, with OTs of falling width). With a helper, both factors are extended and one triple multiplies them
//! ([`factors`](crate::factors)).

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_ring::{Bits, Ring, RingVec, bit_slices};
use veilflow_spec::multiplex as private_multiplex;

use crate::extend::raise;
use crate::factors;
use crate::sign::negate;
use crate::{
    OnlineError, Party, ProductJob, ProductShape, RangeClaim, Result, Tuning, and_private, and_private_cost,
    arithmetic_shift, arithmetic_shift_cost, bit_to_arithmetic, bit_to_arithmetic_cost, carry, carry_cost,
    drelu, msb_cost, products, products_cost,
};

/// Shares of the wrap: of all bits, or of the top ones where the sign bit is known to be zero (w = t₀ ∨ t₁).
pub(crate) fn wrap(party: &mut Party, x: &RingVec, range: RangeClaim) -> Result<Bits> {
    if range != RangeClaim::NonNegative {
        return carry(party, x, x.ring().bits());
    }
    let top = veilflow_spec::msb(x);
    Ok(and_private(party, &top)?.xor(&top))
}

pub(crate) fn wrap_cost(bits: u32, range: RangeClaim, n: usize, tuning: Tuning) -> Cost {
    if range == RangeClaim::NonNegative { and_private_cost(n) } else { carry_cost(bits, n, tuning) }
}

/// Jobs for the bits of `few` (at one party) times `many` (at the other), in `out`; bit i in a ring i bits narrower.
fn private_jobs(few: &RingVec, many: &RingVec, out: Ring, mine_are_bits: bool) -> Result<Vec<ProductJob>> {
    let rows = bit_slices(few.values(), few.ring().bits() as usize);
    let job = |(i, row): (u32, Bits)| {
        let ring = Ring::new(out.bits() - i)?;
        Ok(if mine_are_bits {
            ProductJob::Bit(row, ring)
        } else {
            ProductJob::Element(many.map_into(ring, |v| v))
        })
    };
    (0..).zip(rows).map(job).collect()
}

/// Shares of x·y of the unsigned readings, in m + n bits (spec: `multiply_unsigned`). The ranges are those of x and y:
/// [`RangeClaim::NonNegative`] saves a comparison each.
pub fn multiply_unsigned(
    party: &mut Party,
    x: &RingVec,
    y: &RingVec,
    ranges: [RangeClaim; 2],
) -> Result<RingVec> {
    check(x, y)?;
    if party.tuning.dealt {
        return factors::multiply(party, [x, y], ranges, full(x, y)?, false);
    }
    let wraps = [wrap(party, x, ranges[0])?, wrap(party, y, ranges[1])?];
    multiply_wrapped(party, x, y, &wraps, full(x, y)?)
}

fn check(x: &RingVec, y: &RingVec) -> Result<()> {
    if x.len() == y.len() {
        return Ok(());
    }
    Err(OnlineError::argument("multiply", "factors differ in number"))
}

/// The ring that holds every product.
pub(crate) fn full(x: &RingVec, y: &RingVec) -> Result<Ring> {
    Ok(Ring::new(x.ring().bits() + y.ring().bits())?)
}

/// Widths in which each factor is multiplied by the wrap of the other, of a product of so many bits; none where that counts too high
/// to show.
fn wrapped_bits(bits: [u32; 2], out: u32) -> [Option<u32>; 2] {
    bits.map(|weight| (out > weight).then(|| out - weight))
}

/// The product of unsigned readings, mod 2^out, from the shares of both wraps; `out` is at least as wide as the factors.
fn multiply_wrapped(
    party: &mut Party,
    x: &RingVec,
    y: &RingVec,
    wraps: &[Bits; 2],
    out: Ring,
) -> Result<RingVec> {
    let (few, many) = if x.ring() <= y.ring() { (x, y) } else { (y, x) };
    let mut jobs = private_jobs(few, many, out, party.role == Role::P0)?;
    jobs.extend(private_jobs(few, many, out, party.role == Role::P1)?);
    let cross = jobs.len() / 2;
    let weights = [x.ring().bits(), y.ring().bits()];
    let mut excesses = Vec::new();
    let terms = wraps.iter().zip([y, x]).zip(weights).zip(wrapped_bits(weights, out.bits()));
    for (((wrap, factor), weight), bits) in terms.filter_map(|(term, bits)| Some((term, bits?))) {
        let factor = factor.map_into(Ring::new(bits)?, |v| v);
        let chosen = private_multiplex(wrap, &factor);
        let element = ProductJob::Element(factor.sub(&chosen.scale(2)));
        let bit = ProductJob::Bit(wrap.clone(), factor.ring());
        jobs.extend(if party.role == Role::P0 { [element, bit] } else { [bit, element] });
        excesses.push((chosen, weight));
    }
    let results = products(party, jobs)?;
    let (crosses, wrapped) = results.split_at(2 * cross);
    let own = x.values().iter().zip(y.values()).map(|(a, b)| a.wrapping_mul(*b));
    let mut product = RingVec::from_values(out, own.collect());
    for part in crosses.chunks(cross) {
        for (i, part) in part.iter().enumerate() {
            product = product.add(&part.map_into(out, |v| v << i));
        }
    }
    for ((chosen, weight), pair) in excesses.iter().zip(wrapped.chunks(2)) {
        let excess = chosen.add(&pair[0]).add(&pair[1]);
        product = product.sub(&excess.map_into(out, |v| v << weight));
    }
    Ok(product)
}

/// Cost of [`multiply_unsigned`] and [`multiply_signed`] of `n` elements of `bits[0]` by `bits[1]` bits.
pub fn multiply_cost(bits: [u32; 2], ranges: [RangeClaim; 2], n: usize, tuning: Tuning) -> Cost {
    if tuning.dealt {
        // The signed product is that of unknown ranges, which costs the same.
        return factors::multiply_cost(bits, ranges, bits[0] + bits[1], false, n, tuning);
    }
    wrap_cost(bits[0], ranges[0], n, tuning)
        .then(wrap_cost(bits[1], ranges[1], n, tuning))
        .then(multiply_raised_cost(bits, bits[0] + bits[1], n))
}

/// Cost of [`multiply_raised`] into `out` bits.
pub(crate) fn multiply_raised_cost(bits: [u32; 2], out: u32, n: usize) -> Cost {
    let few = bits[0].min(bits[1]);
    let cross = |sender: Role| (0..few).map(move |i| ProductShape::Element(sender, out - i, n));
    let mut jobs: Vec<_> = cross(Role::P1).chain(cross(Role::P0)).collect();
    for width in wrapped_bits(bits, out).into_iter().flatten() {
        jobs.extend([Role::P0, Role::P1].map(|role| ProductShape::Element(role, width, n)));
    }
    products_cost(&jobs)
}

/// Shares of x·y of the signed readings, in m + n bits (spec: `multiply_signed`).
pub fn multiply_signed(party: &mut Party, x: &RingVec, y: &RingVec) -> Result<RingVec> {
    check(x, y)?;
    if party.tuning.dealt {
        return factors::multiply(party, [x, y], [RangeClaim::Any; 2], full(x, y)?, true);
    }
    let [x, y] = [raise(party, x), raise(party, y)];
    let wraps = [wrap(party, &x, RangeClaim::Any)?, wrap(party, &y, RangeClaim::Any)?];
    multiply_raised(party, &x, &y, &wraps, full(&x, &y)?)
}

/// The signed product from [`raise`]d factors X and Y and their wraps: x·y = X·Y − 2^(m−1)·Y − 2^(n−1)·X + 2^(m+n−2). There
/// 2^(m−1)·Y needs Y's wrap mod 2 only, which its shares by exclusive or are, and in fewer than m + n bits not even that. The cost
/// is that of the unsigned product.
pub(crate) fn multiply_raised(
    party: &mut Party,
    x: &RingVec,
    y: &RingVec,
    wraps: &[Bits; 2],
    out: Ring,
) -> Result<RingVec> {
    let product = multiply_wrapped(party, x, y, wraps, out)?;
    let [m, n] = [x.ring().bits(), y.ring().bits()];
    // 2^(other − 1)·(v₀ + v₁ − 2^own·w).
    let partial = |v: &RingVec, wrap: &Bits, other: u32| {
        let wrap = RingVec::from_bits(out, wrap).scale(1 << (m + n - 1));
        v.map_into(out, |v| v << (other - 1)).sub(&wrap)
    };
    let corner = party.only_p0(RingVec::from_values(out, vec![1 << (m + n - 2); x.len()]));
    Ok(product.sub(&partial(y, &wraps[1], m)).sub(&partial(x, &wraps[0], n)).add(&corner))
}

/// The wraps of [`raise`]d factors, from what is known of them before. With c = [x₀ ≥ 2^(ℓ−1)], which P0 knows, the wrap is MW − c for
/// the [wrap count](crate::wrap_count()) MW of x: of a range other than [`RangeClaim::Any`] its lowest bit takes a product of private bits,
/// or two; those of both factors are opened together.
fn raised_wraps(party: &mut Party, factors: [&RingVec; 2], ranges: [RangeClaim; 2]) -> Result<[Bits; 2]> {
    let mut known = Vec::with_capacity(2);
    let mut private = Bits::default();
    for (x, range) in factors.into_iter().zip(ranges) {
        let modulus = 1u128 << x.ring().bits();
        let at_least = |thirds: u128| -> Bits {
            x.values().iter().map(|&v| 3 * u128::from(v) >= thirds * modulus).collect()
        };
        let top = veilflow_spec::msb(x);
        let first = match range {
            RangeClaim::Any => {
                let raised = raise(party, x);
                known.push(carry(party, &raised, x.ring().bits())?);
                continue;
            }
            RangeClaim::Slack => at_least(1),
            RangeClaim::NonNegative => top.clone(),
        };
        private.append(&first);
        if range == RangeClaim::Slack {
            private.append(&at_least(2));
        }
        known.push(if party.role == Role::P0 { first.xor(&top) } else { first });
    }
    if !private.is_empty() {
        let products = and_private(party, &private)?;
        let n = factors[0].len();
        let mut taken = 0;
        for (wrap, range) in known.iter_mut().zip(ranges) {
            for _ in 0..private_products(range) {
                wrap.xor_assign(&products.slice(taken, n));
                taken += n;
            }
        }
    }
    known.try_into().map_err(|_| OnlineError::argument("multiply", "there are two factors"))
}

/// Products of private bits that a wrap takes.
fn private_products(range: RangeClaim) -> usize {
    match range {
        RangeClaim::Any => 0,
        RangeClaim::Slack => 2,
        RangeClaim::NonNegative => 1,
    }
}

/// Shares of x·y of the signed readings mod 2^out, where `out` is at least as wide as either factor and at most m + n bits wide (spec:
/// `multiply_signed`, narrowed). The ranges are those of x and y; but of [`RangeClaim::Any`], none takes a comparison.
pub fn multiply_into(
    party: &mut Party,
    x: &RingVec,
    y: &RingVec,
    ranges: [RangeClaim; 2],
    out: Ring,
) -> Result<RingVec> {
    check(x, y)?;
    if out < x.ring() || out < y.ring() || out > full(x, y)? {
        return Err(OnlineError::argument("multiply", format!("a product of {} bits", out.bits())));
    }
    if party.tuning.dealt {
        return factors::multiply(party, [x, y], ranges, out, true);
    }
    let wraps = raised_wraps(party, [x, y], ranges)?;
    let [x, y] = [raise(party, x), raise(party, y)];
    multiply_raised(party, &x, &y, &wraps, out)
}

/// Cost of [`multiply_into`] of `n` elements of `bits[0]` by `bits[1]` bits.
pub fn multiply_into_cost(
    bits: [u32; 2],
    ranges: [RangeClaim; 2],
    out: u32,
    n: usize,
    tuning: Tuning,
) -> Cost {
    if tuning.dealt {
        return factors::multiply_cost(bits, ranges, out, true, n, tuning);
    }
    let mut cost = Cost::default();
    for (bits, _) in bits.iter().zip(ranges).filter(|(_, range)| *range == RangeClaim::Any) {
        cost = cost.then(carry_cost(*bits, n, tuning));
    }
    match n * ranges.map(private_products).iter().sum::<usize>() {
        0 => {}
        products => cost = cost.then(and_private_cost(products)),
    }
    cost.then(multiply_raised_cost(bits, out, n))
}

/// Shares of x / 2^s of the signed reading, toward zero, in the same ring (spec: `divide_toward_zero`): of a negative x, 2^s − 1
/// is added before the shift toward −∞; the sum keeps x's range.
pub fn divide_toward_zero(party: &mut Party, x: &RingVec, s: u32, range: RangeClaim) -> Result<RingVec> {
    if s + 1 >= x.ring().bits() {
        return Err(OnlineError::argument("divide_toward_zero", format!("cannot divide by 2^{s}")));
    }
    if s == 0 || range == RangeClaim::NonNegative {
        return arithmetic_shift(party, x, s, range);
    }
    let positive = drelu(party, x)?;
    let negative = negate(party.role, positive);
    let raise = bit_to_arithmetic(party, &negative, x.ring())?.scale((1 << s) - 1);
    arithmetic_shift(party, &x.add(&raise), s, range)
}

/// Cost of [`divide_toward_zero`] of `n` elements of `bits` bits.
pub fn divide_toward_zero_cost(bits: u32, s: u32, range: RangeClaim, n: usize, tuning: Tuning) -> Cost {
    let shift = arithmetic_shift_cost(bits, s, range, n, tuning);
    if s == 0 || range == RangeClaim::NonNegative {
        return shift;
    }
    msb_cost(bits, n, tuning).then(bit_to_arithmetic_cost(bits, n, tuning)).then(shift)
}
