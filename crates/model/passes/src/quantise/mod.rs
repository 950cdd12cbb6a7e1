//! Picks scales and widths, and writes the plan.
//!
//! Calibration inputs run through the float graph; the largest magnitude of each tensor, times a margin, is what it
//! must have room for, unless the weights prove a smaller bound. From that follow scales (`forms`), then the least
//! width of every tensor (`widths`), then the plan (`emit`).

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

use crate::{Error, float, simplify};
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
/// # Errors
/// [`Error::Options`], [`Error::NoCalibration`], [`Error::NotFinite`], [`Error::Unsupported`] for what fixed point can't
/// express, and those of [`float::run`].
pub fn compile(graph: &Graph, calibration: &[Vec<Tensor>], options: &Options) -> Result<Compiled, Error> {
    check(options)?;
    let simple = simplify(graph)?;
    let ranges = calibrate(&simple, calibration)?;
    let (simple, ranges) = equalise(&simple, &ranges)?;
    let ranges: Vec<f32> = ranges.into_iter().map(|r| r.into_iter().fold(0.0, f32::max)).collect();
    let forms = Forms::choose(&simple, &ranges, options)?;
    let margin = f64::from(options.margin_percent) / 100.0;
    let widths = Widths::choose(&simple, &forms, &ranges, margin, u32::from(options.arg_max))?;
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
        imported_nodes: graph.nodes().len(),
        simplified_nodes: simple.nodes().len(),
        tensors: forms.steps.iter().enumerate().map(tensor).collect(),
    };
    let settings = Settings {
        weight_bits: options.weight_bits,
        activation_bits: options.activation_bits,
        margin_percent: options.margin_percent,
        calibration_inputs: calibration.len(),
    };
    let emitter = Emitter::new(&simple, &forms, &widths, &options.preprocessing, settings);
    let (plan, weights) = emitter.emit(options.arg_max)?;
    Ok(Compiled { plan, weights, report })
}

fn check(options: &Options) -> Result<(), Error> {
    let within = |name: &'static str, value: u32, range: std::ops::RangeInclusive<u32>| {
        if range.contains(&value) { Ok(()) } else { Err(Error::Options { name, value, range }) }
    };
    within("weight bits", options.weight_bits, 2..=24)?;
    within("activation bits", options.activation_bits, 2..=30)?;
    within("margin in percent", options.margin_percent, 100..=100_000)
}

/// The largest magnitude of every channel of every graph value over all calibration inputs.
fn calibrate(graph: &Graph, calibration: &[Vec<Tensor>]) -> Result<Vec<Vec<f32>>, Error> {
    if calibration.is_empty() {
        return Err(Error::NoCalibration);
    }
    let mut ranges = vec![Vec::new(); graph.values().len()];
    let mut finite = Ok(());
    for inputs in calibration {
        float::run_observed(graph, inputs, |id, tensor| {
            if finite.is_ok() && !tensor.max_abs().is_finite() {
                finite = Err(Error::NotFinite { value: graph.value(id).name.clone() });
            }
            let (count, stride) = channels::layout(graph, id);
            let range = &mut ranges[id.index()];
            range.resize(count, 0f32);
            for (i, plane) in tensor.data().chunks(stride).enumerate() {
                let channel = &mut range[i % count];
                *channel = plane.iter().fold(*channel, |m, v| m.max(v.abs()));
            }
        })?;
    }
    finite.map(|()| ranges)
}

#[cfg(test)]
mod tests;
