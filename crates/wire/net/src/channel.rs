//! Framing, buffering and metering over a [`Transport`].

use std::fmt;
use std::time::{Duration, Instant};

use crate::frame::{HEADER_LEN, Header, MAX_PAYLOAD};
use crate::{Meter, NetError, Result, Transport};

/// The deadline of each wait unless set otherwise.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// One party's end of an ordered stream of bytes in each direction.
///
/// Calls block, every wait has a deadline, and the first failure is final: later calls return the same error.
/// Messages carry no lengths of their own: both sides know from public parameters how many bytes come next.
pub struct Channel {
    transport: Box<dyn Transport>,
    timeout: Duration,
    /// The next frame: room for its header, then the payload so far. It is empty when nothing is pending.
    pending: Vec<u8>,
    /// Payload bytes of the current incoming frame that `recv` has not returned yet.
    unread: usize,
    /// The largest depth received, on this channel or one it was forked from or joined with.
    received_depth: u32,
    meter: Meter,
    failure: Option<NetError>,
}

impl Channel {
    /// A channel over `transport`; the peer builds its own over the other end.
    pub fn new(transport: Box<dyn Transport>) -> Self {
        Self {
            transport,
            timeout: DEFAULT_TIMEOUT,
            pending: Vec::new(),
            unread: 0,
            received_depth: 0,
            meter: Meter::default(),
            failure: None,
        }
    }

    /// Puts `wrap` of the transport in the transport's place, for tests that tamper with the stream.
    pub fn map_transport(self, wrap: impl FnOnce(Box<dyn Transport>) -> Box<dyn Transport>) -> Self {
        Self { transport: wrap(self.transport), ..self }
    }

    /// Sets the deadline of each wait, between a millisecond and a day (60 seconds if never set). Receiving
    /// waits anew for each frame or part of one (at most 256 KiB), so long messages on slow links are fine
    /// as long as they move. Forks inherit it.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout.clamp(Duration::from_millis(1), Duration::from_secs(24 * 60 * 60));
    }

    /// Bytes and rounds so far, those of joined channels included.
    pub fn meter(&self) -> Meter {
        self.meter
    }

    /// Starts counting rounds anew, at the boundary of two phases. Both parties must call it at the same
    /// point of the conversation, when everything sent to them has been received. Flushes first.
    ///
    /// # Errors
    /// As for [`flush`](Self::flush).
    pub fn restart_rounds(&mut self) -> Result<()> {
        self.flush()?;
        self.received_depth = 0;
        self.meter.rounds = 0;
        Ok(())
    }

    /// Appends `bytes` to the stream. They are buffered: they leave when the buffer is full, at
    /// [`flush`](Self::flush), or before any [`recv`](Self::recv).
    ///
    /// # Errors
    /// [`NetError::Closed`] when the peer has gone, [`NetError::QueueFull`] when it reads too slowly.
    pub fn send(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.alive()?;
        if bytes.is_empty() {
            return Ok(());
        }
        self.meter.sent += bytes.len() as u64;
        self.meter.rounds = self.meter.rounds.max(u64::from(self.next_depth()));
        while !bytes.is_empty() {
            if self.pending.is_empty() {
                self.pending.reserve(HEADER_LEN + bytes.len().min(MAX_PAYLOAD));
                self.pending.extend_from_slice(&[0; HEADER_LEN]);
            }
            let room = HEADER_LEN + MAX_PAYLOAD - self.pending.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.pending.extend_from_slice(now);
            bytes = later;
            if self.pending.len() == HEADER_LEN + MAX_PAYLOAD {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Hands what is buffered to the transport. Does nothing when nothing is.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub fn flush(&mut self) -> Result<()> {
        self.alive()?;
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut frame = std::mem::take(&mut self.pending);
        let header = Header { len: (frame.len() - HEADER_LEN) as u32, depth: self.next_depth() };
        frame[..HEADER_LEN].copy_from_slice(&header.encode());
        let outcome = self.transport.write(frame, self.timeout);
        self.noting(outcome)
    }

    /// Flushes, then fills `out` with the next bytes of the stream.
    ///
    /// # Errors
    /// [`NetError::Closed`], [`NetError::Timeout`], or [`NetError::Malformed`] when the stream is garbage.
    pub fn recv(&mut self, out: &mut [u8]) -> Result<()> {
        self.flush()?;
        let outcome = self.fill(out);
        self.noting(outcome)
    }

    /// As [`recv`](Self::recv), into a new vector of `len` bytes. Take `len` from public parameters, never
    /// from the peer.
    pub fn recv_vec(&mut self, len: usize) -> Result<Vec<u8>> {
        let mut out = vec![0; len];
        self.recv(&mut out)?;
        Ok(out)
    }

    /// Opens an independent ordered stream of the same session, to be used in another thread. The n-th fork
    /// of a channel is connected to the n-th fork of the peer's end of that channel, so both sides must fork
    /// in the same order. Flushes first.
    ///
    /// The child starts with the parent's rounds and deadline, and no bytes.
    ///
    /// # Errors
    /// As for [`recv`](Self::recv), and [`NetError::Io`] or [`NetError::Connect`] over TCP.
    pub fn fork(&mut self) -> Result<Channel> {
        self.flush()?;
        let outcome = self.transport.fork(self.timeout);
        let transport = self.noting(outcome)?;
        Ok(Channel {
            timeout: self.timeout,
            received_depth: self.received_depth,
            meter: Meter { sent: 0, received: 0, rounds: self.meter.rounds },
            ..Channel::new(transport)
        })
    }

    /// Ends a fork: adds its bytes to ours, and continues from the larger depth of the two. What is buffered
    /// on either is flushed; a failure of the child shows at our next call.
    pub fn join(&mut self, mut child: Channel) {
        // Ours goes first, so that it is not counted as depending on what the child received.
        let outcome = self.flush().and_then(|()| child.flush());
        self.failure = self.failure.take().or(outcome.err());
        self.received_depth = self.received_depth.max(child.received_depth);
        self.meter = self.meter.beside(&child.meter);
    }

    /// Flushes, and lets a fork go on from here: what it sends next depends on all that was received here.
    /// Together with [`settle`](Self::settle), this serves forks that are used again and again.
    ///
    /// # Errors
    /// As for [`flush`](Self::flush).
    pub fn lend(&mut self, fork: &mut Channel) -> Result<()> {
        self.flush()?;
        fork.received_depth = self.received_depth;
        fork.meter.rounds = self.meter.rounds;
        Ok(())
    }

    /// Flushes a fork, moves its bytes to our meter, and continues from the larger depth of the two.
    ///
    /// # Errors
    /// As for [`flush`](Self::flush).
    pub fn settle(&mut self, fork: &mut Channel) -> Result<()> {
        fork.flush()?;
        self.received_depth = self.received_depth.max(fork.received_depth);
        self.meter = self.meter.beside(&std::mem::take(&mut fork.meter));
        Ok(())
    }

    fn fill(&mut self, mut out: &mut [u8]) -> Result<()> {
        while !out.is_empty() {
            if self.unread == 0 {
                let mut bytes = [0; HEADER_LEN];
                self.read_exact(&mut bytes)?;
                let header = Header::decode(bytes)?;
                self.unread = header.len as usize;
                self.received_depth = self.received_depth.max(header.depth);
                self.meter.rounds = self.meter.rounds.max(u64::from(header.depth));
            }
            let (now, later) = out.split_at_mut(self.unread.min(out.len()));
            self.read_exact(now)?;
            self.unread -= now.len();
            self.meter.received += now.len() as u64;
            out = later;
        }
        Ok(())
    }

    /// One wait. All of `out` must arrive before the deadline, which also bounds a peer that trickles.
    fn read_exact(&mut self, mut out: &mut [u8]) -> Result<()> {
        let start = Instant::now();
        let mut remaining = self.timeout;
        while !out.is_empty() {
            let n = self.transport.read(out, remaining)?;
            out = &mut out[n..];
            if !out.is_empty() {
                let waited = start.elapsed();
                remaining = self.timeout.saturating_sub(waited);
                if remaining.is_zero() {
                    return Err(NetError::Timeout { waited });
                }
            }
        }
        Ok(())
    }

    /// The depth of what we send now: it may depend on everything received so far.
    fn next_depth(&self) -> u32 {
        self.received_depth.saturating_add(1)
    }

    fn alive(&self) -> Result<()> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    fn noting<T>(&mut self, outcome: Result<T>) -> Result<T> {
        if let Err(error) = &outcome {
            self.failure = Some(error.clone());
        }
        outcome
    }
}

/// Shows the meter, never bytes of the stream.
impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("meter", &self.meter)
            .field("timeout", &self.timeout)
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}
