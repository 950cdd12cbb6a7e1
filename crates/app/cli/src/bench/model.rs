//! `veilflow bench model`: a compiled model between two processes.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use veilflow::{Machine, Overflow, Seconds, folder};

use crate::measured::Measured;
use crate::options::RunOptions;
use crate::output;
use crate::overflow::Overflowed;
use crate::pair::PairRun;
use crate::report::table;

#[derive(Debug, Args)]
pub(crate) struct Model {
    /// The folder that `compile` wrote.
    #[arg(long, value_name = "DIR")]
    plan: PathBuf,
    /// The client's input; without it, the first of those the model was calibrated with.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Measure a second session of the same server and helper: what sessions keep for later ones is there by
    /// then.
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
    /// Whether the client learned that a value left its range; null if the plan checks none.
    overflow: Option<bool>,
    /// Where values left their range, as the run in the clear tells.
    overflows: Vec<Overflow>,
    #[serde(flatten)]
    report: veilflow::Report,
}

impl Model {
    pub(crate) fn run(self) -> Result<()> {
        let model = veilflow::Model::load(&self.plan)?;
        let plan = model.plan();
        let input = self.input.clone().unwrap_or_else(|| self.plan.join(folder::SAMPLE));
        let sample = plan.read_samples(&input)?.inputs.swap_remove(0);
        let options = plan.tuned(&self.options.library())?;
        let predicted_seconds = plan.inspect(&options, Machine::ThisOne)?.seconds;
        let run = PairRun::start(&self.plan, &input, &self.options, self.warm)?;
        let cleartext = model.run(&sample)?;
        let learned = &run.client.outputs;
        let exact = learned.iter().map(|l| &l.integers).eq(cleartext.outputs.iter().map(|o| &o.integers));
        let report = Report {
            model: plan.name().to_owned(),
            width: plan.widths().1,
            count: 1,
            leaf_bits: options.leaf_bits.unwrap_or_default(),
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
            overflow: run.client.overflow,
            overflows: cleartext.overflows,
            report: run.client.report,
        };
        if self.json {
            output::print_json(&report)?;
        } else {
            output::print(&format!(
                "{}\n{}: class {}, equal to the cleartext result: {}\npredicted: offline {:.2} s, online {:.2} s",
                table(&report.report),
                report.model,
                report.top,
                exact,
                report.predicted_seconds.offline,
                report.predicted_seconds.online
            ));
        }
        report.measured.check()?;
        Overflowed { count: usize::from(!report.overflows.is_empty()), runs: 1 }.check()
    }
}
