//! A small network and inputs for it, for examples, tests and first steps: a classifier of handwritten
//! digits.
//!
//! Where it comes from, and how good it is, says `models/mnist/README.md` of the repository.

use std::io::Cursor;

use veilflow_data::{Samples, read_npz};

use crate::tensor::{only, specs};
use crate::{CompileOptions, Model, Network, Result, compile};

/// The network: an ONNX file with 11,314 weights, whose input is `1x1x28x28` and whose output has ten
/// classes.
pub const ONNX: &[u8] = include_bytes!("../data/mnist-demo.onnx");

/// How a picture of 28x28 pixels, a bright digit on dark, becomes its input.
pub const PREPROCESSING: &str = "channels=gray std=255";

/// A picture of each digit, 0 to 9: png files.
pub const PICTURES: [&[u8]; 10] = [
    include_bytes!("../data/digit_0.png"),
    include_bytes!("../data/digit_1.png"),
    include_bytes!("../data/digit_2.png"),
    include_bytes!("../data/digit_3.png"),
    include_bytes!("../data/digit_4.png"),
    include_bytes!("../data/digit_5.png"),
    include_bytes!("../data/digit_6.png"),
    include_bytes!("../data/digit_7.png"),
    include_bytes!("../data/digit_8.png"),
    include_bytes!("../data/digit_9.png"),
];

/// Digits like those to come: 64 with their labels.
const CALIBRATION: &[u8] = include_bytes!("../data/calibration.npz");

/// The 64 digits from which scales and widths are chosen, with labels.
///
/// # Errors
/// None that a caller can cause.
pub fn calibration() -> Result<Samples> {
    let inputs = Network::from_onnx(ONNX)?.inputs();
    Ok(read_npz(Cursor::new(CALIBRATION), &specs(&inputs), &PREPROCESSING.parse()?)?)
}

/// The compiled network, in a fraction of a second.
///
/// # Errors
/// None that a caller can cause.
pub fn model() -> Result<Model> {
    let options = CompileOptions { preprocessing: PREPROCESSING.parse()?, ..CompileOptions::default() };
    compile(&Network::from_onnx(ONNX)?, &calibration()?.inputs, &options)
}

/// The picture of `digit`, 0 to 9, as a sample. Digits beyond count from 0 again.
///
/// # Errors
/// None that a caller can cause.
pub fn digit(digit: usize) -> Result<Vec<f32>> {
    let inputs = Network::from_onnx(ONNX)?.inputs();
    let file = PICTURES[digit % PICTURES.len()];
    Ok(veilflow_data::picture(file, &only(&inputs)?.shape, &PREPROCESSING.parse()?)?)
}
