//! The helper: a third party that makes correlations, and sees neither weights nor inputs.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use veilflow_exec::cpu_seconds;
use veilflow_helper::{Served, Session};
use veilflow_net::{Channel, LinkOptions, LinkShape, NetError, memory_pair_with, tcp_connect_with};

use crate::error::randomness;
use crate::{Error, Listener, Result};

/// How often a helper looks whether it is done, or somebody waits in vain.
const TICK: Duration = Duration::from_millis(200);
/// Bytes that wait for a party to read before the helper stops working ahead.
const QUEUE: usize = 16 << 20;

/// How a helper works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HelperOptions {
    /// Sessions at once, 4 by default; the parties of further ones are refused.
    pub at_once: usize,
    /// Threads in which a session's layers are computed, 1 by default.
    pub threads: usize,
    /// How long a session waits for a client's next request, for a server's masked weights, or for a party to
    /// read; ten minutes by default.
    pub timeout: Duration,
    /// Bytes of masked weights that are kept for sessions to come, 2 GB by default: a server then sends a
    /// model's once. For room, the model least recently used goes; 0 keeps none.
    pub keep_weights: usize,
    /// Slow what the helper sends down to a link of this shape, to try it out on one machine.
    pub simulate_link: Option<LinkShape>,
}

impl Default for HelperOptions {
    fn default() -> Self {
        Self {
            at_once: 4,
            threads: 1,
            timeout: Duration::from_secs(600),
            keep_weights: 2_000_000_000,
            simulate_link: None,
        }
    }
}

/// A session as the helper saw it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HelperReport {
    /// Requests answered.
    pub requests: u64,
    /// Payload bytes to the server and to the client.
    pub sent: [u64; 2],
    /// Payload bytes from the server and from the client.
    pub received: [u64; 2],
    /// Of these, masked weights: none if they were kept from an earlier session.
    pub masked_weights: u64,
    /// CPU seconds of the whole process during the session.
    pub cpu_seconds: f64,
}

/// What a helper tells while it helps, from the thread of the session concerned.
#[derive(Debug)]
#[non_exhaustive]
pub enum HelperEvent<'a> {
    /// A session is over.
    Session {
        /// The session's number, from 1.
        session: usize,
        /// What it took.
        report: &'a HelperReport,
    },
    /// A session failed; others go on.
    Failed {
        /// The session's number, from 1.
        session: usize,
        /// Why.
        error: &'a Error,
    },
    /// Somebody was turned away: no party, one too many, or one that said nothing.
    TurnedAway {
        /// Why.
        error: &'a Error,
    },
}

/// A third party that makes correlations for servers and clients that choose
/// [`Supplier::Helper`](crate::Supplier::Helper): a run then takes a fraction of the time. It must collude
/// with neither, and must not see what they send each other.
///
/// It serves parties by TCP ([`Helper::serve`]), or in this process: its reference is the address then.
/// Cloning it gives another handle to the same helper.
///
/// ```
/// use veilflow::{Client, Connection, Helper, HelperOptions, Options, Server, demo};
///
/// let helper = Helper::new(&HelperOptions::default());
/// let options = Options::with_helper(&helper);
/// let model = demo::model()?;
/// let plan = model.plan().clone();
/// let server = Server::new(model, &options)?;
/// let (servers_end, clients_end) = Connection::pair();
/// std::thread::scope(|scope| {
///     scope.spawn(|| server.serve_one(servers_end, |_| {}));
///     let mut client = Client::open(clients_end, &plan, &options)?;
///     assert_eq!(client.infer(&demo::digit(3)?)?.outputs[0].top, 3);
///     client.finish()
/// })?;
/// # veilflow::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct Helper {
    inner: Arc<veilflow_helper::Helper>,
    options: HelperOptions,
}

impl fmt::Debug for Helper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Helper {
    /// A helper that serves nobody yet.
    pub fn new(options: &HelperOptions) -> Self {
        let inner = veilflow_helper::Helper::new(veilflow_helper::HelperOptions {
            at_once: options.at_once.max(1),
            threads: options.threads.max(1),
            timeout: options.timeout,
            keep: options.keep_weights,
        });
        Self { inner: Arc::new(inner), options: *options }
    }

    /// Serves who connects: pairs server and client, and works for each pair in a thread of its own. Ends
    /// after so many sessions, or never. Tells `observe` of sessions and of failures.
    ///
    /// # Errors
    /// [`Error::Connection`] if connections cannot be accepted. With a number of sessions,
    /// [`Error::SessionsFailed`] at the end.
    pub fn serve(
        &self,
        listener: &Listener,
        sessions: Option<usize>,
        observe: impl Fn(HelperEvent<'_>) + Sync,
    ) -> Result<()> {
        let link = LinkOptions { queue: QUEUE, ..self.link(self.options.simulate_link) };
        let counts = Counts::default();
        std::thread::scope(|scope| -> Result<()> {
            while sessions.is_none_or(|sessions| counts.ended.load(Ordering::Acquire) < sessions) {
                self.inner.dismiss(self.options.timeout);
                let channel = match listener.accept(TICK, &link) {
                    Ok(channel) => channel,
                    Err(NetError::Timeout { .. }) => continue,
                    Err(error) => return Err(error.into()),
                };
                if counts.present.load(Ordering::Acquire) >= 4 * self.options.at_once.max(1) {
                    // A crowd that says nothing: who comes now finds the connection closed.
                    continue;
                }
                counts.present.fetch_add(1, Ordering::AcqRel);
                let (counts, observe) = (&counts, &observe);
                scope.spawn(move || {
                    self.welcome(channel, counts, observe);
                    counts.present.fetch_sub(1, Ordering::AcqRel);
                });
            }
            Ok(())
        })?;
        match counts.failed.into_inner() {
            0 => Ok(()),
            failed => Err(Error::SessionsFailed { failed, sessions: counts.ended.into_inner() }),
        }
    }

    /// Takes a party in; the second of a session has it served.
    fn welcome(&self, channel: Channel, counts: &Counts, observe: &(impl Fn(HelperEvent<'_>) + Sync)) {
        match self.inner.welcome(channel) {
            Ok(None) => {}
            Ok(Some(parties)) => {
                let session = 1 + counts.begun.fetch_add(1, Ordering::AcqRel);
                match help(parties) {
                    Ok(report) => observe(HelperEvent::Session { session, report: &report }),
                    Err(error) => {
                        counts.failed.fetch_add(1, Ordering::AcqRel);
                        observe(HelperEvent::Failed { session, error: &error });
                    }
                }
                counts.ended.fetch_add(1, Ordering::AcqRel);
            }
            Err(error) => observe(HelperEvent::TurnedAway { error: &Error::Helper(error.into()) }),
        }
    }

    fn link(&self, shape: Option<LinkShape>) -> LinkOptions {
        LinkOptions { timeout: self.options.timeout, shape, ..LinkOptions::default() }
    }

    /// A party of this process connects. Should its session fail here, it fails there too.
    fn connect(&self, timeout: Duration) -> veilflow_net::Result<Channel> {
        let (ours, mut theirs) =
            memory_pair_with(&LinkOptions { queue: QUEUE, ..self.link(self.options.simulate_link) })?;
        theirs.set_timeout(timeout);
        self.inner.dismiss(self.options.timeout);
        let helper = self.inner.clone();
        let spawned = std::thread::Builder::new().name("veilflow-helper".to_owned()).spawn(move || {
            if let Ok(Some(parties)) = helper.welcome(ours) {
                let _ = help(parties);
            }
        });
        spawned.map_err(|error| NetError::Io {
            context: "starting a helper's thread",
            kind: error.kind(),
            message: error.to_string(),
        })?;
        Ok(theirs)
    }
}

/// Those being greeted and those being served, and sessions so far.
#[derive(Default)]
struct Counts {
    present: AtomicUsize,
    begun: AtomicUsize,
    ended: AtomicUsize,
    failed: AtomicUsize,
}

fn help(parties: Session<'_>) -> Result<HelperReport> {
    let before = cpu_seconds();
    let served = parties.serve(randomness()?);
    let Served { requests, meters, weight_bytes } = served.map_err(|e| Error::Helper(e.into()))?;
    Ok(HelperReport {
        requests,
        sent: meters.map(|meter| meter.sent),
        received: meters.map(|meter| meter.received),
        masked_weights: weight_bytes,
        cpu_seconds: cpu_seconds() - before,
    })
}

/// Where a party finds the helper: an address `HOST:PORT`, or a [`Helper`] in this process.
#[derive(Debug, Clone)]
pub struct HelperAddress(Address);

#[derive(Debug, Clone)]
enum Address {
    Tcp(String),
    InProcess(Helper),
}

impl HelperAddress {
    pub(crate) fn connect(&self, link: &LinkOptions) -> veilflow_net::Result<Channel> {
        match &self.0 {
            Address::Tcp(address) => tcp_connect_with(address.as_str(), link.timeout, link),
            Address::InProcess(helper) => helper.connect(link.timeout),
        }
    }
}

impl From<&str> for HelperAddress {
    fn from(address: &str) -> Self {
        Self(Address::Tcp(address.to_owned()))
    }
}

impl From<String> for HelperAddress {
    fn from(address: String) -> Self {
        Self(Address::Tcp(address))
    }
}

impl From<SocketAddr> for HelperAddress {
    fn from(address: SocketAddr) -> Self {
        Self(Address::Tcp(address.to_string()))
    }
}

impl From<&Helper> for HelperAddress {
    fn from(helper: &Helper) -> Self {
        Self(Address::InProcess(helper.clone()))
    }
}
