//! The client's side: connecting.

use std::io;
use std::net::ToSocketAddrs;
use std::time::{Duration, Instant};

use super::dial::{dial_any, introduce};
use super::preamble::{ANSWER_LEN, Preamble, StreamId, Verdict, read_within};
use super::stream::{Session, Side, open_session};
use crate::link::Link;
use crate::{Channel, LinkOptions, NetError, Result};

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
