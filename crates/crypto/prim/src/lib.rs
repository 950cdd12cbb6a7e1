//! Symmetric primitives: blocks, AES-based PRG, correlation-robust hash, bit-matrix transpose.
//!
//! - [`Block`]: 128 bits, the unit every other item works on.
//! - [`Prg`]: AES-128 in counter mode, expanding a seed into an endless stream.
//! - [`CrHash`]: a tweakable hash that breaks the correlation of OT-extension outputs.
//! - [`transpose`]: 128 rows of bits into one block a column.
//! - [`derive()`], [`derive_bytes`]: keys and nonces with domain separation.
//!
//! AES comes from the `aes` crate, which picks AES-NI, VAES or a constant-time software version at run
//! time. Nothing here branches on a secret or indexes memory by one, and `Debug` never prints a secret.

mod block;
mod derive;
mod hash;
mod prg;
mod transpose;

pub use block::Block;
pub use derive::{derive, derive_bytes};
pub use hash::CrHash;
pub use prg::Prg;
pub use transpose::transpose;

use thiserror::Error;

/// What can go wrong in this crate.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PrimError {
    /// The operating system's random generator failed; there is no fallback.
    #[error("the operating system's random generator failed: {0}")]
    Entropy(#[from] getrandom::Error),
}
