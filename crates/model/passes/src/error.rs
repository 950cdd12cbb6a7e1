//! Why a graph could not be run or compiled.

use thiserror::Error;
use veilflow_ir::Shape;

/// Why a graph could not be run or compiled.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A graph or plan that breaks its own rules.
    #[error(transparent)]
    Ir(#[from] veilflow_ir::Error),
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
}
