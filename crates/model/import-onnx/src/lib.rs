//! Reads an ONNX file into the float graph.
//!
//! [`import_file`] and [`import_bytes`] take a model of opset 6 or later, infer every shape (a symbolic batch
//! is one), and return a [`Graph`]; [`ImportOptions`] give sizes that the file leaves open, and inputs that
//! are public. [`supported_ops`] lists the ops understood, most of which are rewritten into the graph's own;
//! all nodes of others are told in one error. A closing Softmax becomes a mark on the output, and whoever
//! reads the output applies it in the clear.
//!
//! # Private indices
//! An input of integers that is looked up in a table becomes rows with a one each, which the client makes:
//! the look-up is a matrix product.
//!
//! # Why prost
//! The messages of `onnx.proto` that matter are a dozen short structs, written by hand in `proto.rs`. That
//! takes no code generator at build time and four small crates. `onnx-ir`, the alternative, also parses
//! control flow and recurrent ops, but costs 122 crates and two minutes of build. It also rewrites the graph
//! in its own way before we see it, while calibration and reports want the exporter's own nodes and names. It
//! would save shape inference, which we need anyway: that is where a model that the protocols can't run is
//! refused.
//!
//! # What is known at import
//! Elements of constants are moved at import, so that weights may come through Transpose, Concat or Slice.
//! Numbers, with which exporters compute shapes, scales and masks, are computed at import too. Other
//! arithmetic on constant floats stays in the graph, where simplification folds it.
//!
//! # Loops
//! LSTM, GRU, RNN, Scan and Loop are unrolled: the graph has no loops. All steps read the same constants.
//!
//! # Malformed files
//! Any sequence of bytes gives a graph or an error, in bounded time and memory. Sizes are checked before
//! anything is allocated for them, prost limits nesting, [`MAX_NODES`] limits unrolled loops, and at most
//! 2^24 elements plus four for each byte of the file are computed at import.

mod attributes;
mod build;
mod draft;
mod encoding;
mod error;
mod external;
mod hints;
mod importer;
mod input;
mod limits;
mod literal;
mod lowering;
mod node;
mod numbers;
mod ops;
mod options;
mod order;
mod proto;
mod refusals;
mod scope;
mod tables;
mod tensor_file;

use std::fs::File;
use std::io::Read;
use std::path::Path;

pub use error::{ImportError, Result};
pub use limits::{MAX_FILE_BYTES, MAX_NODES, MIN_OPSET};
pub use ops::supported_ops;
pub use options::ImportOptions;
use prost::Message;
pub use tensor_file::{ModelInfo, external_files, model_inputs, read_tensor};
use veilflow_ir::Graph;

/// Reads the ONNX file at `path`.
///
/// # Errors
/// Those of [`import_bytes`], and [`ImportError::Read`].
pub fn import_file(path: impl AsRef<Path>) -> Result<Graph> {
    import_file_with(path, &ImportOptions::default())
}

/// As [`import_file`], with what the caller knows beyond the file. External tensors lie in the file's folder
/// unless the options name another.
///
/// # Errors
/// Those of [`import_file`].
pub fn import_file_with(path: impl AsRef<Path>, options: &ImportOptions) -> Result<Graph> {
    let path = path.as_ref();
    let mut options = options.clone();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    options.folder.get_or_insert_with(|| folder.to_owned());
    let read = |source| ImportError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(read)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(read)?;
    import_bytes_with(&bytes, &options)
}

/// Reads an ONNX file from memory.
///
/// # Errors
/// [`ImportError::Decode`] for bytes that are no ONNX model, and a variant for each way in which a model can
/// be unusable.
pub fn import_bytes(bytes: &[u8]) -> Result<Graph> {
    import_bytes_with(bytes, &ImportOptions::default())
}

/// As [`import_bytes`], with what the caller knows beyond the file.
///
/// # Errors
/// Those of [`import_bytes`].
pub fn import_bytes_with(bytes: &[u8], options: &ImportOptions) -> Result<Graph> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(ImportError::TooLong { limit: MAX_FILE_BYTES });
    }
    importer::import(proto::Model::decode(bytes)?, bytes.len(), options)
}

// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests;
