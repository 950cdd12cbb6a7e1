//! One TCP connection as a [`Transport`].
//!
//! Writes go to a queue that a thread of ours drains, so that two parties that send much at once do not wait
//! for each other. Reads go straight from the socket to the caller.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::dial::dial_fork;
use super::listening::Listening;
use super::preamble::{Preamble, SessionId, StreamId};
use crate::channel::DEFAULT_TIMEOUT;
use crate::link::Link;
use crate::queue::Queue;
use crate::{Channel, NetError, Result, Transport};

/// Small frames are read with their headers in one system call. Larger reads bypass this buffer.
const READ_BUFFER: usize = 16 << 10;

/// What the streams of a session have in common.
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) side: Side,
    pub(super) link: Link,
}

/// How the streams of a fork come about.
pub(super) enum Side {
    /// We dial.
    Client { server: SocketAddr },
    /// We wait for the client to dial.
    Server { listening: Arc<Listening> },
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Side::Server { listening } = &self.side {
            listening.registry.forget(&self.id);
        }
    }
}

/// A channel over the first connection of a session.
pub(super) fn open_session(stream: TcpStream, session: Session, timeout: Duration) -> Result<Channel> {
    let mut channel = Channel::new(Box::new(TcpTransport::open(stream, Arc::new(session), StreamId::ROOT)?));
    channel.set_timeout(timeout);
    Ok(channel)
}

struct TcpTransport {
    reader: BufReader<TcpStream>,
    /// The timeout that is set on the socket, to spare the system call.
    read_timeout: Duration,
    outgoing: Arc<Queue>,
    session: Arc<Session>,
    stream: StreamId,
    forks: u64,
    /// How long closing may wait for what is queued to leave.
    linger: Duration,
}

impl TcpTransport {
    fn open(stream: TcpStream, session: Arc<Session>, id: StreamId) -> Result<Self> {
        let context = "opening a TCP stream";
        let prepare = || {
            stream.set_nodelay(true)?;
            stream.set_write_timeout(None)?;
            stream.set_read_timeout(Some(DEFAULT_TIMEOUT))?;
            stream.try_clone()
        };
        let writer = prepare().map_err(|error| NetError::io(context, &error))?;
        let outgoing = Arc::new(Queue::new(session.link.clone()));
        let queue = outgoing.clone();
        thread::Builder::new()
            .name("veilflow-writer".to_owned())
            .spawn(move || write_queue(&queue, &writer))
            .map_err(|error| NetError::io(context, &error))?;
        Ok(Self {
            reader: BufReader::with_capacity(READ_BUFFER, stream),
            read_timeout: DEFAULT_TIMEOUT,
            outgoing,
            session,
            stream: id,
            forks: 0,
            linger: DEFAULT_TIMEOUT,
        })
    }

    fn read_some(&mut self, out: &mut [u8], timeout: Duration) -> Result<usize> {
        let context = "reading from the peer";
        if self.reader.buffer().is_empty() && self.read_timeout != timeout {
            let outcome = self.reader.get_ref().set_read_timeout(Some(timeout));
            outcome.map_err(|error| NetError::io(context, &error))?;
            self.read_timeout = timeout;
        }
        let start = Instant::now();
        loop {
            match self.reader.read(out) {
                Ok(0) => return Err(NetError::Closed),
                Ok(n) => return Ok(n),
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                        return Err(NetError::Timeout { waited: start.elapsed() });
                    }
                    _ => return Err(NetError::io(context, &error)),
                },
            }
        }
    }

    /// Reads and drops what has arrived; says whether anything had.
    fn discard(&mut self) -> bool {
        matches!(self.reader.get_mut().read(&mut [0; READ_BUFFER]), Ok(1..))
    }
}

impl Transport for TcpTransport {
    fn write(&mut self, frame: Vec<u8>, timeout: Duration) -> Result<()> {
        let outcome = self.outgoing.push(frame, timeout);
        self.linger = if outcome.is_ok() { timeout } else { Duration::ZERO };
        outcome
    }

    fn read(&mut self, out: &mut [u8], timeout: Duration) -> Result<usize> {
        // A peer that is gone or silent would not read the rest of what is queued either.
        self.read_some(out, timeout).inspect_err(|_| self.linger = Duration::ZERO)
    }

    fn fork(&mut self, timeout: Duration) -> Result<Box<dyn Transport>> {
        let id = self.stream.child(self.forks);
        self.forks += 1;
        let preamble = Preamble { session: self.session.id, stream: id };
        let stream = match &self.session.side {
            Side::Client { server } => dial_fork(*server, &preamble, timeout)?,
            Side::Server { listening } => listening.registry.claim(&preamble, timeout)?,
        };
        Ok(Box::new(Self::open(stream, self.session.clone(), id)?))
    }
}

/// Delivers what is queued, then closes.
impl Drop for TcpTransport {
    fn drop(&mut self) {
        self.outgoing.end();
        let start = Instant::now();
        // The peer may be closing too, and like us wait for its last bytes to be read.
        let _ = self.reader.get_ref().set_read_timeout(Some(Duration::from_millis(1)));
        let mut pause = Duration::from_millis(20).min(self.linger);
        while !self.outgoing.wait_hang_up(pause) && start.elapsed() < self.linger {
            pause = if self.discard() { Duration::ZERO } else { Duration::from_millis(20) };
        }
        // Closing a socket that holds unread input resets the connection, and our last bytes may be lost.
        let _ = self.reader.get_ref().set_nonblocking(true);
        while start.elapsed() < self.linger && self.discard() {}
        // Also ends a writer that is still stuck.
        let _ = self.reader.get_ref().shutdown(Shutdown::Both);
    }
}

/// The writer's thread: ends when the queue does, or when the connection breaks.
fn write_queue(queue: &Queue, mut stream: &TcpStream) {
    loop {
        match queue.pop(Duration::from_secs(3600)) {
            Ok(frame) => {
                if stream.write_all(&frame).is_err() {
                    break;
                }
            }
            // The owner is busy; its own waits have deadlines.
            Err(NetError::Timeout { .. }) => {}
            Err(_) => {
                let _ = stream.shutdown(Shutdown::Write);
                break;
            }
        }
    }
    queue.hang_up();
}
