//! The two folders that halves go to.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use veilflow::Role;

/// Where halves go. Whoever sees both sees what was split.
#[derive(Debug, Args)]
pub(super) struct Halves {
    /// The folder for party 0, the server that listens.
    #[arg(long, value_name = "DIR")]
    pub(super) out0: PathBuf,
    /// The folder for party 1, the server that connects.
    #[arg(long, value_name = "DIR")]
    pub(super) out1: PathBuf,
}

impl Halves {
    /// Makes the folders; they must differ.
    pub(super) fn make(&self) -> Result<()> {
        for folder in [&self.out0, &self.out1] {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        ensure!(
            self.out0.canonicalize()? != self.out1.canonicalize()?,
            "both halves would be in {}: whoever sees both sees what was split",
            self.out0.display()
        );
        Ok(())
    }

    pub(super) fn of(&self, role: Role) -> &Path {
        if role == Role::P0 { &self.out0 } else { &self.out1 }
    }
}
