//! Correlations from oblivious transfers alone.

mod linear;
mod nonlinear;
mod pieces;
mod plan;
mod supplier;
mod work;

pub use plan::{OtCosts, OtPlan};
pub use supplier::OtSupplier;
pub use work::OtWork;
