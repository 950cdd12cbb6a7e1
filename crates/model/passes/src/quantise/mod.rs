//! Picks scales and widths, and writes the plan.
//!
//! Calibration inputs run through the float graph; the largest magnitude of each tensor, times a margin, is what it
//! must have room for, unless the weights prove a smaller bound. From that follow scales (`forms`), then the least
//! width of every tensor (`widths`), then the plan (`emit`).

mod calibrate;
mod channels;
mod early;
mod emit;
mod equalise;
mod fixed;
mod forms;
mod roles;
mod rounding;
mod scales;
mod widths;

use veilflow_ir::plan::Settings;
use veilflow_ir::{Graph, Plan, Tensor, Weights};

use crate::{Error, clear, float, simplify};
use calibrate::{Seen, calibrate};
use emit::Emitter;
use equalise::equalise;
use forms::Forms;
use widths::Widths;

/// How to quantise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Width of weights, sign included: 2..=24.
    pub weight_bits: u32,
    /// Bits of the largest activation a tensor has room for: 2..=30.
    pub activation_bits: u32,
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
            margin_percent: 200,
            arg_max: false,
            preprocessing: String::new(),
        }
    }
}

/// Equalising is decided by so many calibration inputs.
const JUDGED_INPUTS: usize = 4;

/// It costs about 2 % more bytes, since more tensors fill their ranges: the squared error must shrink to this.
const WORTH_EQUALISING: f64 = 0.8;

/// What compilation saw; it stays with the server.
#[derive(Debug, Clone, PartialEq)]
pub struct CompileReport {
    /// Nodes of the graph as imported.
    pub imported_nodes: usize,
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
/// express, and those of [`float::run`].
pub fn compile(graph: &Graph, calibration: &[Vec<Tensor>], options: &Options) -> Result<Compiled, Error> {
    check(options)?;
    let simple = simplify(graph)?;
    let seen = calibrate(&simple, calibration)?;
    let even = equalise(&simple, &seen)?;
    let plain = (simple, seen);
    let judged = &calibration[..calibration.len().min(JUDGED_INPUTS)];
    let error = |(graph, seen): &(Graph, Vec<Seen>)| -> Result<f64, Error> {
        let open = Options { arg_max: false, ..options.clone() };
        squared_error(graph, &quantise(graph, seen, &open, calibration.len())?, judged)
    };
    let (graph_nodes, helps) = (graph.nodes().len(), error(&even)? < WORTH_EQUALISING * error(&plain)?);
    let (simple, seen) = if helps { even } else { plain };
    let mut compiled = quantise(&simple, &seen, options, calibration.len())?;
    compiled.report.imported_nodes = graph_nodes;
    Ok(compiled)
}

/// Scales, widths, plan and weights for a simplified graph.
fn quantise(simple: &Graph, seen: &[Seen], options: &Options, inputs: usize) -> Result<Compiled, Error> {
    let ranges: Vec<f32> = seen.iter().map(Seen::range).collect();
    let forms = Forms::choose(simple, seen, options)?;
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
        simplified_nodes: simple.nodes().len(),
        tensors: forms.steps.iter().enumerate().map(tensor).collect(),
    };
    let settings = Settings {
        weight_bits: options.weight_bits,
        activation_bits: options.activation_bits,
        margin_percent: options.margin_percent,
        calibration_inputs: inputs,
    };
    let emitter = Emitter::new(simple, &forms, &widths, &options.preprocessing, settings);
    let (plan, weights) = emitter.emit(options.arg_max)?;
    Ok(Compiled { plan, weights, report })
}

/// How far the outputs are from those of the float graph, squared and summed.
fn squared_error(graph: &Graph, compiled: &Compiled, inputs: &[Vec<Tensor>]) -> Result<f64, Error> {
    let mut sum = 0.0;
    for input in inputs {
        let exact = float::run(graph, input)?;
        let fixed = clear::run(&compiled.plan, &compiled.weights, input)?.decode(&compiled.plan);
        let pairs = exact.iter().zip(&fixed).flat_map(|(e, f)| e.data().iter().zip(f));
        sum += pairs.map(|(e, f)| f64::from(e - f).powi(2)).sum::<f64>();
    }
    Ok(sum)
}

fn check(options: &Options) -> Result<(), Error> {
    let within = |name: &'static str, value: u32, range: std::ops::RangeInclusive<u32>| {
        if range.contains(&value) { Ok(()) } else { Err(Error::Options { name, value, range }) }
    };
    within("weight bits", options.weight_bits, 2..=24)?;
    within("activation bits", options.activation_bits, 2..=30)?;
    within("margin in percent", options.margin_percent, 100..=100_000)
}

#[cfg(test)]
mod tests;
