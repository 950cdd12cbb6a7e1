//! Fixed-point formats, and those that functions do not take.

use thiserror::Error;
use veilflow_ring::Ring;

/// A format that a function does not take.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MathError {
    /// The argument's.
    #[error(
        "an argument has 8..=32 bits and a scale that leaves a piece of the function, not {bits} bits at scale {scale}"
    )]
    Input {
        /// Its width.
        bits: u32,
        /// Its scale.
        scale: u32,
    },
    /// A result that may be as large as the argument, but has fewer integer bits to offer than are asked of
    /// it.
    #[error("SiLU and GELU need an argument with as many integer bits as the result")]
    Range,
    /// A quotient's.
    #[error("a quotient has at most 20 bits, not {bits}")]
    Quotient {
        /// Its width.
        bits: u32,
    },
    /// Those of a division.
    #[error("the scales of dividend, divisor and quotient are too far apart")]
    Scales,
    /// Rows.
    #[error("a row has 1 to {most} elements, not {width}")]
    Width {
        /// Their width.
        width: usize,
        /// The largest.
        most: usize,
    },
    /// A sum of squares.
    #[error("a sum of squares with its epsilon has at most {most} bits: take fewer bits or shorter rows")]
    Sum {
        /// The widest.
        most: u32,
    },
    /// A normalised row's.
    #[error("a normalised row of {width} does not fit {bits} bits at scale {scale}, or exceeds 17 bits")]
    Row {
        /// Elements of the row.
        width: usize,
        /// The result's width.
        bits: u32,
        /// Its scale.
        scale: u32,
    },
    /// A logarithm's result, which is too narrow for the argument.
    #[error("a logarithm of such arguments has {needs} bits at scale {scale}, more than its result")]
    Logarithm {
        /// The result's scale.
        scale: u32,
        /// The width that it needs.
        needs: u32,
    },
    /// The result's.
    #[error(
        "a result has scale 4..=14 and 2 to 32 bits more than that, up to 32, not {bits} bits at scale {scale}"
    )]
    Output {
        /// Its width.
        bits: u32,
        /// Its scale.
        scale: u32,
    },
}

/// A fixed-point format: v, signed, of `bits` bits, stands for $v / 2^{\mathrm{scale}}$.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fixed {
    /// Width.
    pub bits: u32,
    /// Fractional bits.
    pub scale: u32,
}

/// A result this much wider than its largest value needs is computed narrow and extended; below, the
/// extension's round costs more than the bytes it saves.
pub(super) const EXTENSION: u32 = 4;

/// Widest magnitude of a result that grows with the argument or its inverse.
pub(super) const MAX_RESULT: u32 = 17;

impl Fixed {
    /// The ring. Panics unless the width is in 1..=64.
    pub fn ring(self) -> Ring {
        Ring::new(self.bits).expect("a checked format")
    }

    pub(super) fn check_input(self) -> Result<(), MathError> {
        let fits = (8..=32).contains(&self.bits) && self.scale < self.bits;
        if fits { Ok(()) } else { Err(MathError::Input { bits: self.bits, scale: self.scale }) }
    }

    pub(super) fn check_output(self) -> Result<(), MathError> {
        let fits = (4..=14).contains(&self.scale) && (self.scale + 2..=32).contains(&self.bits);
        if fits { Ok(()) } else { Err(MathError::Output { bits: self.bits, scale: self.scale }) }
    }

    /// The width in which a result of magnitude at most 1 is computed.
    pub(super) fn result_bits(self) -> u32 {
        if self.bits > self.scale + 2 + EXTENSION { self.scale + 2 } else { self.bits }
    }
}
