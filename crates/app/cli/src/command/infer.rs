//! `veilflow infer`: the client process.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::{Deserialize, Serialize};
use veilflow_exec::{
    Ahead, MAX_AHEAD, Outcome, Phase, Session, SessionOptions, Step, peak_rss_bytes, with_stock,
};
use veilflow_ir::{InputShare, Plan};
use veilflow_net::{Channel, Role, tcp_connect_with};
use veilflow_ring::RingVec;

use super::helper::HelperAddress;
use super::serve::{DONE, MORE};
use super::{advance, encode_sample, finish, progress, samples, seconds, top, warn_outside};
use crate::bench::RunOptions;
use crate::report::{Layer, layers, table};
use crate::shares::{Folders, ShareFolders, SharedRun};
use crate::{model_dir, output};
use veilflow_data::Preprocessing;

/// Run a served model on a private input.
#[derive(Debug, Args)]
pub(crate) struct Infer {
    /// The server.
    #[arg(long, value_name = "ADDR")]
    connect: String,
    /// The plan file, from the server's owner; or a folder that holds it and a share of the weights, from `share weights`.
    #[arg(long)]
    plan: PathBuf,
    /// The input: npy, npz, png, jpeg, or a folder of pictures. Several samples are run one after the other.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "input_shares",
        conflicts_with = "input_shares"
    )]
    input: Option<PathBuf>,
    #[command(flatten)]
    shares: ShareFolders,
    /// Use at most so many of the input's samples, or of the shares [default: 1 sample, or all shares].
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Runs whose correlations are made in the background before they are needed.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=MAX_AHEAD as i64))]
    ahead: u8,
    /// Preprocess pictures and bytes like this, not as the plan says.
    #[arg(long, value_name = "WORDS")]
    preprocess: Option<Preprocessing>,
    /// Give the server up if it is silent for so many seconds.
    #[arg(long, default_value = "120", value_name = "SECONDS", value_parser = seconds)]
    timeout: Duration,
    #[command(flatten)]
    options: RunOptions,
    #[command(flatten)]
    helper: HelperAddress,
    /// Print one JSON object a line, one a run.
    #[arg(long)]
    json: bool,
}

/// An output the client learned.
#[derive(Serialize, Deserialize)]
pub(crate) struct Learned {
    pub(crate) name: String,
    /// The integers as the protocol gave them, signed.
    pub(crate) integers: Vec<i64>,
    /// The numbers they stand for, after the softmax if the network ends with one.
    pub(crate) values: Vec<f32>,
    /// The index of the largest.
    pub(crate) top: usize,
}

/// A run as the client saw it.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct RunReport {
    pub(crate) outputs: Vec<Learned>,
    /// The file with this party's share of the output, if the input is shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) output_share: Option<PathBuf>,
    /// Input elements beyond what the plan has room for, limited to it.
    pub(crate) outside: usize,
    pub(crate) layers: Vec<Layer>,
    pub(crate) peak_rss_bytes: u64,
}

/// What a run is to be on.
enum Source<'a> {
    /// A sample of the client's own.
    Own(Vec<f32>),
    /// What each party has a share of.
    Shared(Folders<'a>, InputShare),
}

/// What a run is on.
enum Input<'a> {
    /// The client's own, of which so many elements had to be limited.
    Own { values: Vec<RingVec>, outside: usize },
    /// What each party has a share of.
    Shared(SharedRun<'a>),
}

impl<'a> Source<'a> {
    /// Begins a run with the peer.
    fn begin(self, plan: &Plan, channel: &mut Channel) -> Result<Input<'a>> {
        match self {
            Self::Own(sample) => {
                let (outside, values) = encode_sample(plan, &sample)?;
                channel.send(&[MORE])?;
                channel.flush()?;
                Ok(Input::Own { values, outside })
            }
            Self::Shared(folders, share) => {
                channel.send(&[MORE])?;
                Ok(Input::Shared(folders.announce(channel, share)?))
            }
        }
    }
}

impl Input<'_> {
    fn values(&self) -> &[RingVec] {
        match self {
            Self::Own { values, .. } => values,
            Self::Shared(run) => run.input(),
        }
    }
}

impl Infer {
    /// The inputs, one a run.
    fn sources(&self, plan: &Plan) -> Result<Vec<Source<'_>>> {
        match (self.shares.open()?, &self.input) {
            (Some(folders), _) => {
                let shares = folders.inputs(plan)?.into_iter().take(self.limit.unwrap_or(usize::MAX).max(1));
                Ok(shares.map(|share| Source::Shared(folders, share)).collect())
            }
            (None, Some(file)) => {
                let samples = samples(plan, file, self.preprocess.as_ref(), self.limit.unwrap_or(1))?;
                Ok(samples.into_iter().map(Source::Own).collect())
            }
            (None, None) => bail!("there is no --input"),
        }
    }

    pub(crate) fn run(self) -> Result<()> {
        self.helper.check(&self.options)?;
        let (plan, numbers) = model_dir::party(&self.plan, Role::P1)?;
        let options = self.options.session_for(&plan);
        let options = SessionOptions { weights: numbers.at(), input: self.shares.at(), ..options };
        options.check(&plan)?;
        let sources = self.sources(&plan)?;
        let link = self.options.connection(self.timeout);
        let channel = tcp_connect_with(self.connect.as_str(), self.timeout, &link)?;
        let links = self.helper.links(channel, link);
        let mut session = Session::open_for(links, Role::P1, &plan, options)?;
        let bar = progress(&plan, "private inference");
        let show = |step: Step| advance(&bar, &plan, step);
        let mut set_up = session.set_up;
        let mut report = |input: Input<'_>, offline: &[Phase], outcome: Outcome| -> Result<()> {
            bar.finish_and_clear();
            let layers = layers(&plan, std::mem::take(&mut set_up), offline, &outcome.nodes, outcome.rest);
            let mut report = RunReport { layers, peak_rss_bytes: peak_rss_bytes(), ..RunReport::default() };
            match input {
                Input::Own { outside, .. } => {
                    report.outputs =
                        learned(&plan, &outcome.outputs.context("the client learns the output")?);
                    report.outside = outside;
                }
                Input::Shared(run) => report.output_share = Some(run.keep(&plan, outcome.outputs)?),
            }
            if self.json {
                return output::print_json(&report);
            }
            report.print();
            Ok(())
        };
        if session.options.just_in_time {
            for source in sources {
                let input = source.begin(&plan, &mut session.online.party.channel)?;
                let (offline, outcome) =
                    session.just_in_time(&plan, numbers.held(), Some(input.values()), &show)?;
                report(input, &offline, outcome)?;
            }
        } else {
            let ahead = Ahead { runs: sources.len(), waiting: self.ahead.into() };
            let Session { online, preparer, .. } = &mut session;
            with_stock(preparer, &plan, numbers.held(), ahead, &show, |stock| -> Result<()> {
                for source in sources {
                    let input = source.begin(&plan, &mut online.party.channel)?;
                    let prepared = stock.take()?;
                    let offline = prepared.nodes.clone();
                    let outcome = online.run(prepared, &plan, numbers.held(), Some(input.values()), &show)?;
                    report(input, &offline, outcome)?;
                }
                Ok(())
            })?;
        }
        session.online.party.channel.send(&[DONE])?;
        Ok(session.online.party.channel.flush()?)
    }
}

/// The outputs of a run as its client reads them.
pub(crate) fn learned(plan: &Plan, results: &[RingVec]) -> Vec<Learned> {
    let outputs = plan.outputs.iter().zip(results).map(|(output, integers)| {
        let values = finish(&plan.values[output.value].decode(integers), output.softmax);
        Learned { name: output.name.clone(), integers: integers.to_signed(), top: top(&values), values }
    });
    outputs.collect()
}

impl Learned {
    /// The largest class and its rivals.
    pub(crate) fn print(&self) {
        let mut order: Vec<usize> = (0..self.values.len()).collect();
        order.sort_by(|&a, &b| self.values[b].total_cmp(&self.values[a]));
        let best: Vec<String> =
            order.iter().take(5).map(|&i| format!("{i}: {:.4}", self.values[i])).collect();
        output::print(&format!("{}: class {} ({})", self.name, self.top, best.join(", ")));
    }
}

impl RunReport {
    fn print(&self) {
        self.outputs.iter().for_each(Learned::print);
        if let Some(file) = &self.output_share {
            output::print(&format!("wrote {}, this party's share of the output", file.display()));
        }
        warn_outside(self.outside);
        output::print(&table(&self.layers).to_string());
    }
}
