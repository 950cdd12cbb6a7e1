//! What both sides do to set up.

use veilflow_net::Channel;
use veilflow_prim::{CrHash, derive};

use crate::{OtError, Result, base::Session};

const NONCE_LABEL: &str = "veilflow 2026 SoftSpoken OT nonce";
const SALT_LABEL: &str = "veilflow 2026 SoftSpoken OT salt";
const HASH_DOMAIN: &str = "veilflow 2026 SoftSpoken OT hash";

/// The hash of a session's messages.
pub(super) fn hash_of(session: &Session) -> CrHash {
    CrHash::new(derive(NONCE_LABEL, session), HASH_DOMAIN)
}

/// The salt of a session's trees and streams.
pub(super) fn salt_of(session: &Session) -> u64 {
    derive(SALT_LABEL, session).low()
}

/// Sends the first message of the set-up and receives the peer's, after checking that both set up the same:
/// `tag` is k, or what states a plan of silent OT.
pub(super) fn exchange(channel: &mut Channel, tag: &[u8], message: &[u8], theirs: &mut [u8]) -> Result<()> {
    channel.send(tag)?;
    channel.send(message)?;
    let their_tag = channel.recv_vec(tag.len())?;
    match (tag, &their_tag[..]) {
        (&[ours], &[theirs]) if ours != theirs => {
            Err(OtError::KMismatch { ours: ours.into(), theirs: theirs.into() })
        }
        (ours, theirs) if ours != theirs => Err(OtError::PlanMismatch),
        _ => Ok(channel.recv(theirs)?),
    }
}
