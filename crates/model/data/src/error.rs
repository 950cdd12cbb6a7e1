//! Why data could not be used.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why data could not be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that could not be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file larger than what is read.
    #[error("{} has {bytes} bytes; at most {limit} are read", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A file or folder that does not hold usable inputs.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file whose name ends in nothing known.
    #[error("it is none of npy, npz, png, jpeg, or a folder of pictures")]
    UnknownKind,
    /// A file or folder without a single sample.
    #[error("{} holds no input", path.display())]
    Empty {
        /// The file or folder.
        path: PathBuf,
    },
    /// An infinite number, or none.
    #[error("{} holds a number that is not finite", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
    },
    /// An array whose elements have no type that is read.
    #[error("its elements are neither floats of 32 or 64 bits nor integers nor truth values")]
    ElementType,
    /// One array for a network with several inputs.
    #[error("it holds one array, and the network takes {wanted}: give an npz file with these names")]
    OneArray {
        /// The network's inputs.
        wanted: String,
    },
    /// An index beyond those that the network knows.
    #[error("index {index} isn't among the {classes} that the network knows")]
    Index {
        /// The index.
        index: f32,
        /// How many there are.
        classes: usize,
    },
    /// Inputs with different numbers of samples.
    #[error("input `{name}` has {have} samples where another has {count}")]
    UnequalInputs {
        /// The input.
        name: String,
        /// Its samples.
        have: usize,
        /// Those of another.
        count: usize,
    },
    /// An array that is not a number of samples of the input's shape.
    #[error("an array of shape {actual:?} does not hold inputs of shape {expected:?}")]
    ArrayShape {
        /// The array's shape.
        actual: Vec<usize>,
        /// The input's shape.
        expected: Vec<usize>,
    },
    /// A file that is no npz file, or a damaged one.
    #[error("not an npz file, or a damaged one")]
    Npz {
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An npz file without an array of a name that is looked for.
    #[error("the network takes {wanted}, and the file holds `{held}`")]
    NoInputs {
        /// The network's inputs.
        wanted: String,
        /// The names of the file's arrays.
        held: String,
    },
    /// An array that should be one sample and is more.
    #[error("input_{index} holds several samples")]
    SeveralSamples {
        /// The number in its name.
        index: usize,
    },
    /// Another number of labels than of inputs.
    #[error("{labels} labels for {inputs} inputs")]
    LabelCount {
        /// How many labels there are.
        labels: usize,
        /// How many inputs.
        inputs: usize,
    },
    /// Labels that cannot be told for the inputs at hand.
    #[error("{0}")]
    Labels(String),
    /// Words that say nothing about preprocessing.
    #[error("preprocessing {word:?}: {reason}")]
    Preprocessing {
        /// The word at fault.
        word: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A picture that does not become the network's input, or bytes that are no picture.
    #[error("{0}")]
    Picture(String),
}

impl Error {
    /// `source`, as what is wrong with the file or folder at `path`.
    pub(crate) fn read(
        path: impl Into<PathBuf>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Read { path: path.into(), source: source.into() }
    }
}
