//! The commands, one a file.

pub(crate) mod compile;
pub(crate) mod demo;
pub(crate) mod eval;
pub(crate) mod helper;
pub(crate) mod infer;
pub(crate) mod inspect;
pub(crate) mod serve;
pub(crate) mod share;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use veilflow_exec::Step;
use veilflow_ir::{Plan, PlanValue, Tensor};
use veilflow_passes::clear::encode;
use veilflow_ring::RingVec;

use crate::output;
use veilflow_data::Preprocessing;

/// Checks a `--timeout`, in seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(s) if (0.001..=86_400.0).contains(&s) => Ok(Duration::from_secs_f64(s)),
        _ => Err("must be seconds between 0.001 and 86400".to_owned()),
    }
}

/// Samples in `file` for the only input of `plan`, at most `limit`, preprocessed as `preprocess` says or else the plan.
pub(crate) fn samples(
    plan: &Plan,
    file: &Path,
    preprocess: Option<&Preprocessing>,
    limit: usize,
) -> anyhow::Result<Vec<Vec<f32>>> {
    let preprocessing = match preprocess {
        Some(preprocessing) => preprocessing.clone(),
        None => plan
            .preprocessing
            .parse()
            .context("the plan's preprocessing is not readable; state --preprocess")?,
    };
    let mut samples = veilflow_data::load(file, &only_input(plan)?.shape, &preprocessing)?.inputs;
    samples.truncate(limit.max(1));
    Ok(samples)
}

/// A sample as integers of the plan, and how many elements had to be limited.
pub(crate) fn encode_sample(plan: &Plan, sample: &[f32]) -> anyhow::Result<(usize, Vec<RingVec>)> {
    let encoded = encode(plan, &[tensor(only_input(plan)?, sample)?])?;
    let outside = encoded.iter().map(|e| e.outside).sum();
    Ok((outside, encoded.into_iter().map(|e| e.values).collect()))
}

/// Says how many elements were limited, if any.
pub(crate) fn warn_outside(outside: usize) {
    if outside > 0 {
        output::print(&format!(
            "warning: {outside} input elements are beyond the range the model was calibrated for"
        ));
    }
}

/// Bytes of what is kept, if anything is.
pub(crate) type Megabytes = Option<usize>;

/// Checks a limit in megabytes, or `off`.
pub(crate) fn megabytes(text: &str) -> Result<Megabytes, String> {
    if text == "off" {
        return Ok(None);
    }
    let megabytes = text.parse::<usize>().map_err(|_| "there is off, or a number of megabytes".to_owned())?;
    let bytes = megabytes.checked_mul(1_000_000).ok_or("no memory is that large")?;
    Ok(Some(bytes))
}

/// A bar over both phases of a run, on standard error, if that is a terminal.
pub(crate) fn progress(plan: &Plan, name: &str) -> ProgressBar {
    let bar = ProgressBar::new(2 * plan.nodes.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:30}] {percent:>3}% {elapsed} {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.with_prefix(name.to_owned())
}

/// Moves the bar to a step of the run.
pub(crate) fn advance(bar: &ProgressBar, plan: &Plan, step: Step) {
    let (done, phase) = if step.online { (plan.nodes.len(), "online") } else { (0, "offline") };
    bar.set_position((done + step.node) as u64);
    let node = &plan.nodes[step.node];
    bar.set_message(format!("{phase}: {} ({})", node.layer, node.op.name()));
}

/// A flat sample as the tensor of the network's only input.
pub(crate) fn tensor(value: &PlanValue, sample: &[f32]) -> anyhow::Result<Tensor> {
    Ok(Tensor::new(value.shape.clone(), sample.to_vec())?)
}

/// The only input of a plan; commands that read inputs from a file take networks with one.
pub(crate) fn only_input(plan: &Plan) -> anyhow::Result<&PlanValue> {
    match plan.inputs.as_slice() {
        [input] => Ok(&plan.values[input.value]),
        inputs => {
            anyhow::bail!("the network has {} inputs; input files can be given for one only", inputs.len())
        }
    }
}

/// The index of the largest number, the first of equals.
pub(crate) fn top(values: &[f32]) -> usize {
    let larger = |best: usize, i: usize| if values[i] > values[best] { i } else { best };
    (0..values.len()).fold(0, larger)
}

/// What a network ends with in the clear: softmax, if the plan says so.
pub(crate) fn finish(values: &[f32], softmax: bool) -> Vec<f32> {
    if !softmax {
        return values.to_vec();
    }
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = values.iter().map(|v| (v - largest).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}
