//! The folder of a compiled model: what [`Model::save`](crate::Model::save) writes, and `veilflow compile`
//! too.
//!
//! | file | what | who may have it |
//! |---|---|---|
//! | [`PLAN`] | the public program | everybody |
//! | [`WEIGHTS`] | the weights as integers | the server alone |
//! | [`WEIGHT_SHARE`] | half of the weights, in place of them | one of two servers |
//! | [`NETWORK`], `model.pb`, `model.tflite` or `saved_model` | the float network it was compiled from | the server alone |
//! | [`IMPORT`] | sizes and public inputs that it was imported with | the server alone |
//! | [`RUNS`] | how many runs `veilflow serve` has prepared with the weights | the server alone |
//! | [`SAMPLE`] | one of the inputs it was calibrated with | the server alone |

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use veilflow_lowering::MAX_FILE_BYTES;

use crate::{Error, Result};

/// The public program; clients need a copy.
pub const PLAN: &str = "plan.vfp";
/// The integers of the weights; the server's alone.
pub const WEIGHTS: &str = "weights.vfw";
/// A server's half of secret-shared weights, in place of [`WEIGHTS`].
pub const WEIGHT_SHARE: &str = "weights.vfs";
/// The float network, of a model that was an ONNX file; the server's alone.
pub const NETWORK: &str = "model.onnx";
/// What import was told beyond the float network's file; the server's alone.
pub const IMPORT: &str = "import.json";
/// How many runs were prepared with the weights, where homomorphic encryption makes that count.
pub const RUNS: &str = "runs.txt";
/// An input that the model was calibrated with; the server's alone.
pub const SAMPLE: &str = "sample.npy";

/// Makes a folder and those above it, unless they are there.
pub(crate) fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|source| Error::MakeFolder { path: folder.to_owned(), source })
}

/// What went wrong when the file `path` was written.
pub(crate) fn not_written(path: &Path, error: veilflow_ir::IrError) -> Error {
    let source = match error {
        veilflow_ir::IrError::File { source, .. } => source,
        other => io::Error::other(other),
    };
    Error::Write { path: path.to_owned(), source }
}

/// The bytes of a network's file, no more than the importer takes.
pub(crate) fn read_network(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|source| Error::Read { path: path.to_owned(), source })?;
    Ok(bytes)
}

/// Writes `bytes` to `path`, readable by its owner alone, so that a reader sees all of it or none.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|source| Error::Write { path: path.to_owned(), source })
}
