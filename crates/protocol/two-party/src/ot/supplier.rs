//! The supplier by OT.

use std::panic::resume_unwind;

use veilflow_correlation::{
    CorrelationError, Demand, LinearPair, LinearRequest, Pools, Possession, Result, Supplier, SupplyCosts,
};
use veilflow_net::{Channel, Role};
use veilflow_ot::{RandomOtReceiver, RandomOtSender};
use veilflow_prim::Prg;

use super::OtPlan;
use super::linear;
use super::nonlinear::{self, Received, Sent};
use super::pieces::{Piece, batches, makes};
use crate::error::ot_error;

/// Correlations from OT, one extension in each direction.
#[derive(Debug)]
pub struct OtSupplier {
    role: Role,
    plan: OtPlan,
    sender: Box<dyn RandomOtSender>,
    receiver: Box<dyn RandomOtReceiver>,
    prg: Prg,
    threads: usize,
    lane: Option<Channel>,
}

impl OtSupplier {
    /// Sets up OT extensions by `plan` in both directions. Both parties call it together, with the same plan.
    ///
    /// # Errors
    /// If the channel fails, the peer has another plan, or its points are malformed.
    pub fn setup(role: Role, channel: &mut Channel, mut prg: Prg, plan: &OtPlan) -> Result<Self> {
        let [p0, p1] = plan.extensions();
        let [forth, back] = match role {
            Role::P0 => [p0, p1],
            Role::P1 => [p1, p0],
        };
        let send = |channel: &mut Channel, prg: &mut Prg| forth.sender(channel, prg).map_err(ot_error);
        let receive = |channel: &mut Channel, prg: &mut Prg| back.receiver(channel, prg).map_err(ot_error);
        // The direction from P0 comes first.
        let (sender, receiver) = if role == Role::P0 {
            let sender = send(channel, &mut prg)?;
            (sender, receive(channel, &mut prg)?)
        } else {
            let receiver = receive(channel, &mut prg)?;
            (send(channel, &mut prg)?, receiver)
        };
        Ok(Self { role, plan: plan.clone(), sender, receiver, prg, threads: 1, lane: None })
    }

    /// Lets the supplier work in so many threads. With two or more, each direction has its own. The traffic
    /// is the same.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Both directions in one thread. The one in which this party speaks goes first, so that neither waits
    /// for the other.
    fn one_by_one(&mut self, channel: &mut Channel, pieces: &[Piece]) -> veilflow_ot::Result<Made> {
        let Self { role, sender, receiver, .. } = self;
        if sender.speaks() {
            let sent = nonlinear::send(&mut **sender, channel, *role, pieces)?;
            return Ok((sent, nonlinear::receive(&mut **receiver, channel, *role, pieces)?));
        }
        let received = nonlinear::receive(&mut **receiver, channel, *role, pieces)?;
        Ok((nonlinear::send(&mut **sender, channel, *role, pieces)?, received))
    }

    /// A thread for each direction. The direction from P1 has a stream of its own.
    fn both_at_once(&mut self, channel: &mut Channel, pieces: &[Piece]) -> Result<Made> {
        let Self { role, sender, receiver, lane, .. } = self;
        let lane = match lane {
            Some(lane) => lane,
            None => lane.insert(channel.fork()?),
        };
        channel.lend(lane)?;
        let (role, main) = (*role, &mut *channel);
        let (to_send, to_receive) = if role == Role::P0 { (main, &mut *lane) } else { (&mut *lane, main) };
        let (sent, received) = std::thread::scope(|scope| {
            let other = scope.spawn(|| nonlinear::receive(&mut **receiver, to_receive, role, pieces));
            let sent = nonlinear::send(&mut **sender, to_send, role, pieces);
            (sent, other.join().unwrap_or_else(|panic| resume_unwind(panic)))
        });
        let made = (sent.map_err(ot_error)?, received.map_err(ot_error)?);
        channel.settle(lane)?;
        Ok(made)
    }
}

/// What a party made of a batch as OT sender and as OT receiver.
type Made = (Vec<Sent>, Vec<Received>);

impl Supplier for OtSupplier {
    fn name(&self) -> &'static str {
        "ot"
    }

    fn fill(&mut self, channel: &mut Channel, demand: &Demand, pools: &mut Pools) -> Result<()> {
        if let Some((kind, _)) = demand.iter().find(|(kind, _)| !makes(*kind)) {
            return Err(CorrelationError::Unsupported { supplier: self.name(), kind });
        }
        for pieces in batches(demand) {
            let (sent, received) = if self.threads > 1 {
                self.both_at_once(channel, &pieces)?
            } else {
                self.one_by_one(channel, &pieces).map_err(ot_error)?
            };
            nonlinear::assemble(self.role, &pieces, sent, received, pools);
        }
        Ok(())
    }

    fn linear(
        &mut self,
        channel: &mut Channel,
        request: &LinearRequest,
        weights: Possession<'_>,
    ) -> Result<LinearPair> {
        match request.weights_at(self.role, weights)? {
            Some(weights) => linear::holder(&mut *self.receiver, channel, request, weights),
            None => linear::other(&mut *self.sender, channel, request, &mut self.prg),
        }
    }

    fn costs(&self) -> Box<dyn SupplyCosts> {
        Box::new(self.plan.costs())
    }
}
