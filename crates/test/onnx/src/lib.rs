//! The `onnx` package's backend tests, in fixed point.
//!
//! A test is a model of one op, or of a few, with inputs and the outputs that the package's reference
//! implementation computes. It is run twice: with its first float input private and all others known at
//! import, as weights are; and with all float inputs private. It passes if the fixed-point run of the
//! compiled plan is within [`MOST_ERROR`] of the reference. A test whose result depends on no private input
//! counts for nothing.

mod case;
mod outcome;
mod secure;

pub use case::{Case, Private, cases};
pub use outcome::{MOST_ERROR, Outcome, run};
pub use secure::secure;
