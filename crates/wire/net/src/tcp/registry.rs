//! Where connections wait until someone asks for them.

use std::collections::{HashMap, VecDeque};
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::preamble::{Preamble, SessionId, StreamId};
use crate::{NetError, Result};

/// How many connections may be awaited for their preambles at once. The one that waits longest makes room for
/// the next, so silent connections cannot keep out a client, which sends its preamble at once.
const MAX_GREETED: usize = 64;
/// How many sessions may wait for `accept`.
const MAX_NEWCOMERS: usize = 64;
/// How many connections of a session may wait for their fork.
const MAX_UNCLAIMED: usize = 256;

/// Every connection of an acceptor that nobody owns yet.
#[derive(Default)]
pub(super) struct Registry {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The acceptor is gone: no new sessions.
    closed_to_newcomers: bool,
    /// The acceptor and all its channels are gone.
    stopped: bool,
    next_ticket: u64,
    greeted: VecDeque<(u64, TcpStream)>,
    /// Sessions that passed `admit`, not yet `accept`.
    unaccepted: usize,
    newcomers: VecDeque<(SessionId, TcpStream)>,
    /// The live sessions, each with the connections that wait for their fork.
    sessions: HashMap<SessionId, HashMap<StreamId, TcpStream>>,
}

impl Registry {
    /// Notes a connection whose preamble is about to be read.
    pub(super) fn greet(&self, handle: TcpStream) -> u64 {
        let mut state = self.lock();
        if state.greeted.len() == MAX_GREETED
            && let Some((_, longest)) = state.greeted.pop_front()
        {
            let _ = longest.shutdown(Shutdown::Both);
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.greeted.push_back((ticket, handle));
        ticket
    }

    /// The preamble has been read, or will not be.
    pub(super) fn greeted(&self, ticket: u64) {
        self.lock().greeted.retain(|(other, _)| *other != ticket);
    }

    /// Makes a session known, so that its forks find it. False when there is no room for it.
    pub(super) fn admit(&self, session: SessionId) -> bool {
        let mut state = self.lock();
        let room = !state.closed_to_newcomers && state.unaccepted < MAX_NEWCOMERS;
        let admitted = room && !state.sessions.contains_key(&session);
        if admitted {
            state.sessions.insert(session, HashMap::new());
            state.unaccepted += 1;
        }
        admitted
    }

    /// Queues an admitted session for `accept`; without a connection, takes the admission back.
    pub(super) fn enqueue(&self, session: SessionId, stream: Option<TcpStream>) {
        let mut state = self.lock();
        match stream {
            Some(stream) if !state.closed_to_newcomers => state.newcomers.push_back((session, stream)),
            _ => {
                state.unaccepted -= 1;
                state.sessions.remove(&session);
            }
        }
        self.changed.notify_all();
    }

    /// Waits for a new session.
    pub(super) fn accept(&self, timeout: Duration) -> Result<(SessionId, TcpStream)> {
        self.wait_for(timeout, |state| {
            let newcomer = state.newcomers.pop_front()?;
            state.unaccepted -= 1;
            Some(newcomer)
        })
    }

    /// Offers a fork's connection to its session; drops it when the session is unknown or has too many.
    pub(super) fn offer(&self, preamble: &Preamble, stream: TcpStream) {
        let mut state = self.lock();
        if let Some(unclaimed) = state.sessions.get_mut(&preamble.session)
            && unclaimed.len() < MAX_UNCLAIMED
        {
            unclaimed.entry(preamble.stream).or_insert(stream);
            self.changed.notify_all();
        }
    }

    /// Waits for a fork's connection.
    pub(super) fn claim(&self, preamble: &Preamble, timeout: Duration) -> Result<TcpStream> {
        self.wait_for(timeout, |state| state.sessions.get_mut(&preamble.session)?.remove(&preamble.stream))
    }

    /// Ends a session.
    pub(super) fn forget(&self, session: &SessionId) {
        self.lock().sessions.remove(session);
    }

    /// Refuses new sessions, and those that wait.
    pub(super) fn close_to_newcomers(&self) {
        let mut state = self.lock();
        state.closed_to_newcomers = true;
        for (session, _) in std::mem::take(&mut state.newcomers) {
            state.unaccepted -= 1;
            state.sessions.remove(&session);
        }
    }

    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        for (_, greeted) in &state.greeted {
            let _ = greeted.shutdown(Shutdown::Both);
        }
    }

    pub(super) fn stopped(&self) -> bool {
        self.lock().stopped
    }

    fn wait_for<T>(&self, timeout: Duration, mut take: impl FnMut(&mut State) -> Option<T>) -> Result<T> {
        let start = Instant::now();
        let mut state = self.lock();
        loop {
            if let Some(found) = take(&mut state) {
                return Ok(found);
            }
            let waited = start.elapsed();
            if waited >= timeout {
                return Err(NetError::Timeout { waited });
            }
            let woken = self.changed.wait_timeout(state, timeout - waited);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
