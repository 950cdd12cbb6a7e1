//! The server's listening thread, which routes connections by their preambles.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::preamble::{PREAMBLE_LEN, Preamble, Rejected, StreamId, Verdict, read_within};
use super::registry::Registry;

/// How long a new connection may take to say what it is for.
const PREAMBLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Keeps the listening thread alive. The acceptor holds it, and its sessions do, which need it to fork.
pub(super) struct Listening {
    pub(super) registry: Arc<Registry>,
    pub(super) local_addr: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Listening {
    /// Starts to listen at `address`.
    pub(super) fn start(address: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let local_addr = listener.local_addr()?;
        let registry = Arc::<Registry>::default();
        let served = registry.clone();
        let thread = thread::Builder::new()
            .name("veilflow-acceptor".to_owned())
            .spawn(move || listen(&listener, &served))?;
        Ok(Self { registry, local_addr, thread: Some(thread) })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.registry.stop();
        // The thread waits for a connection, so it gets one. Should that fail, it ends at the next.
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

/// The listening thread.
fn listen(listener: &TcpListener, registry: &Arc<Registry>) {
    loop {
        let accepted = listener.accept();
        if registry.stopped() {
            return;
        }
        match accepted {
            Ok((stream, _)) => greet(stream, registry),
            // There may be no descriptors left. Others get time to close theirs.
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Reads the preamble in a thread of its own, as the connection may be silent. A connection without one is
/// dropped.
fn greet(stream: TcpStream, registry: &Arc<Registry>) {
    let Ok(handle) = stream.try_clone() else { return };
    let ticket = registry.greet(handle);
    let served = registry.clone();
    let spawned = thread::Builder::new().name("veilflow-greeter".to_owned()).spawn(move || {
        let mut bytes = [0; PREAMBLE_LEN];
        let read = read_within(&stream, &mut bytes, PREAMBLE_TIMEOUT);
        served.greeted(ticket);
        if read.is_ok() {
            route(Preamble::decode(&bytes), stream, &served);
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
