//! `veilflow bench model`: a compiled model between two processes.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Model {}

impl Model {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        anyhow::bail!("not here yet")
    }
}
