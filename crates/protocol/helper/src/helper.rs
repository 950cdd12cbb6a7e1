//! The third party's side: parties arrive, are paired by their session id, and are served.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use veilflow_net::{Channel, Meter, Role};
use veilflow_prim::Prg;

use crate::job::Job;
use crate::key::{Public, Secret, SessionId, SessionKey};
use crate::message::{BUSY, Hello, WELCOME, receive_request, send_batch};
use crate::{HelperError, Result, batch};

const NAMES: [&str; 2] = ["server", "client"];

/// How long a newcomer may take to say who it is.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// How a helper works.
#[derive(Debug, Clone, Copy)]
pub struct HelperOptions {
    /// Sessions at once; twice as many parties may wait for their peers.
    pub at_once: usize,
    /// Threads in which a session's layers are computed.
    pub threads: usize,
    /// How long a session waits for a client's next request, or for a party to read.
    pub timeout: Duration,
}

/// A helper for any number of sessions, one after another or several at once.
///
/// It holds nothing between sessions but the parties that wait for their peers.
pub struct Helper {
    options: HelperOptions,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: HashMap<SessionId, Arrived>,
    serving: usize,
}

/// A party whose hello has been read.
struct Arrived {
    role: Role,
    public: Public,
    channel: Channel,
    since: Instant,
}

/// What a session was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// Requests answered.
    pub requests: u64,
    /// Payload bytes with P0 and with P1.
    pub meters: [Meter; 2],
}

impl fmt::Debug for Helper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        write!(f, "Helper({} waiting, {} sessions)", state.waiting.len(), state.serving)
    }
}

impl Helper {
    /// A helper that serves nobody yet.
    pub fn new(options: HelperOptions) -> Self {
        Self { options, state: Mutex::default() }
    }

    /// Takes a party in, whoever it is. The first of a session is left waiting for its peer; the second brings the session.
    /// Reading the hello may take a while: give each newcomer a thread.
    ///
    /// # Errors
    /// A party that says nothing, or no hello; or there is no room. Its connection is closed.
    pub fn welcome(&self, mut channel: Channel) -> Result<Option<Session<'_>>> {
        let HelperOptions { at_once, timeout, .. } = self.options;
        channel.set_timeout(HELLO_TIMEOUT.min(timeout));
        let hello = Hello::receive(&mut channel, "party")?;
        channel.set_timeout(timeout);
        let (role, id) = (hello.role()?, hello.session);
        let newcomer = Arrived { role, public: hello.public, channel, since: Instant::now() };
        let mut state = self.state();
        let full = match state.waiting.remove(&id) {
            Some(first) if first.role == role => return Err(HelperError::SameRole { role }),
            Some(first) if state.serving < at_once => {
                state.serving += 1;
                let parties = if role == Role::P0 { [newcomer, first] } else { [first, newcomer] };
                return Ok(Some(Session { id, parties, helper: self }));
            }
            Some(first) => vec![first, newcomer],
            None if state.waiting.len() < 2 * at_once => {
                state.waiting.insert(id, newcomer);
                return Ok(None);
            }
            None => vec![newcomer],
        };
        drop(state);
        for mut party in full {
            let answer = Hello { code: BUSY, session: id, public: [0; 32] };
            // Who does not hear it sees the connection closed.
            let _ = answer.send(&mut party.channel, NAMES[party.role.index()]);
        }
        Err(HelperError::Busy)
    }

    /// Turns parties away that have waited for their peers for so long.
    pub fn dismiss(&self, patience: Duration) {
        // Their channels are closed outside of the lock.
        let late: Vec<Arrived> = {
            let mut state = self.state();
            state.waiting.extract_if(|_, party| party.since.elapsed() >= patience).map(|(_, p)| p).collect()
        };
        drop(late);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent whenever the lock is released, even by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session whose parties are both here.
pub struct Session<'a> {
    id: SessionId,
    /// By role.
    parties: [Arrived; 2],
    helper: &'a Helper,
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(..)")
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.helper.state().serving -= 1;
    }
}

impl Session<'_> {
    /// Agrees on a key with each party, then answers requests until the client leaves.
    ///
    /// # Errors
    /// A party that leaves too early, is silent or does not read for too long, or sends what is no request. Both connections are
    /// closed, and both parties fail if they still need the helper.
    pub fn serve(mut self) -> Result<Served> {
        let mut prg = Prg::from_entropy()?;
        let [p0, p1] = &mut self.parties;
        let keys = [agree(p0, &self.id, &mut prg)?, agree(p1, &self.id, &mut prg)?];
        let channels = [&mut p0.channel, &mut p1.channel];
        let mut number = 0u64;
        while let Some(job) = receive_request(channels[1], &self.id, number)? {
            let description = job.encode();
            let streams = keys.each_ref().map(|key| key.batch(number, &description));
            let correction = match &job {
                Job::Batch { kind, count } => batch::correction(*kind, *count, streams),
                Job::Layer { holder, ring, shape, .. } => {
                    let mask = keys[holder.index()].weight_mask(&description);
                    batch::layer_correction(self.helper.options.threads, *ring, shape, mask, *holder, streams)
                }
            };
            let to = job.corrected().index();
            send_batch(channels[to], &self.id, number, &correction, NAMES[to])?;
            number = number.checked_add(1).ok_or(HelperError::Exhausted)?;
        }
        Ok(Served { requests: number, meters: channels.map(|channel| channel.meter()) })
    }
}

/// Answers a party's hello, which gives a key in common with it.
fn agree(party: &mut Arrived, session: &SessionId, prg: &mut Prg) -> Result<SessionKey> {
    let secret = Secret::new(prg);
    let public = secret.public;
    let answer = Hello { code: WELCOME, session: *session, public };
    answer.send(&mut party.channel, NAMES[party.role.index()])?;
    secret.agree(&party.public, session, party.role, [&party.public, &public])
}
