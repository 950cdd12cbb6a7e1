//! Picks scales and widths, and writes the plan.
//!
//! Calibration inputs run through the float graph; the largest magnitude of each tensor, times a margin, is what it
//! must have room for, unless the weights prove a smaller bound. From that follow scales (`forms`), then the least
//! width of every tensor (`widths`), then the plan (`emit`).

mod alike;
mod calibrate;
mod channels;
mod early;
mod emit;
mod equalise;
mod fixed;
mod fixed_op;
mod forms;
mod recurrence;
mod rounding;
mod scales;
mod study;
mod widths;

use veilflow_ir::plan::Settings;
use veilflow_ir::{Graph, Plan, Tensor, Weights};

use crate::Error;
use alike::join_ranges;
use calibrate::Seen;
use emit::Emitter;
use forms::Forms;
use study::Study;
use widths::Widths;

/// How to quantise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Width of weights, sign included: 2..=24.
    pub weight_bits: u32,
    /// Bits of the largest activation a tensor has room for: 2..=30.
    pub activation_bits: u32,
    /// Bits of the weights and the activations that a recurrent cell works with, if those are more: 2..=24.
    pub state_bits: u32,
    /// Room beyond the largest magnitude seen in calibration, in percent of it: 100..=100,000. Twice as much is 200.
    pub margin_percent: u32,
    /// Reveal only the index of the largest output.
    pub arg_max: bool,
    /// What a client must do to a raw input, in words; stored in the plan.
    pub preprocessing: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            weight_bits: 11,
            activation_bits: 12,
            state_bits: 16,
            margin_percent: 200,
            arg_max: false,
            preprocessing: String::new(),
        }
    }
}

/// The relative error that [`compile_within`] may well be given: 28 dB of signal over noise, as 8-bit quantisation has where
/// it costs no accuracy.
pub const DEFAULT_ERROR: f64 = 0.04;

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

/// Compiles a float graph: simplifies it, runs the calibration inputs (each a tensor for every input of the graph), and
/// picks scales and widths.
///
/// Channels are equalised where that brings the outputs for the calibration inputs clearly closer to those of the float
/// graph: it evens out weights, but may spread activations.
///
/// # Errors
/// [`Error::Options`], [`Error::NoCalibration`], [`Error::NotFinite`], [`Error::Unsupported`] for what fixed point can't
/// express, and those of [`float::run`](crate::float::run).
pub fn compile(graph: &Graph, calibration: &[Vec<Tensor>], options: &Options) -> Result<Compiled, Error> {
    check(options)?;
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
) -> Result<Compiled, Error> {
    check(options)?;
    Study::new(graph, calibration)?.compile_within(options, most_error)
}

/// Scales, widths, plan and weights for a simplified graph.
fn quantise(simple: &Graph, seen: &[Seen], options: &Options, inputs: usize) -> Result<Compiled, Error> {
    let seen = join_ranges(simple, seen);
    let ranges: Vec<f32> = seen.iter().map(Seen::range).collect();
    let forms = Forms::choose(simple, &seen, options)?;
    let margin = f64::from(options.margin_percent) / 100.0;
    let widths = Widths::choose(simple, &forms, &ranges, margin, u32::from(options.arg_max))?;
    let tensor = |(index, step): (usize, &forms::Step<'_>)| {
        let output = step.node.output.index();
        let form = forms.get(output, step.makes);
        TensorReport {
            layer: step.node.name.clone(),
            largest: ranges[output],
            scale: form.scale,
            magnitude: form.magnitude,
            width: widths.steps[index],
        }
    };
    let report = CompileReport {
        imported_nodes: simple.nodes().len(),
        relative_error: 0.0,
        simplified_nodes: simple.nodes().len(),
        tensors: forms.steps.iter().enumerate().map(tensor).collect(),
    };
    let settings = Settings {
        weight_bits: options.weight_bits,
        activation_bits: options.activation_bits,
        state_bits: options.state_bits,
        margin_percent: options.margin_percent,
        calibration_inputs: inputs,
    };
    let emitter = Emitter::new(simple, &forms, &widths, &options.preprocessing, settings);
    let (plan, weights) = emitter.emit(options.arg_max)?;
    Ok(Compiled { plan, weights, report })
}

fn check(options: &Options) -> Result<(), Error> {
    let within = |name: &'static str, value: u32, range: std::ops::RangeInclusive<u32>| {
        if range.contains(&value) { Ok(()) } else { Err(Error::Options { name, value, range }) }
    };
    within("weight bits", options.weight_bits, 2..=24)?;
    within("activation bits", options.activation_bits, 2..=30)?;
    within("state bits", options.state_bits, 2..=24)?;
    within("margin in percent", options.margin_percent, 100..=100_000)
}

#[cfg(test)]
mod tests;
