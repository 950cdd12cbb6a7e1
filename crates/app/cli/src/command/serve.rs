//! `veilflow serve`: the server process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use veilflow::{Listener, Options, Served, Server, ServerEvent, ServerSide, Serving, ShareFolders, folder};
use veilflow_exec::peak_rss_bytes;

use crate::flags::{Megabytes, megabytes, seconds};
use crate::options::{HelperAddress, RunOptions};
use crate::output::{self, Printing};
use crate::report::ServerRun;
use crate::shares::Shares;

/// Serve a compiled model to clients.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The folder that `compile` wrote, or party 0's of `share weights`.
    dir: PathBuf,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7451", value_name = "ADDR")]
    listen: String,
    /// End after so many sessions, with an error if one failed; 0 serves for ever.
    #[arg(long, default_value_t = 0, value_name = "N")]
    sessions: usize,
    /// Sessions at once; further clients wait.
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    at_once: u16,
    /// Give a client up that is silent for so many seconds.
    #[arg(long, default_value = "120", value_name = "SECONDS", value_parser = seconds)]
    timeout: Duration,
    /// Keep transformed weights for all sessions, in at most so many megabytes: each session then takes less
    /// time. `off` keeps none.
    #[arg(long, default_value = "256", value_name = "MB", value_parser = megabytes)]
    weight_cache: Megabytes,
    /// With a helper: mask the weights anew for each session, and have the helper keep none. Each session
    /// then sends them again.
    #[arg(long)]
    fresh_masks: bool,
    #[command(flatten)]
    options: RunOptions,
    #[command(flatten)]
    helper: HelperAddress,
    #[command(flatten)]
    shares: Shares,
    /// Print one JSON object a line: the address, then a report a run.
    #[arg(long)]
    json: bool,
}

impl Serve {
    pub(crate) fn run(self) -> Result<()> {
        let options = self.helper.library(&self.options, self.timeout)?;
        let options = Options { shared_inputs: self.shares.are_given(), ..options };
        let mut server = Server::new(ServerSide::load(&self.dir)?, &options)?
            .with_run_count(self.dir.join(folder::RUNS))?
            .with_weight_cache(self.weight_cache)
            .with_idle_limit(self.timeout);
        if self.fresh_masks {
            server = server.with_fresh_masks();
        }
        let folders = self.shares.open()?;
        if let Some(folders) = &folders {
            server = server.with_shares(Arc::new(folders.clone()));
        }
        let listener = Listener::bind(self.listen.as_str())?;
        let address = listener.address().to_string();
        if self.json {
            output::print_json(&serde_json::json!({ "listening": address }))?;
        } else {
            output::print(&format!("serving {} on {address}", server.plan().name()));
        }
        let printing = Printing::default();
        let sessions = Some(self.sessions).filter(|&sessions| sessions > 0);
        let serving = Serving { sessions, at_once: usize::from(self.at_once) };
        server.serve(&listener, &serving, |event| match event {
            ServerEvent::Run { session, run } => printing.note(self.tell(session, run, folders.as_ref())),
            ServerEvent::Failed { session, error } => {
                eprintln!("error: session {session}: {}", output::printable(&output::chain(error)));
            }
            _ => {}
        })?;
        printing.check()
    }

    fn tell(&self, session: usize, run: &Served, folders: Option<&ShareFolders>) -> Result<()> {
        let output_share = folders.zip(run.input).map(|(folders, input)| folders.output_file(input));
        let report = run.report.clone();
        let run = ServerRun { session, output_share, report, peak_rss_bytes: peak_rss_bytes() };
        if self.json {
            return output::print_json(&run);
        }
        run.print();
        Ok(())
    }
}
