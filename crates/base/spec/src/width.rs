//! Between widths: conversion, truncation, extension.

use veilflow_ring::{Bits, Ring, RingVec};

/// Bits as the elements 0 and 1.
pub fn bit_to_arithmetic(bits: &Bits, out: Ring) -> RingVec {
    RingVec::from_bits(out, bits)
}

/// ⌊x / 2^s⌋ in the ring of ℓ − s bits: the top bits. Signed and unsigned readings agree. Panics unless s <
/// ℓ.
pub fn truncate_reduce(x: &RingVec, s: u32) -> RingVec {
    let out = Ring::new(x.ring().bits() - s).expect("shift below the width");
    x.map_into(out, |v| v >> s)
}

/// ⌊x / 2^s⌋ of the signed reading in a ring of at least ℓ − s bits. Panics unless s < ℓ.
pub fn truncate_extend(x: &RingVec, s: u32, out: Ring) -> RingVec {
    sign_extend(&truncate_reduce(x, s), out)
}

/// The unsigned reading in a ring at least as wide.
pub fn zero_extend(x: &RingVec, out: Ring) -> RingVec {
    assert!(out.bits() >= x.ring().bits(), "extension to a narrower ring");
    x.map_into(out, |v| v)
}

/// The signed reading in a ring at least as wide.
pub fn sign_extend(x: &RingVec, out: Ring) -> RingVec {
    assert!(out.bits() >= x.ring().bits(), "extension to a narrower ring");
    let ring = x.ring();
    x.map_into(out, |v| ring.to_signed(v) as u64)
}
