//! The law: what every operation returns, in cleartext, for every input.
//!
//! Secure protocols must equal these functions bit for bit, for every input and every way of sharing it. They
//! are written to be read, not to be quick, and import nothing but `veilflow-ring`. Values are elements of
//! Z_2^ℓ; where an operation speaks of signed integers it means the two's-complement reading in
//! −2^(ℓ−1)..2^(ℓ−1).
//!
//! Rounding: truncation is an arithmetic shift, hence toward −∞ (floor); an average is an exact division
//! rounded half up.

mod compare;
mod digits;
mod divide;
mod linear;
mod lookup;
pub mod math;
mod multiply;
mod overflow;
mod pool;
mod select;
mod top_k;
mod toward_zero;
mod width;

pub use compare::{arg_max, carry, drelu, is_positive, less_than, msb, msb_wrap_count, wrap};
pub use digits::{digits, most_significant_index, most_significant_one};
pub use divide::{average, divide_floor};
pub use linear::{Conv2dShape, LinearShape, MatMulShape, ShapeError, add_bias, linear};
pub use lookup::{Table, TableError, lookup};
pub use multiply::{matmul_signed, multiply_signed, multiply_unsigned};
pub use overflow::{beyond, outside};
pub use pool::{Pool2dShape, average_pool, max_of, max_pool};
pub use select::{clip, multiplex, relu, relu_truncate};
pub use top_k::{Comparators, place_bits, places, top_k, top_k_network};
pub use toward_zero::divide_toward_zero;
pub use width::{bit_to_arithmetic, sign_extend, truncate_extend, truncate_reduce, zero_extend};

// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
