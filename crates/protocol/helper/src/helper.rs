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

/// A helper for any number of sessions, one after another or several at once.
///
/// It holds nothing between sessions but the parties that wait for their peers.
pub struct Helper {
    threads: usize,
    at_once: usize,
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
    /// A helper that serves so many sessions at once, computing each one's layers in so many threads.
    pub fn new(at_once: usize, threads: usize) -> Self {
        Self { threads, at_once, state: Mutex::default() }
    }

    /// Takes a party in, whoever it is. The first of a session is left waiting for its peer, and this returns at once; with the
    /// second, this serves the session to its end, and returns what it was. Give each party a thread.
    ///
    /// # Errors
    /// A party that leaves early, is silent until its channel's deadline, does not read until then, or sends what is no request;
    /// or there is no room. The session's connections are closed, and both parties fail.
    pub fn welcome(&self, mut channel: Channel) -> Result<Option<Served>> {
        let hello = Hello::receive(&mut channel, "party")?;
        let (role, session) = (hello.role()?, hello.session);
        let newcomer = Arrived { role, public: hello.public, channel, since: Instant::now() };
        let (first, second) = {
            let mut state = self.state();
            match state.waiting.remove(&session) {
                Some(first) if first.role == role => return Err(HelperError::SameRole { role }),
                Some(first) if state.serving < self.at_once => {
                    state.serving += 1;
                    (first, newcomer)
                }
                Some(first) => {
                    drop(state);
                    return refuse(session, [first, newcomer]);
                }
                // Twice as many may wait as may be served, so that strangers cannot fill the memory.
                None if state.waiting.len() < 2 * self.at_once => {
                    state.waiting.insert(session, newcomer);
                    return Ok(None);
                }
                None => {
                    drop(state);
                    return refuse(session, [newcomer]);
                }
            }
        };
        let _serving = Serving(self);
        let parties = if role == Role::P0 { [second, first] } else { [first, second] };
        Session::open(session, parties)?.serve(self.threads).map(Some)
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

/// Counts a session until it ends, however it does.
struct Serving<'a>(&'a Helper);

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        self.0.state().serving -= 1;
    }
}

fn refuse<const N: usize>(session: SessionId, parties: [Arrived; N]) -> Result<Option<Served>> {
    for mut party in parties {
        let public = [0; 32];
        // Who does not hear it sees the connection closed.
        let _ = Hello { code: BUSY, session, public }.send(&mut party.channel, NAMES[party.role.index()]);
    }
    Err(HelperError::Busy)
}

/// A session of two parties, by role.
struct Session {
    id: SessionId,
    channels: [Channel; 2],
    keys: [SessionKey; 2],
}

impl Session {
    /// Agrees on a key with each party.
    fn open(id: SessionId, parties: [Arrived; 2]) -> Result<Self> {
        let mut prg = Prg::from_entropy()?;
        let mut agree = |mut party: Arrived| -> Result<(Channel, SessionKey)> {
            let secret = Secret::new(&mut prg);
            let public = secret.public;
            let answer = Hello { code: WELCOME, session: id, public };
            answer.send(&mut party.channel, NAMES[party.role.index()])?;
            let key = secret.agree(&party.public, &id, party.role, [&party.public, &public])?;
            Ok((party.channel, key))
        };
        let [p0, p1] = parties;
        let ((c0, k0), (c1, k1)) = (agree(p0)?, agree(p1)?);
        Ok(Self { id, channels: [c0, c1], keys: [k0, k1] })
    }

    /// Answers requests until the client leaves.
    fn serve(mut self, threads: usize) -> Result<Served> {
        let mut number = 0u64;
        while let Some(job) = receive_request(&mut self.channels[1], &self.id, number)? {
            let description = job.encode();
            let streams = self.keys.each_ref().map(|key| key.batch(number, &description));
            let correction = match &job {
                Job::Batch { kind, count } => batch::correction(*kind, *count, streams),
                Job::Layer { ring, shape, .. } => {
                    let mask = self.keys[0].weight_mask(&description);
                    batch::layer_correction(threads, *ring, shape, mask, streams)
                }
            };
            let to = job.corrected().index();
            send_batch(&mut self.channels[to], &self.id, number, &correction, NAMES[to])?;
            number = number.checked_add(1).ok_or(HelperError::Exhausted)?;
        }
        Ok(Served { requests: number, meters: self.channels.each_ref().map(Channel::meter) })
    }
}
