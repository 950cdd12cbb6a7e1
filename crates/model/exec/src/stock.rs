//! Preparing ahead: while one run is online, the correlations of the next are made in the background.
//!
//! The client asks for each preparation when it has room for it, so that both parties prepare the same runs in the same
//! order; the server refuses to hold more than [`MAX_AHEAD`] runs that the client has not used. Peak memory is the
//! correlations of so many runs, plus the one being made and the one in use.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use veilflow_ir::plan::Plan;
use veilflow_net::Role;

use crate::{ExecError, Held, Prepared, Preparer, Progress, Result};

/// The most runs that may be prepared and not yet begun.
pub const MAX_AHEAD: usize = 4;

/// The client wants another run prepared.
const NEXT: u8 = 1;
/// It has no room yet, but is there.
const WAIT: u8 = 2;
/// It wants no more.
const END: u8 = 0;

/// How often a waiting client says so: well below any sensible deadline.
const STILL_THERE: Duration = Duration::from_millis(250);
/// How often in a row a client may say so while the server holds no run prepared for it. An honest one says it about once,
/// between beginning a run here and taking it there; else nothing would bound how long the server waits.
const MAX_IDLE_WAITS: usize = 40;
/// How often it looks for room.
const TICK: Duration = Duration::from_millis(2);

/// Prepared runs, in order.
#[derive(Debug)]
pub struct Stock<'a> {
    receiver: Receiver<Prepared>,
    shared: &'a Shared,
    starved: bool,
}

/// What both threads know.
#[derive(Debug, Default)]
struct Shared {
    /// Runs prepared and not yet taken.
    waiting: AtomicUsize,
    /// Nothing more will be taken.
    done: AtomicBool,
}

impl Stock<'_> {
    /// Waits for the next prepared run.
    ///
    /// # Errors
    /// [`ExecError::StockClosed`] if preparation has ended, or failed: then [`with_stock`] returns why.
    pub fn take(&mut self) -> Result<Prepared> {
        let Ok(prepared) = self.receiver.recv() else {
            self.starved = true;
            return Err(ExecError::StockClosed);
        };
        self.shared.waiting.fetch_sub(1, Ordering::AcqRel);
        Ok(prepared)
    }
}

/// How much to prepare; the client decides, the server follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ahead {
    /// Runs in all.
    pub runs: usize,
    /// Runs that may wait, at most [`MAX_AHEAD`].
    pub waiting: usize,
}

/// Calls `body` with a stock that is refilled in the background. `ahead` is used at the client only.
///
/// # Errors
/// Those of `body`, and of the preparation.
pub fn with_stock<T, E: From<ExecError>>(
    preparer: &mut Preparer,
    plan: &Plan,
    weights: Held<'_>,
    ahead: Ahead,
    progress: Progress<'_>,
    body: impl FnOnce(&mut Stock<'_>) -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    let room = match preparer.role() {
        Role::P0 => MAX_AHEAD + 2,
        Role::P1 => ahead.waiting.min(MAX_AHEAD),
    };
    let (sender, receiver) = sync_channel(room);
    let shared = Shared::default();
    std::thread::scope(|scope| {
        let background = scope.spawn(|| match preparer.role() {
            Role::P0 => follow(preparer, plan, weights, progress, sender, &shared),
            Role::P1 => lead(preparer, plan, weights, ahead.runs, progress, sender, &shared),
        });
        let mut stock = Stock { receiver, shared: &shared, starved: false };
        let result = body(&mut stock);
        let starved = stock.starved;
        // Whoever prepares finds nobody to hand its work to, and ends.
        shared.done.store(true, Ordering::Release);
        drop(stock);
        let prepared = background.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match (result, prepared) {
            (Err(_), Err(cause)) if starved => Err(cause.into()),
            (result, _) => result,
        }
    })
}

/// The client's side.
fn lead(
    preparer: &mut Preparer,
    plan: &Plan,
    weights: Held<'_>,
    runs: usize,
    progress: Progress<'_>,
    out: SyncSender<Prepared>,
    shared: &Shared,
) -> Result<()> {
    for _ in 0..runs {
        preparer.channel.send(&[NEXT])?;
        let mut prepared = preparer.prepare(plan, weights, progress)?;
        let mut said = Instant::now();
        shared.waiting.fetch_add(1, Ordering::AcqRel);
        loop {
            prepared = match out.try_send(prepared) {
                Ok(()) => break,
                Err(TrySendError::Disconnected(_)) => return finish(preparer),
                Err(TrySendError::Full(prepared)) => prepared,
            };
            if said.elapsed() > STILL_THERE {
                preparer.channel.send(&[WAIT])?;
                preparer.channel.flush()?;
                said = Instant::now();
            }
            std::thread::sleep(TICK);
        }
    }
    finish(preparer)
}

fn finish(preparer: &mut Preparer) -> Result<()> {
    preparer.channel.send(&[END])?;
    Ok(preparer.channel.flush()?)
}

/// The server's side.
fn follow(
    preparer: &mut Preparer,
    plan: &Plan,
    weights: Held<'_>,
    progress: Progress<'_>,
    out: SyncSender<Prepared>,
    shared: &Shared,
) -> Result<()> {
    let mut idle_waits = 0;
    loop {
        match preparer.channel.recv_vec(1)?[..] {
            [NEXT] => {
                let prepared = preparer.prepare(plan, weights, progress)?;
                idle_waits = 0;
                shared.waiting.fetch_add(1, Ordering::AcqRel);
                match out.try_send(prepared) {
                    Ok(()) => {}
                    Err(TrySendError::Full(_)) => return Err(ExecError::TooFarAhead { limit: MAX_AHEAD }),
                    Err(TrySendError::Disconnected(_)) => return Ok(()),
                }
            }
            // Else a client could keep a session that has failed for as long as it pleases.
            [WAIT] if shared.done.load(Ordering::Acquire) => return Ok(()),
            [WAIT] if shared.waiting.load(Ordering::Acquire) == 0 => {
                idle_waits += 1;
                if idle_waits > MAX_IDLE_WAITS {
                    return Err(ExecError::IdleClient);
                }
            }
            [WAIT] => {}
            _ => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use veilflow_correlation::TestDealer;
    use veilflow_ir::plan::Settings;
    use veilflow_net::memory_pair;

    use super::*;
    use crate::SessionOptions;

    #[test]
    fn a_client_that_only_waits_is_given_up() {
        let settings = Settings {
            weight_bits: 8,
            activation_bits: 8,
            state_bits: 8,
            margin_percent: 200,
            calibration_inputs: 1,
        };
        let plan = Plan {
            name: String::new(),
            preprocessing: String::new(),
            settings,
            values: Vec::new(),
            inputs: Vec::new(),
            nodes: Vec::new(),
            outputs: Vec::new(),
        };
        let (server, mut client) = memory_pair();
        // Each is there before its deadline, so that the channel alone would wait for ever.
        client.send(&[WAIT; MAX_IDLE_WAITS + 1]).unwrap();
        client.flush().unwrap();
        let dealer = Box::new(TestDealer::insecure(Role::P0, 1));
        let mut preparer = Preparer::new(Role::P0, server, dealer, SessionOptions::default());
        let ahead = Ahead { runs: 0, waiting: 0 };
        let result = with_stock(&mut preparer, &plan, Held::Nothing, ahead, &|_| {}, |stock| stock.take());
        assert!(matches!(result, Err(ExecError::IdleClient)), "{result:?}");
    }
}
