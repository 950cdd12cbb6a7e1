//! Input and output of shared values.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_ring::{Ring, RingVec};

use crate::{OnlineError, Party, Result};

/// Shares of values that one party holds: it keeps a uniform mask and sends the difference, uniform too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharePrivate {
    owner: Role,
    ring: Ring,
}

impl SharePrivate {
    /// Of values in `ring` that `owner` holds.
    pub fn new(owner: Role, ring: Ring) -> Self {
        Self { owner, ring }
    }

    /// Cost of `n` values.
    pub fn cost(self, n: usize) -> Cost {
        Cost::message(self.owner, RingVec::byte_len(self.ring, n) as u64)
    }

    /// Shares of the `n` values, which are `Some` at the owner and `None` at the other party.
    pub fn run(self, party: &mut Party, private: Option<&RingVec>, n: usize) -> Result<RingVec> {
        match (private, party.role == self.owner) {
            (Some(x), true) if x.ring() == self.ring && x.len() == n => {
                let mask = party.prg.ring_vec(self.ring, n);
                party.channel.send(&x.sub(&mask).to_bytes())?;
                party.channel.flush()?;
                Ok(mask)
            }
            (None, false) => {
                let bytes = party.channel.recv_vec(RingVec::byte_len(self.ring, n))?;
                Ok(RingVec::from_bytes(self.ring, &bytes, n))
            }
            _ => Err(OnlineError::argument("share_private", "exactly the owner must pass values that fit")),
        }
    }
}

/// The values behind shares, for one party alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reveal {
    receiver: Role,
}

impl Reveal {
    /// To `receiver`.
    pub fn to(receiver: Role) -> Self {
        Self { receiver }
    }

    /// Cost of `n` values of `ring`.
    pub fn cost(self, ring: Ring, n: usize) -> Cost {
        Cost::message(self.receiver.other(), RingVec::byte_len(ring, n) as u64)
    }

    /// The values behind shares: `Some` at the receiver, `None` at the other party.
    pub fn run(self, party: &mut Party, x: &RingVec) -> Result<Option<RingVec>> {
        if party.role == self.receiver {
            let bytes = party.channel.recv_vec(RingVec::byte_len(x.ring(), x.len()))?;
            return Ok(Some(RingVec::from_bytes(x.ring(), &bytes, x.len()).add(x)));
        }
        party.channel.send(&x.to_bytes())?;
        party.channel.flush()?;
        Ok(None)
    }
}
