//! `veilflow run`: a compiled model on an input, in the clear.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use veilflow::{Model, Network, Preprocessing};
use veilflow_data::{NamedArray, write_npz};

use crate::reference::Deviation;
use crate::{output, samples};

/// How many of the largest elements are printed.
const SHOWN: usize = 5;

/// Run a compiled model in the clear, in fixed point and in float: what its owner sees, since it takes the
/// weights. The fixed-point outputs equal those of a private run bit for bit.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The folder that `compile` wrote.
    dir: PathBuf,
    /// The input: npy, npz, png, jpeg, or a folder of pictures.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Write the fixed-point outputs of all samples, by name, to an npz file.
    #[arg(short, long, value_name = "FILE.npz")]
    output: Option<PathBuf>,
    /// The float model, if not the one in the folder.
    #[arg(long, value_name = "MODEL")]
    float: Option<PathBuf>,
    /// Use at most so many of the input's samples.
    #[arg(long, default_value_t = 1, value_name = "N")]
    limit: usize,
    /// Preprocess pictures and bytes like this, not as the plan says.
    #[arg(long, value_name = "WORDS")]
    preprocess: Option<Preprocessing>,
    /// Print one JSON object a sample.
    #[arg(long)]
    json: bool,
}

/// What became of one output.
#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    shape: Vec<usize>,
    /// The numbers, after a softmax that the network may end with.
    values: Vec<f32>,
    /// The index of the largest.
    top: usize,
    /// Those of the float network, before a softmax.
    float: Vec<f32>,
    /// The root mean square error before a softmax, as a part of the float output's standard deviation.
    relative_error: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Report {
    sample: usize,
    outputs: Vec<Shown>,
    /// Layers in which elements left the range that the plan has room for.
    out_of_range: Vec<String>,
}

impl Run {
    pub(crate) fn run(self) -> Result<()> {
        let model = Model::load(&self.dir)?;
        let network = match &self.float {
            Some(file) => Network::open(file)?,
            None => model.network()?,
        };
        let plan = model.plan();
        let samples = samples::read(plan, &self.input, self.preprocess.as_ref())?;
        let count = samples.inputs.len().min(self.limit.max(1));
        let mut columns: Vec<Vec<f32>> = vec![Vec::new(); plan.outputs().len()];
        for (number, sample) in samples.inputs.iter().take(count).enumerate() {
            let (float, fixed) = (network.run(sample)?, model.run(sample)?);
            let mut shown = Vec::new();
            for (i, info) in plan.outputs().into_iter().enumerate() {
                let (output, float) = (&fixed.outputs[i], float.get(i).cloned().unwrap_or_default());
                columns[i].extend(&output.values);
                // Of an arg-max or the largest scores, the others are not there to be compared.
                let complete = fixed.before_softmax[i].len() == float.len() && output.places.is_none();
                let error = complete.then(|| Deviation::of(&float, &fixed.before_softmax[i]).relative());
                shown.push(Shown {
                    name: output.name.clone(),
                    shape: info.shape,
                    values: output.values.clone(),
                    top: output.top,
                    float,
                    relative_error: error,
                });
            }
            let out_of_range = fixed.overflows.iter().map(|overflow| overflow.layer.clone()).collect();
            let report = Report { sample: number, outputs: shown, out_of_range };
            if self.json { output::print_json(&report)? } else { report.print() }
        }
        if let Some(file) = &self.output {
            let arrays = plan.outputs().into_iter().zip(columns).map(|(info, values)| {
                let each = values.len() / count.max(1);
                let shape = if info.shape.iter().product::<usize>() == each {
                    [&[count][..], &info.shape].concat()
                } else {
                    vec![count, each]
                };
                NamedArray { name: info.name, shape, values }
            });
            let bytes = write_npz(&arrays.collect::<Vec<_>>())?;
            std::fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(())
    }
}

impl Report {
    fn print(&self) {
        for shown in &self.outputs {
            let dims: Vec<String> = shown.shape.iter().map(usize::to_string).collect();
            let error = match shown.relative_error {
                Some(error) => format!(", off the float network by {:.2} % of its spread", 100.0 * error),
                None => String::new(),
            };
            output::print(&format!("sample {}: {} {}{error}", self.sample, shown.name, dims.join("x")));
            let mut order: Vec<usize> = (0..shown.values.len()).collect();
            order.sort_by(|&a, &b| shown.values[b].total_cmp(&shown.values[a]));
            let largest = order.iter().take(SHOWN).map(|&i| format!("{i}: {:.5}", shown.values[i]));
            output::print(&format!("  largest {}", largest.collect::<Vec<_>>().join(", ")));
        }
        for layer in &self.out_of_range {
            output::print(&format!("OUT OF RANGE in {layer}; calibrate with inputs like these"));
        }
    }
}
