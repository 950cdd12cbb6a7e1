//! Reads an ONNX file into the float graph.
//!
//! [`import_file`] and [`import_bytes`] take a model of opset 6 or later; [`supported_ops`] lists the ops
//! understood. What they mean is the business of `veilflow-lowering`; this crate reads the file.
//!
//! # Why prost
//! The messages of `onnx.proto` that matter are a dozen short structs, written by hand. That takes no code
//! generator at build time and four small crates. `onnx-ir`, the alternative, also parses control flow and
//! recurrent ops, but costs 122 crates and two minutes of build. It also rewrites the graph in its own way
//! before we see it, while calibration and reports want the exporter's own nodes and names. It would save
//! shape inference, which we need anyway: that is where a model that the protocols can't run is refused.

mod info;
mod proto;

use std::fs::File;
use std::io::Read;
use std::path::Path;

pub use info::{ModelInfo, external_files, model_inputs};
use prost::Message;
use veilflow_ir::Graph;
use veilflow_lowering::onnx::OPS;
use veilflow_lowering::{Dialect, lower};
pub use veilflow_lowering::{ImportError, ImportOptions, MAX_FILE_BYTES, MAX_NODES, Result, read_tensor};

/// The oldest opset understood.
pub const MIN_OPSET: i64 = 6;

/// The opset of a model that names none of ONNX's own, since it has ops of other domains alone.
const OPSET_OF_OTHERS: i64 = 21;

/// Reads the ONNX file at `path`.
///
/// # Errors
/// Those of [`import_bytes`], and [`ImportError::Read`].
pub fn import_file(path: impl AsRef<Path>) -> Result<Graph> {
    import_file_with(path, &ImportOptions::default())
}

/// As [`import_file`], with what the caller knows beyond the file. External tensors lie in the file's
/// folder unless the options name another.
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
/// [`ImportError::Decode`] for bytes that are no ONNX model, and a variant for each way in which a model
/// can be unusable.
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
    let model = decode(bytes)?;
    let opset = opset(&model)?;
    let graph = model.graph.ok_or_else(|| ImportError::Model("has no graph".into()))?;
    lower(graph, Dialect { ops: OPS, opset }, bytes.len(), options)
}

/// The names of the ONNX ops that can be imported. Those outside ONNX's own domain have its name in front.
pub fn supported_ops() -> Vec<&'static str> {
    OPS.iter().map(|(name, _)| *name).collect()
}

fn decode(bytes: &[u8]) -> Result<proto::Model> {
    proto::Model::decode(bytes).map_err(ImportError::decode("an ONNX model"))
}

fn opset(model: &proto::Model) -> Result<i64> {
    let is_onnx = |o: &&proto::OperatorSet| matches!(o.domain.as_deref(), None | Some("" | "ai.onnx"));
    let version = model.opset_import.iter().find(is_onnx).and_then(|o| o.version);
    match version {
        None if model.opset_import.is_empty() => Err(ImportError::Model("names no opset".into())),
        None => Ok(OPSET_OF_OTHERS),
        Some(v) if v < MIN_OPSET => {
            Err(ImportError::Model(format!("has opset {v}; at least {MIN_OPSET} is needed").into()))
        }
        Some(v) => Ok(v),
    }
}

// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests;
