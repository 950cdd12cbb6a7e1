//! What can go wrong.

use thiserror::Error;

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, WidthError>;

/// A width outside 1..=64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("ring width must be 1..=64 bits, not {0}")]
pub struct WidthError(pub u32);
