//! Inputs for networks: numpy arrays, pictures, and the preprocessing between them and a tensor.
//!
//! [`load`] reads every sample of a file or a folder; [`picture`] and [`read_npz`] read from memory. A sample
//! is a flat vector: the elements of the network's input in row-major order. Arrays of floats are taken as
//! they are; pictures and arrays of bytes become floats as a [`Preprocessing`] says.
//!
//! ```
//! use veilflow_data::Preprocessing;
//!
//! let how: Preprocessing = "channels=gray std=255".parse()?;
//! assert_eq!(how.bytes(&[0, 51, 255, 102], &[1, 1, 2, 2])?, [0.0, 0.2, 1.0, 0.4]);
//! # Ok::<(), veilflow_data::Error>(())
//! ```

mod array;
mod error;
mod input;
mod labels;
mod load;
mod picture;
mod preprocess;
mod samples;

pub use array::{NamedArray, read_arrays, read_npz, write_npy, write_npz};
pub use error::{Error, Result};
pub use input::InputSpec;
pub use labels::labels;
pub use load::load;
pub use picture::picture;
pub use preprocess::Preprocessing;
pub use samples::Samples;

// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
