//! `estimators lpn` prints what attacks cost, `estimators search` looks for sets.

use anyhow::{Result, ensure};
use clap::{Args, Parser, Subcommand};
use comfy_table::{Table, presets::ASCII_MARKDOWN};
use serde::Serialize;
use veilflow_estimators::{
    Estimate, Goal, Set, estimates_with,
    subcode::{Simulation, floor},
};
use veilflow_ot::LpnSet;

/// Bit security of learning parity with noise, with regular noise and a local code.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// What each attack costs; for all sets of veilflow-ot unless one is given.
    Lpn(Lpn),
    /// The most blocks that keep enough bits.
    Search(Search),
}

#[derive(Args)]
struct Lpn {
    /// k, the length of the secret.
    #[arg(long, requires_all = ["blocks", "depth"])]
    secret: Option<u64>,
    /// t, the number of blocks.
    #[arg(long, requires = "secret")]
    blocks: Option<u64>,
    /// d: a block has 2^d samples.
    #[arg(long, requires = "secret")]
    depth: Option<u32>,
    #[command(flatten)]
    code: Code,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Code {
    /// How many places of the secret a sample adds up.
    #[arg(long, default_value_t = 10)]
    locality: u32,
    /// The seed of the simulated code.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The most places of the simulated code; as many as the secret has, to be exact.
    #[arg(long, default_value_t = Simulation::default().places)]
    places: u64,
}

impl Code {
    fn simulation(&self) -> Simulation {
        Simulation { seed: self.seed, places: self.places, ..Simulation::default() }
    }
}

#[derive(Args)]
struct Search {
    /// Lengths of the secret to try.
    #[arg(long, required = true, value_delimiter = ',')]
    secret: Vec<u64>,
    /// Depths to try.
    #[arg(long, required = true, value_delimiter = ',')]
    depth: Vec<u32>,
    /// How many bits to keep.
    #[arg(long, default_value_t = 128.0)]
    bits: f64,
    /// Count sub-code attacks at the smallest set there can be.
    #[arg(long)]
    floor: bool,
    /// The most samples for a place of the secret.
    #[arg(long, default_value_t = 32)]
    ratio: u64,
    #[command(flatten)]
    code: Code,
}

/// What is printed for a set.
#[derive(Serialize)]
struct Report {
    set: Set,
    bits_per_ot: f64,
    attacks: Vec<Estimate>,
    floor: Vec<Estimate>,
}

impl Report {
    fn new(set: Set, simulation: &Simulation) -> Self {
        let attacks = estimates_with(&set, simulation);
        Self { set, bits_per_ot: set.bits_per_ot(), attacks, floor: floor(&set) }
    }
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
fn main() -> Result<()> {
    let every = Lpn {
        secret: None,
        blocks: None,
        depth: None,
        code: Code { locality: 10, seed: 1, places: Simulation::default().places },
        json: false,
    };
    match Options::parse().command.unwrap_or(Command::Lpn(every)) {
        Command::Lpn(lpn) => {
            let simulation = lpn.code.simulation();
            let sets = sets(&lpn);
            for Set { secret, blocks, depth, locality } in &sets {
                ensure!(*depth < 32 && *locality > 0, "depth and locality must be small numbers");
                ensure!(blocks < secret && *secret < blocks << depth, "t < k < n must hold");
            }
            let reports = sets.into_iter().map(|set| Report::new(set, &simulation));
            if lpn.json {
                println!("{}", serde_json::to_string_pretty(&reports.collect::<Vec<_>>())?);
            } else {
                reports.for_each(|report| println!("{}\n", table(&report)));
            }
        }
        Command::Search(search) => println!("{}", found(&search)),
    }
    Ok(())
}

/// The set of the command line, or all of veilflow-ot.
fn sets(lpn: &Lpn) -> Vec<Set> {
    let locality = lpn.code.locality;
    match (lpn.secret, lpn.blocks, lpn.depth) {
        (Some(secret), Some(blocks), Some(depth)) => vec![Set { secret, blocks, depth, locality }],
        _ => LpnSet::ALL.map(Set::from).to_vec(),
    }
}

fn table(report: &Report) -> String {
    let Report { set, bits_per_ot, attacks, floor } = report;
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(["attack", "bits", "choice", "source"]);
    for Estimate { attack, bits, source, choice } in attacks.iter().chain(floor) {
        table.add_row([attack.to_string(), format!("{bits:.1}"), choice.clone(), source.to_string()]);
    }
    let Set { secret, blocks, depth, locality } = set;
    format!(
        "k = {secret}, t = {blocks}, d = {depth}, {locality}-local: {bits_per_ot:.3} bits an OT\n\n{table}"
    )
}

fn found(search: &Search) -> String {
    let goal = Goal {
        bits: search.bits,
        floor: search.floor,
        ratio: search.ratio,
        simulation: search.code.simulation(),
    };
    let mut table = Table::new();
    let header = ["k", "d", "t", "n/k", "bits an OT", "table", "bits", "cheapest attack"];
    table.load_style(ASCII_MARKDOWN).set_header(header);
    for &depth in &search.depth {
        for &secret in &search.secret {
            let Some(set) = goal.most_blocks(secret, depth, search.code.locality) else { continue };
            let cheapest = goal.cheapest(&set);
            table.add_row([
                secret.to_string(),
                depth.to_string(),
                set.blocks.to_string(),
                format!("{:.1}", set.samples() as f64 / secret as f64),
                format!("{:.3}", set.bits_per_ot()),
                format!("{:.1} MiB", secret as f64 / 65536.0),
                format!("{:.1}", cheapest.bits),
                cheapest.attack.to_owned(),
            ]);
        }
    }
    table.to_string()
}
