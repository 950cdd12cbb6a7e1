//! Why a graph could not be run or compiled.

use thiserror::Error;
use veilflow_ir::{IrError, Reason, Shape};

/// The result of a pass or a run.
pub type Result<T, E = PassError> = std::result::Result<T, E>;

/// Why a graph could not be run or compiled.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PassError {
    /// A graph or plan that breaks its own rules.
    #[error(transparent)]
    Ir(#[from] IrError),
    /// Another number of inputs than the network has.
    #[error("the network takes {expected} inputs, not {actual}")]
    InputCount {
        /// How many it has.
        expected: usize,
        /// How many were given.
        actual: usize,
    },
    /// An input of another shape.
    #[error("input `{input}` has shape {expected}, not {actual}")]
    InputShape {
        /// The input's name.
        input: String,
        /// Its shape.
        expected: Shape,
        /// The shape given.
        actual: Shape,
    },
    /// An output of which the largest elements can't be revealed.
    #[error("the {count} largest of output `{output}` can't be revealed: its shape is {shape}")]
    Reveal {
        /// The output's name.
        output: String,
        /// Its shape: more than one dimension is larger than 1, or it has fewer elements.
        shape: Shape,
        /// How many were asked for.
        count: usize,
    },
    /// An output that depends on no input.
    #[error(
        "output `{output}` depends on no input, so there is nothing to compute: leave it out of the network"
    )]
    ConstantOutput {
        /// The output's name.
        output: String,
    },
    /// An option outside its range.
    #[error("{name} must be in {}..={}, not {value}", range.start(), range.end())]
    Options {
        /// The option.
        name: &'static str,
        /// Its value.
        value: u32,
        /// What is allowed.
        range: std::ops::RangeInclusive<u32>,
    },
    /// No calibration input was given.
    #[error("compilation needs at least one calibration input")]
    NoCalibration,
    /// A calibration input makes a tensor infinite or not a number.
    #[error("calibration makes `{value}` infinite or not a number")]
    NotFinite {
        /// The tensor's name.
        value: String,
    },
    /// A node that fixed point can't express.
    #[error("node `{node}` ({op}): {reason}")]
    Unsupported {
        /// The node's name.
        node: String,
        /// Its op.
        op: &'static str,
        /// What isn't supported.
        reason: Reason,
    },
    /// Weights that belong to another plan.
    #[error("the weights belong to another plan")]
    WrongWeights,
}
