//! Picks scales and widths, and writes the plan.
//!
//! Calibration inputs run through the float graph. Each tensor must have room for the largest magnitude that
//! it takes, times a margin, unless the weights prove a smaller bound. From that follow scales (`forms`),
//! then the least width of every tensor (`widths`), then the plan (`emit`).

mod alike;
mod bits;
mod calibrate;
mod channels;
mod checks;
mod classes;
mod compiled;
mod early;
mod emit;
mod equalise;
mod fixed;
mod fixed_op;
mod forms;
mod limits;
mod network;
mod options;
mod plan_writer;
mod possible;
mod recurrence;
mod room;
mod rounding;
mod scales;
mod step;
mod steps;
mod study;
mod widths;

use veilflow_ir::{Graph, Plan, Tensor};

use crate::error::Result;
pub use compiled::{CompileReport, Compiled, TensorReport};
pub use options::{Check, DEFAULT_ERROR, Options, Revealing};
use study::Study;

/// Compiles a float graph: simplifies it, runs the calibration inputs, and picks scales and widths. Each
/// calibration input has a tensor for every input of the graph.
///
/// Channels are equalised if that brings the outputs for the calibration inputs clearly closer to those of
/// the float graph. It evens out weights, but may spread activations.
///
/// # Errors
/// [`PassError::Options`](crate::PassError::Options), [`NoCalibration`](crate::PassError::NoCalibration),
/// [`NotFinite`](crate::PassError::NotFinite), [`Unsupported`](crate::PassError::Unsupported) for what fixed
/// point can't express, and those of [`float::run`](crate::float::run).
pub fn compile(graph: &Graph, calibration: &[Vec<Tensor>], options: &Options) -> Result<Compiled> {
    options.check()?;
    Study::new(graph, calibration)?.compile(options)
}

/// As [`compile`], with the fewest bits of weights and activations for which
/// [`CompileReport::relative_error`] is at most `most_error`. If there are none, with the most bits there are
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
    compile_within_fit(graph, calibration, options, most_error, &|_| true)
}

/// As [`compile_within`], of the plans that `fit`: what supplies correlations may not take every one.
///
/// # Errors
/// Those of [`compile`].
pub fn compile_within_fit(
    graph: &Graph,
    calibration: &[Vec<Tensor>],
    options: &Options,
    most_error: f64,
    fits: &dyn Fn(&Plan) -> bool,
) -> Result<Compiled> {
    options.check()?;
    Study::new(graph, calibration)?.compile_within(options, most_error, fits)
}

#[cfg(test)]
mod tests;
