//! `veilflow share weights`: a compiled model in two folders.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use veilflow::{Model, folder};

use super::halves::Halves;
use crate::output;

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
        let model = Model::load(&self.dir)?;
        self.halves.make()?;
        let shares = model.split()?;
        let mut files = Vec::new();
        for share in &shares {
            let dir = self.halves.of(share.party());
            share.save(dir)?;
            files.push(dir.join(folder::WEIGHT_SHARE));
        }
        let plan = model.plan();
        let report = Report {
            model: plan.name().to_owned(),
            plan_hash: plan.hash(),
            sharing: shares[0].id().to_string(),
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
