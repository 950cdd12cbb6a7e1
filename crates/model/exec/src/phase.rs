//! What a phase of a run took: bytes, rounds, wall and CPU seconds.

use std::ops::AddAssign;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use veilflow_net::{Channel, Meter};

use crate::usage::cpu_seconds;

/// What one party spent on a phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// This party sent so many bytes of payload to its peer.
    pub sent: u64,
    /// It received so many bytes of payload from its peer.
    pub received: u64,
    /// So many bytes of payload went between this party and a helper, both ways; the other two do not count
    /// them.
    #[serde(default)]
    pub helper: u64,
    /// The longest chain of dependent messages is this long.
    pub rounds: u64,
    /// The phase took so many seconds of wall time.
    pub seconds: f64,
    /// The whole process took so many CPU seconds meanwhile.
    pub cpu_seconds: f64,
}

impl Phase {
    /// Payload bytes to and from this party, a helper's included.
    pub fn bytes(&self) -> u64 {
        self.sent + self.received + self.helper
    }
}

impl AddAssign for Phase {
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
