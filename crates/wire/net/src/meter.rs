//! What a channel has carried.

use std::ops::{Add, Sub};

/// Payload bytes and rounds of a channel since it was opened, or between two snapshots.
///
/// ```
/// use veilflow_net::Meter;
/// let before = Meter { sent: 10, received: 4, rounds: 2 };
/// let after = Meter { sent: 25, received: 4, rounds: 3 };
/// assert_eq!(after - before, Meter { sent: 15, received: 0, rounds: 1 });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Meter {
    /// Payload bytes handed to `send`.
    pub sent: u64,
    /// Payload bytes returned by `recv`.
    pub received: u64,
    /// Length of the longest chain of dependent messages that touched this channel.
    pub rounds: u64,
}

impl Meter {
    /// What happened after the snapshot `earlier` of the same channel was taken.
    pub fn since(&self, earlier: &Meter) -> Meter {
        *self - *earlier
    }

    /// Bytes in both directions.
    pub fn bytes(&self) -> u64 {
        self.sent + self.received
    }

    /// Two channels used side by side: bytes add up, rounds overlap.
    pub fn beside(&self, other: &Meter) -> Meter {
        Meter {
            sent: self.sent + other.sent,
            received: self.received + other.received,
            rounds: self.rounds.max(other.rounds),
        }
    }
}

/// One use after another: bytes and rounds add up.
impl Add for Meter {
    type Output = Meter;

    fn add(self, next: Meter) -> Meter {
        Meter {
            sent: self.sent + next.sent,
            received: self.received + next.received,
            rounds: self.rounds + next.rounds,
        }
    }
}

/// The difference of two snapshots, the earlier one on the right; zero where it is the larger.
impl Sub for Meter {
    type Output = Meter;

    fn sub(self, earlier: Meter) -> Meter {
        Meter {
            sent: self.sent.saturating_sub(earlier.sent),
            received: self.received.saturating_sub(earlier.received),
            rounds: self.rounds.saturating_sub(earlier.rounds),
        }
    }
}
