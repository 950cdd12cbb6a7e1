//! Suppliers of correlations for two parties.
//!
//! [`OtSupplier`] makes everything from random OTs (SoftSpoken or Ferret, as its [`OtPlan`] says), with no further
//! interaction but for linear layers, whose weights choose among correlated OTs (CrypTFlow2's SCI-OT). Security is that of the OT: semi-honest.

mod he;
mod linear;
mod nonlinear;
mod supplier;

pub use he::{HeClient, HeServer, HeSuite};
pub use supplier::{OtCosts, OtPlan, OtSupplier};
