//! `veilflow bench preset`: the elementary functions of SIRNN's networks (Rathee et al., IEEE S&P 2021, §VI),
//! layer after layer.
//!
//! A layer waits for the one before it, as in a recurrent network, so rounds add up; its inputs come from a
//! seed, as the linear layers between are left out. Correlations are made for some layers at a time, which
//! bounds memory.

use anyhow::Result;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use veilflow_correlation::{Cost, Demand, Needs};
use veilflow_exec::{Phase, Session, Stopwatch};
use veilflow_math::Apply;
use veilflow_net::{Channel, Role};
use veilflow_online::{Operation, Tuning};
use veilflow_prim::{Block, Prg};
use veilflow_ring::RingVec;
use veilflow_spec::math::{Function, apply as expected};

use super::function::FunctionJob;
use super::parties;
use crate::measured::Measured;
use crate::options::{HelperAddress, RunOptions};
use crate::output;

/// Width of all arguments and results.
const WIDTH: u32 = 16;

/// Correlations are made for so many instances at a time, unless one layer has more.
const BATCH: usize = 1 << 17;

/// A network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Network {
    /// A GRU of 7 steps and 64 units: sigmoid and tanh.
    #[value(name = "industrial-72")]
    #[serde(rename = "industrial-72")]
    Industrial72,
    /// A FastGRNN of 99 steps and 100 units: sigmoid and tanh.
    #[value(name = "google-30")]
    #[serde(rename = "google-30")]
    Google30,
    /// Head detection: RNNPool's sigmoid and tanh, and reciprocal square roots.
    Heads,
}

/// Functions on so many elements, in turns, so many times.
struct Group {
    times: usize,
    count: usize,
    functions: Vec<FunctionJob>,
}

impl Group {
    fn new(times: usize, count: usize, functions: &[(Function, [u32; 2])]) -> Result<Self> {
        let job = |&(function, scales): &_| FunctionJob::new(function, WIDTH, scales);
        Ok(Self { times, count, functions: functions.iter().map(job).collect::<Result<_>>()? })
    }

    fn recurrent(times: usize, count: usize, sigmoid: [u32; 2], tanh: [u32; 2]) -> Result<Self> {
        Self::new(times, count, &[(Function::Sigmoid, sigmoid), (Function::Tanh, tanh)])
    }

    fn layers(&self) -> impl Iterator<Item = Layer<'_>> {
        let layer = |job| Layer { job, count: self.count };
        (0..self.times).flat_map(move |_| self.functions.iter().map(layer))
    }
}

/// One function on a vector.
#[derive(Clone, Copy)]
struct Layer<'a> {
    job: &'a FunctionJob,
    count: usize,
}

impl Layer<'_> {
    /// The function with its protocol.
    fn operation(&self, tuning: Tuning) -> veilflow_online::Result<Apply> {
        Apply::new(&self.job.spline, tuning)
    }

    /// The declared cost. Formats without a protocol cost nothing, and are refused where they run.
    fn cost(&self, tuning: Tuning) -> Cost {
        self.operation(tuning).map_or_else(|_| Cost::default(), |operation| operation.cost(self.count))
    }
}

impl Network {
    fn groups(self) -> Result<Vec<Group>> {
        let roots = |count, scales| Group::new(1, count, &[(Function::ReciprocalSqrt, scales)]);
        match self {
            Self::Industrial72 => Ok(vec![Group::recurrent(7, 64, [8, 14], [8, 8])?]),
            Self::Google30 => Ok(vec![Group::recurrent(99, 100, [6, 14], [6, 6])?]),
            Self::Heads => Ok(vec![
                Group::recurrent(128, 18_096, [11, 14], [11, 11])?,
                Group::recurrent(8, 72_384, [13, 14], [13, 13])?,
                roots(1_200, [12, 11])?,
                roots(1_200, [10, 9])?,
                roots(300, [12, 11])?,
            ]),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Preset {
    /// The network.
    name: Network,
    #[command(flatten)]
    options: RunOptions,
    /// Print one JSON object, last on standard output.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PartyArguments {
    #[arg(long)]
    name: Network,
    /// Where P0 is; without it this is P0.
    #[arg(long)]
    connect: Option<String>,
    #[command(flatten)]
    options: RunOptions,
    #[command(flatten)]
    helper: HelperAddress,
}

#[derive(Serialize)]
struct Report {
    preset: Network,
    width: u32,
    count: usize,
    layers: usize,
    leaf_bits: u32,
    bits_per_instance: f64,
    /// Of all functions, over all arguments of their domains.
    max_ulp: u64,
    #[serde(flatten)]
    measured: Measured,
}

fn layers(groups: &[Group]) -> Vec<Layer<'_>> {
    groups.iter().flat_map(Group::layers).collect()
}

fn total(layers: &[Layer<'_>], tuning: Tuning) -> Cost {
    layers.iter().fold(Cost::default(), |cost, layer| cost.then(layer.cost(tuning)))
}

impl Preset {
    pub(crate) fn run(self) -> Result<()> {
        let groups = self.name.groups()?;
        let layers = layers(&groups);
        let name = self.name.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned());
        let arguments = vec!["bench".to_owned(), "preset-party".to_owned(), format!("--name={name}")];
        let measured = parties::measure(arguments, &self.options)?;
        let count = layers.iter().map(|layer| layer.count).sum();
        let functions = groups.iter().flat_map(|group| &group.functions);
        let report = Report {
            preset: self.name,
            width: WIDTH,
            count,
            layers: layers.len(),
            leaf_bits: self.options.session(|tuning| total(&layers, tuning)).tuning.leaf_bits,
            bits_per_instance: 8.0 * (measured.offline.bytes + measured.online.bytes) as f64 / count as f64,
            max_ulp: functions.map(FunctionJob::max_ulp_of_all).max().unwrap_or(0),
            measured,
        };
        if self.json {
            output::print_json(&report)?;
        } else {
            output::print(&format!(
                "{name}: {} layers, {count} instances, supplier {}, link {}\n{}\n\
                 equal to the cleartext result: {}\nlargest error against the correctly rounded functions: {} ULP",
                report.layers,
                report.measured.supplier,
                report.measured.link,
                report.measured.table(count),
                report.measured.exact,
                report.max_ulp,
            ));
        }
        report.measured.check()
    }
}

/// Cuts layers into batches of at most `most` instances, a layer each at least.
fn batches<'a>(layers: &[Layer<'a>], most: usize) -> Vec<Vec<Layer<'a>>> {
    let mut out: Vec<Vec<Layer<'a>>> = Vec::new();
    let mut room = 0;
    for &layer in layers {
        if out.is_empty() || layer.count > room {
            out.push(Vec::new());
            room = most;
        }
        room = room.saturating_sub(layer.count);
        out.last_mut().expect("there is a batch").push(layer);
    }
    out
}

impl PartyArguments {
    pub(crate) fn run(self) -> Result<()> {
        let groups = self.name.groups()?;
        let layers = layers(&groups);
        let (role, links) = parties::meet(self.connect.as_deref(), &self.helper, &self.options)?;
        let options = self.options.session(|tuning| total(&layers, tuning));
        let tuning = options.tuning;
        let needs = Needs { demand: total(&layers, tuning).demand, linear: Vec::new() };
        let mut session = Session::open(links, role, [0; 32], &needs, options)?;
        let mut results = session.online.party.channel.fork()?;
        let mut prg = Prg::from_seed(Block(0x7665_696c));
        let (mut offline, mut online) = (session.set_up, Phase::default());
        let mut exact = true;
        let bar = progress(layers.len(), role);
        let Session { online: running, preparer, .. } = &mut session;
        running.party.channel.restart_rounds()?;
        for batch in batches(&layers, if options.just_in_time { 0 } else { BATCH }) {
            let mut demand = Demand::default();
            batch.iter().for_each(|layer| demand.merge(&layer.cost(tuning).demand));
            let pools = &mut running.party.pools;
            let ((), made) = preparer.measure(|supplier, channel| supplier.fill(channel, &demand, pools))?;
            offline += made;
            for layer @ Layer { job, count } in batch {
                let x = job.arguments(&mut prg, count);
                let mask = prg.ring_vec(x.ring(), count);
                let share = if role == Role::P0 { mask } else { x.sub(&mask) };
                let watch = Stopwatch::start(&running.party.channel);
                let y = running.party.run_in_threads(&layer.operation(tuning)?, &share)?;
                running.party.channel.flush()?;
                online += watch.stop(&running.party.channel);
                exact &= learn(&mut results, role, &y)?.is_none_or(|y| y == expected(&job.spline, &x));
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        parties::report([offline, online], (role == Role::P1).then_some(exact))
    }
}

/// The client learns a result, to compare it; over a stream of its own, which is not measured.
fn learn(channel: &mut Channel, role: Role, share: &RingVec) -> Result<Option<RingVec>> {
    if role == Role::P0 {
        channel.send(&share.to_bytes())?;
        channel.flush()?;
        return Ok(None);
    }
    let theirs = channel.recv_vec(RingVec::byte_len(share.ring(), share.len()))?;
    Ok(Some(RingVec::from_bytes(share.ring(), &theirs, share.len()).add(share)))
}

/// The client shows how far the run is.
fn progress(layers: usize, role: Role) -> ProgressBar {
    if role == Role::P0 {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(layers as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} layer {pos} of {len}, {elapsed}") {
        bar.set_style(style);
    }
    bar
}
