//! `veilflow share input`: inputs in halves.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use veilflow::{OutOfRange, Plan, Preprocessing, ShareFolders, SplitInput};

use super::halves::Halves;
use crate::flags::OutOfRangeFlag;
use crate::{output, samples};

/// Split inputs: each folder gets one half of each, uniform on its own, under the number of their sharing.
#[derive(Debug, Args)]
pub(crate) struct Input {
    /// The input: npy, npz, png, jpeg, or a folder of pictures.
    input: PathBuf,
    /// The public plan, or a folder that holds it.
    #[arg(long)]
    plan: PathBuf,
    /// Use at most so many of the input's samples.
    #[arg(long, default_value_t = 1, value_name = "N")]
    limit: usize,
    /// What to do about elements beyond the range that the plan has room for.
    #[arg(long, value_enum, default_value_t)]
    out_of_range: OutOfRangeFlag,
    /// Preprocess pictures and bytes like this, not as the plan says.
    #[arg(long, value_name = "WORDS")]
    preprocess: Option<Preprocessing>,
    #[command(flatten)]
    halves: Halves,
    /// Print one JSON object a line, one a sample.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    /// The sample's place in the input.
    sample: usize,
    /// What both halves have in common, at random; the shares of the output get this name too.
    sharing: String,
    /// Elements beyond what the plan has room for, limited to it.
    outside: usize,
    files: Vec<PathBuf>,
}

impl Input {
    pub(crate) fn run(self) -> Result<()> {
        let plan = Plan::load(&self.plan)?;
        let samples = samples::read(&plan, &self.input, self.preprocess.as_ref())?.inputs;
        let samples = &samples[..samples.len().min(self.limit.max(1))];
        // All of them before anything is written.
        if OutOfRange::from(self.out_of_range) == OutOfRange::Refuse {
            for (number, sample) in samples.iter().enumerate() {
                plan.check_sample(sample).with_context(|| format!("sample {number}"))?;
            }
        }
        self.halves.make()?;
        for (number, sample) in samples.iter().enumerate() {
            let SplitInput { shares, outside } = plan.split(sample, self.out_of_range.into())?;
            let sharing = shares[0].id();
            let mut files = Vec::new();
            for share in &shares {
                let file = ShareFolders::input_file(self.halves.of(share.party()), sharing);
                share.save(&file)?;
                files.push(file);
            }
            let report = Report { sample: number, sharing: sharing.to_string(), outside, files };
            if self.json {
                output::print_json(&report)?;
                continue;
            }
            let [ours, theirs] = [0, 1].map(|i| report.files[i].display());
            output::print(&format!("sample {number}: wrote {ours} and {theirs}"));
            output::warn_outside(outside);
        }
        Ok(())
    }
}
