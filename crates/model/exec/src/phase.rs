//! What a phase of a run took: bytes, rounds, wall and CPU seconds.

use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};
use veilflow_net::{Channel, Meter};

/// What one party spent on a phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Payload bytes sent by this party.
    pub sent: u64,
    /// Payload bytes received by it.
    pub received: u64,
    /// Payload bytes between this party and a helper, both ways; not part of the others.
    #[serde(default)]
    pub helper: u64,
    /// The longest chain of dependent messages.
    pub rounds: u64,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// CPU seconds of the whole process.
    pub cpu_seconds: f64,
}

impl Phase {
    /// Payload bytes to and from this party.
    pub fn bytes(&self) -> u64 {
        self.sent + self.received + self.helper
    }
}

impl std::ops::AddAssign for Phase {
    fn add_assign(&mut self, next: Self) {
        self.sent += next.sent;
        self.received += next.received;
        self.helper += next.helper;
        self.rounds += next.rounds;
        self.seconds += next.seconds;
        self.cpu_seconds += next.cpu_seconds;
    }
}

/// Measures a phase.
#[derive(Debug)]
pub struct Stopwatch {
    began: Instant,
    cpu: f64,
    meter: Meter,
}

/// CPU seconds of this process so far, user and system.
pub fn cpu_seconds() -> f64 {
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 * 1e-6;
    getrusage(UsageWho::RUSAGE_SELF).map_or(0.0, |u| seconds(u.user_time()) + seconds(u.system_time()))
}

/// The largest resident set of this process so far, in bytes.
pub fn peak_rss_bytes() -> u64 {
    // Linux counts kibibytes, macOS bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |u| u.max_rss().max(0) as u64 * unit)
}

impl Stopwatch {
    /// Starts measuring what goes over `channel`.
    pub fn start(channel: &Channel) -> Self {
        Self { began: Instant::now(), cpu: cpu_seconds(), meter: channel.meter() }
    }

    /// What happened since the start.
    pub fn stop(self, channel: &Channel) -> Phase {
        let meter = channel.meter().since(&self.meter);
        Phase {
            sent: meter.sent,
            received: meter.received,
            helper: 0,
            rounds: meter.rounds,
            seconds: self.began.elapsed().as_secs_f64(),
            cpu_seconds: cpu_seconds() - self.cpu,
        }
    }
}
