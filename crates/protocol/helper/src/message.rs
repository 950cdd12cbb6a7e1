//! Messages of a session at the helper, once it has [greeted](crate::greeting) both parties. Numbers are
//! little-endian.
//!
//! | message | fields |
//! |---|---|
//! | request, by the client | session 16, number u64, tag u8, numbers |
//! | weights, by a party | session 16, number u64, tag 255, length u64, padded masked weights |
//! | batch, by the helper | session 16, number u64, length u64, correction |
//!
//! Requests and weights of the client come over one connection. The helper tells them apart by their tags,
//! and remembers the requests that come before weights. The client closes its connection to end the session.

use veilflow_net::{Channel, NetError};

use crate::job::Job;
use crate::key::SessionId;
use crate::{HelperError, Result};

/// Session and number, before a request's tag.
const HEAD: usize = 24;
/// Bytes before a batch's correction.
pub(crate) const BATCH_HEAD: usize = HEAD + 8;
/// Bytes before masked weights.
pub(crate) const WEIGHTS_HEAD: usize = HEAD + 9;
/// The tag of masked weights, which is no request's.
const WEIGHTS_TAG: u8 = u8::MAX;

/// What a party calls the other end of its link.
pub(crate) const HELPER: &str = "helper";

/// A failing connection, by the name of its other end.
pub(crate) fn lost(with: &'static str) -> impl Fn(NetError) -> HelperError {
    move |source| HelperError::Connection { with, source }
}

/// A failing connection to the helper.
pub(crate) fn lost_helper(error: NetError) -> HelperError {
    lost(HELPER)(error)
}

/// The array that begins at `at`.
pub(crate) fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}

/// Session and number, with which requests and batches begin.
fn head(session: &SessionId, number: u64) -> Vec<u8> {
    [&session[..], &number.to_le_bytes()].concat()
}

pub(crate) fn check_head(bytes: &[u8], session: &SessionId, expected: u64, from: &'static str) -> Result<()> {
    if bytes[..16] != *session {
        return Err(HelperError::ForeignSession { from });
    }
    let got = u64::from_le_bytes(field(bytes, 16));
    if got != expected {
        return Err(HelperError::OutOfOrder { from, expected, got });
    }
    Ok(())
}

/// Bytes of the request for a job.
pub(crate) fn request_len(job: &Job) -> u64 {
    (HEAD + job.encode().len()) as u64
}

pub(crate) fn send_request(channel: &mut Channel, session: &SessionId, number: u64, job: &Job) -> Result<()> {
    let bytes = [head(session, number), job.encode()].concat();
    channel.send(&bytes).map_err(lost_helper)
}

pub(crate) fn send_weights(
    channel: &mut Channel,
    session: &SessionId,
    number: u64,
    masked: &[u8],
) -> Result<()> {
    let mut bytes = head(session, number);
    bytes.push(WEIGHTS_TAG);
    bytes.extend((masked.len() as u64).to_le_bytes());
    channel
        .send(&bytes)
        .and_then(|()| channel.send(masked))
        .and_then(|()| channel.flush())
        .map_err(lost_helper)
}

/// How a message to the helper begins.
pub(crate) enum Incoming {
    /// All of a request, and its number.
    Request { number: u64, job: Job },
    /// Masked weights of so many bytes, which come next.
    Weights { number: u64, len: u64 },
}

/// The next message of a session; `None` when the party has left.
pub(crate) fn receive(
    channel: &mut Channel,
    session: &SessionId,
    from: &'static str,
) -> Result<Option<Incoming>> {
    let mut bytes = [0; HEAD + 1];
    match channel.recv(&mut bytes) {
        Err(NetError::Closed) => return Ok(None),
        outcome => outcome.map_err(lost(from))?,
    }
    if bytes[..16] != *session {
        return Err(HelperError::ForeignSession { from });
    }
    let (number, tag) = (u64::from_le_bytes(field(&bytes, 16)), bytes[HEAD]);
    if tag == WEIGHTS_TAG {
        let mut len = [0; 8];
        channel.recv(&mut len).map_err(lost(from))?;
        return Ok(Some(Incoming::Weights { number, len: u64::from_le_bytes(len) }));
    }
    // An unknown tag has no numbers, and is refused as such.
    let numbers = channel.recv_vec(Job::numbers_len(tag).unwrap_or(0)).map_err(lost(from))?;
    Ok(Some(Incoming::Request { number, job: Job::decode(tag, &numbers)? }))
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
    let (expected, got) = (len as u64, u64::from_le_bytes(field(&bytes, 24)));
    if got != expected {
        return Err(HelperError::BatchLength { expected, got });
    }
    channel.recv_vec(len).map_err(lost_helper)
}
