//! What a party sends to the helper, in the order in which the helper needs it.

use std::collections::VecDeque;

use veilflow_net::{Channel, NetError, Role};

use crate::job::Job;
use crate::key::SessionId;
use crate::message::{Incoming, WEIGHTS_HEAD, lost, receive};
use crate::{HelperError, Result};

/// How many requests a client may announce ahead of weights that it has still to send.
const MAX_AHEAD: usize = 1 << 18;

/// A party's messages.
///
/// The client announces requests long before it sends the masked weights that one of them needs, over the
/// same connection, so requests that come before those weights wait here. The server makes none.
pub(crate) struct Inbox {
    session: SessionId,
    role: Role,
    from: &'static str,
    /// Requests that have been read and not yet taken.
    ahead: VecDeque<Job>,
    /// How many requests have been read so far.
    requests: u64,
    /// Bytes of the messages that brought masked weights.
    pub(crate) weight_bytes: u64,
}

impl Inbox {
    pub(crate) fn new(session: SessionId, role: Role, from: &'static str) -> Self {
        Self { session, role, from, ahead: VecDeque::new(), requests: 0, weight_bytes: 0 }
    }

    /// The next request; `None` when the party has left.
    pub(crate) fn request(&mut self, channel: &mut Channel) -> Result<Option<Job>> {
        if let Some(job) = self.ahead.pop_front() {
            return Ok(Some(job));
        }
        match receive(channel, &self.session, self.from)? {
            None => Ok(None),
            Some(Incoming::Request { number, job }) => {
                self.count(number)?;
                Ok(Some(job))
            }
            Some(Incoming::Weights { .. }) => self.malformed("masked weights that no request needs"),
        }
    }

    /// The masked weights for request `number`, which must be `len` bytes long.
    pub(crate) fn weights(&mut self, channel: &mut Channel, number: u64, len: usize) -> Result<Vec<u8>> {
        let from = self.from;
        loop {
            match receive(channel, &self.session, from)? {
                None => return Err(lost(from)(NetError::Closed)),
                Some(Incoming::Request { number, job }) => {
                    self.count(number)?;
                    if self.ahead.len() == MAX_AHEAD {
                        return Err(HelperError::TooLarge {
                            what: "at most 2^18 requests may wait for weights",
                        });
                    }
                    self.ahead.push_back(job);
                }
                Some(Incoming::Weights { number: got, .. }) if got != number => {
                    return Err(HelperError::OutOfOrder { from, expected: number, got });
                }
                Some(Incoming::Weights { len: got, .. }) if got != len as u64 => {
                    return Err(HelperError::WeightsLength { from, expected: len as u64, got });
                }
                Some(Incoming::Weights { .. }) => {
                    self.weight_bytes += (WEIGHTS_HEAD + len) as u64;
                    return channel.recv_vec(len).map_err(lost(from));
                }
            }
        }
    }

    /// Checks that a request comes from the client, and in order.
    fn count(&mut self, number: u64) -> Result<()> {
        if self.role != Role::P1 {
            return self.malformed("a request by the server");
        }
        if number != self.requests {
            return Err(HelperError::OutOfOrder { from: self.from, expected: self.requests, got: number });
        }
        self.requests = number.checked_add(1).ok_or(HelperError::Exhausted)?;
        Ok(())
    }

    fn malformed<T>(&self, what: &str) -> Result<T> {
        Err(HelperError::Malformed { what: format!("{what} came from the {}", self.from) })
    }
}
