//! Connections between parties: TCP, and channels within one process.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use veilflow_net::{Channel, LinkOptions, TcpAcceptor, memory_pair};

use crate::{Error, Result};

/// One end of a connection between two parties. It is neither encrypted nor authenticated: over a network
/// that is not trusted, put it inside TLS or a VPN.
pub struct Connection(Channel);

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection(..)")
    }
}

impl Connection {
    /// Two ends within this process: the server's, then the client's.
    pub fn pair() -> (Self, Self) {
        let (server, client) = memory_pair();
        (Self(server), Self(client))
    }

    pub(crate) fn new(channel: Channel) -> Self {
        Self(channel)
    }

    /// The channel, each of whose waits ends after `timeout`.
    pub(crate) fn channel(mut self, timeout: Duration) -> Channel {
        self.0.set_timeout(timeout);
        self.0
    }
}

/// A TCP address at which a server or a helper listens.
///
/// ```
/// use veilflow::Listener;
///
/// let listener = Listener::bind("127.0.0.1:0")?;
/// assert_ne!(listener.address().port(), 0);
/// # veilflow::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct Listener(TcpAcceptor);

impl Listener {
    /// Listens at `address`; port 0 takes a free one. The address is free again once the listener and all its
    /// connections are dropped.
    ///
    /// # Errors
    /// [`Error::Listen`] for an address that does not resolve or is taken.
    pub fn bind(address: impl ToSocketAddrs + fmt::Display) -> Result<Self> {
        let bound = TcpAcceptor::bind(&address);
        Ok(Self(bound.map_err(|source| Error::Listen { address: address.to_string(), source })?))
    }

    /// The address that others connect to.
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr()
    }

    pub(crate) fn accept(&self, wait: Duration, link: &LinkOptions) -> veilflow_net::Result<Channel> {
        self.0.accept_with(wait, link)
    }
}
