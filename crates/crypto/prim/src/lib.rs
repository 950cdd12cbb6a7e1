//! Symmetric primitives: blocks, AES-based PRG, correlation-robust hash, bit-matrix transpose.
//!
//! - [`Block`]: 128 bits, the unit every other item works on.
//! - [`Prg`]: AES-128 in counter mode, expanding a seed into an endless stream.
//! - [`CrHash`]: a tweakable hash that breaks the correlation of OT-extension outputs.
//! - [`CcrHash`]: a hash with a fixed key, which grows correlated GGM trees.
//! - [`transpose`]: 128 rows of bits into one block a column.
//! - [`derive()`], [`derive_bytes`]: keys and nonces with domain separation.
//!
//! Where the processor has it, AES runs on 512-bit VAES, in a kernel of this crate (module `wide`, the only
//! `unsafe` code here). Elsewhere the `aes` crate picks AES-NI, ARM's instructions or constant-time software
//! at run time. The tests hold the two to each other and to published vectors. Nothing here branches on a
//! secret or indexes memory by one, and `Debug` never prints a secret.

mod block;
mod ccr;
mod cipher;
mod derive;
mod error;
mod hash;
mod prg;
mod transpose;
#[cfg(target_arch = "x86_64")]
mod wide;

pub use block::Block;
pub use ccr::CcrHash;
pub use derive::{derive, derive_bytes};
pub use error::{PrimError, Result};
pub use hash::CrHash;
pub use prg::Prg;
pub use transpose::transpose;

// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
