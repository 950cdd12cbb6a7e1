//! The client's side: dialling.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

use super::open_session;
use super::preamble::{ANSWER_LEN, Preamble, StreamId, Verdict, read_within};
use super::stream::{Session, Side};
use crate::link::Link;
use crate::{Channel, LinkOptions, NetError, Result};

/// Pause between attempts at a server that does not listen yet.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Connects to the [`TcpAcceptor`](crate::TcpAcceptor) at `address`. While nobody listens there, tries again
/// until `timeout`, so that the order in which the parties start does not matter.
///
/// # Errors
/// [`NetError::Connect`] when no connection came about, [`NetError::Refused`] or [`NetError::Malformed`]
/// when the server did not accept it, [`NetError::Io`] when the address does not resolve.
pub fn tcp_connect(address: impl ToSocketAddrs, timeout: Duration) -> Result<Channel> {
    tcp_connect_with(address, timeout, &LinkOptions::default())
}

/// As [`tcp_connect`], with a deadline of the channel's waits and a link to simulate.
///
/// # Errors
/// As for [`tcp_connect`], and [`NetError::Shape`] when the link is impossible.
pub fn tcp_connect_with(
    address: impl ToSocketAddrs,
    timeout: Duration,
    options: &LinkOptions,
) -> Result<Channel> {
    let link = Link::new(options)?;
    let start = Instant::now();
    let (server, stream) = dial_any(address, start, timeout)?;
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| NetError::Io {
        context: "drawing a session's name",
        kind: io::ErrorKind::Other,
        message: error.to_string(),
    })?;
    let preamble = Preamble { session: id, stream: StreamId::ROOT };
    let mut answer = [0; ANSWER_LEN];
    introduce(&stream, &preamble, timeout)
        .and_then(|()| read_within(&stream, &mut answer, timeout.saturating_sub(start.elapsed())))
        .map_err(|error| NetError::Connect {
            addr: server,
            waited: start.elapsed(),
            reason: match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "it does not answer".to_owned(),
                io::ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
                _ => error.to_string(),
            },
        })?;
    Verdict::check(&answer)?;
    open_session(stream, Session { id, side: Side::Client { server }, link }, options.timeout)
}

/// Dials the connection of a fork.
pub(super) fn dial_fork(server: SocketAddr, preamble: &Preamble, timeout: Duration) -> Result<TcpStream> {
    let start = Instant::now();
    let dialled = dial(server, timeout).and_then(|stream| {
        introduce(&stream, preamble, timeout)?;
        Ok(stream)
    });
    dialled.map_err(|error| NetError::Connect {
        addr: server,
        waited: start.elapsed(),
        reason: error.to_string(),
    })
}

fn dial_any(
    address: impl ToSocketAddrs,
    start: Instant,
    timeout: Duration,
) -> Result<(SocketAddr, TcpStream)> {
    let resolving = |error| NetError::io("resolving the server's address", &error);
    let addresses: Vec<_> = address.to_socket_addrs().map_err(resolving)?.collect();
    let mut last = None;
    loop {
        let mut nobody_listens = false;
        for &addr in &addresses {
            let remaining = timeout.saturating_sub(start.elapsed());
            match dial(addr, remaining.max(Duration::from_millis(1))) {
                Ok(stream) => return Ok((addr, stream)),
                Err(error) => {
                    nobody_listens |= error.kind() == io::ErrorKind::ConnectionRefused;
                    last = Some((addr, error));
                }
            }
        }
        let Some((addr, error)) = &last else {
            return Err(resolving(io::Error::new(io::ErrorKind::NotFound, "the name has no address")));
        };
        if !nobody_listens || start.elapsed() + RETRY_PAUSE >= timeout {
            let (waited, reason) = (start.elapsed(), error.to_string());
            return Err(NetError::Connect { addr: *addr, waited, reason });
        }
        thread::sleep(RETRY_PAUSE);
    }
}

fn dial(addr: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&addr, timeout)?;
    // While nobody listens, a connection to a local port of the ephemeral range can come out at itself.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn introduce(mut stream: &TcpStream, preamble: &Preamble, timeout: Duration) -> io::Result<()> {
    stream.set_write_timeout(Some(timeout.max(Duration::from_millis(1))))?;
    stream.write_all(&preamble.encode())
}
