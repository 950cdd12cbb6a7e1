//! Samples from a file or a folder.

use std::path::{Path, PathBuf};

use crate::array::{read_npy, read_npz};
use crate::input::InputSpec;
use crate::picture::pictures;
use crate::samples::{Samples, open};
use crate::{Error, Preprocessing, Result};

fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

fn is_picture(path: &Path) -> bool {
    matches!(extension(path).as_str(), "png" | "jpg" | "jpeg")
}

/// Reads every sample in `path` for a network's inputs: npy, npz (see [`read_npz`](crate::read_npz)), png,
/// jpeg, or a folder of pictures in the order of their names. Pictures and bytes go through `preprocessing`;
/// other numbers are taken as they are. A sample is the elements of all inputs, one input after another.
///
/// # Errors
/// A file that cannot be opened, is longer than 4 GiB, holds no sample, samples of another shape, or numbers
/// that are not finite.
pub fn load(
    path: impl AsRef<Path>,
    inputs: &[InputSpec<'_>],
    preprocessing: &Preprocessing,
) -> Result<Samples> {
    let path = path.as_ref();
    let samples = match extension(path).as_str() {
        _ if path.is_dir() => folder(path, inputs, preprocessing),
        "npy" => read_npy(path, inputs, preprocessing),
        "npz" => open(path).and_then(|file| read_npz(file, inputs, preprocessing)),
        _ if is_picture(path) => only(inputs).and_then(|shape| pictures(&[path], shape, preprocessing)),
        _ => Err(Error::UnknownKind),
    };
    let samples = samples.map_err(|source| Error::read(path, source))?;
    if samples.inputs.is_empty() {
        return Err(Error::Empty { path: path.to_owned() });
    }
    if !samples.inputs.iter().flatten().all(|v| v.is_finite()) {
        return Err(Error::NotFinite { path: path.to_owned() });
    }
    Ok(samples)
}

fn folder(path: &Path, inputs: &[InputSpec<'_>], preprocessing: &Preprocessing) -> Result<Samples> {
    let entries = std::fs::read_dir(path);
    let entries = entries.map_err(|source| Error::Open { path: path.to_owned(), source })?;
    let mut files: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|file| is_picture(file)).collect();
    files.sort();
    pictures(&files, only(inputs)?, preprocessing)
}

/// The shape of the only input: pictures are read for networks with one.
fn only<'a>(inputs: &[InputSpec<'a>]) -> Result<&'a [usize]> {
    match inputs {
        [input] => Ok(input.shape),
        _ => Err(Error::OneArray {
            wanted: inputs.iter().map(|input| format!("`{}`", input.name)).collect::<Vec<_>>().join(", "),
        }),
    }
}
