//! What every benchmark and the demo measure: totals over both parties.

use serde::Serialize;
use veilflow::Phase;

use crate::options::{Link, RunOptions};
use crate::output;
use crate::report::HelperSession;

/// Totals of a phase over both parties.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Totals {
    /// Payload bytes all parties sent.
    pub(crate) bytes: u64,
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
    pub(crate) supplier: String,
    threads: u16,
    pub(crate) link: Link,
    pub(crate) offline: Totals,
    pub(crate) online: Totals,
    /// The largest resident set of the parties.
    peak_rss_bytes: u64,
    /// Whether the result equals the cleartext fixed-point one.
    pub(crate) exact: bool,
    version: &'static str,
}

impl Measured {
    /// A run with these options; offline and online phases as the server and the client saw them, and what a
    /// helper did.
    pub(crate) fn new(
        options: &RunOptions,
        [offline, online]: [[Phase; 2]; 2],
        peak_rss_bytes: u64,
        exact: bool,
        helper: Option<&HelperSession>,
    ) -> Self {
        let mut offline = Totals::of(offline);
        offline.cpu_seconds += helper.map_or(0.0, |helper| helper.report.cpu_seconds);
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
    pub(crate) fn table(&self, count: usize) -> comfy_table::Table {
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
