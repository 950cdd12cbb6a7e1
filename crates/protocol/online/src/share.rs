//! Input and output of shared values.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_ring::{Ring, RingVec};

use crate::{OnlineError, Party, Result};

/// Shares of `len` values that `owner` holds: it keeps a uniform mask and sends the difference, uniform too.
///
/// `private` is `Some` at the owner and `None` at the other party.
pub fn share_private(
    party: &mut Party,
    owner: Role,
    private: Option<&RingVec>,
    ring: Ring,
    len: usize,
) -> Result<RingVec> {
    match (private, party.role == owner) {
        (Some(x), true) if x.ring() == ring && x.len() == len => {
            let mask = party.prg.ring_vec(ring, len);
            party.channel.send(&x.sub(&mask).to_bytes())?;
            party.channel.flush()?;
            Ok(mask)
        }
        (None, false) => {
            let bytes = party.channel.recv_vec(RingVec::byte_len(ring, len))?;
            Ok(RingVec::from_bytes(ring, &bytes, len))
        }
        _ => Err(OnlineError::argument("share_private", "exactly the owner must pass values that fit")),
    }
}

/// Cost of [`share_private`].
pub fn share_private_cost(owner: Role, ring: Ring, len: usize) -> Cost {
    Cost::message(owner, RingVec::byte_len(ring, len) as u64)
}

/// The values behind shares, to `receiver` alone: `Some` there, `None` at the other party.
pub fn reveal_to(party: &mut Party, receiver: Role, x: &RingVec) -> Result<Option<RingVec>> {
    if party.role == receiver {
        let bytes = party.channel.recv_vec(RingVec::byte_len(x.ring(), x.len()))?;
        return Ok(Some(RingVec::from_bytes(x.ring(), &bytes, x.len()).add(x)));
    }
    party.channel.send(&x.to_bytes())?;
    party.channel.flush()?;
    Ok(None)
}

/// Cost of [`reveal_to`].
pub fn reveal_to_cost(receiver: Role, ring: Ring, len: usize) -> Cost {
    Cost::message(receiver.other(), RingVec::byte_len(ring, len) as u64)
}
