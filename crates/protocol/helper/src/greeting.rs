//! How a party and the helper greet each other, before the first request. Numbers are little-endian.
//!
//! | message | fields |
//! |---|---|
//! | hello, by a party | magic 8, version u32, role u8, session 16, public point 32 |
//! | answer, by the helper | magic 8, version u32, verdict u8, session 16, public point 32 |
//! | store, by a party | session 16, keep u8, padded token 16 |
//! | known, by the helper | session 16, number 2^64 − 1, length u64, digests 16 each |

use veilflow_net::{Channel, Role};

use crate::key::{Public, SessionId, SessionKey};
use crate::masks::{DIGEST_LEN, Digest, TOKEN_LEN, Token};
use crate::message::{BATCH_HEAD, HELPER, check_head, field, lost, lost_helper, send_batch};
use crate::store::MAX_LAYERS;
use crate::{HelperError, Result};

/// The version of the messages and of what is expanded from the keys.
const VERSION: u32 = 2;
const MAGIC: [u8; 8] = *b"VFHELPER";
/// Bytes of a hello and of its answer.
pub(crate) const HELLO_LEN: usize = 61;
/// Bytes of a store message.
pub(crate) const STORE_LEN: usize = 17 + TOKEN_LEN;
/// Bytes before the digests of the layers that the helper knows.
pub(crate) const KNOWN_HEAD: usize = BATCH_HEAD;
/// The number of the messages before the first request. No request comes so far.
const SET_UP: u64 = u64::MAX;

/// A hello or its answer: they differ in what `code` means.
pub(crate) struct Hello {
    pub(crate) code: u8,
    pub(crate) session: SessionId,
    pub(crate) public: Public,
}

/// The code of an answer to a party whose session begins.
pub(crate) const WELCOME: u8 = 0;
/// The code of an answer to a party for which there is no room.
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
        let theirs = u32::from_le_bytes(field(&bytes, 8));
        if theirs != VERSION {
            return Err(HelperError::Version { ours: VERSION, theirs });
        }
        Ok(Self { code: bytes[12], session: field(&bytes, 13), public: field(&bytes, 29) })
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

/// Tells the helper the token under which this party's masked weights are kept, or that they are for this
/// session only.
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
        1 => Ok(Some(padded(key, &field(&bytes, 17)))),
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
    send_batch(channel, session, SET_UP, known.as_flattened(), with)
}

/// The layers whose masked weights the helper has.
pub(crate) fn receive_known(channel: &mut Channel, session: &SessionId) -> Result<Vec<Digest>> {
    let mut bytes = [0; KNOWN_HEAD];
    channel.recv(&mut bytes).map_err(lost_helper)?;
    check_head(&bytes, session, SET_UP, HELPER)?;
    let len = u64::from_le_bytes(field(&bytes, 24));
    if !len.is_multiple_of(DIGEST_LEN as u64) || len / DIGEST_LEN as u64 > MAX_LAYERS as u64 {
        return Err(HelperError::Malformed { what: format!("{len} bytes of digests") });
    }
    let digests = channel.recv_vec(len as usize).map_err(lost_helper)?;
    Ok(digests.as_chunks().0.to_vec())
}
