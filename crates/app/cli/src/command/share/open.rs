//! `veilflow share open`: outputs from halves.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Serialize;
use veilflow::{Opened, OutputShare, Plan, ShareFolders};

use crate::output;
use crate::overflow::Overflowed;
use crate::report::print_output;

/// Put the two servers' shares of outputs together.
#[derive(Debug, Args)]
pub(crate) struct Open {
    /// One server's share, or its folder of them.
    first: PathBuf,
    /// The other's share, or its folder.
    second: PathBuf,
    /// The public plan, or a folder that holds it.
    #[arg(long)]
    plan: PathBuf,
    /// Print one JSON object a line, one an output.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    /// The input's sharing, as the files are named.
    input: String,
    #[serde(flatten)]
    opened: Opened,
}

impl Open {
    pub(crate) fn run(self) -> Result<()> {
        let plan = Plan::load(&self.plan)?;
        let mut overflowed = Overflowed::default();
        for [second, first] in self.pairs()? {
            let [ours, theirs] = [OutputShare::load(&plan, &first)?, OutputShare::load(&plan, &second)?];
            let opened = plan.open(&ours, &theirs);
            let opened = opened.with_context(|| format!("{} and {}", first.display(), second.display()))?;
            overflowed.runs += 1;
            overflowed.count += usize::from(opened.overflow == Some(true));
            let input = first.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let report = Report { input, opened };
            if self.json {
                output::print_json(&report)?;
                continue;
            }
            output::print(&format!("input {}", report.input));
            report.opened.outputs.iter().for_each(print_output);
        }
        overflowed.check()
    }

    /// Files that belong together, the second server's first.
    fn pairs(&self) -> Result<Vec<[PathBuf; 2]>> {
        let folders = [&self.first, &self.second].map(|path| path.is_dir());
        ensure!(folders[0] == folders[1], "two files are wanted, or two folders");
        if !folders[0] {
            return Ok(vec![[self.second.clone(), self.first.clone()]]);
        }
        let counterpart = |file: &PathBuf, folder: &Path| {
            let other = folder.join(file.file_name().unwrap_or_default());
            ensure!(other.exists(), "{} has no counterpart in {}", file.display(), folder.display());
            Ok(other)
        };
        ShareFolders::output_files(&self.second)?
            .iter()
            .try_for_each(|file| counterpart(file, &self.first).map(|_| ()))?;
        let pair = |file: PathBuf| Ok([counterpart(&file, &self.second)?, file]);
        ShareFolders::output_files(&self.first)?.into_iter().map(pair).collect()
    }
}
