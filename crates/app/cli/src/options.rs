//! What the parties of a run choose, as flags: the supplier and what it is like, the link, where the helper
//! is.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use veilflow::{LinkShape, Options, Supplier};
use veilflow_correlation::Cost;
use veilflow_exec::{SessionOptions, SupplierKind, choose_tuning};
use veilflow_online::Tuning;

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
    /// Who supplies correlations: he (silent OT, linear layers by homomorphic encryption), silent (Ferret OT,
    /// linear layers by OT), ot (SoftSpoken OT, linear layers by OT), or helper (a third party that colludes
    /// with nobody).
    #[arg(long, default_value_t = Supplier::default())]
    pub(crate) supplier: Supplier,
    /// SoftSpoken's k for `--supplier ot`: 1 (IKNP), 2, 4 or 8; larger means fewer bytes and more CPU.
    #[arg(long, value_name = "K", default_value = "4", value_parser = ["1", "2", "4", "8"])]
    softspoken_k: String,
    /// Bits of a comparison leaf, 1 to 4: 2 sends fewest bytes online, 4 takes fewest rounds. Chosen for the
    /// link if not given.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4))]
    leaf_bits: Option<u32>,
    /// Levels of a comparison beyond the fewest, 0 to 8: each is a round more and saves 2 bits. Chosen for
    /// the link if not given.
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=8))]
    extra_levels: Option<u32>,
    /// Threads a party.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: u16,
    /// Make each layer's correlations right before it: least memory, no offline phase.
    #[arg(long)]
    pub(crate) just_in_time: bool,
    /// The link to choose protocols for: lan (377 MB/s, 0.8 ms), wan (40 MB/s, 80 ms), or MB/s,ms such as
    /// 12.5,30. The benchmarks and the demo run on a link of that shape too. With none, the fewest bytes are
    /// chosen.
    #[arg(long, default_value_t = Link::None)]
    pub(crate) link: Link,
    /// Slow the connection down to the link's shape.
    #[arg(long, hide = true)]
    pub(crate) shape: bool,
}

impl RunOptions {
    /// The same for the library, without a helper.
    pub(crate) fn library(&self) -> Options {
        Options {
            supplier: self.supplier,
            link: self.link.shape(),
            simulate_link: self.shape,
            threads: usize::from(self.threads),
            just_in_time: self.just_in_time,
            softspoken_k: self.softspoken_k(),
            leaf_bits: self.leaf_bits,
            extra_levels: self.extra_levels,
            ..Options::default()
        }
    }

    fn softspoken_k(&self) -> usize {
        // The argument parser allows nothing but numbers.
        self.softspoken_k.parse().unwrap_or(4)
    }

    /// The options of a benchmark's session whose online conversation is `cost`.
    pub(crate) fn session(&self, cost: impl Fn(Tuning) -> Cost) -> SessionOptions {
        let supplier = match self.supplier {
            Supplier::He => SupplierKind::He,
            Supplier::Silent => SupplierKind::Silent,
            Supplier::Ot => SupplierKind::Ot,
            Supplier::Helper => SupplierKind::Helper,
        };
        let chosen = choose_tuning(self.link.shape(), supplier, cost);
        let tuning = Tuning {
            leaf_bits: self.leaf_bits.unwrap_or(chosen.leaf_bits),
            extra_levels: self.extra_levels.unwrap_or(chosen.extra_levels),
            dealt: chosen.dealt,
        };
        SessionOptions {
            supplier,
            softspoken_k: self.softspoken_k(),
            link: self.link.shape(),
            tuning,
            threads: usize::from(self.threads),
            just_in_time: self.just_in_time,
            ..SessionOptions::default()
        }
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

/// Where a party finds the helper.
#[derive(Debug, Clone, Args)]
pub(crate) struct HelperAddress {
    /// The helper, for `--supplier helper`: the same one at both parties.
    #[arg(long, value_name = "ADDR")]
    pub(crate) helper: Option<String>,
}

impl HelperAddress {
    /// The library's options of a party that waits for so long; refuses an address without use, and the lack
    /// of one.
    pub(crate) fn library(&self, options: &RunOptions, timeout: Duration) -> Result<Options> {
        match (options.supplier, &self.helper) {
            (Supplier::Helper, None) => bail!("--supplier helper needs --helper ADDR"),
            (Supplier::Helper, Some(_)) | (_, None) => {}
            (_, Some(_)) => bail!("--helper ADDR is for --supplier helper"),
        }
        Ok(Options { helper: self.helper.clone().map(Into::into), timeout, ..options.library() })
    }
}
