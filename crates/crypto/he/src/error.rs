//! What can go wrong.

use thiserror::Error;

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, HeError>;

/// A failure of homomorphic encryption. No variant carries a secret.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum HeError {
    /// The parameters are weaker than 128 bits.
    #[error("{log_q} bits of modulus at degree {degree} are not 128-bit secure: at most {limit} are")]
    Insecure {
        /// Ring degree N.
        degree: usize,
        /// Bits of the modulus Q.
        log_q: u32,
        /// What the security table allows at N.
        limit: u32,
    },
    /// A product's noise does not leave the room that hiding it takes.
    #[error(
        "degree {degree} cannot hold it: hiding the noise of a run within 2^-{statistical} takes a flood of \
         2^{wanted:.1}, and a {ring_bits}-bit ring leaves 2^{available}"
    )]
    Noise {
        /// Ring degree N.
        degree: usize,
        /// Width of the message ring.
        ring_bits: u32,
        /// Statistical security parameter.
        statistical: i32,
        /// log₂ of the flood that would be needed.
        wanted: f64,
        /// log₂ of the largest flood that still decrypts.
        available: i32,
    },
    /// The message ring is too wide.
    #[error("rings of over {limit} bits are not supported, this one has {bits}")]
    Ring {
        /// Its width.
        bits: u32,
        /// The widest supported.
        limit: u32,
    },
    /// Weights are too wide.
    #[error("weights of over {limit} bits are not supported, these have {bits}")]
    Weights {
        /// Their width.
        bits: u32,
        /// The widest supported.
        limit: u32,
    },
    /// What one output reads does not fit a polynomial.
    #[error("the inputs of one output span {span} coefficients, and a polynomial has {degree}")]
    Window {
        /// Coefficients that the window of one output takes.
        span: usize,
        /// Ring degree N.
        degree: usize,
    },
    /// There are no parameters to work under.
    #[error("no parameters were set up for this layer")]
    NoParameters,
    /// A message of the peer does not have the length it must have.
    #[error("{what} has {got} bytes instead of {want}")]
    Length {
        /// What was received.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The length of a valid one.
        want: usize,
    },
    /// A message of the peer holds a number that is not below its modulus.
    #[error("{what} holds a number outside its range")]
    Range {
        /// What was received.
        what: &'static str,
    },
}
