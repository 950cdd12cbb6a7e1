//! A bounded queue of frames, each with the time at which it may leave.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::link::Link;
use crate::{NetError, Result};

/// A queue between one producer and one consumer. Either may leave first.
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    link: Link,
}

#[derive(Default)]
struct State {
    frames: VecDeque<(Option<Instant>, Vec<u8>)>,
    bytes: usize,
    producer_gone: bool,
    consumer_gone: bool,
}

impl Queue {
    pub(crate) fn new(link: Link) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), link }
    }

    /// Appends a frame, and schedules its arrival over the link.
    pub(crate) fn push(&self, frame: Vec<u8>, timeout: Duration) -> Result<()> {
        let start = Instant::now();
        let mut state = self.lock();
        loop {
            if state.consumer_gone {
                return Err(NetError::Closed);
            }
            // A frame larger than the whole queue passes alone.
            if state.frames.is_empty() || state.bytes + frame.len() <= self.link.capacity {
                break;
            }
            let waited = start.elapsed();
            if waited >= timeout {
                return Err(NetError::QueueFull { waited, limit: self.link.capacity });
            }
            state = self.wait(state, timeout - waited);
        }
        state.bytes += frame.len();
        state.frames.push_back((self.link.schedule(frame.len()), frame));
        self.changed.notify_all();
        Ok(())
    }

    /// Takes the first frame once it is due; `Closed` when the queue is empty and the producer has left.
    pub(crate) fn pop(&self, timeout: Duration) -> Result<Vec<u8>> {
        let start = Instant::now();
        let mut state = self.lock();
        loop {
            let early = match state.frames.front() {
                Some((Some(due), _)) => Some(due.saturating_duration_since(Instant::now())),
                Some((None, _)) => Some(Duration::ZERO),
                None if state.producer_gone => return Err(NetError::Closed),
                None => None,
            };
            if early == Some(Duration::ZERO)
                && let Some((_, frame)) = state.frames.pop_front()
            {
                state.bytes -= frame.len();
                self.changed.notify_all();
                return Ok(frame);
            }
            let waited = start.elapsed();
            if waited >= timeout {
                return Err(NetError::Timeout { waited });
            }
            let remaining = timeout - waited;
            state = self.wait(state, early.map_or(remaining, |early| early.min(remaining)));
        }
    }

    /// The producer leaves: the consumer gets what is queued, then `Closed`.
    pub(crate) fn end(&self) {
        self.lock().producer_gone = true;
        self.changed.notify_all();
    }

    /// The consumer leaves: what is queued is dropped, and `push` fails.
    pub(crate) fn hang_up(&self) {
        let mut state = self.lock();
        state.consumer_gone = true;
        state.frames = VecDeque::new();
        state.bytes = 0;
        self.changed.notify_all();
    }

    /// Waits at most `timeout` for the consumer to leave; says whether it has.
    pub(crate) fn wait_hang_up(&self, timeout: Duration) -> bool {
        let start = Instant::now();
        let mut state = self.lock();
        while !state.consumer_gone {
            let waited = start.elapsed();
            if waited >= timeout {
                return false;
            }
            state = self.wait(state, timeout - waited);
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent whenever the lock is released, even by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, timeout: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, timeout).unwrap_or_else(PoisonError::into_inner).0
    }
}
