//! The first bytes of every connection.
//!
//! | preamble, client to server | | answer to the first of a session | |
//! |---|---|---|---|
//! | magic | 8 bytes | magic | 8 bytes |
//! | version of this format | u32 | version of this format | u32 |
//! | session | 16 random bytes | verdict | u8 |
//! | stream | u64, 0 opens a session | | |
//!
//! Numbers are little-endian. The answer tells the client that the session is known, so that its forks are
//! too.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::{NetError, Result};

pub(super) const PREAMBLE_LEN: usize = 36;
pub(super) const ANSWER_LEN: usize = 13;

const PREAMBLE_MAGIC: [u8; 8] = *b"VEILFLOW";
const ANSWER_MAGIC: [u8; 8] = *b"VEILFLOK";
const VERSION: u32 = 1;

/// Names a session. It is random, so that nobody else's connection lands in it.
pub(super) type SessionId = [u8; 16];

/// Names a stream within a session. Both sides derive it from the order of forks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct StreamId(u64);

impl StreamId {
    /// The stream that opens a session.
    pub(super) const ROOT: Self = Self(0);

    /// The child by the fork number `n`, a 64-bit hash of its path from the root.
    pub(super) fn child(self, n: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("veilflow-net 1 stream id");
        hasher.update(&self.0.to_le_bytes()).update(&n.to_le_bytes());
        let mut id = [0; 8];
        hasher.finalize_xof().fill(&mut id);
        Self(u64::from_le_bytes(id))
    }
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Preamble {
    pub(super) session: SessionId,
    pub(super) stream: StreamId,
}

/// Why a preamble is not followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rejected {
    NotOurs,
    OtherVersion,
}

impl Preamble {
    pub(super) fn encode(&self) -> [u8; PREAMBLE_LEN] {
        let mut bytes = [0; PREAMBLE_LEN];
        bytes[..8].copy_from_slice(&PREAMBLE_MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..28].copy_from_slice(&self.session);
        bytes[28..].copy_from_slice(&self.stream.0.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8; PREAMBLE_LEN]) -> std::result::Result<Self, Rejected> {
        if bytes[..8] != PREAMBLE_MAGIC {
            return Err(Rejected::NotOurs);
        }
        if bytes[8..12] != VERSION.to_le_bytes() {
            return Err(Rejected::OtherVersion);
        }
        let (mut session, mut stream) = ([0; 16], [0; 8]);
        session.copy_from_slice(&bytes[12..28]);
        stream.copy_from_slice(&bytes[28..]);
        Ok(Self { session, stream: StreamId(u64::from_le_bytes(stream)) })
    }
}

/// The server's verdict on a new session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Welcome = 0,
    Busy = 1,
    OtherVersion = 2,
}

impl Verdict {
    pub(super) fn encode(self) -> [u8; ANSWER_LEN] {
        let mut bytes = [0; ANSWER_LEN];
        bytes[..8].copy_from_slice(&ANSWER_MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12] = self as u8;
        bytes
    }

    /// Reads the answer at the client. It is an error unless it is a welcome.
    pub(super) fn check(bytes: &[u8; ANSWER_LEN]) -> Result<()> {
        if bytes[..8] != ANSWER_MAGIC {
            return Err(NetError::malformed("its answer is not that of a Veilflow server"));
        }
        let version = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
        let refused = |reason| Err(NetError::Refused { reason });
        match bytes[12] {
            0 => Ok(()),
            1 => refused("too many sessions are waiting for it".to_owned()),
            2 => refused(format!("it speaks version {version} of the connection format, we {VERSION}")),
            verdict => Err(NetError::malformed(format!("its answer is the unknown verdict {verdict}"))),
        }
    }
}

/// Reads exactly `out` from a fresh connection, within `timeout` however slowly the bytes come.
pub(super) fn read_within(mut stream: &TcpStream, mut out: &mut [u8], timeout: Duration) -> io::Result<()> {
    let start = Instant::now();
    while !out.is_empty() {
        let remaining = timeout.saturating_sub(start.elapsed());
        if remaining.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(remaining))?;
        match stream.read(out) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => out = &mut out[n..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn preambles_round_trip_and_others_are_rejected() {
        let preamble = Preamble { session: [7; 16], stream: StreamId(0x0123_4567_89ab_cdef) };
        let bytes = preamble.encode();
        assert_eq!(Preamble::decode(&bytes), Ok(preamble));
        let with = |index: usize| {
            let mut other = bytes;
            other[index] ^= 1;
            Preamble::decode(&other)
        };
        assert_eq!(with(0), Err(Rejected::NotOurs));
        assert_eq!(with(8), Err(Rejected::OtherVersion));
    }

    #[test]
    fn only_a_welcome_is_one() {
        assert_eq!(Verdict::check(&Verdict::Welcome.encode()), Ok(()));
        for verdict in [Verdict::Busy, Verdict::OtherVersion] {
            assert!(matches!(Verdict::check(&verdict.encode()), Err(NetError::Refused { .. })));
        }
        assert!(matches!(Verdict::check(&[0; ANSWER_LEN]), Err(NetError::Malformed { .. })));
    }

    #[test]
    fn streams_of_a_session_have_distinct_names() {
        let children: Vec<_> = (0..50).map(|n| StreamId::ROOT.child(n)).collect();
        let grandchildren = children.iter().flat_map(|child| (0..50).map(|n| child.child(n)));
        let mut names: HashSet<_> = grandchildren.chain(children.iter().copied()).collect();
        names.insert(StreamId::ROOT);
        assert_eq!(names.len(), 50 * 50 + 50 + 1);
    }
}
