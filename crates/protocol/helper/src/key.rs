//! The key that a party and the helper agree on, and what is expanded from it.
//!
//! Ephemeral Diffie–Hellman on Ristretto255: each side draws a scalar x and sends x·G. The key is a hash of
//! the common point and of session, role and both public points. It is secret to whoever reads the wire, by
//! the computational Diffie–Hellman assumption with the hash as a random oracle. Nothing here tells who the
//! other side is.

use std::fmt;

use curve25519_dalek::{
    constants::RISTRETTO_BASEPOINT_TABLE, ristretto::CompressedRistretto, scalar::Scalar, traits::IsIdentity,
};
use veilflow_net::Role;
use veilflow_prim::{Block, Prg, derive_bytes};
use zeroize::Zeroizing;

use crate::{HelperError, Result};

const KEY_LABEL: &str = "veilflow 2026 helper session key";
const BATCH_LABEL: &str = "veilflow 2026 helper batch stream";
const PAD_LABEL: &str = "veilflow 2026 helper pad of a party's message";
const SESSION_LABEL: &str = "veilflow 2026 helper session id";

/// The name of a session. It is public, and new each time.
pub(crate) type SessionId = [u8; 16];

/// Bytes that each party contributes to the session id.
pub(crate) const NONCE_LEN: usize = 16;

/// The session id from both parties' contributions, the server's first.
pub(crate) fn session_id(nonces: [[u8; NONCE_LEN]; 2]) -> SessionId {
    derive_bytes(SESSION_LABEL, &[&nonces[0], &nonces[1]])
}

/// A public point.
pub(crate) type Public = [u8; 32];

/// One side's secret of a key agreement.
pub(crate) struct Secret {
    scalar: Zeroizing<Scalar>,
    pub(crate) public: Public,
}

impl Secret {
    pub(crate) fn new(prg: &mut Prg) -> Self {
        let mut bytes = Zeroizing::new([0; 64]);
        prg.fill(&mut *bytes);
        let scalar = Zeroizing::new(Scalar::from_bytes_mod_order_wide(&bytes));
        let public = (&*scalar * RISTRETTO_BASEPOINT_TABLE).compress().to_bytes();
        Self { scalar, public }
    }

    /// The key of `role` in `session`, given both public points.
    pub(crate) fn agree(
        self,
        theirs: &Public,
        session: &SessionId,
        role: Role,
        [party, helper]: [&Public; 2],
    ) -> Result<SessionKey> {
        let point = CompressedRistretto(*theirs).decompress().filter(|point| !point.is_identity());
        let invalid = || HelperError::Malformed { what: "a public key that is no point".to_owned() };
        let common = Zeroizing::new((*self.scalar * point.ok_or_else(invalid)?).compress().to_bytes());
        let parts: [&[u8]; 5] = [&*common, session, &[role.index() as u8], party, helper];
        Ok(SessionKey(Zeroizing::new(derive_bytes(KEY_LABEL, &parts))))
    }
}

/// The secret that a party and the helper have in common in a session.
pub(crate) struct SessionKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(..)")
    }
}

impl SessionKey {
    /// The stream of batch `number`, whose request is `description`. It is for that batch only.
    pub(crate) fn batch(&self, number: u64, description: &[u8]) -> Prg {
        self.stream(BATCH_LABEL, number, description)
    }

    /// The stream that hides message `number`, about `description`, from whoever reads the wire from party to
    /// helper.
    pub(crate) fn pad(&self, number: u64, description: &[u8]) -> Prg {
        self.stream(PAD_LABEL, number, description)
    }

    fn stream(&self, label: &str, number: u64, description: &[u8]) -> Prg {
        let seed = Zeroizing::new(derive_bytes(label, &[&*self.0, &number.to_le_bytes(), description]));
        Prg::from_seed(Block::from_bytes(*seed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(session: SessionId, role: Role, seed: u128) -> [SessionKey; 2] {
        let mut prg = Prg::from_seed(Block(seed));
        let (party, helper) = (Secret::new(&mut prg), Secret::new(&mut prg));
        let publics = [party.public, helper.public];
        let both = [&publics[0], &publics[1]];
        [
            party.agree(&publics[1], &session, role, both).unwrap(),
            helper.agree(&publics[0], &session, role, both).unwrap(),
        ]
    }

    #[test]
    fn both_sides_agree_and_every_domain_has_a_stream_of_its_own() {
        let [party, helper] = keys([1; 16], Role::P0, 1);
        assert_eq!(*party.0, *helper.0);
        let mut streams = [
            party.batch(0, b"x"),
            party.batch(1, b"x"),
            party.batch(0, b"y"),
            party.pad(0, b"x"),
            party.pad(1, b"x"),
            party.pad(0, b"y"),
            keys([2; 16], Role::P0, 1)[0].batch(0, b"x"),
            keys([1; 16], Role::P1, 1)[0].batch(0, b"x"),
            keys([1; 16], Role::P0, 2)[0].batch(0, b"x"),
        ];
        let mut first: Vec<u128> = streams.iter_mut().map(|prg| prg.block().0).collect();
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), streams.len(), "streams repeat");
    }

    #[test]
    fn what_is_no_point_is_refused() {
        for bad in [[0; 32], [0xff; 32]] {
            let secret = Secret::new(&mut Prg::from_seed(Block(3)));
            let outcome = secret.agree(&bad, &[0; 16], Role::P1, [&bad, &bad]);
            assert!(matches!(outcome, Err(HelperError::Malformed { .. })));
        }
    }
}
