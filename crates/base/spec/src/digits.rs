//! Digits and the most significant one.

use veilflow_ring::{Bits, Ring, RingVec, bit_slices};

/// The digits of d bits, lowest first; the highest has what is left of the width. Panics if d is zero.
pub fn digits(x: &RingVec, d: u32) -> Vec<RingVec> {
    let bits = x.ring().bits();
    let digit = |at: u32| {
        let ring = Ring::new(d.min(bits - at)).expect("a digit has a bit");
        x.map_into(ring, |v| v >> at)
    };
    (0..bits).step_by(d as usize).map(digit).collect()
}

/// One row a bit, lowest first: whether it is the most significant bit of x that is one. All rows are zero
/// where x is.
pub fn most_significant_one(x: &RingVec) -> Vec<Bits> {
    let top = x.map(|v| if v == 0 { 0 } else { 1 << v.ilog2() });
    bit_slices(top.values(), x.ring().bits() as usize)
}

/// The index of the most significant bit of x that is one, in `out`; zero where x is.
pub fn most_significant_index(x: &RingVec, out: Ring) -> RingVec {
    x.map_into(out, |v| v.checked_ilog2().unwrap_or(0).into())
}
