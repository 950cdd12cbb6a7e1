//! `veilflow infer`: the client process.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};
use veilflow_exec::{Ahead, Held, MAX_AHEAD, Outcome, Phase, Session, Step, peak_rss_bytes, with_stock};
use veilflow_ir::Plan;
use veilflow_net::{Role, tcp_connect_with};
use veilflow_passes::clear::encode;
use veilflow_ring::RingVec;

use super::helper::HelperAddress;
use super::serve::{DONE, MORE};
use super::{advance, finish, only_input, progress, seconds, tensor, top};
use crate::bench::RunOptions;
use crate::preprocess::Preprocessing;
use crate::report::{Layer, layers, table};
use crate::{data, model_dir, output};

/// Run a served model on a private input.
#[derive(Debug, Args)]
pub(crate) struct Infer {
    /// The server.
    #[arg(long, value_name = "ADDR")]
    connect: String,
    /// The plan file, from the server's owner.
    #[arg(long)]
    plan: PathBuf,
    /// The input: npy, npz, png, jpeg, or a folder of pictures. Several samples are run one after the other.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Use at most so many of the input's samples.
    #[arg(long, default_value_t = 1, value_name = "N")]
    limit: usize,
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
#[derive(Serialize, Deserialize)]
pub(crate) struct RunReport {
    pub(crate) outputs: Vec<Learned>,
    /// Input elements beyond what the plan has room for, limited to it.
    pub(crate) outside: usize,
    pub(crate) layers: Vec<Layer>,
    pub(crate) peak_rss_bytes: u64,
}

impl Infer {
    pub(crate) fn run(self) -> Result<()> {
        self.helper.check(&self.options)?;
        let plan = model_dir::plan(&self.plan)?;
        let value = only_input(&plan)?;
        let preprocessing = match &self.preprocess {
            Some(preprocessing) => preprocessing.clone(),
            None => plan
                .preprocessing
                .parse()
                .context("the plan's preprocessing is not readable; state --preprocess")?,
        };
        let mut samples = data::load(&self.input, &value.shape, &preprocessing)?.inputs;
        samples.truncate(self.limit.max(1));
        let link = self.options.connection(self.timeout);
        let channel = tcp_connect_with(self.connect.as_str(), self.timeout, &link)?;
        let links = self.helper.links(channel, link);
        let mut session = Session::open_for(links, Role::P1, &plan, self.options.session_for(&plan))?;
        let bar = progress(&plan, "private inference");
        let show = |step: Step| advance(&bar, &plan, step);
        let mut set_up = session.set_up;
        let mut report = |outside, offline: &[Phase], outcome: Outcome| -> Result<()> {
            bar.finish_and_clear();
            let layers = layers(&plan, std::mem::take(&mut set_up), offline, &outcome.nodes, outcome.rest);
            let report = RunReport {
                outputs: learned(&plan, &outcome.outputs.context("the client learns the output")?),
                outside,
                layers,
                peak_rss_bytes: peak_rss_bytes(),
            };
            if self.json {
                return output::print_json(&report);
            }
            report.print();
            Ok(())
        };
        let inputs = samples.iter().map(|sample| encode_sample(&plan, sample));
        if session.options.just_in_time {
            for input in inputs {
                let (outside, input) = input?;
                session.online.party.channel.send(&[MORE])?;
                let (offline, outcome) = session.just_in_time(&plan, Held::Nothing, Some(&input), &show)?;
                report(outside, &offline, outcome)?;
            }
        } else {
            let ahead = Ahead { runs: samples.len(), waiting: self.ahead.into() };
            let Session { online, preparer, .. } = &mut session;
            with_stock(preparer, &plan, Held::Nothing, ahead, &show, |stock| -> Result<()> {
                for input in inputs {
                    let (outside, input) = input?;
                    online.party.channel.send(&[MORE])?;
                    online.party.channel.flush()?;
                    let prepared = stock.take()?;
                    let offline = prepared.nodes.clone();
                    let outcome = online.run(prepared, &plan, Held::Nothing, Some(&input), &show)?;
                    report(outside, &offline, outcome)?;
                }
                Ok(())
            })?;
        }
        session.online.party.channel.send(&[DONE])?;
        Ok(session.online.party.channel.flush()?)
    }
}

/// A sample as integers of the plan, and how many elements had to be limited.
fn encode_sample(plan: &Plan, sample: &[f32]) -> Result<(usize, Vec<RingVec>)> {
    let encoded = encode(plan, &[tensor(only_input(plan)?, sample)?])?;
    let outside = encoded.iter().map(|e| e.outside).sum();
    Ok((outside, encoded.into_iter().map(|e| e.values).collect()))
}

fn learned(plan: &Plan, results: &[RingVec]) -> Vec<Learned> {
    let outputs = plan.outputs.iter().zip(results).map(|(output, integers)| {
        let values = finish(&plan.values[output.value].decode(integers), output.softmax);
        Learned { name: output.name.clone(), integers: integers.to_signed(), top: top(&values), values }
    });
    outputs.collect()
}

impl RunReport {
    fn print(&self) {
        for learned in &self.outputs {
            let mut order: Vec<usize> = (0..learned.values.len()).collect();
            order.sort_by(|&a, &b| learned.values[b].total_cmp(&learned.values[a]));
            let best: Vec<String> =
                order.iter().take(5).map(|&i| format!("{i}: {:.4}", learned.values[i])).collect();
            output::print(&format!("{}: class {} ({})", learned.name, learned.top, best.join(", ")));
        }
        if self.outside > 0 {
            output::print(&format!(
                "warning: {} input elements are beyond the range the model was calibrated for",
                self.outside
            ));
        }
        output::print(&table(&self.layers).to_string());
    }
}
