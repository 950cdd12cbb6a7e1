//! `veilflow demo`: the main job on what is built in.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use veilflow::{CompileOptions, Network, Supplier, compile, demo};

use crate::measured::Measured;
use crate::options::RunOptions;
use crate::output;
use crate::pair::PairRun;
use crate::report::table;

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
    #[serde(flatten)]
    report: veilflow::Report,
}

impl Demo {
    pub(crate) fn run(mut self) -> Result<()> {
        if self.helper {
            self.options.supplier = Supplier::Helper;
        }
        let network = Network::from_onnx(demo::ONNX)?;
        let options = CompileOptions {
            preprocessing: demo::PREPROCESSING.parse()?,
            supplier: self.options.supplier,
            ..CompileOptions::default()
        };
        let model = compile(&network, &demo::calibration()?.inputs, &options)?;
        let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
        model.save(dir.path())?;
        let input = match &self.input {
            Some(file) => file.clone(),
            None => {
                let file = dir.path().join("digit.png");
                std::fs::write(&file, demo::PICTURES[usize::from(self.digit)])?;
                file
            }
        };
        let sample = model.plan().read_samples(&input)?.inputs.swap_remove(0);
        if !self.json {
            output::print(&format!(
                "A server process holds the weights of {} ({} numbers), a client process holds a picture.",
                model.plan().name(),
                model.plan().parameters()
            ));
            output::print(&picture(&sample));
        }
        let run = PairRun::start(dir.path(), &input, &self.options, false)?;
        let wanted = network.run(&sample)?.swap_remove(0);
        let learned = run.client.outputs.first().context("the network has an output")?;
        let differences = wanted.iter().zip(&learned.values).map(|(a, b)| (a - b).abs());
        let exact = learned.integers == model.run(&sample)?.outputs[0].integers;
        let report = Report {
            model: model.plan().name().to_owned(),
            digit: learned.top,
            largest_difference_from_float: differences.fold(0.0, f32::max),
            measured: Measured::new(
                &self.options,
                run.phases(),
                run.peak_rss_bytes(),
                exact,
                run.helper.as_ref(),
            ),
            report: run.client.report,
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
            table(&self.report)
        ));
    }
}

/// A 28×28 picture in half as many lines.
fn picture(sample: &[f32]) -> String {
    let shade = |v: f32| b" .:-=+*#%@"[(v.clamp(0.0, 1.0) * 9.0) as usize] as char;
    let rows = sample.chunks(28).step_by(2).map(|row| row.iter().map(|&v| shade(v)).collect::<String>());
    rows.map(|row| format!("    {}\n", row.trim_end())).collect()
}
