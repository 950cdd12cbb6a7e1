//! Why a model was refused.

use std::path::PathBuf;

use thiserror::Error;
use veilflow_ir::{IrError, Reason};

use crate::hints::hint;

/// The result of an import.
pub type Result<T, E = ImportError> = std::result::Result<T, E>;

/// Why a model was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is longer than the protobuf format allows.
    #[error("the file is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: u64,
    },
    /// The bytes are no model of this format.
    #[error("not {format}, or a damaged one: {reason}")]
    Decode {
        /// The format, with its article.
        format: &'static str,
        /// What is wrong with it.
        reason: Reason,
    },
    /// The model as a whole lacks something or asks for what isn't supported.
    #[error("the model {0}")]
    Model(Reason),
    /// An input without a usable type or shape.
    #[error("input `{input}`: {reason}")]
    Input {
        /// The input's name.
        input: String,
        /// What is wrong with it.
        reason: Reason,
    },
    /// An initializer or constant that can't be used.
    #[error("tensor `{tensor}`: {reason}")]
    Tensor {
        /// The tensor's name.
        tensor: String,
        /// What is wrong with it.
        reason: Reason,
    },
    /// An op that the format's importer doesn't know.
    #[error("node `{node}`: op {op} isn't supported{}; supported are {supported}", advice(op))]
    UnsupportedOp {
        /// The node's name.
        node: String,
        /// Its op, with its domain if that isn't ONNX's own.
        op: String,
        /// The supported ops.
        supported: String,
    },
    /// A supported op used in a way that isn't.
    #[error("node `{node}` ({op}): {reason}")]
    Node {
        /// The node's name.
        node: String,
        /// Its op.
        op: String,
        /// What is wrong with it.
        reason: Reason,
    },
    /// Several nodes are refused.
    #[error("{}", several(errors, *more, *blocked))]
    Several {
        /// An error for each, up to a number that is listed.
        errors: Vec<ImportError>,
        /// How many more there are.
        more: usize,
        /// How many nodes weren't tried, since they depend on refused ones.
        blocked: usize,
    },
    /// A node depends on one that was refused. No caller sees this error.
    #[error("it depends on a node that is refused")]
    Blocked,
    /// The graph refused what the node would add.
    #[error(transparent)]
    Graph(#[from] IrError),
}

/// What to do about an op, in brackets; nothing if there is nothing.
fn advice(op: &str) -> String {
    hint(op).map_or_else(String::new, |hint| format!(" ({hint})"))
}

/// The text of [`ImportError::Several`]. The ops that are supported are told once.
fn several(errors: &[ImportError], more: usize, blocked: usize) -> String {
    let mut lines = vec![format!("{} nodes are refused:", errors.len() + more)];
    lines.extend(errors.iter().map(|error| match error {
        ImportError::UnsupportedOp { node, op, .. } => {
            format!("- node `{node}`: op {op} isn't supported{}", advice(op))
        }
        error => format!("- {error}"),
    }));
    if more > 0 {
        lines.push(format!("- and {more} more"));
    }
    if blocked > 0 {
        lines.push(format!("{blocked} nodes that depend on them weren't tried"));
    }
    let supported = errors.iter().find_map(|error| match error {
        ImportError::UnsupportedOp { supported, .. } => Some(supported),
        _ => None,
    });
    lines.extend(supported.map(|supported| format!("supported are {supported}")));
    lines.join("\n")
}

impl ImportError {
    /// What a protobuf decoder found, of a message of this format.
    pub fn decode(format: &'static str) -> impl FnOnce(prost::DecodeError) -> Self {
        move |error| Self::Decode { format, reason: error.to_string().into() }
    }
}

/// Why a node was refused: a reason without the node's name, or an error that names a node already.
pub enum Refusal {
    /// A reason without the node's name.
    Reason(Reason),
    /// An error that names a node.
    Error(ImportError),
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::Reason(reason)
    }
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::Reason(reason.into())
    }
}

impl From<&'static str> for Refusal {
    fn from(reason: &'static str) -> Self {
        Self::Reason(reason.into())
    }
}

impl From<Reason> for ImportError {
    fn from(reason: Reason) -> Self {
        Self::Model(reason)
    }
}

impl From<ImportError> for Refusal {
    fn from(error: ImportError) -> Self {
        Self::Error(error)
    }
}

impl From<IrError> for Refusal {
    fn from(error: IrError) -> Self {
        Self::Error(error.into())
    }
}
