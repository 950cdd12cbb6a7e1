//! Correlations from oblivious transfers alone.

mod linear;
mod nonlinear;
mod supplier;
mod work;

pub use supplier::{OtCosts, OtPlan, OtSupplier};
pub use work::OtWork;
