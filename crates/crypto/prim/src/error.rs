//! What can go wrong.

use thiserror::Error;

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, PrimError>;

/// A failure of a primitive.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PrimError {
    /// The operating system's random generator failed; there is no fallback.
    #[error("the operating system's random generator failed: {0}")]
    Entropy(#[from] getrandom::Error),
}
