//! Selection and the piecewise-linear activations.

use veilflow_ring::{Bits, Ring, RingVec};

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

/// relu(x) − relu(x − c): x limited to 0..=c wherever x − c fits the ring.
pub fn clip(x: &RingVec, c: u64) -> RingVec {
    let ring: Ring = x.ring();
    relu(x).sub(&relu(&x.map(|v| ring.sub(v, c))))
}
