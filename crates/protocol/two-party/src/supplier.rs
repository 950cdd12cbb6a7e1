use veilflow_correlation::{
    CorrelationError, Cost, Demand, Flow, Kind, LinearPair, LinearRequest, Pools, Result, Supplier,
    SupplyCosts, Weights,
};
use veilflow_net::{Channel, Role};
use veilflow_ot::{OtError, SoftSpokenReceiver, SoftSpokenSender, Traffic, setup_bytes, softspoken_bytes};
use veilflow_prim::Prg;

use crate::{linear, nonlinear};

/// SoftSpoken's k when none is given: 31 bits an OT at little CPU.
pub const DEFAULT_K: usize = 4;

/// OTs made between one message and the next: bounds memory, and what waits in the sender's queue.
const STEP: usize = 1 << 21;

/// Correlations from SoftSpoken OT, one extension in each direction.
#[derive(Debug)]
pub struct OtSupplier {
    role: Role,
    k: usize,
    sender: SoftSpokenSender,
    receiver: SoftSpokenReceiver,
    prg: Prg,
}

pub(crate) fn ot_error(source: OtError) -> CorrelationError {
    CorrelationError::Supplier { supplier: "ot", source: source.into() }
}

/// A message of an OT receiver or sender as a step of the conversation.
fn flow(sender: Role, traffic: Traffic) -> Flow {
    let mut bytes = [0; 2];
    bytes[sender.index()] = traffic.sender;
    bytes[sender.other().index()] = traffic.receiver;
    Flow::Exchange(bytes[0], bytes[1])
}

impl OtSupplier {
    /// Sets up OT extensions with parameter `k` in both directions: 256 base OTs. Both parties call it together.
    pub fn setup(role: Role, channel: &mut Channel, mut prg: Prg, k: usize) -> Result<Self> {
        let sender = |channel: &mut Channel, prg: &mut Prg| SoftSpokenSender::setup(channel, prg, k);
        let receiver = |channel: &mut Channel, prg: &mut Prg| SoftSpokenReceiver::setup(channel, prg, k);
        let (sender, receiver) = match role {
            Role::P0 => {
                let sender = sender(channel, &mut prg).map_err(ot_error)?;
                (sender, receiver(channel, &mut prg).map_err(ot_error)?)
            }
            Role::P1 => {
                let receiver = receiver(channel, &mut prg).map_err(ot_error)?;
                (sender(channel, &mut prg).map_err(ot_error)?, receiver)
            }
        };
        Ok(Self { role, k, sender, receiver, prg })
    }
}

impl Supplier for OtSupplier {
    fn name(&self) -> &'static str {
        "ot"
    }

    fn fill(&mut self, channel: &mut Channel, demand: &Demand, pools: &mut Pools) -> Result<()> {
        let Self { role, sender, receiver, .. } = self;
        let mut ends = nonlinear::Ends { role: *role, sender, receiver, channel };
        for (kind, count) in demand.iter() {
            for start in (0..count).step_by(STEP) {
                let n = STEP.min(count - start);
                match kind {
                    Kind::Triple { payload } => pools.put_triples(kind, ends.triples(payload, n)?),
                    Kind::And { sender } => pools.put_ands(kind, ends.ands(sender, n)?),
                    Kind::Product { sender, bits } => {
                        pools.put_products(kind, ends.products(sender, bits, n)?);
                    }
                    Kind::Table { sender, digit, payload } => {
                        pools.put_tables(kind, ends.tables(sender, digit, payload, n)?);
                    }
                }
            }
        }
        Ok(())
    }

    fn linear(
        &mut self,
        channel: &mut Channel,
        request: &LinearRequest,
        weights: Weights<'_>,
    ) -> Result<LinearPair> {
        match (self.role, weights) {
            (Role::P0, Weights::Mine(weights)) => {
                linear::server(&mut self.receiver, channel, request, weights)
            }
            (Role::P1, Weights::Theirs) => linear::client(&mut self.sender, channel, request, &mut self.prg),
            _ => Err(CorrelationError::Weights { layer: request.layer, reason: "P0 must hold them" }),
        }
    }

    fn costs(&self) -> Box<dyn SupplyCosts> {
        Box::new(OtCosts { k: self.k })
    }
}

/// What an [`OtSupplier`] sends, for SoftSpoken's `k`.
#[derive(Debug, Clone, Copy)]
pub struct OtCosts {
    /// SoftSpoken's parameter.
    pub k: usize,
}

impl OtCosts {
    /// The numbers of OTs in which a kind is made: (direction P0 → P1, direction P1 → P0), one pair a step.
    fn steps(kind: Kind, count: usize) -> Vec<[usize; 2]> {
        let (per, both, sender) = match kind {
            Kind::Triple { .. } => (1, true, Role::P0),
            Kind::And { sender } | Kind::Product { sender, .. } => (1, false, sender),
            Kind::Table { sender, digit, .. } => (digit as usize, false, sender),
        };
        let mut out = Vec::new();
        for start in (0..count).step_by(STEP) {
            let n = STEP.min(count - start);
            for _ in 0..per {
                let mut step = [0; 2];
                step[sender.index()] = n;
                if both {
                    step[sender.other().index()] = n;
                }
                out.push(step);
            }
        }
        out
    }
}

impl SupplyCosts for OtCosts {
    fn set_up(&self) -> Cost {
        // Direction after direction; in each the receiver of the extension answers.
        let one = setup_bytes(self.k).unwrap_or_default();
        let flows = [Role::P0, Role::P1].map(|sender| flow(sender, one));
        Cost { flows: flows.into(), demand: Demand::default() }
    }

    fn fill(&self, demand: &Demand) -> Cost {
        let mut cost = Cost::default();
        for (kind, count) in demand.iter() {
            for [forth, back] in Self::steps(kind, count) {
                // Only OT receivers send: P1 for OTs from P0, and the other way round.
                let bytes = |n| softspoken_bytes(self.k, n).map_or(0, |traffic| traffic.receiver);
                cost.flows.push(Flow::Exchange(bytes(back), bytes(forth)));
            }
        }
        cost
    }

    fn linear(&self, request: &LinearRequest) -> Cost {
        linear::cost(self.k, request)
    }
}
