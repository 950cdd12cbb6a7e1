//! Messages between a party and the helper, little-endian.
//!
//! | message | fields |
//! |---|---|
//! | hello, by a party | magic 8, version u32, role u8, session 16, public point 32 |
//! | answer, by the helper | magic 8, version u32, verdict u8, session 16, public point 32 |
//! | request, by the client | session 16, number u64, tag u8, numbers |
//! | batch, by the helper | session 16, number u64, length u64, correction |
//!
//! The client closes its connection to end the session.

use veilflow_net::{Channel, NetError, Role};

use crate::job::Job;
use crate::key::{Public, SessionId};
use crate::{HelperError, Result};

/// The version of the messages and of what is expanded from the keys.
const VERSION: u32 = 2;
const MAGIC: [u8; 8] = *b"VFHELPER";
/// Bytes of a hello and of its answer.
pub(crate) const HELLO_LEN: usize = 61;
/// Bytes before a batch's correction.
pub(crate) const BATCH_HEAD: usize = 32;
/// Bytes before a request's tag.
const REQUEST_HEAD: usize = 24;

const HELPER: &str = "helper";
const CLIENT: &str = "client";

/// Names the end that failed.
pub(crate) fn lost(with: &'static str) -> impl Fn(NetError) -> HelperError {
    move |source| HelperError::Connection { with, source }
}

/// A failing connection to the helper.
pub(crate) fn lost_helper(error: NetError) -> HelperError {
    lost(HELPER)(error)
}

fn first<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}

/// A hello or its answer: they differ in what `code` means.
pub(crate) struct Hello {
    pub(crate) code: u8,
    pub(crate) session: SessionId,
    pub(crate) public: Public,
}

/// The answer's code when the session is on.
pub(crate) const WELCOME: u8 = 0;
/// When the helper has no room.
pub(crate) const BUSY: u8 = 1;

impl Hello {
    pub(crate) fn send(&self, channel: &mut Channel, with: &'static str) -> Result<()> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.push(self.code);
        bytes.extend(self.session);
        bytes.extend(self.public);
        channel.send(&bytes).and_then(|()| channel.flush()).map_err(lost(with))
    }

    pub(crate) fn receive(channel: &mut Channel, with: &'static str) -> Result<Self> {
        let mut bytes = [0; HELLO_LEN];
        channel.recv(&mut bytes).map_err(lost(with))?;
        if bytes[..8] != MAGIC {
            return Err(HelperError::Malformed { what: "it does not start with a hello".to_owned() });
        }
        let theirs = u32::from_le_bytes(first(&bytes, 8));
        if theirs != VERSION {
            return Err(HelperError::Version { ours: VERSION, theirs });
        }
        Ok(Self { code: bytes[12], session: first(&bytes, 13), public: first(&bytes, 29) })
    }

    /// The role that a party's hello states.
    pub(crate) fn role(&self) -> Result<Role> {
        match self.code {
            0 => Ok(Role::P0),
            1 => Ok(Role::P1),
            other => Err(HelperError::Malformed { what: format!("a hello of the unknown role {other}") }),
        }
    }
}

/// Session and number, with which requests and batches begin.
fn head(session: &SessionId, number: u64) -> Vec<u8> {
    [&session[..], &number.to_le_bytes()].concat()
}

fn check_head(bytes: &[u8], session: &SessionId, expected: u64, from: &'static str) -> Result<()> {
    if bytes[..16] != *session {
        return Err(HelperError::ForeignSession { from });
    }
    let got = u64::from_le_bytes(first(bytes, 16));
    if got != expected {
        return Err(HelperError::OutOfOrder { from, expected, got });
    }
    Ok(())
}

/// Bytes of the request for a job.
pub(crate) fn request_len(job: &Job) -> u64 {
    (REQUEST_HEAD + job.encode().len()) as u64
}

pub(crate) fn send_request(channel: &mut Channel, session: &SessionId, number: u64, job: &Job) -> Result<()> {
    let bytes = [head(session, number), job.encode()].concat();
    channel.send(&bytes).map_err(lost_helper)
}

/// The client's next request; `None` when it has left.
pub(crate) fn receive_request(
    channel: &mut Channel,
    session: &SessionId,
    number: u64,
) -> Result<Option<Job>> {
    let mut bytes = [0; REQUEST_HEAD + 1];
    match channel.recv(&mut bytes) {
        Err(NetError::Closed) => return Ok(None),
        outcome => outcome.map_err(lost(CLIENT))?,
    }
    check_head(&bytes, session, number, CLIENT)?;
    let tag = bytes[REQUEST_HEAD];
    // An unknown tag has no numbers, and is refused as such.
    let numbers = channel.recv_vec(Job::numbers_len(tag).unwrap_or(0)).map_err(lost(CLIENT))?;
    Job::decode(tag, &numbers).map(Some)
}

pub(crate) fn send_batch(
    channel: &mut Channel,
    session: &SessionId,
    number: u64,
    correction: &[u8],
    with: &'static str,
) -> Result<()> {
    let mut bytes = head(session, number);
    bytes.extend((correction.len() as u64).to_le_bytes());
    channel
        .send(&bytes)
        .and_then(|()| channel.send(correction))
        .and_then(|()| channel.flush())
        .map_err(lost(with))
}

/// The helper's correction for batch `number`, which must be `len` bytes long.
pub(crate) fn receive_batch(
    channel: &mut Channel,
    session: &SessionId,
    number: u64,
    len: usize,
) -> Result<Vec<u8>> {
    let mut bytes = [0; BATCH_HEAD];
    channel.recv(&mut bytes).map_err(lost_helper)?;
    check_head(&bytes, session, number, HELPER)?;
    let (expected, got) = (len as u64, u64::from_le_bytes(first(&bytes, 24)));
    if got != expected {
        return Err(HelperError::BatchLength { expected, got });
    }
    channel.recv_vec(len).map_err(lost_helper)
}
