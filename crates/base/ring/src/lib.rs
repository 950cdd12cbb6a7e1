//! Vectors over Z_2^ℓ for any width ℓ in 1..=64 chosen at run time, and packed bits.
//!
//! [`Ring`] is the modulus, [`RingVec`] a vector reduced modulo it, [`Bits`] a packed bit vector.
//! Vectors may hold secret shares, so their `Debug` prints shape only, never contents.

mod bits;
mod matmul;
mod packing;
mod ring;
mod slices;
mod vector;

pub use bits::Bits;
pub use matmul::{Dims, Wrapping, matmul_naive};
pub use packing::{pack, packed_len, unpack};
pub use ring::{Ring, WidthError};
pub use slices::{bit_slices, from_bit_slices};
pub use vector::RingVec;

// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
