//! Pictures: png and jpeg.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Seek};
use std::path::Path;

use image::{ImageReader, Limits};

use crate::samples::{Samples, open};
use crate::{Error, Preprocessing, Result};

/// The longest side of a picture that is decoded, in pixels.
const MAX_SIDE: u32 = 1 << 15;

/// A picture, the bytes of a png or jpeg file, as a network's input of shape `shape`.
///
/// # Errors
/// [`Error::Picture`] if the bytes are no picture, or the preprocessed picture does not have the input's
/// shape.
pub fn picture(file: &[u8], shape: &[usize], preprocessing: &Preprocessing) -> Result<Vec<f32>> {
    decode(Cursor::new(file), shape, preprocessing)
}

fn decode(file: impl BufRead + Seek, shape: &[usize], preprocessing: &Preprocessing) -> Result<Vec<f32>> {
    let refused = |error: &dyn std::fmt::Display| Error::Picture(error.to_string());
    let mut reader = ImageReader::new(file).with_guessed_format().map_err(|e| refused(&e))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    reader.limits(limits);
    preprocessing.picture(&reader.decode().map_err(|e| refused(&e))?, shape)
}

/// Every picture of `files`, with its name.
pub(crate) fn pictures(
    files: &[impl AsRef<Path>],
    shape: &[usize],
    preprocessing: &Preprocessing,
) -> Result<Samples> {
    let mut samples = Samples::default();
    for file in files {
        let file = file.as_ref();
        let read = |opened: File| decode(BufReader::new(opened), shape, preprocessing);
        samples.inputs.push(open(file).and_then(read).map_err(|e| Error::read(file, e))?);
        samples.names.push(file.file_name().unwrap_or_default().to_string_lossy().into_owned());
    }
    Ok(samples)
}
