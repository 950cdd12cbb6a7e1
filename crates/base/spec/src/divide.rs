//! Exact division by a public constant.

use veilflow_ring::RingVec;

/// ⌊x / d⌋ of the signed reading, toward −∞, in the same ring. Panics unless 0 < d < 2^(ℓ−1).
pub fn divide_floor(x: &RingVec, d: u64) -> RingVec {
    let ring = x.ring();
    assert!(d > 0 && i128::from(d) < 1i128 << (ring.bits() - 1), "divisor {d} out of range");
    x.map(|v| i128::from(ring.to_signed(v)).div_euclid(i128::from(d)) as u64)
}

/// The average of d values with sum x, rounded half up, where the numerator is taken mod 2^ℓ:
///
/// $$ \left\lfloor \frac{x + \lfloor d/2 \rfloor}{d} \right\rfloor $$
pub fn average(sum: &RingVec, d: u64) -> RingVec {
    divide_floor(&sum.map(|v| v.wrapping_add(d / 2)), d)
}
