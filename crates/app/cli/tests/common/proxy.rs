//! A link between client and server that fails at a chosen message.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// What happens to a frame on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It and all that follows is withheld; the connections stay open as long as their ends do.
    Stall,
    /// Half of it is delivered, then both connections are closed.
    Cut,
    /// A bit of its header is flipped.
    FlipHeader,
}

/// Whose frames a fault concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    ByClient,
    ByServer,
}

/// What precedes the first frame: the client's preamble, the server's answer to it.
const PREAMBLE: usize = 36;
const ANSWER: usize = 13;
/// A frame's header; the payload's length is at 4..8, little-endian.
const HEADER: usize = 12;

/// Passes one connection on.
pub(crate) struct Proxy {
    /// What the client connects to.
    pub(crate) address: String,
    reached: Receiver<()>,
    frames: [Receiver<usize>; 2],
}

impl Proxy {
    /// A proxy before `server`. A fault is whose frames it concerns, the number of the frame, and what befalls it.
    pub(crate) fn start(server: &str, fault: Option<(Sent, usize, Fault)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = server.to_owned();
        let (note, reached) = channel();
        let (by_client, from_client) = channel();
        let (by_server, from_server) = channel();
        std::thread::spawn(move || {
            let (client, _) = listener.accept().unwrap();
            let server = TcpStream::connect(server).unwrap();
            let of = |sent| fault.filter(|&(who, ..)| who == sent).map(|(_, frame, fault)| (frame, fault));
            let pumps = [
                (
                    client.try_clone().unwrap(),
                    server.try_clone().unwrap(),
                    PREAMBLE,
                    Sent::ByClient,
                    by_client,
                ),
                (server, client, ANSWER, Sent::ByServer, by_server),
            ];
            for (from, to, prefix, sent, frames) in pumps {
                let (fault, note) = (of(sent), note.clone());
                std::thread::spawn(move || {
                    let mut passed = 0;
                    let outcome = pump(&from, &to, prefix, fault, &note, &mut passed);
                    // Whatever ended one way ends it for the other side, too.
                    let _ = to.shutdown(if outcome.is_ok() { Shutdown::Write } else { Shutdown::Both });
                    let _ = frames.send(passed);
                });
            }
        });
        Self { address, reached, frames: [from_client, from_server] }
    }

    /// Waits until the fault has happened.
    pub(crate) fn wait(&self) {
        self.reached.recv_timeout(Duration::from_secs(60)).expect("the fault's frame must come");
    }

    /// How many frames passed, by the client and by the server; waits for the end.
    pub(crate) fn frames(self) -> [usize; 2] {
        self.frames.map(|frames| frames.recv_timeout(Duration::from_secs(60)).unwrap())
    }
}

fn pump(
    mut from: &TcpStream,
    mut to: &TcpStream,
    prefix: usize,
    fault: Option<(usize, Fault)>,
    reached: &Sender<()>,
    passed: &mut usize,
) -> io::Result<()> {
    from.set_nodelay(true)?;
    let mut first = vec![0; prefix];
    from.read_exact(&mut first)?;
    to.write_all(&first)?;
    loop {
        let mut frame = vec![0; HEADER];
        match from.read_exact(&mut frame) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        }
        let length = u32::from_le_bytes([frame[4], frame[5], frame[6], frame[7]]) as usize;
        frame.resize(HEADER + length, 0);
        from.read_exact(&mut frame[HEADER..])?;
        match fault {
            Some((at, fault)) if at == *passed => {
                match fault {
                    Fault::Stall => {
                        let _ = reached.send(());
                        io::copy(&mut from, &mut io::sink())?;
                        return Ok(());
                    }
                    Fault::Cut => {
                        to.write_all(&frame[..HEADER + length / 2])?;
                        from.shutdown(Shutdown::Both)?;
                        let _ = reached.send(());
                        return Err(io::ErrorKind::ConnectionAborted.into());
                    }
                    Fault::FlipHeader => frame[5] ^= 0x10,
                }
                let _ = reached.send(());
            }
            _ => {}
        }
        to.write_all(&frame)?;
        *passed += 1;
    }
}
