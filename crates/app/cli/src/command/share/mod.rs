//! `veilflow share`: weights and inputs whose owners are no party of the run, and outputs put together.

mod halves;
mod input;
mod open;
mod weights;

use anyhow::Result;
use clap::Subcommand;

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
