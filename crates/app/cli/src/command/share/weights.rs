//! `veilflow share weights`: a compiled model in two folders.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Serialize;
use veilflow_prim::Prg;

use super::Halves;
use crate::{model_dir, output};

/// Split a compiled model's weights: each folder gets the public plan and one half, uniform on its own.
#[derive(Debug, Args)]
pub(crate) struct Weights {
    /// The folder that `compile` wrote.
    dir: PathBuf,
    #[command(flatten)]
    halves: Halves,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    model: String,
    plan_hash: String,
    /// What both halves have in common, at random.
    sharing: String,
    files: Vec<PathBuf>,
}

impl Weights {
    pub(crate) fn run(self) -> Result<()> {
        let (plan, weights) = model_dir::server(&self.dir)?;
        self.halves.make()?;
        for folder in [&self.halves.out0, &self.halves.out1] {
            ensure!(
                !folder.join(model_dir::WEIGHTS).exists(),
                "{} holds all weights; no half of them belongs there",
                folder.display()
            );
        }
        let shares = weights.split(&plan, &mut Prg::from_entropy()?).context("cannot split the weights")?;
        let mut files = Vec::new();
        for share in &shares {
            let folder = self.halves.of(share.party());
            plan.save(folder.join(model_dir::PLAN))?;
            let file = folder.join(model_dir::WEIGHT_SHARE);
            share.save(&file)?;
            files.push(file);
        }
        let report = Report {
            model: plan.name.clone(),
            plan_hash: output::hex(&plan.hash()),
            sharing: shares[0].sharing().to_string(),
            files,
        };
        if self.json {
            return output::print_json(&report);
        }
        output::print(&format!(
            "{}: wrote {} and {}, sharing {}\ngive each server its folder; who sees both halves knows the weights",
            report.model,
            report.files[0].display(),
            report.files[1].display(),
            report.sharing
        ));
        Ok(())
    }
}
