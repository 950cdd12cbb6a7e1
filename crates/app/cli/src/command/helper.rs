//! `veilflow helper`: the third party.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::{Deserialize, Serialize};
use veilflow_exec::{Connect, Links, SupplierKind, cpu_seconds, peak_rss_bytes};
use veilflow_helper::{Helper as ThirdParty, HelperOptions, Served, Session};
use veilflow_net::{Channel, LinkOptions, NetError, TcpAcceptor, tcp_connect_with};
use veilflow_prim::Prg;

use super::{Megabytes, megabytes, seconds};
use crate::bench::{Link, RunOptions};
use crate::output;

/// Supply correlations to servers and clients that use `--supplier helper`: a third party that colludes with neither.
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
    /// Give a session up whose client asks for nothing, whose server sends no weights that are due, or one of whose parties reads
    /// nothing, for so many seconds.
    #[arg(long, default_value = "600", value_name = "SECONDS", value_parser = seconds)]
    timeout: Duration,
    /// Keep masked weights for sessions to come, in at most so many megabytes: a server then sends a model's once. `off` keeps none.
    #[arg(long, default_value = "2048", value_name = "MB", value_parser = megabytes)]
    keep_weights: Megabytes,
    /// Slow the connections down to a link's shape.
    #[arg(long, hide = true, default_value_t = Link::None)]
    shape: Link,
    /// Print one JSON object a line: the address, then a report a session.
    #[arg(long)]
    json: bool,
}

/// A session as the helper saw it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SessionReport {
    session: usize,
    requests: u64,
    /// Payload bytes to the server and to the client.
    sent: [u64; 2],
    /// Payload bytes from the server and from the client.
    received: [u64; 2],
    /// Of these, masked weights: none when they were kept from an earlier session.
    masked_weights: u64,
    /// CPU seconds of the whole process during the session.
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_rss_bytes: u64,
}

/// How often the listener looks whether it is done, or somebody waits in vain.
const TICK: Duration = Duration::from_millis(200);
/// Bytes that wait for a party to read before the helper stops working ahead.
const QUEUE: usize = 16 << 20;

impl Helper {
    pub(crate) fn run(self) -> Result<()> {
        let acceptor = TcpAcceptor::bind(self.listen.as_str())
            .with_context(|| format!("cannot listen on {}", self.listen))?;
        let address = acceptor.local_addr().to_string();
        if self.json {
            output::print_json(&serde_json::json!({ "listening": address }))?;
        } else {
            output::print(&format!("helping on {address}"));
        }
        let at_once = usize::from(self.at_once);
        let helper = ThirdParty::new(HelperOptions {
            at_once,
            threads: usize::from(self.threads),
            timeout: self.timeout,
            keep: self.keep_weights.unwrap_or(0),
        });
        let link = LinkOptions { timeout: self.timeout, shape: self.shape.shape(), queue: QUEUE };
        let (begun, ended, failed) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        // Those being greeted and those being served.
        let present = AtomicUsize::new(0);
        std::thread::scope(|scope| -> Result<()> {
            while self.sessions == 0 || ended.load(Ordering::Acquire) < self.sessions {
                helper.dismiss(self.timeout);
                let channel = match acceptor.accept_with(TICK, &link) {
                    Ok(channel) => channel,
                    Err(NetError::Timeout { .. }) => continue,
                    Err(error) => return Err(error).context("cannot accept connections"),
                };
                if present.load(Ordering::Acquire) >= 4 * at_once {
                    // A crowd that says nothing: who comes now finds the connection closed.
                    continue;
                }
                present.fetch_add(1, Ordering::AcqRel);
                let (this, helper) = (&self, &helper);
                let (begun, ended, failed, present) = (&begun, &ended, &failed, &present);
                scope.spawn(move || {
                    match helper.welcome(channel) {
                        Ok(None) => {}
                        Ok(Some(session)) => {
                            let number = 1 + begun.fetch_add(1, Ordering::AcqRel);
                            if let Err(error) = this.session(number, session) {
                                failed.fetch_add(1, Ordering::AcqRel);
                                eprintln!("error: session {number}: {error:#}");
                            }
                            ended.fetch_add(1, Ordering::AcqRel);
                        }
                        Err(error) => {
                            eprintln!("error: a party was turned away: {:#}", anyhow::Error::from(error))
                        }
                    }
                    present.fetch_sub(1, Ordering::AcqRel);
                });
            }
            Ok(())
        })?;
        match failed.into_inner() {
            0 => Ok(()),
            n => bail!("{n} of {} sessions failed", ended.into_inner()),
        }
    }

    fn session(&self, number: usize, session: Session<'_>) -> Result<()> {
        let before = cpu_seconds();
        let Served { requests, meters, weight_bytes } = session.serve(Prg::from_entropy()?)?;
        let report = SessionReport {
            session: number,
            requests,
            sent: meters.map(|meter| meter.sent),
            received: meters.map(|meter| meter.received),
            masked_weights: weight_bytes,
            cpu_seconds: cpu_seconds() - before,
            peak_rss_bytes: peak_rss_bytes(),
        };
        if self.json {
            return output::print_json(&report);
        }
        output::print(&format!(
            "session {number}: {requests} requests, {} to the server, {} to the client, {} of masked weights",
            output::bytes(report.sent[0]),
            output::bytes(report.sent[1]),
            output::bytes(report.masked_weights)
        ));
        Ok(())
    }
}

/// Where a party finds the helper.
#[derive(Debug, Clone, Args)]
pub(crate) struct HelperAddress {
    /// The helper, for `--supplier helper`: the same one at both parties.
    #[arg(long, value_name = "ADDR")]
    helper: Option<String>,
}

impl HelperAddress {
    /// Refuses an address without use, and the lack of one.
    pub(crate) fn check(&self, options: &RunOptions) -> Result<()> {
        match (options.supplier, &self.helper) {
            (SupplierKind::Helper, None) => bail!("--supplier helper needs --helper ADDR"),
            (SupplierKind::Helper, Some(_)) | (_, None) => Ok(()),
            (_, Some(_)) => bail!("--helper ADDR is for --supplier helper"),
        }
    }

    /// The links of a session with the peer at the other end of `peer`.
    pub(crate) fn links(&self, peer: Channel, link: LinkOptions) -> Links<'_> {
        let Some(address) = self.helper.as_deref() else { return peer.into() };
        let helper: Connect<'_> = Box::new(move || tcp_connect_with(address, link.timeout, &link));
        Links { helper: Some(helper), ..peer.into() }
    }
}
