//! The third party's side: parties arrive, are paired by their session id, and are served.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use veilflow_net::{Channel, Role};

use crate::key::{Public, SessionId};
use crate::message::{BUSY, Hello};
use crate::session::Session;
use crate::store::Store;
use crate::{HelperError, Result};

/// Parties by role.
pub(crate) const NAMES: [&str; 2] = ["server", "client"];

/// How long a newcomer may take to say who it is.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// How a helper works.
#[derive(Debug, Clone, Copy)]
pub struct HelperOptions {
    /// Sessions at once; twice as many parties may wait for their peers.
    pub at_once: usize,
    /// Threads in which a session's layers are computed.
    pub threads: usize,
    /// How long a session waits for a client's next request, for a holder's masked weights, or for a party to read.
    pub timeout: Duration,
    /// Bytes of masked weights that are kept for sessions to come; for room, the model least recently used goes. 0 keeps none.
    pub keep: usize,
}

/// A helper for any number of sessions, one after another or several at once.
///
/// Between sessions it holds the parties that wait for their peers, and masked weights up to the limit in its options.
pub struct Helper {
    pub(crate) options: HelperOptions,
    pub(crate) store: Store,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: HashMap<SessionId, Arrived>,
    serving: usize,
}

/// A party whose hello has been read.
pub(crate) struct Arrived {
    pub(crate) role: Role,
    pub(crate) public: Public,
    pub(crate) channel: Channel,
    since: Instant,
}

impl fmt::Debug for Helper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        let (bytes, models) = self.store.kept();
        let (waiting, serving) = (state.waiting.len(), state.serving);
        write!(f, "Helper({waiting} waiting, {serving} sessions, {bytes} bytes of {models} models kept)")
    }
}

impl Helper {
    /// A helper that serves nobody yet.
    pub fn new(options: HelperOptions) -> Self {
        Self { options, store: Store::new(options.keep), state: Mutex::default() }
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
                return Ok(Some(Session::new(id, parties, self)));
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

    /// Bytes of masked weights kept now, and of how many models.
    pub fn kept(&self) -> (usize, usize) {
        self.store.kept()
    }

    /// Ends a session, which makes room for another.
    pub(crate) fn leave(&self) {
        self.state().serving -= 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent whenever the lock is released, even by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
