//! Two parties in a thread each, over a memory channel, with correlations from a supplier of choice.
//!
//! A [`World`] runs an operation on shares and checks, besides the result, that the metered bytes and rounds
//! equal the declared cost and that the correlations were consumed exactly. Everything derives from one seed,
//! printed on failure.

mod dealer;
mod world;

pub use dealer::TestDealer;
pub use world::{Sharing, SupplierFactory, World, dealer};
