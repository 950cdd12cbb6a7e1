//! Exact division of a shared value by a public constant (CrypTFlow2 §4.2), and averages.
//!
//! With xᵢ = qᵢ·d + rᵢ, 2^ℓ = Q·d + m, and the signed x = x₀ + x₁ − 2^ℓ·MW:
//! ⌊x/d⌋ = q₀ + q₁ − Q·MW + ⌊t/d⌋ where t = r₀ + r₁ − m·MW lies in (−2d, 2d), so ⌊t/d⌋ = [t ≥ −d] + [t ≥ 0] + [t ≥ d] − 2:
//! three comparisons of few bits instead of one division.
//!
//! What is sent is sent by the wrap count, comparisons and conversions it is made of, so each side sees masked bits and elements only.

use veilflow_correlation::Cost;
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::Pool2dShape;

use crate::{
    OnlineError, Party, RangeClaim, Result, Tuning, arithmetic_shift, arithmetic_shift_cost,
    bit_to_arithmetic, bit_to_arithmetic_cost, drelu, drelu_cost, wrap_count, wrap_count_cost,
};

/// Width that holds t ± d signed: |t ± d| < 3d ≤ 2^(δ−1).
fn small_bits(d: u64) -> u32 {
    1 + (u128::from(d) * 3).next_power_of_two().trailing_zeros()
}

fn check(d: u64, bits: u32) -> Result<()> {
    if d > 0 && u128::from(d) < 1 << (bits - 1) && small_bits(d) <= 64 {
        return Ok(());
    }
    Err(OnlineError::argument("divide_floor", format!("cannot divide {bits}-bit values by {d}")))
}

/// Shares of ⌊x / d⌋ of the signed reading (spec: `divide_floor`).
pub fn divide_floor(party: &mut Party, x: &RingVec, d: u64, range: RangeClaim) -> Result<RingVec> {
    let ring = x.ring();
    check(d, ring.bits())?;
    if d.is_power_of_two() {
        return arithmetic_shift(party, x, d.trailing_zeros(), range);
    }
    let n = x.len();
    let small = Ring::new(small_bits(d))?;
    let wide = ring.max(small);
    let wraps = wrap_count(party, x, range, wide)?;
    let modulus = 1u128 << ring.bits();
    let (quotient, rest) = ((modulus / u128::from(d)) as u64, (modulus % u128::from(d)) as u64);
    let t = x.map_into(small, |v| v % d).sub(&wraps.narrow(small).scale(rest));
    let shift = party.only_p0(RingVec::from_values(small, vec![d; n]));
    let mut thresholds = t.add(&shift);
    thresholds.append(&t);
    thresholds.append(&t.sub(&shift));
    let reached = drelu(party, &thresholds)?;
    let steps = bit_to_arithmetic(party, &reached, ring)?;
    let steps = steps.slice(0, n).add(&steps.slice(n, n)).add(&steps.slice(2 * n, n));
    let two = party.only_p0(RingVec::from_values(ring, vec![2; n]));
    Ok(x.map(|v| v / d).sub(&wraps.narrow(ring).scale(quotient)).add(&steps).sub(&two))
}

/// Cost of [`divide_floor`] of `n` elements of `bits` bits.
pub fn divide_floor_cost(bits: u32, d: u64, range: RangeClaim, n: usize, tuning: Tuning) -> Cost {
    if d.is_power_of_two() {
        return arithmetic_shift_cost(bits, d.trailing_zeros(), range, n, tuning);
    }
    let small = small_bits(d);
    wrap_count_cost(bits, range, bits.max(small), n, tuning)
        .then(drelu_cost(small, 3 * n, tuning))
        .then(bit_to_arithmetic_cost(bits, 3 * n, tuning))
}

/// Shares of a sum of d values divided by d, rounded half up (spec: `average`). `range` is that of the sum plus d/2.
pub fn average(party: &mut Party, sum: &RingVec, d: u64, range: RangeClaim) -> Result<RingVec> {
    let half = party.only_p0(RingVec::from_values(sum.ring(), vec![d / 2; sum.len()]));
    divide_floor(party, &sum.add(&half), d, range)
}

/// Cost of [`average`].
pub fn average_cost(bits: u32, d: u64, range: RangeClaim, n: usize, tuning: Tuning) -> Cost {
    divide_floor_cost(bits, d, range, n, tuning)
}

/// Output positions grouped by the number they divide by, smallest first.
fn by_divisor(shape: &Pool2dShape, count_padding: bool) -> Vec<(u64, Vec<usize>)> {
    let mut groups = std::collections::BTreeMap::<u64, Vec<usize>>::new();
    for at in 0..shape.out_len() {
        let (i, j) = (at / shape.out_width % shape.out_height, at % shape.out_width);
        let covered = shape.rows(i).len() * shape.columns(j).len();
        let d = if count_padding { shape.kernel[0] * shape.kernel[1] } else { covered };
        groups.entry(d as u64).or_default().push(at);
    }
    groups.into_iter().collect()
}

/// Shares of every window's average (spec: `average_pool`): local sums, then one division a divisor.
pub fn average_pool(
    party: &mut Party,
    x: &RingVec,
    shape: &Pool2dShape,
    count_padding: bool,
    range: RangeClaim,
) -> Result<RingVec> {
    if !shape.is_valid() || x.len() != shape.in_len() {
        return Err(OnlineError::argument("average_pool", "input and windows do not fit"));
    }
    let sums = sum_windows(&sum_windows(x, &shape.horizontal_windows()), &shape.vertical_windows());
    let mut out = vec![0; shape.out_len()];
    for (d, at) in by_divisor(shape, count_padding) {
        let (bits, tuning) = (x.ring().bits(), party.tuning);
        let demand = |n| average_cost(bits, d, range, n, tuning).demand;
        let sums = sums.gather(at.iter().copied());
        let averages = party.map_in_threads(&sums, demand, |party, sums| average(party, sums, d, range))?;
        at.iter().zip(averages.values()).for_each(|(&at, &v)| out[at] = v);
    }
    Ok(RingVec::from_values(x.ring(), out))
}

fn sum_windows(x: &RingVec, windows: &[Vec<usize>]) -> RingVec {
    let sum = |w: &Vec<usize>| w.iter().fold(0u64, |sum, &i| sum.wrapping_add(x.values()[i]));
    RingVec::from_values(x.ring(), windows.iter().map(sum).collect())
}

/// Cost of [`average_pool`] in a ring of `bits` bits.
pub fn average_pool_cost(
    bits: u32,
    shape: &Pool2dShape,
    count_padding: bool,
    range: RangeClaim,
    tuning: Tuning,
) -> Cost {
    by_divisor(shape, count_padding)
        .into_iter()
        .fold(Cost::default(), |cost, (d, at)| cost.then(average_cost(bits, d, range, at.len(), tuning)))
}
