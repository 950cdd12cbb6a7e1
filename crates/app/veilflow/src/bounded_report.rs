//! What bounded ranges cost, and what they reveal.

use serde::{Deserialize, Serialize};

/// What bounded ranges cost, next to the calibrated ones that the same options make, and what they reveal of
/// the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoundedReport {
    /// Bytes from the input to the answer, of all parties.
    pub online: Comparison,
    /// All bytes of a first run, set-up included.
    pub total: Comparison,
    /// The norms of linear layers, which the plan shows; of layers of the same weights, the first.
    pub norms: Vec<LayerNorm>,
}

/// One number of two plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// With calibrated ranges.
    pub calibrated: u64,
    /// With bounded ranges.
    pub bounded: u64,
}

impl Comparison {
    /// How many times as much bounded ranges take.
    pub fn ratio(&self) -> f64 {
        self.bounded as f64 / self.calibrated as f64
    }
}

/// The norm of a linear layer, to a power of two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerNorm {
    /// The layer.
    pub layer: String,
    /// Its norm class: the bits by which its sums are larger than its inputs can be. Rows of integer weights
    /// have magnitudes whose sum is about two to this power at most, and one of them comes close.
    pub bits: i32,
}
