//! `veilflow bench model`: a compiled model between two processes.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use veilflow_exec::{Machine, Prediction, Times};
use veilflow_passes::clear;

use super::{Measured, RunOptions};
use crate::command::{only_input, tensor};
use crate::pair::PairRun;
use crate::report::{Layer, Seconds, table};
use crate::{model_dir, output};

#[derive(Debug, Args)]
pub(crate) struct Model {
    /// The folder that `compile` wrote.
    #[arg(long, value_name = "DIR")]
    plan: PathBuf,
    /// The client's input; without it, the first of those the model was calibrated with.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Measure a second session of the same server and helper: what sessions keep for later ones is there by then.
    #[arg(long)]
    warm: bool,
    #[command(flatten)]
    options: RunOptions,
    /// Print one JSON object, last on standard output.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    model: String,
    width: u32,
    count: usize,
    leaf_bits: u32,
    /// Whether a session came before this one.
    warm: bool,
    #[serde(flatten)]
    measured: Measured,
    /// Seconds as `inspect --calibrate` predicts them, for a first session.
    predicted_seconds: Seconds,
    top: usize,
    layers: Vec<Layer>,
}

impl Model {
    pub(crate) fn run(self) -> Result<()> {
        let (plan, weights) = model_dir::server(&self.plan)?;
        let value = only_input(&plan)?;
        let input = self.input.clone().unwrap_or_else(|| self.plan.join(model_dir::SAMPLE));
        let preprocessing = plan.preprocessing.parse()?;
        let sample = veilflow_data::load(&input, &value.shape, &preprocessing)?.inputs.swap_remove(0);
        let options = self.options.session_for(&plan);
        let prediction = Prediction::of(&plan, &options)?;
        let predicted_seconds = Times::of(&plan, &options, &prediction, &Machine::measure()?)?.into();
        let run = PairRun::start(&self.plan, &input, &self.options, self.warm)?;
        let cleartext = clear::run(&plan, &weights, &[tensor(value, &sample)?])?;
        if let Some(overflow) = cleartext.overflows.first() {
            bail!(
                "the input leaves the range that the plan has room for, first in {}; calibrate with inputs like it",
                overflow.layer
            );
        }
        let learned = &run.client.outputs;
        let exact = learned.iter().map(|l| &l.integers).eq(cleartext
            .outputs
            .iter()
            .map(veilflow_ring::RingVec::to_signed)
            .collect::<Vec<_>>()
            .iter());
        let report = Report {
            model: plan.name.clone(),
            width: plan.widths().1,
            count: 1,
            leaf_bits: options.tuning.leaf_bits,
            warm: self.warm,
            measured: Measured::new(
                &self.options,
                run.phases(),
                run.peak_rss_bytes(),
                exact,
                run.helper.as_ref(),
            ),
            predicted_seconds,
            top: learned.first().map_or(0, |l| l.top),
            layers: run.client.layers,
        };
        if self.json {
            output::print_json(&report)?;
        } else {
            output::print(&format!(
                "{}\n{}: class {}, equal to the cleartext result: {}\npredicted: offline {:.2} s, online {:.2} s",
                table(&report.layers),
                report.model,
                report.top,
                exact,
                report.predicted_seconds.offline,
                report.predicted_seconds.online
            ));
        }
        report.measured.check()
    }
}
