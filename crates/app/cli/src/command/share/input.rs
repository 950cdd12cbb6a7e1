//! `veilflow share input`: inputs in halves.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use veilflow_ir::InputShare;
use veilflow_prim::Prg;

use super::Halves;
use crate::command::{encode_sample, samples, warn_outside};
use crate::shares::input_file;
use crate::{model_dir, output};
use veilflow_data::Preprocessing;

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
        let plan = model_dir::plan(&self.plan)?;
        let samples = samples(&plan, &self.input, self.preprocess.as_ref(), self.limit)?;
        self.halves.make()?;
        let mut prg = Prg::from_entropy()?;
        for (number, sample) in samples.iter().enumerate() {
            let (outside, values) = encode_sample(&plan, sample)?;
            let shares = InputShare::split(&plan, &values, &mut prg).context("cannot split the input")?;
            let sharing = shares[0].sharing();
            let mut files = Vec::new();
            for share in &shares {
                let file = input_file(self.halves.of(share.party()), sharing);
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
            warn_outside(outside);
        }
        Ok(())
    }
}
