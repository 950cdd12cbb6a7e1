use std::fmt;

use veilflow_correlation::{
    CorrelationError, Cost, Demand, Flow, Kind, LinearPair, LinearRequest, Needs, Pools, Result, Supplier,
    SupplyCosts, Weights,
};
use veilflow_net::{Channel, Role};
use veilflow_ot::{ExtensionForecast, ExtensionPlan, ExtensionReceiver, ExtensionSender, OtError, Traffic};
use veilflow_prim::Prg;

use crate::{linear, nonlinear};

/// OTs made between one message and the next: bounds memory, and what waits in the sender's queue.
const STEP: usize = 1 << 21;

pub(crate) fn ot_error(source: OtError) -> CorrelationError {
    CorrelationError::Supplier { supplier: "ot", source: source.into() }
}

/// The numbers of OTs from P0 and from P1 in which `count` of a kind are made, step by step.
fn steps(kind: Kind, count: usize) -> Vec<[usize; 2]> {
    let (each, senders) = match kind {
        Kind::Triple { .. } => (1, vec![Role::P0, Role::P1]),
        Kind::And { sender } | Kind::Product { sender, .. } => (1, vec![sender]),
        Kind::Table { sender, digit, .. } => (digit as usize, vec![sender]),
    };
    let mut out = Vec::new();
    for start in (0..count).step_by(STEP) {
        let mut step = [0; 2];
        senders.iter().for_each(|sender| step[sender.index()] = STEP.min(count - start));
        out.extend(std::iter::repeat_n(step, each));
    }
    out
}

/// Which OT extension serves each direction: from P0, and from P1.
#[derive(Debug, Clone, PartialEq)]
pub struct OtPlan([ExtensionPlan; 2]);

impl OtPlan {
    /// SoftSpoken OT with parameter `k` in both directions.
    pub fn softspoken(k: usize) -> Self {
        Self([ExtensionPlan::SoftSpoken { k }, ExtensionPlan::SoftSpoken { k }])
    }

    /// The extensions that serve `needs` quickest on a link that takes so many nanoseconds a byte: Ferret with sets of the
    /// right size, or SoftSpoken where few OTs are needed.
    pub fn silent(needs: &Needs, ns_per_byte: f64) -> Self {
        Self(Self::count(needs).map(|count| ExtensionPlan::for_link(count, ns_per_byte)))
    }

    /// OTs that `needs` takes, from P0 and from P1.
    fn count(needs: &Needs) -> [usize; 2] {
        let mut total = [0; 2];
        for (kind, count) in needs.demand.iter() {
            for step in steps(kind, count) {
                total = [total[0] + step[0], total[1] + step[1]];
            }
        }
        total[1] += needs.linear.iter().map(linear::ots).sum::<usize>();
        total
    }

    /// What a supplier by this plan sends.
    pub fn costs(&self) -> OtCosts {
        OtCosts { plan: self.clone(), forecasts: self.0.each_ref().map(ExtensionPlan::forecast) }
    }
}

impl fmt::Display for OtPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |plan: &ExtensionPlan| match plan {
            ExtensionPlan::SoftSpoken { k } => format!("softspoken-{k}"),
            ExtensionPlan::Ferret(plan) => format!("ferret-{}x{}", plan.set().trees(), plan.set().leaves()),
        };
        write!(f, "{} {}", name(&self.0[0]), name(&self.0[1]))
    }
}

/// Correlations from OT, one extension in each direction.
#[derive(Debug)]
pub struct OtSupplier {
    role: Role,
    plan: OtPlan,
    sender: ExtensionSender,
    receiver: ExtensionReceiver,
    prg: Prg,
}

impl OtSupplier {
    /// Sets up OT extensions by `plan` in both directions. Both parties call it together, with the same plan.
    pub fn setup(role: Role, channel: &mut Channel, mut prg: Prg, plan: &OtPlan) -> Result<Self> {
        let [forth, back] = match role {
            Role::P0 => [&plan.0[0], &plan.0[1]],
            Role::P1 => [&plan.0[1], &plan.0[0]],
        };
        let send = |channel: &mut Channel, prg: &mut Prg| {
            ExtensionSender::setup(channel, prg, forth).map_err(ot_error)
        };
        let receive = |channel: &mut Channel, prg: &mut Prg| {
            ExtensionReceiver::setup(channel, prg, back).map_err(ot_error)
        };
        // The direction from P0 comes first.
        let (sender, receiver) = if role == Role::P0 {
            let sender = send(channel, &mut prg)?;
            (sender, receive(channel, &mut prg)?)
        } else {
            let receiver = receive(channel, &mut prg)?;
            (send(channel, &mut prg)?, receiver)
        };
        Ok(Self { role, plan: plan.clone(), sender, receiver, prg })
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
        Box::new(self.plan.costs())
    }
}

/// What an [`OtSupplier`] sends.
#[derive(Debug, Clone)]
pub struct OtCosts {
    plan: OtPlan,
    forecasts: [ExtensionForecast; 2],
}

impl OtCosts {
    /// The messages that make so many OTs from P0 and from P1: bytes by P0 and by P1.
    fn extend(&mut self, counts: [usize; 2]) -> [u64; 2] {
        let mut bytes = [0; 2];
        for (direction, count) in counts.into_iter().enumerate() {
            if count > 0 {
                // A parameter that the set-up refuses never gets here.
                let Traffic { sender, receiver } =
                    self.forecasts[direction].extend(count).unwrap_or_default();
                bytes[direction] += sender;
                bytes[1 - direction] += receiver;
            }
        }
        bytes
    }
}

impl SupplyCosts for OtCosts {
    fn set_up(&self) -> Cost {
        let mut flows = Vec::new();
        for (direction, plan) in self.plan.0.iter().enumerate() {
            let Traffic { sender, receiver } = plan.setup().unwrap_or_default();
            flows.push(if direction == 0 {
                Flow::Exchange(sender, receiver)
            } else {
                Flow::Exchange(receiver, sender)
            });
        }
        Cost { flows, demand: Demand::default() }
    }

    fn fill(&mut self, demand: &Demand) -> Cost {
        let mut cost = Cost::default();
        for (kind, count) in demand.iter() {
            for step in steps(kind, count) {
                let [from_p0, from_p1] = self.extend(step);
                cost.flows.push(Flow::Exchange(from_p0, from_p1));
            }
        }
        cost
    }

    fn linear(&mut self, request: &LinearRequest) -> Cost {
        linear::cost(request, |count| self.extend([0, count]))
    }
}
