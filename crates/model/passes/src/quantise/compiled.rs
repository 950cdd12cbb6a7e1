//! What compilation makes.

use veilflow_ir::{Plan, Weights};

/// What compilation saw; it stays with the server.
#[derive(Debug, Clone, PartialEq)]
pub struct CompileReport {
    /// Nodes of the graph as imported.
    pub imported_nodes: usize,
    /// Root mean square error of the outputs for the calibration inputs, as a part of the outputs' standard deviation.
    pub relative_error: f64,
    /// Nodes after simplification.
    pub simplified_nodes: usize,
    /// Each tensor of the simplified network, in execution order.
    pub tensors: Vec<TensorReport>,
}

/// One tensor of the simplified network.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorReport {
    /// The node that makes it.
    pub layer: String,
    /// The largest magnitude in calibration.
    pub largest: f32,
    /// Fractional bits.
    pub scale: i32,
    /// Bits of the largest integer it has room for.
    pub magnitude: u32,
    /// The width at which its node works.
    pub width: u32,
}

/// A plan, its weights, and how they came about.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The public program.
    pub plan: Plan,
    /// The server's numbers.
    pub weights: Weights,
    /// What compilation saw.
    pub report: CompileReport,
}
