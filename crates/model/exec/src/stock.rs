//! Preparing ahead: while one run is online, the correlations of the next are made in the background.
//!
//! The client asks for each preparation when it has room for it, so both parties prepare the same runs in the
//! same order. The server refuses to hold more than [`MAX_AHEAD`] runs that the client has not used. At its
//! peak, memory holds the correlations of that many runs, of the one being made and of the one in use.

use std::time::Duration;

use veilflow_ir::plan::Plan;
use veilflow_net::{NetError, Role};

use crate::error::{ExecError, Result};
use crate::handover::{Handover, Maker, Refused, Taker};
use crate::possession::Held;
use crate::prepare::{Prepared, Preparer};
use crate::progress::Progress;

/// The most runs that may be prepared and not yet begun.
pub const MAX_AHEAD: usize = 4;

/// The runs that a server has room for: the client may hold one more than wait, and may have begun one that
/// the server has yet to begin.
const SERVER_ROOM: usize = MAX_AHEAD + 2;

/// The client wants no more runs prepared.
const END: u8 = 0;
/// It wants another run prepared.
const NEXT: u8 = 1;
/// It has no room yet, but is there.
const WAIT: u8 = 2;

/// How often a waiting client says so: well below any sensible deadline.
const STILL_THERE: Duration = Duration::from_millis(250);
/// How often in a row a client may say so while the server holds no run prepared for it. An honest client
/// says it about once, between the moments at which both parties begin a run. Without a limit nothing would
/// bound how long the server waits.
const MAX_IDLE_WAITS: usize = 40;

/// Prepared runs, in order.
#[derive(Debug)]
pub struct Stock<'a> {
    runs: Taker<'a, Prepared>,
    /// A run was wanted when none would come.
    starved: bool,
}

impl Stock<'_> {
    /// Waits for the next prepared run.
    ///
    /// # Errors
    /// [`ExecError::StockClosed`] if preparation has ended or failed. If it failed, [`with_stock`] returns
    /// why.
    pub fn take(&mut self) -> Result<Prepared> {
        self.runs.take().ok_or_else(|| {
            self.starved = true;
            ExecError::StockClosed
        })
    }
}

/// How much to prepare; the client decides, the server follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ahead {
    /// The session takes this many runs in all.
    pub runs: usize,
    /// This many prepared runs may wait, at most [`MAX_AHEAD`].
    pub waiting: usize,
}

/// Calls `body` with a stock that is refilled in the background. Only the client's `ahead` counts.
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
    let role = preparer.role();
    let room = match role {
        Role::P0 => SERVER_ROOM,
        Role::P1 => ahead.waiting.min(MAX_AHEAD),
    };
    let mut handover = Handover::new(room);
    let (maker, taker) = handover.ends();
    let prepare = |preparer: &mut Preparer| preparer.prepare(plan, weights, progress);
    std::thread::scope(|scope| {
        let background = scope.spawn(move || match role {
            Role::P0 => follow(preparer, prepare, &maker),
            Role::P1 => lead(preparer, prepare, &maker, ahead.runs),
        });
        let mut stock = Stock { runs: taker, starved: false };
        let result = body(&mut stock);
        let starved = stock.starved;
        // Whoever prepares finds nobody to hand its work to, and ends.
        drop(stock);
        let prepared = background.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match (result, prepared) {
            (Err(_), Err(cause)) if starved => Err(cause.into()),
            (result, _) => result,
        }
    })
}

/// The client's side: asks for `runs` preparations, each when there is room for it.
fn lead(
    preparer: &mut Preparer,
    prepare: impl Fn(&mut Preparer) -> Result<Prepared>,
    out: &Maker<'_, Prepared>,
    runs: usize,
) -> Result<()> {
    'runs: for _ in 0..runs {
        preparer.channel.send(&[NEXT])?;
        let mut run = prepare(preparer)?;
        loop {
            run = match out.give(run, STILL_THERE) {
                Ok(()) => break,
                Err(Refused::TakerGone) => break 'runs,
                Err(Refused::Full(run)) => run,
            };
            preparer.channel.send(&[WAIT])?;
            preparer.channel.flush()?;
        }
    }
    preparer.channel.send(&[END])?;
    Ok(preparer.channel.flush()?)
}

/// The server's side: prepares what the client asks for.
fn follow(
    preparer: &mut Preparer,
    prepare: impl Fn(&mut Preparer) -> Result<Prepared>,
    out: &Maker<'_, Prepared>,
) -> Result<()> {
    let mut idle_waits = 0;
    loop {
        match preparer.channel.recv_vec(1)?[..] {
            [NEXT] => {
                idle_waits = 0;
                match out.give(prepare(preparer)?, Duration::ZERO) {
                    Ok(()) => {}
                    Err(Refused::Full(_)) => return Err(ExecError::TooFarAhead { limit: MAX_AHEAD }),
                    Err(Refused::TakerGone) => return Ok(()),
                }
            }
            // Else a client could keep a session that has failed for as long as it pleases.
            [WAIT] if out.taker_gone() => return Ok(()),
            [WAIT] if out.is_empty() => {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use veilflow_ir::Weights;
    use veilflow_net::{Channel, memory_pair};
    use veilflow_testkit::TestDealer;

    use super::*;
    use crate::options::SessionOptions;
    use crate::test_plan;

    /// A plan without nodes, so that preparing it takes nothing, and its weights.
    fn empty() -> (Plan, Weights) {
        let plan = test_plan::empty();
        let weights = Weights::new(&plan, BTreeMap::new()).unwrap();
        (plan, weights)
    }

    fn preparer(role: Role, channel: Channel) -> Preparer {
        let dealer = Box::new(TestDealer::insecure(role, 1));
        Preparer::new(role, channel, dealer, SessionOptions::default())
    }

    /// What a server gets that waits for one run.
    fn server_takes(channel: Channel) -> Result<Prepared> {
        let (plan, weights) = empty();
        let mut preparer = preparer(Role::P0, channel);
        let ahead = Ahead { runs: 0, waiting: 0 };
        with_stock(&mut preparer, &plan, Held::Whole(&weights), ahead, &|_| {}, |stock| stock.take())
    }

    #[test]
    fn both_parties_take_the_runs_that_the_client_asked_for() {
        const RUNS: usize = 100;
        let (plan, weights) = &empty();
        for waiting in 0..=MAX_AHEAD {
            let (server, client) = memory_pair();
            let (mut server, mut client) = (preparer(Role::P0, server), preparer(Role::P1, client));
            // In place of online runs: the client begins each, and ends it when the server has answered.
            let (mut to_client, mut to_server) = memory_pair();
            let ahead = Ahead { runs: RUNS, waiting };
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    with_stock(&mut server, plan, Held::Whole(weights), ahead, &|_| {}, |stock| {
                        (0..RUNS).try_for_each(|_| {
                            to_client.recv_vec(1)?;
                            stock.take()?;
                            to_client.send(&[0])?;
                            to_client.flush()?;
                            Ok::<_, ExecError>(())
                        })
                    })
                    .unwrap();
                });
                with_stock(&mut client, plan, Held::Nothing, ahead, &|_| {}, |stock| {
                    (0..RUNS).try_for_each(|_| {
                        to_server.send(&[0])?;
                        to_server.flush()?;
                        stock.take()?;
                        to_server.recv_vec(1)?;
                        Ok::<_, ExecError>(())
                    })
                })
                .unwrap();
            });
            // A request a run and one to end. Were a wake-up lost, the client would say each time that it is
            // still there.
            let said = client.channel.meter().sent as usize;
            assert!((RUNS + 1..RUNS + 10).contains(&said), "{said} requests");
        }
    }

    #[test]
    fn a_client_that_only_waits_is_given_up() {
        let (server, mut client) = memory_pair();
        // Each is there before its deadline, so that the channel alone would wait for ever.
        client.send(&[WAIT; MAX_IDLE_WAITS + 1]).unwrap();
        client.flush().unwrap();
        let result = server_takes(server);
        assert!(matches!(result, Err(ExecError::IdleClient)), "{result:?}");
    }

    #[test]
    fn a_waiting_taker_learns_why_preparation_failed() {
        let (mut server, client) = memory_pair();
        server.set_timeout(Duration::from_millis(50));
        let result = server_takes(server);
        assert!(matches!(result, Err(ExecError::Net(NetError::Timeout { .. }))), "{result:?}");
        drop(client);

        let (server, mut client) = memory_pair();
        client.send(&[99]).unwrap();
        client.flush().unwrap();
        let result = server_takes(server);
        assert!(matches!(result, Err(ExecError::Net(NetError::Malformed { .. }))), "{result:?}");
    }

    #[test]
    fn a_client_that_prepares_too_far_ahead_is_refused() {
        let (server, mut client) = memory_pair();
        client.send(&[NEXT; SERVER_ROOM + 1]).unwrap();
        client.flush().unwrap();
        let (plan, weights) = empty();
        let mut handover = Handover::new(SERVER_ROOM);
        let (maker, _taker) = handover.ends();
        let prepare = |preparer: &mut Preparer| preparer.prepare(&plan, Held::Whole(&weights), &|_| {});
        let result = follow(&mut preparer(Role::P0, server), prepare, &maker);
        assert!(matches!(result, Err(ExecError::TooFarAhead { limit: MAX_AHEAD })), "{result:?}");
    }
}
