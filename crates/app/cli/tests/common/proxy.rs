//! A link between client and server that fails at a chosen message.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens to a frame on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It and all that follows is withheld; the connection stays open as long as its ends do.
    Stall,
    /// Half of it is delivered, then the connection is closed.
    Cut,
    /// A bit of its header is flipped.
    FlipHeader,
    /// The same, after the frame has been held up for [`LATE`].
    FlipHeaderLate,
    /// It is delivered twice.
    Repeat,
    /// It is withheld, alone.
    Lose,
    /// These bytes are delivered in its place.
    Replace(&'static [u8]),
}

/// Longer than the demo's model takes to prepare a few runs.
const LATE: Duration = Duration::from_secs(1);

/// Whose frames a fault concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sent {
    ByClient,
    ByServer,
}

/// A message of a run: of the connection number `connection` (the first is the session's, the others its
/// forks), the frame number `frame` sent by `sent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    pub(crate) connection: usize,
    pub(crate) sent: Sent,
    pub(crate) frame: usize,
}

/// What precedes the first frame: the client's preamble, and the server's answer to a session's first.
const PREAMBLE: usize = 36;
const ANSWER: usize = 13;
/// A frame's header; the payload's length is at 4..8, little-endian.
const HEADER: usize = 12;

/// Passes the connections of one session on.
pub(crate) struct Proxy {
    /// What the client connects to.
    pub(crate) address: String,
    reached: Receiver<()>,
    passed: Passed,
    kept: Kept,
}

/// The frames of first connections that came from what is proxied, as they were.
type Kept = Arc<Mutex<Vec<Vec<u8>>>>;

/// How many frames have passed, by connection and sender.
type Passed = Arc<Mutex<BTreeMap<(usize, Sent), usize>>>;

impl Proxy {
    /// A proxy before `server`, with a fault at a message or none.
    pub(crate) fn start(server: &str, fault: Option<(Moment, Fault)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = server.to_owned();
        let (note, reached) = channel();
        let passed = Passed::default();
        let counts = passed.clone();
        let kept = Kept::default();
        let keep = kept.clone();
        std::thread::spawn(move || {
            for (connection, client) in listener.incoming().enumerate() {
                let client = client.unwrap();
                // Its process may have been killed already.
                let Ok(server) = TcpStream::connect(&server) else { return };
                let answer = if connection == 0 { ANSWER } else { 0 };
                let ways = [
                    (Sent::ByClient, client.try_clone(), server.try_clone(), PREAMBLE),
                    (Sent::ByServer, Ok(server), Ok(client), answer),
                ];
                for (sent, from, to, prefix) in ways {
                    let (from, to) = (from.unwrap(), to.unwrap());
                    let (note, counts, keep) = (note.clone(), counts.clone(), keep.clone());
                    let way = Way { connection, sent, from, to, fault, note, counts, keep };
                    std::thread::spawn(move || way.pass(prefix));
                }
            }
        });
        Self { address, reached, passed, kept }
    }

    /// Waits until the fault has happened.
    pub(crate) fn wait(&self) {
        self.reached.recv_timeout(Duration::from_secs(60)).expect("the fault's frame must come");
    }

    /// Frame number `frame` of the first connection by the server, with its header.
    pub(crate) fn kept(&self, frame: usize) -> Vec<u8> {
        self.kept.lock().unwrap()[frame].clone()
    }

    /// How many frames `sent` has sent over connection `connection`.
    pub(crate) fn frames(&self, connection: usize, sent: Sent) -> usize {
        self.passed.lock().unwrap().get(&(connection, sent)).copied().unwrap_or(0)
    }
}

/// One direction of one connection.
struct Way {
    connection: usize,
    sent: Sent,
    from: TcpStream,
    to: TcpStream,
    fault: Option<(Moment, Fault)>,
    note: Sender<()>,
    counts: Passed,
    keep: Kept,
}

impl Way {
    fn pass(self, prefix: usize) {
        let outcome = self.frames(prefix);
        // Whatever ended it ends it for the receiver, too.
        let _ = self.to.shutdown(if outcome.is_ok() { Shutdown::Write } else { Shutdown::Both });
    }

    fn frames(&self, prefix: usize) -> io::Result<()> {
        let (mut from, mut to) = (&self.from, &self.to);
        to.set_nodelay(true)?;
        let mut first = vec![0; prefix];
        from.read_exact(&mut first)?;
        to.write_all(&first)?;
        for frame in 0.. {
            let mut bytes = vec![0; HEADER];
            match from.read_exact(&mut bytes) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                other => other?,
            }
            let length = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]) as usize;
            bytes.resize(HEADER + length, 0);
            from.read_exact(&mut bytes[HEADER..])?;
            *self.counts.lock().unwrap().entry((self.connection, self.sent)).or_default() += 1;
            if self.connection == 0 && self.sent == Sent::ByServer {
                self.keep.lock().unwrap().push(bytes.clone());
            }
            let here = Moment { connection: self.connection, sent: self.sent, frame };
            let fault = self.fault.filter(|&(moment, _)| moment == here).map(|(_, fault)| fault);
            if fault.is_some() {
                // A test may not care.
                let _ = self.note.send(());
            }
            match fault {
                Some(Fault::Stall) => {
                    io::copy(&mut from, &mut io::sink())?;
                    return Ok(());
                }
                Some(Fault::Cut) => {
                    to.write_all(&bytes[..HEADER + length / 2])?;
                    from.shutdown(Shutdown::Both)?;
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                Some(Fault::FlipHeader) => bytes[5] ^= 0x10,
                Some(Fault::FlipHeaderLate) => {
                    std::thread::sleep(LATE);
                    bytes[5] ^= 0x10;
                }
                Some(Fault::Repeat) => to.write_all(&bytes)?,
                Some(Fault::Lose) => continue,
                Some(Fault::Replace(other)) => bytes = other.to_vec(),
                None => {}
            }
            to.write_all(&bytes)?;
        }
        Ok(())
    }
}
