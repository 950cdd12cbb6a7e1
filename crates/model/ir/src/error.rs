//! What can be wrong with a graph, a plan or their files.

use std::borrow::Cow;
use std::path::PathBuf;

use thiserror::Error;

/// The result of what makes, checks, reads or writes a graph or a plan.
pub type Result<T, E = IrError> = std::result::Result<T, E>;

/// Why a graph, a plan or a file was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IrError {
    /// Dimensions that no tensor here may have.
    #[error("shape {dims}: {reason}")]
    Shape {
        /// The dimensions, as written.
        dims: String,
        /// What is wrong with them.
        reason: &'static str,
    },
    /// A tensor came with fewer or more values than its shape has elements.
    #[error("a tensor of shape {shape} has {expected} elements, not {actual}")]
    Length {
        /// The shape, as written.
        shape: String,
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
        reason: Reason,
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
    Plan(Reason),
    /// A file that isn't an undamaged one of its format.
    #[error("{format} file: {reason}")]
    Format {
        /// The format's name.
        format: &'static str,
        /// What is wrong with the file.
        reason: Reason,
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

/// The rule that something breaks, in words. Whoever checks the rule doesn't know what the thing is called;
/// its caller does, and makes an error of both.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Reason(Cow<'static, str>);

impl From<&'static str> for Reason {
    fn from(reason: &'static str) -> Self {
        Self(reason.into())
    }
}

impl From<String> for Reason {
    fn from(reason: String) -> Self {
        Self(reason.into())
    }
}

impl From<IrError> for Reason {
    fn from(error: IrError) -> Self {
        error.to_string().into()
    }
}

/// A refusal for `reason`.
pub(crate) fn refuse<T>(reason: impl Into<Reason>) -> Result<T, Reason> {
    Err(reason.into())
}
