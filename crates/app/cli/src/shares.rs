//! Where a party's shares of inputs come from, and those of outputs go, as flags.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use veilflow::ShareFolders;

/// Where shares of inputs come from, and shares of outputs go.
#[derive(Debug, Clone, Args)]
pub(crate) struct Shares {
    /// Run on secret-shared inputs: the folder with this party's shares, from `share input`.
    #[arg(long, value_name = "DIR", requires = "output_shares")]
    input_shares: Option<PathBuf>,
    /// The folder for this party's shares of the outputs, for `share open`.
    #[arg(long, value_name = "DIR", requires = "input_shares")]
    output_shares: Option<PathBuf>,
}

impl Shares {
    /// Whether inputs are secret-shared.
    pub(crate) fn are_given(&self) -> bool {
        self.input_shares.is_some()
    }

    /// The folders, of which the one for outputs is made; `None` if inputs are the client's.
    pub(crate) fn open(&self) -> Result<Option<ShareFolders>> {
        let (Some(inputs), Some(outputs)) = (&self.input_shares, &self.output_shares) else {
            return Ok(None);
        };
        Ok(Some(ShareFolders::open(inputs, outputs)?))
    }
}
