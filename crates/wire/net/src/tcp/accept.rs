//! The server's side: listening.

use std::fmt;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::open_session;
use super::preamble::{PREAMBLE_LEN, Preamble, Rejected, StreamId, Verdict, read_within};
use super::registry::Registry;
use super::stream::{Session, Side};
use crate::link::Link;
use crate::{Channel, LinkOptions, NetError, Result};

/// How long a new connection may take to say what it is for.
const PREAMBLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Accepts sessions at an address, one after another or several at once.
///
/// Connections that are not ours are dropped without disturbing the others, and the number of connections
/// that wait for anything is bounded. Channels stay usable, and may fork, after the acceptor is dropped; the
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
        let failed = |error| NetError::io("listening for clients", &error);
        let listener = TcpListener::bind(address).map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        let registry = Arc::<Registry>::default();
        let shared = registry.clone();
        let thread = thread::Builder::new()
            .name("veilflow-acceptor".to_owned())
            .spawn(move || listen(&listener, &shared))
            .map_err(failed)?;
        Ok(Self { listening: Arc::new(Listening { registry, local_addr, thread: Some(thread) }) })
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

/// Keeps the acceptor's thread alive; held by the acceptor and by its sessions, which need it to fork.
pub(super) struct Listening {
    pub(super) registry: Arc<Registry>,
    local_addr: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.registry.stop();
        // The thread waits for a connection, so give it one. Should that fail, it ends at the next.
        let mut addr = self.local_addr;
        match addr.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => addr.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => addr.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        if TcpStream::connect_timeout(&addr, Duration::from_secs(1)).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

/// The acceptor's thread.
fn listen(listener: &TcpListener, registry: &Arc<Registry>) {
    loop {
        let accepted = listener.accept();
        if registry.stopped() {
            return;
        }
        match accepted {
            Ok((stream, _)) => greet(stream, registry),
            // Out of descriptors, say: give others time to close theirs.
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Reads the preamble in a thread of its own, as the connection may be silent. Failing that, drops it.
fn greet(stream: TcpStream, registry: &Arc<Registry>) {
    let Ok(handle) = stream.try_clone() else { return };
    let ticket = registry.greet(handle);
    let shared = registry.clone();
    let spawned = thread::Builder::new().name("veilflow-greeter".to_owned()).spawn(move || {
        let mut bytes = [0; PREAMBLE_LEN];
        let read = read_within(&stream, &mut bytes, PREAMBLE_TIMEOUT);
        shared.greeted(ticket);
        if read.is_ok() {
            route(Preamble::decode(&bytes), stream, &shared);
        }
    });
    if spawned.is_err() {
        registry.greeted(ticket);
    }
}

fn route(preamble: std::result::Result<Preamble, Rejected>, stream: TcpStream, registry: &Registry) {
    let answer = |verdict: Verdict| {
        stream.set_write_timeout(Some(PREAMBLE_TIMEOUT))?;
        (&stream).write_all(&verdict.encode())
    };
    // An answer that does not arrive needs no handling: the connection is dropped in any case.
    match preamble {
        Err(Rejected::NotOurs) => {}
        Err(Rejected::OtherVersion) => drop(answer(Verdict::OtherVersion)),
        Ok(preamble) if preamble.stream != StreamId::ROOT => registry.offer(&preamble, stream),
        Ok(Preamble { session, .. }) => {
            if registry.admit(session) {
                let welcomed = answer(Verdict::Welcome).is_ok();
                registry.enqueue(session, welcomed.then_some(stream));
            } else {
                drop(answer(Verdict::Busy));
            }
        }
    }
}
