//! `veilflow eval`: accuracy in the clear, float and fixed-point.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;
use veilflow::{Model, Network, Preprocessing};

use crate::flags::percent;
use crate::reference::{Compared, Reference};
use crate::{output, samples};

/// Compare the fixed-point run with the float model, in the clear, on a data set.
#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// The folder that `compile` wrote.
    dir: PathBuf,
    /// Inputs, with labels if there are any: npz, npy, png, jpeg, or a folder of pictures.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Classes of the pictures of a folder: a text file with a file name and a class number a line, or
    /// `names` if each file's name ends with its class, as in `photo_17_243.jpg`.
    #[arg(long, value_name = "FILE|names")]
    labels: Option<PathBuf>,
    /// The float model, if not the one in the folder.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Compare the fixed-point outputs with reference outputs, such as onnxruntime's: npz by the names of the
    /// outputs, or `output_0`, ...; or npy. Exits with an error where one is off by more than --max-error.
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// The most root mean square error beside --expect, in percent of the reference's standard deviation.
    #[arg(long, default_value_t = 2.0, value_name = "PERCENT", value_parser = percent)]
    max_error: f64,
    /// Use at most so many inputs.
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true, value_name = "N")]
    limit: usize,
    /// Preprocess pictures and bytes like this, not as the plan says.
    #[arg(long, value_name = "WORDS")]
    preprocess: Option<Preprocessing>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Default, Serialize)]
struct Report {
    inputs: usize,
    /// Inputs with a known class.
    labelled: usize,
    float_right: usize,
    fixed_right: usize,
    /// Labelled inputs whose class is among the five largest outputs, float and fixed-point; unknown where
    /// only the index of the largest is an output.
    right_of_5: Option<[usize; 2]>,
    /// Inputs on which both name the same class.
    same_top: usize,
    /// The largest difference of an output before any softmax.
    largest_error: f32,
    /// The largest float output, for comparison.
    largest_output: f32,
    /// By layer, elements that left the range the plan has room for: there the result may be wrong.
    overflows: BTreeMap<String, usize>,
    /// Inputs on which some value left its range.
    overflowed: usize,
    /// Inputs on which at least one in a thousand elements of a checked value did.
    flagged: usize,
    /// The mean probability that the check of a private run on such an input tells the client; unknown where
    /// there is none.
    noticed: Option<f64>,
    /// How far outputs are from the references, if there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<Compared>,
}

impl Eval {
    pub(crate) fn run(self) -> Result<()> {
        let model = Model::load(&self.dir)?;
        let network = match &self.model {
            Some(file) => Network::open(file)?,
            None => model.network()?,
        };
        let mut samples = samples::read(model.plan(), &self.data, self.preprocess.as_ref())?;
        if let Some(labels) = &self.labels {
            samples.labels = Some(veilflow_data::labels(labels, &samples.names)?);
        }
        let count = samples.inputs.len().min(self.limit.max(1));
        let bar = ProgressBar::new(count as u64);
        let mut report = Report { inputs: count, ..Report::default() };
        let mut noticed: Vec<f64> = Vec::new();
        let reference = self.expect.as_deref().map(|file| Reference::read(file, model.plan().outputs()));
        let mut reference = reference.transpose()?;
        for (i, sample) in samples.inputs.iter().take(count).enumerate() {
            let wanted = network.run(sample)?;
            let run = model.run(sample)?;
            if let Some(reference) = &mut reference {
                let outputs: Vec<&[f32]> = run.outputs.iter().map(|output| &output.values[..]).collect();
                reference.compare(i, &outputs)?;
            }
            for overflow in &run.overflows {
                *report.overflows.entry(overflow.layer.clone()).or_default() += overflow.elements;
            }
            if !run.overflows.is_empty() {
                report.overflowed += 1;
            }
            if run.flagged_part >= 1e-3 {
                report.flagged += 1;
                noticed.extend(run.noticed);
            }
            let (wanted, fixed) = (&wanted[0], &run.before_softmax[0]);
            // Of an arg-max or the largest scores, the others are not there to be compared.
            let complete = fixed.len() == wanted.len() && run.outputs[0].places.is_none();
            if complete {
                for (a, b) in wanted.iter().zip(fixed) {
                    report.largest_error = report.largest_error.max((a - b).abs());
                    report.largest_output = report.largest_output.max(a.abs());
                }
            }
            let tops = [top(wanted), run.outputs[0].top];
            report.same_top += usize::from(tops[0] == tops[1]);
            if let Some(label) = samples.labels.as_ref().and_then(|l| usize::try_from(l[i]).ok()) {
                report.labelled += 1;
                report.float_right += usize::from(tops[0] == label);
                report.fixed_right += usize::from(tops[1] == label);
                if complete {
                    let right = report.right_of_5.get_or_insert_default();
                    right[0] += usize::from(among_5(wanted, label));
                    right[1] += usize::from(among_5(fixed, label));
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        report.noticed = (!noticed.is_empty()).then(|| noticed.iter().sum::<f64>() / noticed.len() as f64);
        report.references = reference.map(|reference| reference.compared()).unwrap_or_default();
        if self.json {
            output::print_json(&report)?;
        } else {
            report.print();
        }
        let worst = report.references.iter().max_by(|a, b| a.relative_error.total_cmp(&b.relative_error));
        match worst {
            Some(worst) if worst.relative_error.is_nan() || worst.relative_error > self.max_error / 100.0 => {
                bail!(
                    "output `{}` is off its reference by {:.2} %, more than the {} % of --max-error",
                    worst.name,
                    100.0 * worst.relative_error,
                    self.max_error
                )
            }
            _ => Ok(()),
        }
    }
}

/// The index of the largest number, the first of equals.
fn top(values: &[f32]) -> usize {
    let larger = |best: usize, i: usize| if values[i] > values[best] { i } else { best };
    (0..values.len()).fold(0, larger)
}

/// Whether output `label` is among the five largest.
fn among_5(values: &[f32], label: usize) -> bool {
    values.get(label).is_some_and(|wanted| values.iter().filter(|v| *v > wanted).count() < 5)
}

impl Report {
    fn print(&self) {
        let percent = |n: usize, of: usize| 100.0 * n as f64 / of.max(1) as f64;
        let mut lines = vec![format!(
            "{} inputs: float and fixed-point name the same class on {} ({:.2} %)",
            self.inputs,
            self.same_top,
            percent(self.same_top, self.inputs)
        )];
        if self.labelled > 0 {
            lines.push(format!(
                "right of {} labelled: float {} ({:.2} %), fixed-point {} ({:.2} %)",
                self.labelled,
                self.float_right,
                percent(self.float_right, self.labelled),
                self.fixed_right,
                percent(self.fixed_right, self.labelled)
            ));
            if let Some([float, fixed]) = self.right_of_5 {
                lines.push(format!("right among the largest five: float {float}, fixed-point {fixed}"));
            }
        }
        lines.push(format!(
            "largest output error {:.5}, where outputs reach {:.5}",
            self.largest_error, self.largest_output
        ));
        if self.overflows.is_empty() {
            lines.push("every value stayed in the range the plan has room for".to_owned());
        }
        for (layer, elements) in &self.overflows {
            lines.push(format!(
                "OUT OF RANGE: {elements} elements in {layer}; calibrate with inputs like these"
            ));
        }
        if let Some(noticed) = self.noticed {
            lines.push(format!(
                "a private run's check tells the client of it with probability {noticed:.4}, on the {} inputs where \
                 0.1 % of a value's elements do",
                self.flagged
            ));
        }
        for compared in &self.references {
            lines.push(format!(
                "output `{}` is off its reference by {:.3} % of its spread, at most by {:.5}",
                compared.name,
                100.0 * compared.relative_error,
                compared.largest_error
            ));
        }
        output::print(&lines.join("\n"));
    }
}
