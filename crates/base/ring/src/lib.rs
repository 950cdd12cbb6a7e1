//! Vectors over Z_2^ℓ for any width ℓ in 1..=64 chosen at run time, and packed bits.
//!
//! - [`Ring`] is the modulus, [`RingVec`] a vector reduced modulo it, [`Bits`] a packed bit vector.
//! - [`bit_slices`] and [`from_bit_slices`] go from elements to rows of bits and back; [`equals`] and
//!   [`select`] work on indices in that form.
//! - [`pack`] and [`unpack`] convert elements to and from the form in which they travel, exactly ℓ bits each.
//! - [`Wrapping::matmul`] multiplies matrices modulo 2^32 or 2^64, from which any narrower ring follows.
//!
//! Vectors may hold secret shares. Their `Debug` prints shapes only, and no operation branches on an element
//! or indexes memory by one.
//!
//! ```
//! use veilflow_ring::{Ring, RingVec};
//!
//! let ring = Ring::new(12)?;
//! let x = RingVec::from_signed(ring, &[-3, 5]);
//! let share = RingVec::from_values(ring, vec![1234, 4000]);
//! assert_eq!(x.sub(&share).add(&share).to_signed(), [-3, 5]);
//! # Ok::<(), veilflow_ring::WidthError>(())
//! ```

mod bits;
mod error;
mod matmul;
mod packing;
mod ring;
mod selection;
mod slices;
mod vector;

pub use bits::Bits;
pub use error::{Result, WidthError};
pub use matmul::{Dims, Wrapping};
pub use packing::{pack, packed_len, unpack};
pub use ring::Ring;
pub use selection::{equals, select};
pub use slices::{bit_slices, from_bit_slices};
pub use vector::RingVec;

// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
