//! From a simplified graph, and what calibration saw of it, to a plan.

use veilflow_ir::Graph;
use veilflow_ir::plan::Settings;

use super::alike::join_ranges;
use super::calibrate::Seen;
use super::compiled::{CompileReport, Compiled, TensorReport};
use super::emit::Emitter;
use super::forms::Forms;
use super::options::Options;
use super::step::Step;
use super::widths::Widths;
use crate::error::Result;

/// Scales, widths, plan and weights for a simplified graph.
pub(super) fn quantise(simple: &Graph, seen: &[Seen], options: &Options, inputs: usize) -> Result<Compiled> {
    let seen = join_ranges(simple, seen);
    let ranges: Vec<f32> = seen.iter().map(Seen::range).collect();
    let forms = Forms::choose(simple, &seen, options)?;
    let widths = Widths::choose(simple, &forms, options.watch())?;
    let tensor = |(index, step): (usize, &Step<'_>)| {
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
        ranges: options.ranges,
    };
    let emitter = Emitter::new(simple, &forms, &widths, &options.preprocessing, settings);
    let (plan, weights) = emitter.emit(options)?;
    Ok(Compiled { plan, weights, report })
}
