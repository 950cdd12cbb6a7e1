//! Messages between a party and the helper, little-endian.
//!
//! | message | fields |
//! |---|---|
//! | hello, by a party | magic 8, version u32, role u8, session 16, public point 32 |
//! | answer, by the helper | magic 8, version u32, verdict u8, session 16, public point 32 |
//! | store, by a party | session 16, keep u8, padded token 16 |
//! | known, by the helper | session 16, number 2^64 − 1, length u64, digests 16 each |
//! | request, by the client | session 16, number u64, tag u8, numbers |
//! | weights, by a party | session 16, number u64, tag 255, length u64, padded masked weights |
//! | batch, by the helper | session 16, number u64, length u64, correction |
//!
//! Requests and weights of the client come over one connection: the helper tells them apart by their tags, and remembers the
//! requests that it meets before weights. The client closes its connection to end the session.

use veilflow_net::{Channel, NetError, Role};

use crate::job::Job;
use crate::key::{Public, SessionId, SessionKey};
use crate::masks::{DIGEST_LEN, Digest, TOKEN_LEN, Token};
use crate::{HelperError, Result};

/// The version of the messages and of what is expanded from the keys.
const VERSION: u32 = 2;
const MAGIC: [u8; 8] = *b"VFHELPER";
/// Bytes of a hello and of its answer.
pub(crate) const HELLO_LEN: usize = 61;
/// Bytes before a batch's correction.
pub(crate) const BATCH_HEAD: usize = 32;
/// Session and number, before a request's tag.
const HEAD: usize = 24;
/// Bytes of a store message.
pub(crate) const STORE_LEN: usize = 17 + TOKEN_LEN;
/// Bytes before the digests of the layers that the helper knows.
pub(crate) const KNOWN_HEAD: usize = BATCH_HEAD;
/// Bytes before masked weights.
pub(crate) const WEIGHTS_HEAD: usize = HEAD + 9;
/// The tag of masked weights, which is no request's.
const WEIGHTS_TAG: u8 = u8::MAX;
/// The number of the messages before the first request; no request comes so far.
const SET_UP: u64 = u64::MAX;
/// Layers at most that a helper names as known.
const MAX_KNOWN: u64 = 1 << 20;

const HELPER: &str = "helper";

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
    (HEAD + job.encode().len()) as u64
}

pub(crate) fn send_request(channel: &mut Channel, session: &SessionId, number: u64, job: &Job) -> Result<()> {
    let bytes = [head(session, number), job.encode()].concat();
    channel.send(&bytes).map_err(lost_helper)
}

/// What a party holds its masked weights under at the helper; `None` where they are for this session only.
pub(crate) fn send_store(
    channel: &mut Channel,
    session: &SessionId,
    key: &SessionKey,
    token: Option<&Token>,
) -> Result<()> {
    let mut bytes = session.to_vec();
    bytes.push(u8::from(token.is_some()));
    bytes.extend(padded(key, token.unwrap_or(&[0; TOKEN_LEN])));
    channel.send(&bytes).and_then(|()| channel.flush()).map_err(lost_helper)
}

pub(crate) fn receive_store(
    channel: &mut Channel,
    session: &SessionId,
    key: &SessionKey,
    from: &'static str,
) -> Result<Option<Token>> {
    let mut bytes = [0; STORE_LEN];
    channel.recv(&mut bytes).map_err(lost(from))?;
    if bytes[..16] != *session {
        return Err(HelperError::ForeignSession { from });
    }
    match bytes[16] {
        0 => Ok(None),
        1 => Ok(Some(padded(key, &first(&bytes, 17)))),
        other => Err(HelperError::Malformed { what: format!("a store message of the unknown kind {other}") }),
    }
}

/// Puts the pad on a token, or takes it off.
fn padded(key: &SessionKey, token: &Token) -> Token {
    let mut pad = [0; TOKEN_LEN];
    key.pad(SET_UP, &[]).fill(&mut pad);
    std::array::from_fn(|i| token[i] ^ pad[i])
}

pub(crate) fn send_known(
    channel: &mut Channel,
    session: &SessionId,
    known: &[Digest],
    with: &'static str,
) -> Result<()> {
    // Layers beyond the limit are brought again; no model has so many.
    let known = &known[..known.len().min(MAX_KNOWN as usize)];
    send_batch(channel, session, SET_UP, known.as_flattened(), with)
}

/// The layers whose masked weights the helper has.
pub(crate) fn receive_known(channel: &mut Channel, session: &SessionId) -> Result<Vec<Digest>> {
    let mut bytes = [0; KNOWN_HEAD];
    channel.recv(&mut bytes).map_err(lost_helper)?;
    check_head(&bytes, session, SET_UP, HELPER)?;
    let len = u64::from_le_bytes(first(&bytes, 24));
    if !len.is_multiple_of(DIGEST_LEN as u64) || len / DIGEST_LEN as u64 > MAX_KNOWN {
        return Err(HelperError::Malformed { what: format!("{len} bytes of digests") });
    }
    let digests = channel.recv_vec(len as usize).map_err(lost_helper)?;
    Ok(digests.as_chunks().0.to_vec())
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
    let (number, tag) = (u64::from_le_bytes(first(&bytes, 16)), bytes[HEAD]);
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
    let (expected, got) = (len as u64, u64::from_le_bytes(first(&bytes, 24)));
    if got != expected {
        return Err(HelperError::BatchLength { expected, got });
    }
    channel.recv_vec(len).map_err(lost_helper)
}
