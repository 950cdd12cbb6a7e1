//! From float graph to fixed-point plan: simplification, calibration, scales and widths.
//!
//! [`compile_within`] is the way in, or [`compile`] where the bits are known. It [`simplify`]s the graph,
//! runs it in [`float`] on calibration inputs, and returns a plan, its weights and a report. [`clear`] runs a
//! plan without any secrecy, bit for bit as the parties would, and tells where values leave the ranges that
//! calibration saw.

pub mod clear;
mod error;
pub mod float;
mod quantise;
mod simplify;

pub use error::{PassError, Result};
pub use quantise::{
    Check, CompileReport, Compiled, DEFAULT_ERROR, Options, Revealing, TensorReport, compile, compile_within,
    compile_within_fit,
};
pub use simplify::simplify;
