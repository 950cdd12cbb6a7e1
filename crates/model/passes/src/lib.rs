//! From float graph to fixed-point plan: simplification, calibration, scales and widths.

pub mod clear;
mod error;
pub mod float;
mod quantise;
mod simplify;

pub use error::Error;
pub use quantise::{CompileReport, Compiled, Options, TensorReport, compile};
pub use simplify::simplify;
