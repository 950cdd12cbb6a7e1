//! Selection and the piecewise-linear activations.

use veilflow_ring::{Bits, RingVec};

use crate::{drelu, truncate_reduce};

/// b · x, element by element.
pub fn multiplex(b: &Bits, x: &RingVec) -> RingVec {
    assert_eq!(b.len(), x.len(), "vectors of different length");
    let values = b.iter().zip(x.values()).map(|(b, &v)| if b { v } else { 0 }).collect();
    RingVec::from_values(x.ring(), values)
}

/// max(x, 0) of the signed reading.
pub fn relu(x: &RingVec) -> RingVec {
    multiplex(&drelu(x), x)
}

/// ⌊max(x, 0) / 2^s⌋ in the ring of ℓ − s bits. Its sign bit is always zero. Panics unless s < ℓ.
pub fn relu_truncate(x: &RingVec, s: u32) -> RingVec {
    truncate_reduce(&relu(x), s)
}

/// The signed x limited to 0..=c, for every x. Panics unless c < 2^(ℓ−1).
pub fn clip(x: &RingVec, c: u64) -> RingVec {
    assert!(c <= x.ring().mask() >> 1, "a limit that the signed reading reaches");
    relu(x).map(|v| v.min(c))
}
