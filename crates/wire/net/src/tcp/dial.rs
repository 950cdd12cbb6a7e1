//! Connections from the client to the server.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

use super::preamble::Preamble;
use crate::{NetError, Result};

/// Pause between attempts at a server that does not listen yet.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

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

/// Dials the endpoints of an address until one answers. While nobody listens at some, tries again until
/// `timeout`.
pub(super) fn dial_any(
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

/// Sends the preamble.
pub(super) fn introduce(mut stream: &TcpStream, preamble: &Preamble, timeout: Duration) -> io::Result<()> {
    stream.set_write_timeout(Some(timeout.max(Duration::from_millis(1))))?;
    stream.write_all(&preamble.encode())
}
