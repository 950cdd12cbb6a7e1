//! Suppliers of correlations for two parties.
//!
//! [`OtSupplier`] makes everything from random OTs (SoftSpoken or Ferret, as its [`OtPlan`] says), with no further
//! interaction but for linear layers, whose weights choose among correlated OTs (CrypTFlow2's SCI-OT). [`HeSupplier`] makes
//! the pairs of linear layers by homomorphic encryption instead. Both are secure against semi-honest parties.

mod he;
mod hybrid;
mod linear;
mod nonlinear;
mod supplier;
mod work;

pub use he::{HeClient, HeServer, HeSuite, HeWork, WeightCache};
pub use hybrid::{HeCosts, HePlan, HeSupplier};
pub use supplier::{OtCosts, OtPlan, OtSupplier};
pub use work::OtWork;
