//! Products of elements of different widths, without overflow.

use veilflow_ring::{Ring, RingVec};

fn widened(x: &RingVec, y: &RingVec) -> Ring {
    assert_eq!(x.len(), y.len(), "vectors of different length");
    Ring::new(x.ring().bits() + y.ring().bits()).expect("the product's width fits")
}

/// x·y of the unsigned readings, in m + n bits. Panics if m + n > 64 or the lengths differ.
pub fn multiply_unsigned(x: &RingVec, y: &RingVec) -> RingVec {
    let out = widened(x, y);
    let products = x.values().iter().zip(y.values()).map(|(a, b)| a.wrapping_mul(*b));
    RingVec::from_values(out, products.collect())
}

/// x·y of the signed readings, in m + n bits. Panics if m + n > 64 or the lengths differ.
pub fn multiply_signed(x: &RingVec, y: &RingVec) -> RingVec {
    let out = widened(x, y);
    let products = x.to_signed().into_iter().zip(y.to_signed()).map(|(a, b)| a.wrapping_mul(b) as u64);
    RingVec::from_values(out, products.collect())
}
