//! From float graph to fixed-point plan: simplification, calibration, scales and widths.

mod error;
pub mod float;
mod simplify;

pub use error::Error;
pub use simplify::simplify;
