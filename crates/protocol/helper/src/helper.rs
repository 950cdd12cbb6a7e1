//! The third party's side: parties arrive, are paired by their session id, and are served.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use veilflow_net::{Channel, Role};

use crate::greeting::{BUSY, Hello};
use crate::key::SessionId;
use crate::party::Party;
use crate::places::Places;
use crate::session::Session;
use crate::store::Store;
use crate::{HelperError, Result};

/// How long a newcomer may take to say who it is.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// How a helper works.
#[derive(Debug, Clone, Copy)]
pub struct HelperOptions {
    /// How many sessions are served at once. Twice as many parties may wait for their peers.
    pub at_once: usize,
    /// In how many threads a session's layers are computed.
    pub threads: usize,
    /// How long a session waits for a client's next request, for a holder's masked weights, or for a party to
    /// read.
    pub timeout: Duration,
    /// How many bytes of masked weights are kept for sessions to come. For room the model least recently used
    /// goes. 0 keeps none.
    pub keep: usize,
}

/// A helper for any number of sessions, one after another or several at once.
///
/// Between sessions it holds the parties that wait for their peers, and masked weights up to the limit in its
/// options.
pub struct Helper {
    options: HelperOptions,
    store: Store,
    places: Places,
    waiting: Mutex<HashMap<SessionId, Waiting>>,
}

/// A party that waits for its peer.
struct Waiting {
    party: Party,
    since: Instant,
}

impl fmt::Debug for Helper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (waiting, serving) = (self.waiting().len(), self.places.taken());
        let (bytes, models) = self.store.kept();
        write!(f, "Helper({waiting} waiting, {serving} sessions, {bytes} bytes of {models} models kept)")
    }
}

impl Helper {
    /// A helper that serves nobody yet.
    pub fn new(options: HelperOptions) -> Self {
        let (store, places) = (Store::new(options.keep), Places::new(options.at_once));
        Self { options, store, places, waiting: Mutex::default() }
    }

    /// Takes a party in, whoever it is. The first party of a session is left waiting for its peer. When the
    /// second comes, the session is returned. Reading the hello may take a while: give each newcomer a
    /// thread.
    ///
    /// # Errors
    /// The party says nothing or no hello, both parties have the same role, or there is no room. The
    /// connection is closed.
    pub fn welcome(&self, mut channel: Channel) -> Result<Option<Session<'_>>> {
        let HelperOptions { at_once, timeout, threads, .. } = self.options;
        channel.set_timeout(HELLO_TIMEOUT.min(timeout));
        let hello = Hello::receive(&mut channel, "party")?;
        channel.set_timeout(timeout);
        let (role, id) = (hello.role()?, hello.session);
        let newcomer = Party { role, public: hello.public, channel };
        let mut waiting = self.waiting();
        let refused = match waiting.remove(&id) {
            Some(first) if first.party.role == role => return Err(HelperError::SameRole { role }),
            Some(Waiting { party: first, .. }) => match self.places.take() {
                Some(place) => {
                    let parties = if role == Role::P0 { [newcomer, first] } else { [first, newcomer] };
                    return Ok(Some(Session::new(place, id, parties, &self.store, threads)));
                }
                None => vec![first, newcomer],
            },
            None if waiting.len() < 2 * at_once => {
                waiting.insert(id, Waiting { party: newcomer, since: Instant::now() });
                return Ok(None);
            }
            None => vec![newcomer],
        };
        drop(waiting);
        for mut party in refused {
            let (answer, name) = (Hello { code: BUSY, session: id, public: [0; 32] }, party.name());
            // A party that does not hear it sees the connection closed.
            let _ = answer.send(&mut party.channel, name);
        }
        Err(HelperError::Busy)
    }

    /// Turns away the parties that have waited for their peers for so long.
    pub fn dismiss(&self, patience: Duration) {
        // Their channels are closed outside of the lock.
        let late: Vec<Waiting> = {
            let mut waiting = self.waiting();
            waiting.extract_if(|_, party| party.since.elapsed() >= patience).map(|(_, party)| party).collect()
        };
        drop(late);
    }

    /// Bytes of masked weights kept now, and of how many models.
    pub fn kept(&self) -> (usize, usize) {
        self.store.kept()
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<SessionId, Waiting>> {
        // The map is consistent whenever the lock is released, even by a panic.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
