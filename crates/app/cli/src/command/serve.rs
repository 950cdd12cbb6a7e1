//! `veilflow serve`: the server process.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::{Deserialize, Serialize};
use veilflow_exec::{
    Ahead, Held, Links, Outcome, Phase, ServerCache, Session, SessionOptions, Step, WeightCache, WeightMasks,
    peak_rss_bytes, with_stock,
};
use veilflow_ir::Plan;
use veilflow_net::{Channel, NetError, Role, TcpAcceptor};
use veilflow_prim::Prg;

use super::helper::HelperAddress;
use super::{Megabytes, megabytes, seconds};
use crate::bench::RunOptions;
use crate::report::{Layer, layers, totals};
use crate::shares::{Folders, ShareFolders, SharedRun};
use crate::{model_dir, output};

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
    /// Keep transformed weights for all sessions, in at most so many megabytes: each session then takes less time. `off` keeps none.
    #[arg(long, default_value = "256", value_name = "MB", value_parser = megabytes)]
    weight_cache: Megabytes,
    /// With a helper: mask the weights anew for each session, and have the helper keep none. Each session then sends them again.
    #[arg(long)]
    fresh_masks: bool,
    #[command(flatten)]
    options: RunOptions,
    #[command(flatten)]
    helper: HelperAddress,
    #[command(flatten)]
    shares: ShareFolders,
    /// Print one JSON object a line: the address, then a report a run.
    #[arg(long)]
    json: bool,
}

/// A run as the server saw it.
#[derive(Serialize, Deserialize)]
pub(crate) struct RunReport {
    pub(crate) session: usize,
    /// The file with this party's share of the output, if the input is shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) output_share: Option<PathBuf>,
    pub(crate) layers: Vec<Layer>,
    pub(crate) peak_rss_bytes: u64,
}

/// What every session is about.
#[derive(Clone, Copy)]
struct Served<'a> {
    plan: &'a Plan,
    weights: Held<'a>,
    options: SessionOptions,
    folders: Option<Folders<'a>>,
}

/// How often the listener looks whether it is done.
const TICK: Duration = Duration::from_millis(200);

impl Serve {
    pub(crate) fn run(self) -> Result<()> {
        self.helper.check(&self.options)?;
        let (plan, numbers) = model_dir::party(&self.dir, Role::P0)?;
        let options = self.options.session_for(&plan);
        let options = SessionOptions { weights: numbers.at(), input: self.shares.at(), ..options };
        options.check(&plan)?;
        let folders = self.shares.open()?;
        let served = Served { plan: &plan, weights: numbers.held(), options, folders };
        let acceptor = TcpAcceptor::bind(self.listen.as_str())
            .with_context(|| format!("cannot listen on {}", self.listen))?;
        let address = acceptor.local_addr().to_string();
        if self.json {
            output::print_json(&serde_json::json!({ "listening": address }))?;
        } else {
            output::print(&format!("serving {} on {address}", plan.name));
        }
        let (running, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let link = self.options.connection(self.timeout);
        let cache = self.cache()?;
        std::thread::scope(|scope| -> Result<()> {
            let mut number = 0;
            while self.sessions == 0 || number < self.sessions {
                if running.load(Ordering::Acquire) >= usize::from(self.at_once) {
                    std::thread::sleep(TICK);
                    continue;
                }
                // Nobody has come yet: with a number of sessions to serve the wait is bounded, else it goes on.
                let wait = if self.sessions == 0 { Duration::from_secs(3600) } else { self.timeout };
                let channel = match acceptor.accept_with(wait, &link) {
                    Ok(channel) => channel,
                    Err(NetError::Timeout { .. }) if self.sessions == 0 => continue,
                    Err(error) => return Err(error).context("no client came"),
                };
                number += 1;
                running.fetch_add(1, Ordering::AcqRel);
                let (cache, this, running, failed) = (cache.clone(), &self, &running, &failed);
                scope.spawn(move || {
                    if let Err(error) = this.session(number, channel, served, cache) {
                        failed.fetch_add(1, Ordering::AcqRel);
                        eprintln!("error: session {number}: {error:#}");
                    }
                    running.fetch_sub(1, Ordering::AcqRel);
                });
            }
            Ok(())
        })?;
        match failed.into_inner() {
            0 => Ok(()),
            n => bail!("{n} of {} sessions failed", self.sessions),
        }
    }

    /// What sessions leave for later ones.
    fn cache(&self) -> Result<ServerCache> {
        let masks = if self.fresh_masks { None } else { Some(WeightMasks::new(&mut Prg::from_entropy()?)) };
        Ok(ServerCache {
            transformed: self.weight_cache.map(|limit| Arc::new(WeightCache::new(limit))),
            masks: masks.map(Arc::new),
        })
    }

    /// One client: runs until it says that it wants no more.
    fn session(
        &self,
        number: usize,
        channel: Channel,
        Served { plan, weights, options, folders }: Served<'_>,
        cache: ServerCache,
    ) -> Result<()> {
        let links = self.helper.links(channel, self.options.connection(self.timeout));
        let links = Links { cache, ..links };
        let mut session = Session::open_for(links, Role::P0, plan, options)?;
        let mut set_up = session.set_up;
        let mut report = |run: Option<SharedRun<'_>>, offline: &[Phase], outcome: Outcome| {
            let layers = layers(plan, std::mem::take(&mut set_up), offline, &outcome.nodes, outcome.rest);
            let output_share = run.map(|run| run.keep(plan, outcome.outputs)).transpose()?;
            if self.json {
                let peak_rss_bytes = peak_rss_bytes();
                return output::print_json(&RunReport {
                    session: number,
                    output_share,
                    layers,
                    peak_rss_bytes,
                });
            }
            if let Some(file) = output_share {
                output::print(&format!("session {number}: wrote {}, a share of an output", file.display()));
            }
            let [offline, online] = totals(&layers);
            output::print(&format!(
                "session {number}: offline {:.2} s, online {:.2} s, {}",
                offline.seconds,
                online.seconds,
                output::bytes(offline.bytes() + online.bytes())
            ));
            Ok(())
        };
        let quiet = |_: Step| {};
        let accept = |channel: &mut Channel| folders.map(|folders| folders.accept(channel, plan)).transpose();
        if session.options.just_in_time {
            while session.online.party.channel.recv_vec(1)? == [MORE] {
                let run = accept(&mut session.online.party.channel)?;
                let input = run.as_ref().map(SharedRun::input);
                let (offline, outcome) = session.just_in_time(plan, weights, input, &quiet)?;
                report(run, &offline, outcome)?;
            }
            return Ok(());
        }
        // How far to prepare ahead is the client's to say.
        let ahead = Ahead { runs: 0, waiting: 0 };
        let Session { online, preparer, .. } = &mut session;
        with_stock(preparer, plan, weights, ahead, &quiet, |stock| -> Result<()> {
            while online.party.channel.recv_vec(1)? == [MORE] {
                let run = accept(&mut online.party.channel)?;
                let input = run.as_ref().map(SharedRun::input);
                let prepared = stock.take()?;
                let offline = prepared.nodes.clone();
                let outcome = online.run(prepared, plan, weights, input, &quiet)?;
                report(run, &offline, outcome)?;
            }
            Ok(())
        })
    }
}

/// What a client sends before each run; anything else ends the session.
pub(crate) const MORE: u8 = 1;
/// What a client sends when it is done.
pub(crate) const DONE: u8 = 0;
