//! What compilation saw.

use serde::{Deserialize, Serialize};

use crate::BoundedReport;

/// What compilation saw. It says something about weights and calibration samples, so it stays with the
/// model's owner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompileReport {
    /// Nodes of the network as imported.
    pub imported_nodes: usize,
    /// The root mean square error of the outputs for the calibration samples, as a part of their standard
    /// deviation.
    pub relative_error: f64,
    /// The tensors of the simplified network, in execution order.
    pub tensors: Vec<TensorReport>,
    /// What bounded ranges cost and reveal, where they are bounded.
    #[serde(default)]
    pub bounded: Option<BoundedReport>,
}

/// A tensor of the simplified network, as fixed point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TensorReport {
    /// The layer that makes it.
    pub layer: String,
    /// The largest magnitude in calibration.
    pub largest: f32,
    /// Fractional bits.
    pub scale: i32,
    /// Bits of the largest integer that it has room for.
    pub magnitude: u32,
    /// The width in bits at which its layer works.
    pub width: u32,
}

impl CompileReport {
    pub(crate) fn new(report: veilflow_passes::CompileReport) -> Self {
        let tensor = |t: veilflow_passes::TensorReport| TensorReport {
            layer: t.layer,
            largest: t.largest,
            scale: t.scale,
            magnitude: t.magnitude,
            width: t.width,
        };
        Self {
            imported_nodes: report.imported_nodes,
            relative_error: report.relative_error,
            tensors: report.tensors.into_iter().map(tensor).collect(),
            bounded: None,
        }
    }
}
