//! Preparing ahead: while one run is online, the correlations of later ones are made in the background.
//!
//! The client asks for each preparation, so that both parties prepare the same runs in the same order. The
//! server refuses to hold more than it must for [`MAX_READY`] runs at the client, which bounds its memory:
//! the correlations of so many runs, of the one being made and of the one in use.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use veilflow_net::{NetError, Role};

use crate::{ExecError, Prepared, Preparer, Result};

/// The most runs that a client may have prepared and not begun.
pub const MAX_READY: usize = 5;

/// The client wants another run prepared.
const NEXT: u8 = 1;
/// The client wants none yet, but is there.
const WAIT: u8 = 2;
/// The client wants no more.
const END: u8 = 0;

/// How often a client says that it is there while it has prepared runs: well below any sensible deadline. The
/// answer of a server whose run has failed is that it hangs up.
const STILL_THERE: Duration = Duration::from_millis(250);
/// How often in a row a client may say so while the server holds no run prepared for it; else nothing would
/// bound how long the server waits.
const MAX_IDLE_WAITS: usize = 40;
/// How often in a row an honest client does. The server may count one or two more: those said between a run's
/// beginning here and its beginning there.
const IDLE_WAITS: usize = 32;

/// Prepared runs, made in a thread of their own: at the client as it orders them, at the server as its client
/// asks.
pub struct Stock {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What both threads know.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Prepared>,
    /// Runs taken so far.
    taken: usize,
    /// Runs whose preparation has begun so far.
    begun: usize,
    /// Runs ordered so far, at the client.
    ordered: usize,
    /// Nothing more will be taken.
    done: bool,
    /// How the thread ended, if it has.
    ended: Option<Result<()>>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete whenever the lock is released.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and wakes the other thread.
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }
}

impl fmt::Debug for Stock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stock({} ready)", self.ready())
    }
}

impl Stock {
    /// Starts the thread, which calls `prepare` for each run. `patience` is how long the peer waits before it
    /// gives this party up.
    ///
    /// # Errors
    /// [`ExecError::Thread`] if the system has no thread to give.
    pub fn start(
        preparer: Preparer,
        patience: Duration,
        prepare: impl FnMut(&mut Preparer) -> Result<Prepared> + Send + 'static,
    ) -> Result<Self> {
        let shared = Arc::<Shared>::default();
        let background = Background { preparer, prepare, shared: shared.clone(), patience };
        let thread = std::thread::Builder::new()
            .name("veilflow-stock".to_owned())
            .spawn(move || background.run())
            .map_err(ExecError::Thread)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The number of runs that are prepared.
    pub fn ready(&self) -> usize {
        self.shared.state().ready.len()
    }

    /// At the client: has runs prepared until `runs` are ready, and returns at once. Runs that are ready or
    /// on their way count.
    ///
    /// # Errors
    /// [`ExecError::TooFarAhead`] for more than [`MAX_READY`].
    pub fn order(&self, runs: usize) -> Result<()> {
        if runs > MAX_READY {
            return Err(ExecError::TooFarAhead { limit: MAX_READY });
        }
        self.shared.change(|state| state.ordered = state.ordered.max(state.taken + runs));
        Ok(())
    }

    /// At the client: orders `runs`, and waits until they are ready.
    ///
    /// # Errors
    /// Those of [`Stock::order`], and what preparation ended with.
    pub fn fill(&mut self, runs: usize) -> Result<()> {
        self.order(runs)?;
        self.wait_for(runs).map(drop)
    }

    /// Waits for the next prepared run. The client orders it if none is on its way.
    ///
    /// # Errors
    /// What preparation ended with, or [`ExecError::StockClosed`] if it ended well.
    pub fn take(&mut self) -> Result<Prepared> {
        self.order(1)?;
        let mut state = self.wait_for(1)?;
        state.taken += 1;
        state.ready.pop_front().ok_or(ExecError::StockClosed)
    }

    fn wait_for(&self, runs: usize) -> Result<MutexGuard<'_, State>> {
        let mut state = self.shared.state();
        loop {
            if state.ready.len() >= runs {
                return Ok(state);
            }
            if let Some(ended) = &mut state.ended {
                // Who asks again hears only that there are no more.
                return Err(std::mem::replace(ended, Ok(())).err().unwrap_or(ExecError::StockClosed));
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Waits for the thread to end: it finishes what it is making, unless the peer leaves.
impl Drop for Stock {
    fn drop(&mut self) {
        self.shared.change(|state| state.done = true);
        if let Some(thread) = self.thread.take() {
            // A panic has been reported by the thread itself.
            let _ = thread.join();
        }
    }
}

/// The thread.
struct Background<F> {
    preparer: Preparer,
    prepare: F,
    shared: Arc<Shared>,
    patience: Duration,
}

/// What a client does next.
enum Next {
    Prepare,
    SayStillThere,
    End,
}

/// Tells whoever waits that the thread has ended, even if it panics.
struct Ending<'a>(&'a Shared);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.change(|state| {
            state.ended.get_or_insert(Ok(()));
        });
    }
}

impl<F: FnMut(&mut Preparer) -> Result<Prepared>> Background<F> {
    fn run(mut self) {
        let shared = self.shared.clone();
        let _ending = Ending(&shared);
        let ended = match self.preparer.role() {
            Role::P0 => self.follow(),
            Role::P1 => self.lead(),
        };
        shared.change(|state| state.ended = Some(ended));
    }

    fn prepare(&mut self) -> Result<()> {
        let prepared = (self.prepare)(&mut self.preparer)?;
        self.shared.change(|state| state.ready.push_back(prepared));
        Ok(())
    }

    /// The client's side.
    fn lead(&mut self) -> Result<()> {
        let (mut said, mut idle_waits) = (Instant::now(), 0);
        loop {
            match self.next(said, &mut idle_waits) {
                Next::Prepare => {
                    self.preparer.channel.send(&[NEXT])?;
                    self.prepare()?;
                }
                Next::SayStillThere => {
                    self.preparer.channel.send(&[WAIT])?;
                    self.preparer.channel.flush()?;
                }
                Next::End => {
                    self.preparer.channel.send(&[END])?;
                    return Ok(self.preparer.channel.flush()?);
                }
            }
            said = Instant::now();
        }
    }

    /// Waits until a client that last spoke at `said` has something to do or to say.
    fn next(&self, said: Instant, idle_waits: &mut usize) -> Next {
        let mut state = self.shared.state();
        loop {
            if state.done {
                return Next::End;
            }
            if state.begun < state.ordered {
                state.begun += 1;
                *idle_waits = 0;
                return Next::Prepare;
            }
            let idle = state.ready.is_empty();
            let pause = if idle { self.patience / 4 } else { STILL_THERE };
            let silent = said.elapsed();
            let speaks = !idle || *idle_waits < IDLE_WAITS;
            if speaks && silent >= pause {
                *idle_waits += usize::from(idle);
                return Next::SayStillThere;
            }
            let changed = &self.shared.changed;
            state = if speaks {
                changed.wait_timeout(state, pause - silent).unwrap_or_else(PoisonError::into_inner).0
            } else {
                changed.wait(state).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    /// The server's side.
    fn follow(&mut self) -> Result<()> {
        let mut idle_waits = 0;
        loop {
            let said = self.preparer.channel.recv_vec(1)?;
            let (done, ready) = {
                let state = self.shared.state();
                (state.done, state.ready.len())
            };
            match said[..] {
                // Else a client could keep a session that has failed for as long as it pleases.
                _ if done => return Ok(()),
                // A run may have begun at the client that has not begun here.
                [NEXT] if ready > MAX_READY => return Err(ExecError::TooFarAhead { limit: MAX_READY }),
                [NEXT] => {
                    idle_waits = 0;
                    self.prepare()?;
                }
                [WAIT] if ready == 0 => {
                    idle_waits += 1;
                    if idle_waits > MAX_IDLE_WAITS {
                        return Err(ExecError::IdleClient);
                    }
                }
                [WAIT] => {}
                [END] => return Ok(()),
                _ => {
                    let what = "a request for preparation that is none of those there are".to_owned();
                    return Err(NetError::Malformed { what }.into());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use veilflow_correlation::Pools;
    use veilflow_net::{Channel, memory_pair};
    use veilflow_testkit::TestDealer;

    use super::*;
    use crate::SessionOptions;

    fn stock(role: Role, channel: Channel, made: &Arc<AtomicUsize>) -> Stock {
        let dealer = Box::new(TestDealer::insecure(role, 1));
        let preparer = Preparer::new(role, channel, dealer, SessionOptions::default());
        let made = made.clone();
        let prepare = move |preparer: &mut Preparer| {
            // So that nobody is ahead of the other.
            preparer.channel.send(&[0])?;
            preparer.channel.recv_vec(1)?;
            made.fetch_add(1, Ordering::AcqRel);
            Ok(Prepared { pools: Pools::default(), nodes: Vec::new() })
        };
        Stock::start(preparer, Duration::from_secs(1), prepare).unwrap()
    }

    fn both() -> ([Stock; 2], [Arc<AtomicUsize>; 2]) {
        let (server, client) = memory_pair();
        let made = [(); 2].map(|()| Arc::default());
        ([stock(Role::P0, server, &made[0]), stock(Role::P1, client, &made[1])], made)
    }

    #[test]
    fn both_parties_prepare_what_the_client_orders_and_no_more() {
        let ([mut server, mut client], made) = both();
        client.fill(3).unwrap();
        assert_eq!(client.ready(), 3);
        for _ in 0..3 {
            client.take().unwrap();
            server.take().unwrap();
        }
        // Nothing is on its way: taking orders.
        client.take().unwrap();
        server.take().unwrap();
        drop((client, server));
        assert_eq!(made.map(|made| made.load(Ordering::Acquire)), [4, 4]);
    }

    #[test]
    fn a_client_cannot_order_what_the_server_would_refuse() {
        let ([_server, mut client], _) = both();
        assert!(matches!(client.order(MAX_READY + 1), Err(ExecError::TooFarAhead { .. })));
        client.fill(MAX_READY).unwrap();
    }

    #[test]
    fn a_client_that_asks_for_ever_more_is_refused() {
        let (server, mut client) = memory_pair();
        let mut server = stock(Role::P0, server, &Arc::default());
        client.send(&[NEXT, 0].repeat(MAX_READY + 2)).unwrap();
        client.flush().unwrap();
        // The reply to each of those that are prepared.
        client.recv_vec(MAX_READY + 1).unwrap();
        // None is taken before the last order was read, lest there be room for it.
        client.recv_vec(1).unwrap_err();
        let ended = (0..MAX_READY + 2).find_map(|_| server.take().err());
        assert!(matches!(ended, Some(ExecError::TooFarAhead { .. })), "{ended:?}");
    }

    #[test]
    fn a_client_that_only_waits_is_given_up() {
        let (server, mut client) = memory_pair();
        // Each is there before its deadline, so that the channel alone would wait for ever.
        client.send(&[WAIT; MAX_IDLE_WAITS + 1]).unwrap();
        client.flush().unwrap();
        let mut server = stock(Role::P0, server, &Arc::default());
        let result = server.take();
        assert!(matches!(result, Err(ExecError::IdleClient)), "{result:?}");
    }

    #[test]
    fn a_client_that_asks_for_what_there_is_not_is_refused() {
        let (server, mut client) = memory_pair();
        client.send(&[99]).unwrap();
        client.flush().unwrap();
        let result = stock(Role::P0, server, &Arc::default()).take();
        assert!(matches!(result, Err(ExecError::Net(NetError::Malformed { .. }))), "{result:?}");
    }

    #[test]
    fn whoever_waits_for_a_run_learns_why_there_is_none() {
        let ([server, mut client], _) = both();
        drop(server);
        assert!(matches!(client.take(), Err(ExecError::Net(_))));
        assert!(matches!(client.take(), Err(ExecError::StockClosed)));
    }
}
