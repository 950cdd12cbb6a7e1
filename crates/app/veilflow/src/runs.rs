//! The runs of a session, at either party: correlations made ahead or just in time, then the plan on an
//! input.

use std::sync::Arc;
use std::time::Duration;

use veilflow_exec::{
    Links, Online, Outcome, Overflow, Phase, Preparer, Session, SessionOptions, Step, Stock,
};
use veilflow_net::{Channel, Role};
use veilflow_ring::{Ring, RingVec};

use crate::conversation::SharedRun;
use crate::holding::Holding;
use crate::progress::Watcher;
use crate::{Error, OutputShare, Plan, Report, Result};

/// An open session.
#[derive(Debug)]
pub(crate) struct Runs {
    plan: Plan,
    holding: Arc<Holding>,
    watcher: Watcher,
    /// `None` once the session has failed or ended.
    parts: Option<Parts>,
    /// What the set-up took, until it is reported.
    set_up: Phase,
}

#[derive(Debug)]
enum Parts {
    JustInTime(Box<Session>),
    /// The online channel is dropped first: the peer then knows at once that the session is over, and hangs
    /// up on the stock.
    Ahead {
        online: Box<Online>,
        stock: Stock,
    },
}

/// What a party has of a run.
pub(crate) struct Ran {
    /// The outputs, or its shares of them; none at a server that does not get them.
    pub(crate) outputs: Vec<RingVec>,
    /// What it has of the bit that says whether a value left its range.
    pub(crate) overflow: Overflow,
    pub(crate) report: Report,
}

/// Where the share of a bit lives.
fn bit_ring() -> Ring {
    Ring::new(1).expect("bits are a ring")
}

/// What a session is about.
pub(crate) struct Terms {
    pub(crate) plan: Plan,
    pub(crate) holding: Arc<Holding>,
    pub(crate) options: SessionOptions,
    /// How long either party waits for the other.
    pub(crate) timeout: Duration,
}

impl Runs {
    /// Shakes hands, and sets up what makes correlations.
    pub(crate) fn open(links: Links<'_>, role: Role, terms: Terms) -> Result<Self> {
        let Terms { plan, holding, options, timeout } = terms;
        let session = Session::open_for(links, role, plan.ir(), options).map_err(Error::in_session)?;
        let (set_up, watcher) = (session.set_up, Watcher::default());
        let parts = if options.just_in_time {
            Parts::JustInTime(Box::new(session))
        } else {
            let Session { online, preparer, .. } = session;
            let (plan, holding, watcher) = (plan.clone(), holding.clone(), watcher.clone());
            let prepare = move |preparer: &mut Preparer| {
                preparer.prepare(plan.ir(), holding.held(), &|step: Step| watcher.tell(&plan, step))
            };
            let stock = Stock::start(preparer, timeout, prepare).map_err(Error::in_session)?;
            Parts::Ahead { online: Box::new(online), stock }
        };
        Ok(Self { plan, holding, watcher, parts: Some(parts), set_up })
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn watcher(&self) -> &Watcher {
        &self.watcher
    }

    /// Talks to the peer; the session ends with the first failure.
    pub(crate) fn talk<T>(&mut self, talk: impl FnOnce(&mut Channel) -> Result<T>) -> Result<T> {
        let channel = match self.parts.as_mut().ok_or(Error::Over)? {
            Parts::JustInTime(session) => &mut session.online.party.channel,
            Parts::Ahead { online, .. } => &mut online.party.channel,
        };
        let result = talk(channel);
        self.ending(result)
    }

    /// The correlations made ahead.
    pub(crate) fn stock(&mut self) -> Result<&mut Stock> {
        match self.parts.as_mut().ok_or(Error::Over)? {
            Parts::JustInTime(_) => Err(Error::JustInTime),
            Parts::Ahead { stock, .. } => Ok(stock),
        }
    }

    /// Runs the plan once, on this party's input or share of one. The session ends with the first failure.
    pub(crate) fn run(&mut self, input: Option<&[RingVec]>) -> Result<Ran> {
        let (plan, held) = (self.plan.ir(), self.holding.held());
        let progress = |step: Step| self.watcher.tell(&self.plan, step);
        let result = match self.parts.as_mut().ok_or(Error::Over)? {
            Parts::JustInTime(session) => session.just_in_time(plan, held, input, &progress),
            Parts::Ahead { online, stock } => stock.take().and_then(|prepared| {
                let offline = prepared.nodes.clone();
                Ok((offline, online.run(prepared, plan, held, input, &progress)?))
            }),
        };
        let (offline, outcome) = self.ending(result.map_err(Error::in_session))?;
        let set_up = std::mem::take(&mut self.set_up);
        let report = Report::new(&self.plan, set_up, &offline, &outcome);
        let Outcome { outputs, overflow, .. } = outcome;
        Ok(Ran { outputs: outputs.unwrap_or_default(), overflow, report })
    }

    /// Runs the plan once, on a shared input: this party's half of the output.
    pub(crate) fn run_shared(&mut self, run: SharedRun) -> Result<(OutputShare, Report)> {
        let Ran { mut outputs, overflow, report } = self.run(Some(run.input.0.values()))?;
        let party = run.input.party();
        if let Overflow::Share(bit) = overflow {
            outputs.push(RingVec::from_values(bit_ring(), vec![u64::from(bit)]));
        }
        let share = veilflow_ir::OutputShare::new(self.plan.ir(), run.output, party, outputs);
        Ok((OutputShare(share.map_err(Error::in_shares)?), report))
    }

    /// Ends the session.
    pub(crate) fn close(&mut self) {
        self.parts = None;
    }

    fn ending<T>(&mut self, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.close();
        }
        result
    }
}
