//! From the nodes of a model file to the float graph: the one layer under all importers.
//!
//! An importer decodes its format into a [`source::Graph`] and has a table of [`Lower`] functions, one for
//! each of its ops. [`lower`] walks the nodes, infers every shape, and returns a [`Graph`]; all nodes that
//! are refused are told in one error. [`onnx::OPS`] are ONNX's ops, each of which is lowered once, here:
//! the ops of other formats are made of them, by [`Lowering::call`], or of the small vocabulary of
//! `build.rs`.
//!
//! [`ImportOptions`] give sizes that a file leaves open, and inputs that are public. A closing Softmax
//! becomes a mark on the output, and whoever reads the output applies it in the clear.
//!
//! # Private indices
//! An input of integers that is looked up in a table becomes rows with a one each, which the client makes:
//! the look-up is a matrix product.
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
mod call;
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
mod refusals;
mod scope;
pub mod source;
mod tables;
mod tensor_file;

pub use attributes::Attributes;
pub use call::Setting;
pub use error::{ImportError, Refusal, Result};
pub use importer::{Dialect, lower};
pub use limits::{MAX_FILE_BYTES, MAX_NODES};
pub use literal::{Integers, Literal};
pub use lowering::{Lower, Lowered, Lowering, Operand, Ops};
pub use options::ImportOptions;
pub use scope::Binding;
pub use tensor_file::read_tensor;
#[expect(unused_imports, reason = "for the docs")]
use veilflow_ir::Graph;

/// ONNX's ops.
pub mod onnx {
    pub use crate::ops::OPS;
}
