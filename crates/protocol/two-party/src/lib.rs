//! Suppliers of correlations for two parties.
//!
//! [`OtSupplier`] makes everything from SoftSpoken random OTs, with no further interaction but for linear layers, whose
//! weights choose among correlated OTs (CrypTFlow2's SCI-OT). Security is that of the OT: semi-honest.

mod linear;
mod nonlinear;
mod supplier;

pub use supplier::{DEFAULT_K, OtCosts, OtSupplier};
