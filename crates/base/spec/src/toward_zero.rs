//! Division that rounds toward zero.

use veilflow_ring::RingVec;

/// x / 2^s of the signed reading, rounded toward zero, in the same ring. Panics unless s < ℓ − 1.
pub fn divide_toward_zero(x: &RingVec, s: u32) -> RingVec {
    let ring = x.ring();
    assert!(s + 1 < ring.bits(), "shift below the width");
    x.map(|v| (ring.to_signed(v) / (1i64 << s)) as u64)
}
