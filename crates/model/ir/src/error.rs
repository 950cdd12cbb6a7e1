//! What can be wrong with a graph, a plan or their files.

use std::path::PathBuf;

use thiserror::Error;

use crate::Shape;

/// Why a graph, a plan or a file was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// Dimensions that no tensor here may have.
    #[error("shape {dims}: {reason}")]
    Shape {
        /// The dimensions, as written.
        dims: String,
        /// What is wrong with them.
        reason: &'static str,
    },
    /// As many values as the shape says were expected.
    #[error("a tensor of shape {shape} has {expected} elements, not {actual}")]
    Length {
        /// The shape.
        shape: Shape,
        /// Its number of elements.
        expected: usize,
        /// How many values came with it.
        actual: usize,
    },
    /// A node that breaks a rule of its op.
    #[error("node `{node}` ({op}): {reason}")]
    Node {
        /// The node's name.
        node: String,
        /// The op's name.
        op: &'static str,
        /// The rule it breaks.
        reason: String,
    },
    /// A value that breaks a rule of the graph.
    #[error("value `{value}`: {reason}")]
    Value {
        /// The value's name.
        value: String,
        /// The rule it breaks.
        reason: &'static str,
    },
    /// A plan that breaks a rule.
    #[error("invalid plan: {0}")]
    Plan(String),
    /// A file that isn't an undamaged one of its format.
    #[error("{format} file: {reason}")]
    Format {
        /// The format's name.
        format: &'static str,
        /// What is wrong with the file.
        reason: String,
    },
    /// Shares that cannot be put together.
    #[error("these shares do not belong together: {0}")]
    Halves(&'static str),
    /// A file that could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
