//! Channels over TCP, one connection a stream.
//!
//! The client dials one connection for the session and one more for each fork. Each starts with a
//! [preamble] of 36 bytes, by which the server's acceptor routes it: to `accept` when it opens a
//! session, to the fork that waits for it otherwise. Anything else is dropped.

mod accept;
mod connect;
mod preamble;
mod registry;
mod stream;

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use crate::{Channel, Result};

pub use accept::TcpAcceptor;
pub use connect::{tcp_connect, tcp_connect_with};
use preamble::StreamId;
use stream::{Session, TcpTransport};

/// A channel over the first connection of a session.
fn open_session(stream: TcpStream, session: Session, timeout: Duration) -> Result<Channel> {
    let mut channel = Channel::new(Box::new(TcpTransport::open(stream, Arc::new(session), StreamId::ROOT)?));
    channel.set_timeout(timeout);
    Ok(channel)
}
