//! Reads an ONNX file into the float graph.
//!
//! [`import_file`] and [`import_bytes`] take a model of opset 9 or later with `f32` weights inside the file, infer
//! every shape (a symbolic batch is one), and return a [`Graph`]. The ops understood are in [`supported_ops`]; any
//! other is an error that names the node, its op and that list. A closing Softmax becomes a mark on the output: who
//! reads the output applies it in the clear.
//!
//! # Why prost
//! The messages of `onnx.proto` that matter are a dozen short structs, written by hand in `proto.rs`: no code
//! generator at build time and four small crates. `onnx-ir`, the alternative, also parses control flow and recurrent
//! ops, but costs 122 crates and two minutes of build, and rewrites the graph in its own way before we see it, while
//! calibration and reports want the exporter's own nodes and names. What it would save, shape inference, we need
//! anyway: it is where a model that the protocols can't run is refused.
//!
//! # What is known at import
//! Moves of constants are made at import, so that weights may come through Transpose, Concat or Slice, and so is all
//! arithmetic on integers, which exporters compute shapes with. Arithmetic on constant floats stays in the graph;
//! simplification folds it.
//!
//! # Loops
//! LSTM, GRU, RNN and Scan are unrolled: the graph has no loops. All steps share their constants, one value each.
//!
//! # Malformed files
//! Any sequence of bytes gives a graph or an error, in bounded time and memory: sizes are checked before anything is
//! allocated for them, nesting is limited by prost, unrolled loops by [`MAX_NODES`], and what is computed at import to
//! 2^24 elements plus four for each byte of the file.

mod attributes;
mod draft;
mod error;
mod importer;
mod limits;
mod literal;
mod lowering;
mod node;
mod ops;
mod proto;
mod scope;

use std::fs::File;
use std::io::Read;
use std::path::Path;

pub use error::{ImportError, Result};
pub use limits::{MAX_FILE_BYTES, MAX_NODES, MIN_OPSET};
pub use ops::supported_ops;
use prost::Message;
use veilflow_ir::Graph;

/// Reads the ONNX file at `path`.
///
/// # Errors
/// As [`import_bytes`]; also [`ImportError::Read`] and [`ImportError::TooLong`].
pub fn import_file(path: impl AsRef<Path>) -> Result<Graph> {
    let path = path.as_ref();
    let read = |source| ImportError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(read)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(read)?;
    import_bytes(&bytes)
}

/// Reads an ONNX file from memory.
///
/// # Errors
/// [`ImportError::Decode`] for bytes that are no ONNX model, and one variant for each way a model can be unusable.
pub fn import_bytes(bytes: &[u8]) -> Result<Graph> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(ImportError::TooLong { limit: MAX_FILE_BYTES });
    }
    importer::import(proto::Model::decode(bytes)?, bytes.len())
}

// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests;
