//! The server: it has the weights, and learns nothing.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use veilflow_exec::{
    Distance, Links, Prediction, RunLimit, ServerCache, SessionOptions, WeightCache, WeightMasks,
};
use veilflow_net::{Channel, NetError, Role};

use crate::conversation::{accept_shared, is_more};
use crate::error::randomness;
use crate::holding::Holding;
use crate::run_count;
use crate::runs::{Runs, Terms};
use crate::{
    Connection, Error, Listener, Options, Plan, Result, Served, ServerEvent, ServerSide, Serving, ShareStore,
};

/// How often a server looks whether there is room for another session.
const TICK: Duration = Duration::from_millis(200);
/// How long a server that serves for ever waits for a client at a time.
const LONG: Duration = Duration::from_secs(3600);

/// A server of one model, for any number of sessions, one after another or at once.
///
/// ```no_run
/// use veilflow::{Listener, Model, Options, Server, ServerEvent, Serving};
///
/// let server = Server::new(Model::load("served/")?, &Options::default())?;
/// let listener = Listener::bind("0.0.0.0:7451")?;
/// server.serve(&listener, &Serving::default(), |event| match event {
///     ServerEvent::Run { run, .. } => println!("a run took {:.2} s online", run.report.online().seconds),
///     event => eprintln!("{event:?}"),
/// })?;
/// # veilflow::Result::Ok(())
/// ```
pub struct Server {
    plan: Plan,
    holding: Arc<Holding>,
    options: Options,
    session: SessionOptions,
    /// What sessions leave for later ones.
    kept: ServerCache,
    shares: Option<Arc<dyn ShareStore>>,
    idle: Duration,
}

/// Its plan and options; no weights.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({:?}, {:?})", self.plan, self.options)
    }
}

/// What a run leaves unhidden of the weights.
fn hiding(plan: &Plan, options: &SessionOptions) -> Result<Distance> {
    Ok(Prediction::of(plan.ir(), options).map_err(Error::in_session)?.distance)
}

impl Server {
    /// Bytes of transformed weights that a server keeps for all its sessions, unless told otherwise.
    pub const WEIGHT_CACHE: usize = 256_000_000;

    /// A server of a [`Model`](crate::Model), or of the first half of one. With the supplier
    /// [`He`](crate::Supplier::He), transformed weights are kept for later sessions, and with a helper, their
    /// masks are, so that later sessions take less time and fewer bytes.
    ///
    /// # Errors
    /// [`Error::Option`], [`Error::NoHelper`], [`Error::UnusedHelper`], [`Error::Session`] for options that
    /// do not fit; [`Error::WrongHalf`]; [`Error::System`] if the system has no randomness to give.
    pub fn new(side: impl Into<ServerSide>, options: &Options) -> Result<Self> {
        let side = side.into();
        options.check_helper()?;
        let (plan, holding) = (side.plan().clone(), side.holding()?);
        let session = options.session(&plan, &holding)?;
        let kept = ServerCache {
            runs: Some(Arc::new(RunLimit::in_memory(hiding(&plan, &session)?))),
            transformed: Some(Arc::new(WeightCache::new(Self::WEIGHT_CACHE))),
            masks: Some(Arc::new(WeightMasks::new(&mut randomness()?))),
        };
        let (holding, options) = (Arc::new(holding), options.clone());
        let idle = Duration::from_secs(600).max(options.timeout);
        Ok(Self { plan, holding, options, session, kept, shares: None, idle })
    }

    /// Keeps transformed weights in at most so many bytes, or none.
    pub fn with_weight_cache(mut self, bytes: Option<usize>) -> Self {
        self.kept.transformed = bytes.map(|limit| Arc::new(WeightCache::new(limit)));
        self
    }

    /// Counts runs in the file `path`, which all servers of the same weights share, and which must live as
    /// long as the weights are secret: with [`He`](crate::Supplier::He) each run leaves a little of them
    /// unhidden, and a server prepares no more runs than are within a statistical distance of 2^−30 together.
    /// Without a file a server counts its own runs. [`Inspection::hiding`](crate::Inspection::hiding) tells
    /// the number.
    ///
    /// # Errors
    /// [`Error::Session`] if the supplier cannot run the plan.
    pub fn with_run_count(mut self, path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let distance = hiding(&self.plan, &self.session)?;
        self.kept.runs = Some(Arc::new(RunLimit::new(distance, move |runs| run_count::add(&path, runs))));
        Ok(self)
    }

    /// With a helper: masks the weights anew for each session, so that the helper can keep none of them. Each
    /// session then sends them again. SECURITY.md of the repository says what keeping them asks of the three
    /// parties.
    pub fn with_fresh_masks(mut self) -> Self {
        self.kept.masks = None;
        self
    }

    /// Runs on secret-shared inputs from `store`, which shares of outputs go to; for
    /// [`Options::shared_inputs`].
    pub fn with_shares(mut self, store: Arc<dyn ShareStore>) -> Self {
        self.shares = Some(store);
        self
    }

    /// Gives up a client that begins no run for so long, whether it prepares runs or waits for an input: ten
    /// minutes by default, and at least [`Options::timeout`].
    pub fn with_idle_limit(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// The plan that it runs.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Opens a session with the client at the other end of a connection, which takes the server's end of
    /// [`Connection::pair`] or one from [`Server::accept`]. The session is an iterator: each step is a run.
    ///
    /// # Errors
    /// [`Error::Connection`] if the client leaves, or the handshake finds a difference; [`Error::Session`] if
    /// the helper cannot be reached; [`Error::NoShares`].
    pub fn session(&self, connection: Connection) -> Result<ServerSession> {
        if self.options.shared_inputs && self.shares.is_none() {
            return Err(Error::NoShares);
        }
        let channel = connection.channel(self.options.timeout);
        let links = Links { cache: self.kept.clone(), ..self.options.links(channel) };
        let timeout = self.options.timeout;
        let (plan, holding, options) = (self.plan.clone(), self.holding.clone(), self.session);
        let runs = Runs::open(links, Role::P0, Terms { plan, holding, options, timeout })?;
        let shares = self.shares.clone().filter(|_| self.options.shared_inputs);
        Ok(ServerSession { runs, shares, timeout, idle: self.idle, over: false })
    }

    /// Waits at most `wait` for a client to connect; `None` if none did. For programs with a loop of their
    /// own; others use [`Server::serve`].
    ///
    /// # Errors
    /// [`Error::Connection`].
    pub fn accept(&self, listener: &Listener, wait: Duration) -> Result<Option<Connection>> {
        match listener.accept(wait, &self.options.connection()) {
            Ok(channel) => Ok(Some(Connection::new(channel))),
            Err(NetError::Timeout { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Serves who connects, each session in a thread of its own, and tells `observe` of runs and of failures.
    ///
    /// # Errors
    /// [`Error::Connection`] if connections cannot be accepted. With a number of sessions:
    /// [`Error::NoClient`] if one does not begin within the options' timeout, and [`Error::SessionsFailed`]
    /// at the end.
    pub fn serve(
        &self,
        listener: &Listener,
        serving: &Serving,
        observe: impl Fn(ServerEvent<'_>) + Sync,
    ) -> Result<()> {
        let (running, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut number = 0;
        std::thread::scope(|scope| -> Result<()> {
            while serving.sessions.is_none_or(|sessions| number < sessions) {
                if running.load(Ordering::Acquire) >= serving.at_once.max(1) {
                    std::thread::sleep(TICK);
                    continue;
                }
                let Some(channel) = self.next_client(listener, serving)? else { continue };
                number += 1;
                running.fetch_add(1, Ordering::AcqRel);
                let (session, running, failed, observe) = (number, &running, &failed, &observe);
                scope.spawn(move || {
                    let run = |run: &Served| observe(ServerEvent::Run { session, run });
                    if let Err(error) = self.serve_one(Connection::new(channel), run) {
                        failed.fetch_add(1, Ordering::AcqRel);
                        observe(ServerEvent::Failed { session, error: &error });
                    }
                    running.fetch_sub(1, Ordering::AcqRel);
                });
            }
            Ok(())
        })?;
        match failed.into_inner() {
            0 => Ok(()),
            failed => Err(Error::SessionsFailed { failed, sessions: number }),
        }
    }

    /// With a number of sessions to serve the wait for the next is bounded, else it goes on.
    fn next_client(&self, listener: &Listener, serving: &Serving) -> Result<Option<Channel>> {
        let wait = if serving.sessions.is_none() { LONG } else { self.options.timeout };
        match listener.accept(wait, &self.options.connection()) {
            Ok(channel) => Ok(Some(channel)),
            Err(NetError::Timeout { .. }) if serving.sessions.is_none() => Ok(None),
            Err(source @ NetError::Timeout { .. }) => Err(Error::NoClient { source }),
            Err(error) => Err(error.into()),
        }
    }

    /// A whole session: tells `observe` of every run.
    ///
    /// # Errors
    /// Those of [`Server::session`], and what the session ended with.
    pub fn serve_one(&self, connection: Connection, mut observe: impl FnMut(&Served)) -> Result<()> {
        self.session(connection)?.try_for_each(|run| run.map(|run| observe(&run)))
    }
}

/// A server's session with a client: each step is a run, until the client has no more or the session fails.
///
/// ```
/// use veilflow::{Client, Connection, Options, Server, Supplier, demo};
///
/// let options = Options { supplier: Supplier::Ot, ..Options::default() };
/// let server = Server::new(demo::model()?, &options)?;
/// let (servers_end, clients_end) = Connection::pair();
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         let mut client = Client::open(clients_end, server.plan(), &options)?;
///         client.infer(&demo::digit(1)?)?;
///         client.finish()
///     });
///     for run in server.session(servers_end)? {
///         println!("a run took {:.2} s online", run?.report.online().seconds);
///     }
///     veilflow::Result::Ok(())
/// })?;
/// # veilflow::Result::Ok(())
/// ```
pub struct ServerSession {
    runs: Runs,
    shares: Option<Arc<dyn ShareStore>>,
    timeout: Duration,
    idle: Duration,
    over: bool,
}

impl fmt::Debug for ServerSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerSession({:?})", self.runs.plan())
    }
}

impl ServerSession {
    fn run(&mut self) -> Result<Option<Served>> {
        let (timeout, idle) = (self.timeout, self.idle);
        let more = self.runs.talk(|channel| {
            channel.set_timeout(idle);
            let more = is_more(channel);
            channel.set_timeout(timeout);
            more
        });
        if !more? {
            return Ok(None);
        }
        let Some(store) = self.shares.clone() else {
            let report = self.runs.run(None)?.report;
            return Ok(Some(Served { input: None, report }));
        };
        let plan = self.runs.plan().clone();
        let run = self.runs.talk(|channel| accept_shared(channel, &plan, &*store))?;
        let input = run.input.id();
        let (output, report) = self.runs.run_shared(run)?;
        store.keep(input, output)?;
        Ok(Some(Served { input: Some(input), report }))
    }
}

impl Iterator for ServerSession {
    type Item = Result<Served>;

    fn next(&mut self) -> Option<Result<Served>> {
        if self.over {
            return None;
        }
        let run = self.run().transpose();
        if !matches!(run, Some(Ok(_))) {
            self.over = true;
            self.runs.close();
        }
        run
    }
}
