//! Picks scales and widths, and writes the plan.
//!
//! Calibration inputs run through the float graph; the largest magnitude of each tensor, times a margin, is what it
//! must have room for, unless the weights prove a smaller bound. From that follow scales (`forms`), then the least
//! width of every tensor (`widths`), then the plan (`emit`).

mod alike;
mod calibrate;
mod channels;
mod compiled;
mod early;
mod emit;
mod equalise;
mod fixed;
mod fixed_op;
mod forms;
mod network;
mod options;
mod plan_writer;
mod recurrence;
mod rounding;
mod scales;
mod step;
mod steps;
mod study;
mod widths;

use veilflow_ir::{Graph, Tensor};

use crate::error::Result;
pub use compiled::{CompileReport, Compiled, TensorReport};
pub use options::{DEFAULT_ERROR, Options};
use study::Study;

/// Compiles a float graph: simplifies it, runs the calibration inputs (each a tensor for every input of the graph), and
/// picks scales and widths.
///
/// Channels are equalised where that brings the outputs for the calibration inputs clearly closer to those of the float
/// graph: it evens out weights, but may spread activations.
///
/// # Errors
/// [`PassError::Options`], [`PassError::NoCalibration`], [`PassError::NotFinite`], [`PassError::Unsupported`] for what fixed point can't
/// express, and those of [`float::run`](crate::float::run).
pub fn compile(graph: &Graph, calibration: &[Vec<Tensor>], options: &Options) -> Result<Compiled> {
    options.check()?;
    Study::new(graph, calibration)?.compile(options)
}

/// [`compile`] with the fewest bits, of weights and activations, whose outputs for the calibration inputs are within
/// `most_error` of those of the float graph: [`CompileReport::relative_error`]. If none are, with the most bits there are
/// to choose from. The bits in `options` are not used.
///
/// # Errors
/// Those of [`compile`].
pub fn compile_within(
    graph: &Graph,
    calibration: &[Vec<Tensor>],
    options: &Options,
    most_error: f64,
) -> Result<Compiled> {
    options.check()?;
    Study::new(graph, calibration)?.compile_within(options, most_error)
}

#[cfg(test)]
mod tests;
