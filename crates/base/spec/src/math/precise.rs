//! Integer arithmetic with 44 fractional bits, precise to a few units of the last: what tables are made of.
//! No floating point, so that every machine makes the same tables.

/// Fractional bits.
pub(super) const FRACTION: u32 = 44;

/// 1.
pub(super) const ONE: i128 = 1 << FRACTION;

/// Fractional bits of the exponential's inside.
const GUARD: u32 = 60;

/// ln 2 with [`GUARD`] fractional bits.
const LN_2: i128 = 799_144_290_325_165_979;

/// e^(−n / 2^scale), for `scale` ≤ 60.
pub(super) fn exp_neg(n: u64, scale: u32) -> i128 {
    exp_neg_guarded(i128::from(n) << (GUARD - scale)) >> (GUARD - FRACTION)
}

/// e^((start − n) / 2^scale), for `scale` ≤ 60.
pub(super) fn exp_below(n: u64, scale: u32, start: u64) -> i128 {
    exp_neg_guarded((i128::from(n) - i128::from(start)) << (GUARD - scale)) >> (GUARD - FRACTION)
}

/// ln(z·2^(exponent − bits)) for z·2^−bits in 1..=2: 2·artanh t with t = (m − 1) / (m + 1) ≤ 1/3.
pub(super) fn ln(z: u64, bits: u32, exponent: i32) -> i128 {
    let (z, one) = (i128::from(z), 1i128 << bits);
    let t = ((z - one) << GUARD) / (z + one);
    let square = (t * t) >> GUARD;
    let (mut power, mut sum, mut k) = (t, 0, 1);
    while power > 0 {
        sum += power / k;
        power = (power * square) >> GUARD;
        k += 2;
    }
    (2 * sum + i128::from(exponent) * LN_2) >> (GUARD - FRACTION)
}

/// e^−x, with [`GUARD`] fractional bits.
fn exp_neg_guarded(x: i128) -> i128 {
    let (halvings, rest) = (x.div_euclid(LN_2), x.rem_euclid(LN_2));
    if halvings > i128::from(GUARD) {
        return 0;
    }
    // Taylor at rest < ln 2: 0.7^24 / 24! is far below 2^−60.
    let (mut term, mut sum) = (1i128 << GUARD, 0);
    for k in 1..=24 {
        sum += term;
        term = -((term * rest) >> GUARD) / k;
    }
    scaled(sum, -(halvings as i32))
}

/// a / b.
fn ratio(a: i128, b: i128) -> i128 {
    (a << FRACTION) / b
}

/// 1 / (1 + e^(−n / 2^scale)).
pub(super) fn sigmoid(n: u64, scale: u32) -> i128 {
    ratio(ONE, ONE + exp_neg(n, scale))
}

/// tanh(n / 2^scale), from e^(−2n / 2^scale).
pub(super) fn tanh(n: u64, scale: u32) -> i128 {
    let e = exp_neg(2 * n, scale);
    ratio(ONE - e, ONE + e)
}

/// 2/√π with [`FRACTION`] fractional bits.
const TWO_BY_SQRT_PI: i128 = 19_850_656_236_187;

/// erf(n / 2^scale), by the series 2/√π·e^(−x²)·Σ 2^k·x^(2k+1) / (1·3·…·(2k+1)), whose terms are positive.
/// One from x = 4 on, where 2^−25 is left.
pub(super) fn erf(n: u64, scale: u32) -> i128 {
    erf_at((i128::from(n) << FRACTION) >> scale)
}

fn erf_at(x: i128) -> i128 {
    if x >= 4 * ONE {
        return ONE;
    }
    let square = (x * x) >> FRACTION;
    let (mut term, mut sum, mut k) = (x, 0, 1);
    while term > 0 {
        sum += term;
        k += 2;
        term = ((term * square) >> (FRACTION - 1)) / k;
    }
    // e^(−x²) with guard bits, as the sum is as large as its inverse.
    let decay = exp_neg_guarded(square << (GUARD - FRACTION));
    (((sum * decay) >> GUARD) * TWO_BY_SQRT_PI) >> FRACTION
}

/// u / (1 + e^u) for u = n / 2^scale: what max(x, 0) exceeds x / (1 + e^−x) by, at |x| = u.
pub(super) fn silu_rest(n: u64, scale: u32) -> i128 {
    let (u, e) = ((i128::from(n) << FRACTION) >> scale, exp_neg(n, scale));
    (u * ratio(e, ONE + e)) >> FRACTION
}

/// 1/√2 with [`FRACTION`] fractional bits.
const SQRT_HALF: i128 = 12_439_554_047_902;

/// u·(1 − erf(u/√2)) / 2 for u = n / 2^scale: what max(x, 0) exceeds x·(1 + erf(x/√2)) / 2 by, at |x| = u.
pub(super) fn gelu_rest(n: u64, scale: u32) -> i128 {
    let u = (i128::from(n) << FRACTION) >> scale;
    (u * (ONE - erf_at((u * SQRT_HALF) >> FRACTION))) >> (FRACTION + 1)
}

/// 1 / x for x = z·2^(exponent − bits).
pub(super) fn reciprocal(z: u64, bits: u32, exponent: i32) -> i128 {
    scaled((1i128 << (FRACTION + bits)) / i128::from(z), -exponent)
}

/// 1 / √x for x = z·2^(exponent − bits).
pub(super) fn rsqrt(z: u64, bits: u32, exponent: i32) -> i128 {
    let odd = exponent.rem_euclid(2);
    let square = (1u128 << (2 * FRACTION + bits)) / (u128::from(z) << odd);
    scaled(square.isqrt() as i128, (odd - exponent) / 2)
}

/// √x for x = z·2^(exponent − bits).
pub(super) fn sqrt(z: u64, bits: u32, exponent: i32) -> i128 {
    let odd = (exponent - bits as i32).rem_euclid(2);
    let root = (u128::from(z) << (2 * FRACTION) << odd).isqrt() as i128;
    scaled(root, (exponent - bits as i32 - odd) / 2)
}

/// x·2^power.
fn scaled(x: i128, power: i32) -> i128 {
    if power >= 0 { x << power } else { x >> -power }
}
