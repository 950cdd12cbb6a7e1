//! What the caller of a compilation chooses.

use veilflow_ir::plan::Ranges;

use crate::error::{PassError, Result};

/// How to quantise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The width of weights, sign included: 2..=24.
    pub weight_bits: u32,
    /// The bits of the largest activation that a tensor has room for: 2..=30.
    pub activation_bits: u32,
    /// The bits of weights and activations inside a recurrent cell, if those are more: 2..=24.
    pub state_bits: u32,
    /// The room for magnitudes, in percent of the largest that calibration saw: 100..=100,000. Twice as much
    /// is 200.
    pub margin_percent: u32,
    /// What ranges follow from: what calibration saw, or what is possible.
    pub ranges: Ranges,
    /// How runs watch for values that leave their range.
    pub check: Check,
    /// What clients learn of the outputs.
    pub reveal: Revealing,
    /// Whether the plan has numbers in the place of the network's names.
    pub anonymous: bool,
    /// What a client must do to a raw input, in words. The plan stores it.
    pub preprocessing: String,
}

/// How runs of a plan watch for values that leave their range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Check {
    /// Not at all.
    Off,
    /// Some elements of each value are checked, drawn anew for every run, in rings with one spare bit.
    #[default]
    Sampled,
    /// All elements are, in rings that hold whatever a layer can make of inputs in range. The first value
    /// that leaves its range is always seen.
    Full,
}

/// What clients learn of a network's outputs. All of it is cut and compared on shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Revealing {
    /// All elements, rounded to as many bits as activations have.
    #[default]
    Scores,
    /// So many of the largest elements, rounded likewise, with their places; of outputs with one dimension
    /// larger than 1.
    TopK(usize),
    /// The index of the largest element along the only dimension larger than 1, or along the last one if
    /// there are several.
    ArgMax,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            weight_bits: 11,
            activation_bits: 12,
            state_bits: 16,
            margin_percent: 200,
            ranges: Ranges::Calibrated,
            check: Check::default(),
            reveal: Revealing::default(),
            anonymous: false,
            preprocessing: String::new(),
        }
    }
}

/// A good choice for the error that [`compile_within`](crate::compile_within) allows: 28 dB of signal over
/// noise, which 8-bit quantisation has where it costs no accuracy.
pub const DEFAULT_ERROR: f64 = 0.04;

impl Options {
    /// How runs watch for values that leave their range. Where ranges are bounded none does.
    pub(super) fn watch(&self) -> Check {
        if self.ranges == Ranges::Bounded { Check::Off } else { self.check }
    }

    /// Checks that every number is in its range.
    ///
    /// # Errors
    /// [`PassError::Options`] for the first that isn't.
    pub(super) fn check(&self) -> Result<()> {
        let within = |name: &'static str, value: u32, range: std::ops::RangeInclusive<u32>| {
            if range.contains(&value) { Ok(()) } else { Err(PassError::Options { name, value, range }) }
        };
        within("weight bits", self.weight_bits, 2..=24)?;
        within("activation bits", self.activation_bits, 2..=30)?;
        within("state bits", self.state_bits, 2..=24)?;
        within("margin in percent", self.margin_percent, 100..=100_000)
    }
}
