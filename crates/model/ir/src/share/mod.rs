//! Shares of a plan's weights, inputs and outputs, as files: what each of two parties holds of what neither
//! has.
//!
//! Whoever splits numbers draws one half uniformly. The other half is the difference, mod 2^ℓ for every
//! element, so that either half alone is uniform. Both carry the same random number, which tells the halves
//! of one sharing from those of another.

mod id;
mod parts;
mod party;
mod weights;

pub use id::SharingId;
pub use parts::{Inputs, Outputs, Shared};
pub use party::{InputShare, OutputShare, Share};
pub use weights::WeightShare;

#[cfg(test)]
mod tests;
