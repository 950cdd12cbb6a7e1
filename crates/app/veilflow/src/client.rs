//! The client: it has the input, and learns the answer.

use std::net::ToSocketAddrs;
use std::sync::Arc;

use veilflow_exec::{MAX_READY, Overflow};
use veilflow_net::{Role, tcp_connect_with};

use crate::conversation::{begin, begin_shared, finish};
use crate::output::outputs;
use crate::runs::{Ran, Runs, Terms};
use crate::{
    Answer, ClientSide, Connection, Error, InputShare, Options, OutOfRange, Plan, Progress, Result,
    SharedAnswer,
};

/// A client's session with a server: any number of private runs of one model.
///
/// Most of a run's work needs no input: [`Client::prepare`] does it ahead, and [`Client::infer`] then takes
/// online time alone. A session is for work at hand: a server gives up a client that does neither for long
/// ([`Server::with_idle_limit`]), and connecting anew takes some tenths of a second.
///
/// After an error in the middle of a run the session is over, and every further call returns [`Error::Over`].
///
/// [`Server::with_idle_limit`]: crate::Server::with_idle_limit
///
/// ```
/// use veilflow::{Client, Connection, Options, Server, demo};
///
/// let model = demo::model()?;
/// let plan = model.plan().clone();
/// let server = Server::new(model, &Options::default())?;
/// let (servers_end, clients_end) = Connection::pair();
/// std::thread::scope(|scope| {
///     scope.spawn(|| server.session(servers_end)?.collect::<veilflow::Result<Vec<_>>>());
///     let mut client = Client::open(clients_end, &plan, &Options::default())?;
///     client.prepare(1)?;
///     let answer = client.infer(&demo::digit(7)?)?;
///     assert_eq!(answer.outputs[0].top, 7);
///     client.finish()
/// })?;
/// # veilflow::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct Client {
    runs: Runs,
    shared_inputs: bool,
    out_of_range: OutOfRange,
}

impl Client {
    /// The most runs that can be prepared ahead.
    pub const MAX_PREPARED: usize = MAX_READY;

    /// Connects to a server by TCP, and agrees with it on what to run. A server that does not listen yet is
    /// tried again until the options' timeout.
    ///
    /// # Errors
    /// [`Error::Option`], [`Error::NoHelper`], [`Error::Session`] for options that do not fit, before
    /// anything is sent; [`Error::Connection`] if the server cannot be reached, or the handshake finds a
    /// difference; [`Error::WrongHalf`].
    pub fn connect(
        server: impl ToSocketAddrs,
        side: impl Into<ClientSide>,
        options: &Options,
    ) -> Result<Self> {
        let terms = terms(side.into(), options)?;
        let channel = tcp_connect_with(server, options.timeout, &options.connection())?;
        Self::start(Connection::new(channel), terms, options)
    }

    /// As [`Client::connect`], over a connection that is there: the second end of [`Connection::pair`].
    ///
    /// # Errors
    /// Those of [`Client::connect`].
    pub fn open(connection: Connection, side: impl Into<ClientSide>, options: &Options) -> Result<Self> {
        Self::start(connection, terms(side.into(), options)?, options)
    }

    fn start(connection: Connection, terms: Terms, options: &Options) -> Result<Self> {
        let links = options.links(connection.channel(options.timeout));
        let Options { shared_inputs, out_of_range, .. } = *options;
        Ok(Self { runs: Runs::open(links, Role::P1, terms)?, shared_inputs, out_of_range })
    }

    /// The plan that the session runs.
    pub fn plan(&self) -> &Plan {
        self.runs.plan()
    }

    /// Calls `watch` before each step from now on, in whatever thread takes it.
    pub fn on_progress(&self, watch: impl Fn(Progress<'_>) + Send + Sync + 'static) {
        self.runs.watcher().set(watch);
    }

    /// Has runs prepared until `runs` are ready, and waits for them: each makes the correlations of one run,
    /// the offline phase, which is most of its work. Runs prepared before count.
    ///
    /// # Errors
    /// [`Error::TooManyPrepared`] beyond [`Client::MAX_PREPARED`], [`Error::JustInTime`];
    /// [`Error::Connection`] and [`Error::Session`] if preparation failed: runs prepared before can still be
    /// used.
    pub fn prepare(&mut self, runs: usize) -> Result<()> {
        self.stock(runs)?.fill(runs).map_err(Error::in_session)
    }

    /// Has runs prepared until `runs` are ready, in the background, and returns at once. While one run is
    /// online, the next can be prepared. What preparation fails with is told by the run that needs it.
    ///
    /// # Errors
    /// [`Error::TooManyPrepared`] beyond [`Client::MAX_PREPARED`]; [`Error::JustInTime`].
    pub fn prepare_in_background(&mut self, runs: usize) -> Result<()> {
        self.stock(runs)?.order(runs).map_err(Error::in_session)
    }

    /// The number of runs that are prepared.
    pub fn prepared(&mut self) -> usize {
        self.runs.stock().map_or(0, |stock| stock.ready())
    }

    fn stock(&mut self, runs: usize) -> Result<&mut veilflow_exec::Stock> {
        let limit = Self::MAX_PREPARED;
        if runs > limit {
            return Err(Error::TooManyPrepared { runs, limit });
        }
        self.runs.stock()
    }

    /// Runs the model on a sample. A run that was prepared takes online time alone; else it is prepared
    /// first.
    ///
    /// # Errors
    /// [`Error::SampleLength`], and [`Error::OutOfRange`] unless the options say to clip, before anything is
    /// sent; [`Error::InputsAreShared`]; [`Error::Connection`] and [`Error::Session`] if the run failed.
    pub fn infer(&mut self, sample: &[f32]) -> Result<Answer> {
        if self.shared_inputs {
            return Err(Error::InputsAreShared);
        }
        let (outside, values) = self.plan().encode(sample, self.out_of_range)?;
        self.runs.talk(begin)?;
        let Ran { outputs: results, overflow, report } = self.runs.run(Some(&values))?;
        let overflow = if let Overflow::Known(bit) = overflow { Some(bit) } else { None };
        Ok(Answer { outputs: outputs(self.plan().ir(), &results), outside, overflow, report })
    }

    /// Runs the model on an input of which the server has the other half, in a session with
    /// [`Options::shared_inputs`]. Neither party learns input or output: each ends with half of the output,
    /// which [`Plan::open`] puts together.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use veilflow::{Client, Connection, Options, OutOfRange, Server, ShareMemory, Supplier, demo};
    ///
    /// let model = demo::model()?;
    /// // The data owner splits the picture.
    /// let [first, second] = model.plan().split(&demo::digit(5)?, OutOfRange::Refuse)?.shares;
    /// let (id, store) = (first.id(), Arc::new(ShareMemory::default()));
    /// store.put(first);
    /// let options = Options { shared_inputs: true, supplier: Supplier::Ot, ..Options::default() };
    /// let server = Server::new(model, &options)?.with_shares(store.clone());
    /// let (servers_end, clients_end) = Connection::pair();
    /// let theirs = std::thread::scope(|scope| {
    ///     let serving = scope.spawn(|| server.serve_one(servers_end, |_| {}));
    ///     let mut client = Client::open(clients_end, server.plan(), &options)?;
    ///     let answer = client.infer_shared(second)?;
    ///     client.finish()?;
    ///     serving.join().expect("the server does not panic")?;
    ///     veilflow::Result::Ok(answer.output)
    /// })?;
    /// // The data owner puts the halves of the output together.
    /// let ours = store.take(id).expect("the run is over");
    /// assert_eq!(server.plan().open(&ours, &theirs)?.outputs[0].top, 5);
    /// # veilflow::Result::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InputsAreOwn`], [`Error::WrongHalf`], before anything is sent; [`Error::PeerLacksShare`];
    /// [`Error::Connection`] and [`Error::Session`] if the run failed.
    pub fn infer_shared(&mut self, input: InputShare) -> Result<SharedAnswer> {
        if !self.shared_inputs {
            return Err(Error::InputsAreOwn);
        }
        if input.party() != Role::P1 {
            return Err(Error::WrongHalf { holder: "this is".to_owned(), party: 0, of: "an input" });
        }
        let run = self.runs.talk(|channel| begin_shared(channel, input))?;
        let (output, report) = self.runs.run_shared(run)?;
        Ok(SharedAnswer { output, report })
    }

    /// Ends the session well: the server learns that there will be no more runs. Dropping a client does so
    /// too, and tells nobody if that fails.
    ///
    /// # Errors
    /// [`Error::Over`]; [`Error::Connection`].
    pub fn finish(mut self) -> Result<()> {
        let told = self.runs.talk(finish);
        self.runs.close();
        told
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // There is nobody to tell of a failure.
        let _ = self.runs.talk(finish);
    }
}

/// What a client's session is about.
fn terms(side: ClientSide, options: &Options) -> Result<Terms> {
    options.check_helper()?;
    let (plan, holding) = (side.plan().clone(), side.holding()?);
    let session = options.session(&plan, &holding)?;
    Ok(Terms { plan, holding: Arc::new(holding), options: session, timeout: options.timeout })
}
