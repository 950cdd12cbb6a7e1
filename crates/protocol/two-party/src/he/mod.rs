//! Pairs for linear layers by homomorphic encryption.
//!
//! The client encrypts a mask r, which comes out of the encryption. The server multiplies by W, keeps the
//! leading bits s and replies with the rest. The client decrypts W·r − s mod 2^ℓ, exactly. A layer is cut
//! into negacyclic polynomial products by `geometry`, `layout` and `cut`, in the cheapest way that fits. What
//! each side sees, and the noise arithmetic, is in `docs/homomorphic-linear-layers.md`.

mod cache;
mod client;
mod cut;
mod division;
mod geometry;
mod layout;
mod parallel;
mod part;
mod prices;
mod replies;
mod search;
mod server;
mod set;
mod slots;
mod suite;
mod supplier;
#[cfg(test)]
mod tests;
mod work;

pub use cache::WeightCache;
pub use client::HeClient;
pub use server::HeServer;
pub use suite::HeSuite;
pub use supplier::{HeCosts, HePlan, HeSupplier};
pub use work::HeWork;
