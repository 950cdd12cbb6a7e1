//! Samples of a network, and the files that they come from.

use std::fs::File;
use std::path::Path;

use crate::{Error, Result};

/// The largest data file read, in bytes.
const MAX_FILE: u64 = 4 << 30;

/// Samples of one network.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// The inputs, each flat: its elements in row-major order.
    pub inputs: Vec<Vec<f32>>,
    /// The true classes, where known: as many as there are inputs.
    pub labels: Option<Vec<i64>>,
    /// The names of the files that the inputs come from, if they are pictures; else none.
    pub names: Vec<String>,
}

/// Opens a file that is not too large to be read.
pub(crate) fn open(path: &Path) -> Result<File> {
    let failed = |source| Error::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    if bytes > MAX_FILE {
        return Err(Error::TooLong { path: path.to_owned(), bytes, limit: MAX_FILE });
    }
    Ok(file)
}
