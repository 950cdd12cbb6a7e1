//! Suppliers of correlations for two parties.
//!
//! [`OtSupplier`] makes everything from random OTs (SoftSpoken or Ferret, as its [`OtPlan`] says), with no
//! further interaction but for linear layers, whose weights choose among correlated OTs (CrypTFlow2's
//! SCI-OT). [`HeSupplier`] makes the pairs of linear layers by homomorphic encryption instead. Both are
//! secure against semi-honest parties.

mod error;
mod he;
mod ot;

pub use he::{HeClient, HeCosts, HePlan, HeServer, HeSuite, HeSupplier, HeWork, WeightCache};
pub use ot::{OtCosts, OtPlan, OtSupplier, OtWork};
