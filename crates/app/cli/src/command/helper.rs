//! `veilflow helper`: the third party.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use veilflow::{Helper as ThirdParty, HelperEvent, HelperOptions, HelperReport, Listener};
use veilflow_exec::peak_rss_bytes;

use crate::flags::{Megabytes, megabytes, seconds};
use crate::options::Link;
use crate::output::{self, Printing};
use crate::report::HelperSession;

/// Supply correlations to servers and clients that use `--supplier helper`: a third party that colludes with
/// neither.
#[derive(Debug, Args)]
pub(crate) struct Helper {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7452", value_name = "ADDR")]
    listen: String,
    /// End after so many sessions, with an error if one failed; 0 serves for ever.
    #[arg(long, default_value_t = 0, value_name = "N")]
    sessions: usize,
    /// Sessions at once; the parties of further ones are refused.
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    at_once: u16,
    /// Threads a session.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// Give a session up whose client asks for nothing, whose server sends no weights that are due, or one of
    /// whose parties reads nothing, for so many seconds.
    #[arg(long, default_value = "600", value_name = "SECONDS", value_parser = seconds)]
    timeout: Duration,
    /// Keep masked weights for sessions to come, in at most so many megabytes: a server then sends a model's
    /// once. `off` keeps none.
    #[arg(long, default_value = "2048", value_name = "MB", value_parser = megabytes)]
    keep_weights: Megabytes,
    /// Slow the connections down to a link's shape.
    #[arg(long, hide = true, default_value_t = Link::None)]
    shape: Link,
    /// Print one JSON object a line: the address, then a report a session.
    #[arg(long)]
    json: bool,
}

impl Helper {
    pub(crate) fn run(self) -> Result<()> {
        let listener = Listener::bind(self.listen.as_str())?;
        let address = listener.address().to_string();
        if self.json {
            output::print_json(&serde_json::json!({ "listening": address }))?;
        } else {
            output::print(&format!("helping on {address}"));
        }
        let helper = ThirdParty::new(&HelperOptions {
            at_once: usize::from(self.at_once),
            threads: usize::from(self.threads),
            timeout: self.timeout,
            keep_weights: self.keep_weights.unwrap_or(0),
            simulate_link: self.shape.shape(),
        });
        let printing = Printing::default();
        let sessions = Some(self.sessions).filter(|&sessions| sessions > 0);
        helper.serve(&listener, sessions, |event| match event {
            HelperEvent::Session { session, report } => printing.note(self.tell(session, *report)),
            HelperEvent::Failed { session, error } => {
                eprintln!("error: session {session}: {}", output::printable(&output::chain(error)));
            }
            HelperEvent::TurnedAway { error } => {
                eprintln!("error: a party was turned away: {}", output::printable(&output::chain(error)));
            }
            _ => {}
        })?;
        printing.check()
    }

    fn tell(&self, session: usize, report: HelperReport) -> Result<()> {
        let session = HelperSession { session, report, peak_rss_bytes: peak_rss_bytes() };
        if self.json {
            return output::print_json(&session);
        }
        session.print();
        Ok(())
    }
}
