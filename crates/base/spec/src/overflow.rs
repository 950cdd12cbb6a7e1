//! Whether values leave a range.

use veilflow_ring::{Bits, RingVec};

/// For every bit above bit m, one row of elements after another: whether it differs from bit m. All of an
/// element's bits are zero iff −2^m ≤ x < 2^m. Panics unless m < ℓ.
pub fn beyond(x: &RingVec, m: u32) -> Bits {
    assert!(m < x.ring().bits(), "a bit of the ring");
    let row = |bit: u32| x.values().iter().map(move |v| (v >> bit ^ v >> m) & 1 == 1);
    (m + 1..x.ring().bits()).flat_map(row).collect()
}

/// Whether the signed reading of each element lies outside `low`..=`high`.
pub fn outside(x: &RingVec, low: i64, high: i64) -> Bits {
    x.to_signed().iter().map(|v| !(low..=high).contains(v)).collect()
}
