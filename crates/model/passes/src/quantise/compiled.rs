//! What compilation makes.

use veilflow_ir::{Plan, Weights};

/// What compilation saw. It stays with the server.
#[derive(Debug, Clone, PartialEq)]
pub struct CompileReport {
    /// How many nodes the graph had as it was imported.
    pub imported_nodes: usize,
    /// The root mean square error of the outputs for the calibration inputs, as a part of their standard
    /// deviation.
    pub relative_error: f64,
    /// How many nodes it has after simplification.
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
    /// The fractional bits.
    pub scale: i32,
    /// The bits of the largest integer that it has room for.
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
