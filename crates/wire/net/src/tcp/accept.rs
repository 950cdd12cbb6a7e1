//! The server's side: accepting.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use super::listening::Listening;
use super::stream::{Session, Side, open_session};
use crate::link::Link;
use crate::{Channel, LinkOptions, NetError, Result};

/// Accepts sessions at an address, one after another or several at once.
///
/// Connections that are not ours are dropped without disturbing the others. The number of connections that
/// wait for anything is bounded. Channels stay usable, and may fork, after the acceptor is dropped; the
/// address is free once they are gone too.
pub struct TcpAcceptor {
    listening: Arc<Listening>,
}

impl TcpAcceptor {
    /// Starts to listen at `address`; port 0 picks a free one.
    ///
    /// # Errors
    /// [`NetError::Io`] when the address does not resolve or is taken.
    pub fn bind(address: impl ToSocketAddrs) -> Result<Self> {
        let listening = Listening::start(address);
        let listening = listening.map_err(|error| NetError::io("listening for clients", &error))?;
        Ok(Self { listening: Arc::new(listening) })
    }

    /// The address clients connect to.
    pub fn local_addr(&self) -> SocketAddr {
        self.listening.local_addr
    }

    /// Waits at most `timeout` for a client, and opens a channel to it.
    ///
    /// # Errors
    /// [`NetError::Timeout`] when none came.
    pub fn accept(&self, timeout: Duration) -> Result<Channel> {
        self.accept_with(timeout, &LinkOptions::default())
    }

    /// As [`accept`](Self::accept), with a deadline of the channel's waits and a link to simulate.
    ///
    /// # Errors
    /// As for [`accept`](Self::accept), and [`NetError::Shape`] when the link is impossible.
    pub fn accept_with(&self, timeout: Duration, options: &LinkOptions) -> Result<Channel> {
        let link = Link::new(options)?;
        let (id, stream) = self.listening.registry.accept(timeout)?;
        let side = Side::Server { listening: self.listening.clone() };
        open_session(stream, Session { id, side, link }, options.timeout)
    }
}

impl fmt::Debug for TcpAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpAcceptor").field("local_addr", &self.local_addr()).finish_non_exhaustive()
    }
}

impl Drop for TcpAcceptor {
    fn drop(&mut self) {
        self.listening.registry.close_to_newcomers();
    }
}
