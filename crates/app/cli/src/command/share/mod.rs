//! `veilflow share`: weights and inputs whose owners are no party of the run, and outputs put together.

mod input;
mod open;
mod weights;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};
use veilflow_net::Role;

use crate::shares::make_folder;

/// Split weights or inputs between two servers, and put outputs together.
#[derive(Debug, Subcommand)]
pub(crate) enum Share {
    Weights(weights::Weights),
    Input(input::Input),
    Open(open::Open),
}

impl Share {
    pub(crate) fn run(self) -> Result<()> {
        match self {
            Self::Weights(weights) => weights.run(),
            Self::Input(input) => input.run(),
            Self::Open(open) => open.run(),
        }
    }
}

/// Where halves go. Whoever sees both sees what was split.
#[derive(Debug, Args)]
struct Halves {
    /// The folder for party 0, the server that listens.
    #[arg(long, value_name = "DIR")]
    out0: PathBuf,
    /// The folder for party 1, the server that connects.
    #[arg(long, value_name = "DIR")]
    out1: PathBuf,
}

impl Halves {
    /// Makes the folders; they must differ.
    fn make(&self) -> Result<()> {
        make_folder(&self.out0)?;
        make_folder(&self.out1)?;
        ensure!(
            self.out0.canonicalize()? != self.out1.canonicalize()?,
            "both halves would be in {}: whoever sees both sees what was split",
            self.out0.display()
        );
        Ok(())
    }

    fn of(&self, role: Role) -> &Path {
        if role == Role::P0 { &self.out0 } else { &self.out1 }
    }
}
