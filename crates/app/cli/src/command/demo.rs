//! `veilflow demo`: the main job on what is built in.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use veilflow_exec::SupplierKind;
use veilflow_passes::{DEFAULT_ERROR, Options, clear, float};

use super::compile::{Recipe, compile};
use super::{only_input, tensor};
use crate::bench::{Measured, RunOptions};
use crate::pair::PairRun;
use crate::report::{Layer, table};
use crate::{model_dir, output};
use veilflow_data::Preprocessing;

const ONNX: &[u8] = include_bytes!("../../../veilflow/data/mnist-demo.onnx");
const CALIBRATION: &[u8] = include_bytes!("../../../veilflow/data/calibration.npz");
const PREPROCESSING: &str = "channels=gray std=255";
const DIGITS: [&[u8]; 10] = [
    include_bytes!("../../../veilflow/data/digit_0.png"),
    include_bytes!("../../../veilflow/data/digit_1.png"),
    include_bytes!("../../../veilflow/data/digit_2.png"),
    include_bytes!("../../../veilflow/data/digit_3.png"),
    include_bytes!("../../../veilflow/data/digit_4.png"),
    include_bytes!("../../../veilflow/data/digit_5.png"),
    include_bytes!("../../../veilflow/data/digit_6.png"),
    include_bytes!("../../../veilflow/data/digit_7.png"),
    include_bytes!("../../../veilflow/data/digit_8.png"),
    include_bytes!("../../../veilflow/data/digit_9.png"),
];

/// Classify a digit privately: a server process holds the weights, a client process the picture.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Which of the ten bundled pictures to classify.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u8).range(0..=9))]
    digit: u8,
    /// A picture of your own instead: 28x28, a bright digit on dark.
    #[arg(long, value_name = "FILE", conflicts_with = "digit")]
    input: Option<PathBuf>,
    /// Let a third process, the helper, supply the correlations: the same as `--supplier helper`.
    #[arg(long)]
    helper: bool,
    #[command(flatten)]
    options: RunOptions,
    /// Print one JSON object, last on standard output.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    model: String,
    digit: usize,
    largest_difference_from_float: f32,
    #[serde(flatten)]
    measured: Measured,
    layers: Vec<Layer>,
}

impl Demo {
    pub(crate) fn run(mut self) -> Result<()> {
        if self.helper {
            self.options.supplier = SupplierKind::Helper;
        }
        let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
        let calibration = dir.path().join("calibration.npz");
        std::fs::write(&calibration, CALIBRATION)?;
        let options = Options { preprocessing: PREPROCESSING.to_owned(), ..Options::default() };
        let recipe = Recipe { options, most_error: Some(DEFAULT_ERROR), supplier: self.options.supplier };
        compile(ONNX, &calibration, usize::MAX, &recipe, dir.path())?;
        let input = match &self.input {
            Some(file) => file.clone(),
            None => {
                let file = dir.path().join("digit.png");
                std::fs::write(&file, DIGITS[usize::from(self.digit)])?;
                file
            }
        };
        let (plan, weights) = model_dir::server(dir.path())?;
        let preprocessing: Preprocessing = PREPROCESSING.parse()?;
        let sample =
            veilflow_data::load(&input, &only_input(&plan)?.shape, &preprocessing)?.inputs.swap_remove(0);
        if !self.json {
            output::print(&format!(
                "A server process holds the weights of {} ({} numbers), a client process holds a picture.",
                plan.name,
                plan.parameters().iter().map(|p| p.weights + p.bias).sum::<usize>()
            ));
            output::print(&picture(&sample));
        }
        let run = PairRun::start(dir.path(), &input, &self.options, false)?;
        let tensors = [tensor(only_input(&plan)?, &sample)?];
        let cleartext = clear::run(&plan, &weights, &tensors)?;
        let wanted = float::run(&veilflow_import_onnx::import_bytes(ONNX)?, &tensors)?;
        let learned = run.client.outputs.first().context("the network has an output")?;
        let differences = wanted[0].data().iter().zip(&learned.values).map(|(a, b)| (a - b).abs());
        let exact = learned.integers == cleartext.outputs[0].to_signed();
        let report = Report {
            model: plan.name.clone(),
            digit: learned.top,
            largest_difference_from_float: differences.fold(0.0, f32::max),
            measured: Measured::new(
                &self.options,
                run.phases(),
                run.peak_rss_bytes(),
                exact,
                run.helper.as_ref(),
            ),
            layers: run.client.layers,
        };
        if self.json {
            output::print_json(&report)?;
        } else {
            report.print();
        }
        report.measured.check()
    }
}

impl Report {
    fn print(&self) {
        output::print(&format!(
            "The client learned: it is a {}.\n\
             Equal to the cleartext fixed-point output bit for bit: {}.\n\
             Largest difference from the float model: {:.5}.\n{}",
            self.digit,
            if self.measured.exact { "yes" } else { "NO" },
            self.largest_difference_from_float,
            table(&self.layers)
        ));
    }
}

/// A 28×28 picture in half as many lines.
fn picture(sample: &[f32]) -> String {
    let shade = |v: f32| b" .:-=+*#%@"[(v.clamp(0.0, 1.0) * 9.0) as usize] as char;
    let rows = sample.chunks(28).step_by(2).map(|row| row.iter().map(|&v| shade(v)).collect::<String>());
    rows.map(|row| format!("    {}\n", row.trim_end())).collect()
}
