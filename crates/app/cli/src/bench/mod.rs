//! `veilflow bench`: what operations and models cost, both parties as processes on loopback.

mod case;
mod function;
mod job;
mod kernels;
mod model;
mod op;
mod parties;
mod preset;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;
use veilflow_correlation::Cost;
use veilflow_exec::{Phase, SessionOptions, SupplierKind, choose_tuning, online_cost};
use veilflow_ir::Plan;
use veilflow_net::{LinkOptions, LinkShape};
use veilflow_online::Tuning;

use crate::command::helper::SessionReport;
use crate::output;

/// A link, by name or by its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) enum Link {
    /// Loopback as it is.
    #[default]
    None,
    /// 377 MB/s, 0.8 ms round trip.
    Lan,
    /// 40 MB/s, 80 ms round trip.
    Wan,
    /// Megabytes a second, milliseconds round trip.
    Of(f64, f64),
}

impl Link {
    pub(crate) fn shape(self) -> Option<LinkShape> {
        match self {
            Self::None => None,
            Self::Lan => Some(LinkShape::lan()),
            Self::Wan => Some(LinkShape::wan()),
            Self::Of(megabytes, milliseconds) => Some(LinkShape {
                bandwidth_bytes_per_s: 1e6 * megabytes,
                one_way_delay: Duration::from_secs_f64(milliseconds / 2e3),
            }),
        }
    }
}

impl FromStr for Link {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "none" => return Ok(Self::None),
            "lan" => return Ok(Self::Lan),
            "wan" => return Ok(Self::Wan),
            _ => {}
        }
        let numbers: Vec<f64> = name.split(',').filter_map(|n| n.parse().ok()).collect();
        match numbers[..] {
            [megabytes, milliseconds]
                if (1e-3..=1e6).contains(&megabytes) && (0.0..=1e4).contains(&milliseconds) =>
            {
                Ok(Self::Of(megabytes, milliseconds))
            }
            _ => Err("there is none, lan (377,0.8), wan (40,80), or MB/s,ms such as 12.5,30".to_owned()),
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Lan => f.write_str("lan"),
            Self::Wan => f.write_str("wan"),
            Self::Of(megabytes, milliseconds) => write!(f, "{megabytes},{milliseconds}"),
        }
    }
}

impl Serialize for Link {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What parties must choose alike, and the link between them.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunOptions {
    /// Who supplies correlations: he (silent OT, linear layers by homomorphic encryption), silent (Ferret OT, linear layers
    /// by OT), ot (SoftSpoken OT, linear layers by OT), or helper (a third party that colludes with nobody).
    #[arg(long, default_value_t = SupplierKind::default())]
    pub(crate) supplier: SupplierKind,
    /// SoftSpoken's k for `--supplier ot`: 1 (IKNP), 2, 4 or 8; larger means fewer bytes and more CPU.
    #[arg(long, value_name = "K", default_value = "4", value_parser = ["1", "2", "4", "8"])]
    softspoken_k: String,
    /// Bits of a comparison leaf, 1 to 4: 2 sends fewest bytes online, 4 takes fewest rounds. Chosen for the link if not
    /// given.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4))]
    leaf_bits: Option<u32>,
    /// Levels of a comparison beyond the fewest, 0 to 8: each is a round more and saves 2 bits. Chosen for the link if not
    /// given.
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=8))]
    extra_levels: Option<u32>,
    /// Threads a party.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: u16,
    /// Make each layer's correlations right before it: least memory, no offline phase.
    #[arg(long)]
    pub(crate) just_in_time: bool,
    /// The link to choose protocols for: lan (377 MB/s, 0.8 ms), wan (40 MB/s, 80 ms), or MB/s,ms such as 12.5,30. The
    /// benchmarks and the demo run on a link of that shape too. With none, the fewest bytes are chosen.
    #[arg(long, default_value_t = Link::None)]
    pub(crate) link: Link,
    /// Slow the connection down to the link's shape.
    #[arg(long, hide = true)]
    shape: bool,
}

impl RunOptions {
    /// How this party connects: silence for longer than `timeout` ends the session.
    pub(crate) fn connection(&self, timeout: Duration) -> LinkOptions {
        let shape = if self.shape { self.link.shape() } else { None };
        LinkOptions { timeout, shape, ..LinkOptions::default() }
    }

    /// The options of a session whose online conversation is `cost`.
    pub(crate) fn session(&self, cost: impl Fn(Tuning) -> Cost) -> SessionOptions {
        let chosen = choose_tuning(self.link.shape(), self.supplier, cost);
        let tuning = Tuning {
            leaf_bits: self.leaf_bits.unwrap_or(chosen.leaf_bits),
            extra_levels: self.extra_levels.unwrap_or(chosen.extra_levels),
            dealt: chosen.dealt,
        };
        SessionOptions {
            supplier: self.supplier,
            // The argument parser allows nothing else.
            softspoken_k: self.softspoken_k.parse().unwrap_or(4),
            link: self.link.shape(),
            tuning,
            threads: usize::from(self.threads),
            just_in_time: self.just_in_time,
            ..SessionOptions::default()
        }
    }

    /// The options of a session that runs `plan`.
    pub(crate) fn session_for(&self, plan: &Plan) -> SessionOptions {
        self.session(|tuning| online_cost(plan, tuning))
    }

    /// The same options as arguments for a child process, on a connection of the link's shape.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut out = vec![
            format!("--supplier={}", self.supplier),
            format!("--softspoken-k={}", self.softspoken_k),
            format!("--threads={}", self.threads),
            format!("--link={}", self.link),
            "--shape".to_owned(),
        ];
        out.extend(self.leaf_bits.map(|bits| format!("--leaf-bits={bits}")));
        out.extend(self.extra_levels.map(|levels| format!("--extra-levels={levels}")));
        out.extend(self.just_in_time.then(|| "--just-in-time".to_owned()));
        out
    }
}

/// Totals of a phase over both parties, as the benchmark prints them.
#[derive(Debug, Clone, Copy, Serialize)]
struct Totals {
    /// Payload bytes all parties sent.
    bytes: u64,
    /// The longest chain of dependent messages.
    rounds: u64,
    /// Wall-clock seconds of the party that took longer.
    seconds: f64,
    /// CPU seconds of all parties; a helper's are offline ones.
    cpu_seconds: f64,
}

impl Totals {
    fn of([a, b]: [Phase; 2]) -> Self {
        Self {
            bytes: a.sent + b.sent + a.helper + b.helper,
            rounds: a.rounds.max(b.rounds),
            seconds: a.seconds.max(b.seconds),
            cpu_seconds: a.cpu_seconds + b.cpu_seconds,
        }
    }
}

/// What every benchmark and the demo report, beside what they ran.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    supplier: String,
    threads: u16,
    link: Link,
    offline: Totals,
    online: Totals,
    /// The largest resident set of the parties.
    peak_rss_bytes: u64,
    /// Whether the result equals the cleartext fixed-point one.
    pub(crate) exact: bool,
    version: &'static str,
}

impl Measured {
    /// A run with these options; offline and online phases as the server and the client saw them, and what a helper did.
    pub(crate) fn new(
        options: &RunOptions,
        [offline, online]: [[Phase; 2]; 2],
        peak_rss_bytes: u64,
        exact: bool,
        helper: Option<&SessionReport>,
    ) -> Self {
        let mut offline = Totals::of(offline);
        offline.cpu_seconds += helper.map_or(0.0, |helper| helper.cpu_seconds);
        Self {
            supplier: options.supplier.to_string(),
            threads: options.threads,
            link: options.link,
            offline,
            online: Totals::of(online),
            peak_rss_bytes: peak_rss_bytes.max(helper.map_or(0, |helper| helper.peak_rss_bytes)),
            exact,
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// Both phases, and what they took for each of `count` instances.
    fn table(&self, count: usize) -> comfy_table::Table {
        let mut table = output::table(&["phase", "bytes", "bits each", "rounds", "seconds", "CPU µs each"]);
        for (name, t) in [("offline", &self.offline), ("online", &self.online)] {
            table.add_row([
                name.to_owned(),
                output::bytes(t.bytes),
                format!("{:.1}", 8.0 * t.bytes as f64 / count as f64),
                t.rounds.to_string(),
                format!("{:.3}", t.seconds),
                format!("{:.3}", 1e6 * t.cpu_seconds / count as f64),
            ]);
        }
        table
    }

    /// Fails unless the result was exact.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.exact, "the secure result differs from the cleartext fixed-point one");
        Ok(())
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// One operation on many elements.
    Op(op::Op),
    /// A compiled model.
    Model(model::Model),
    /// The elementary functions of a network measured elsewhere, layer after layer.
    Preset(preset::Preset),
    /// The transforms under homomorphic encryption, with every kernel that the processor has.
    Kernels(kernels::Kernels),
    /// One party of `bench op`; started by it.
    #[command(hide = true)]
    Party(op::PartyArguments),
    /// One party of `bench preset`; started by it.
    #[command(hide = true)]
    PresetParty(preset::PartyArguments),
}

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Op(op) => op.run(),
            Self::Model(model) => model.run(),
            Self::Preset(preset) => preset.run(),
            Self::Kernels(kernels) => kernels.run(),
            Self::Party(party) => party.run(),
            Self::PresetParty(party) => party.run(),
        }
    }
}
