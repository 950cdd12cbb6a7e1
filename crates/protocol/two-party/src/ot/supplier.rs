use std::fmt;
use std::panic::resume_unwind;

use veilflow_correlation::{
    CorrelationError, Cost, Demand, Flow, LinearPair, LinearRequest, Needs, Pools, Possession, Result,
    Supplier, SupplyCosts,
};
use veilflow_net::{Channel, Role};
use veilflow_ot::{ExtensionForecast, ExtensionPlan, OtError, RandomOtReceiver, RandomOtSender, Traffic};
use veilflow_prim::Prg;

use super::linear;
use super::nonlinear::{self, Piece, Received, Sent};

/// OTs a direction makes between one message and the next: bounds memory, and what waits in the sender's queue.
const STEP: usize = 1 << 21;

pub(crate) fn ot_error(source: OtError) -> CorrelationError {
    CorrelationError::Supplier { supplier: "ot", source: source.into() }
}

/// Cuts a demand into batches of pieces that each take about [`STEP`] OTs a direction.
fn batches(demand: &Demand) -> Vec<Vec<Piece>> {
    let mut out: Vec<Vec<Piece>> = Vec::new();
    let mut room = 0;
    for (kind, count) in demand.iter() {
        for start in (0..count).step_by(STEP) {
            let piece = (kind, STEP.min(count - start));
            let ots = ROLES.map(|sender| runs(piece, sender).sum::<usize>());
            let most = ots[0].max(ots[1]);
            if out.is_empty() || most > room {
                out.push(Vec::new());
                room = STEP;
            }
            room = room.saturating_sub(most);
            out.last_mut().expect("there is a batch").push(piece);
        }
    }
    out
}

const ROLES: [Role; 2] = [Role::P0, Role::P1];

/// The lengths of the runs of OTs from `sender` that a piece takes.
fn runs(piece: Piece, sender: Role) -> impl Iterator<Item = usize> {
    nonlinear::takes(piece, sender).into_iter().map(move |_| piece.1)
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

    /// The extensions: from P0, and from P1.
    pub fn extensions(&self) -> &[ExtensionPlan; 2] {
        &self.0
    }

    /// OTs that `needs` takes, from P0 and from P1.
    fn count(needs: &Needs) -> [usize; 2] {
        let pieces = batches(&needs.demand).concat();
        let mut total: [usize; 2] =
            ROLES.map(|sender| pieces.iter().flat_map(|&piece| runs(piece, sender)).sum());
        needs.linear.iter().for_each(|layer| total[layer.holder.other().index()] += linear::ots(layer));
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
    sender: Box<dyn RandomOtSender>,
    receiver: Box<dyn RandomOtReceiver>,
    prg: Prg,
    threads: usize,
    lane: Option<Channel>,
}

impl OtSupplier {
    /// Sets up OT extensions by `plan` in both directions. Both parties call it together, with the same plan.
    pub fn setup(role: Role, channel: &mut Channel, mut prg: Prg, plan: &OtPlan) -> Result<Self> {
        let [forth, back] = match role {
            Role::P0 => [&plan.0[0], &plan.0[1]],
            Role::P1 => [&plan.0[1], &plan.0[0]],
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

    /// Lets the supplier work in so many threads: with two or more, each direction has its own. The traffic is the same.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Both directions in one thread: first the one in which this party speaks, so that neither waits for the other.
    fn one_by_one(&mut self, channel: &mut Channel, pieces: &[Piece]) -> std::result::Result<Made, OtError> {
        let Self { role, sender, receiver, .. } = self;
        if sender.speaks() {
            let sent = nonlinear::send(&mut **sender, channel, *role, pieces)?;
            return Ok((sent, nonlinear::receive(&mut **receiver, channel, *role, pieces)?));
        }
        let received = nonlinear::receive(&mut **receiver, channel, *role, pieces)?;
        Ok((nonlinear::send(&mut **sender, channel, *role, pieces)?, received))
    }

    /// A thread for each direction; that from P1 has a stream of its own.
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
        if let Some((kind, _)) = demand.iter().find(|(kind, _)| !nonlinear::makes(*kind)) {
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

/// What an [`OtSupplier`] sends.
#[derive(Debug, Clone)]
pub struct OtCosts {
    plan: OtPlan,
    forecasts: [ExtensionForecast; 2],
}

impl OtCosts {
    /// The messages that make so many OTs from `sender`: bytes by P0 and by P1.
    fn extend(&mut self, sender: Role, count: usize) -> [u64; 2] {
        // A parameter that the set-up refuses never gets here.
        let traffic = self.forecasts[sender.index()].extend(count).unwrap_or_default();
        let mut bytes = [0; 2];
        bytes[sender.index()] = traffic.sender;
        bytes[sender.other().index()] = traffic.receiver;
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
        for pieces in batches(demand) {
            let mut total = [0; 2];
            for sender in ROLES {
                for count in pieces.iter().flat_map(|&piece| runs(piece, sender)) {
                    let bytes = self.extend(sender, count);
                    total = [total[0] + bytes[0], total[1] + bytes[1]];
                }
            }
            cost.flows.push(Flow::Exchange(total[0], total[1]));
        }
        cost
    }

    fn linear(&mut self, request: &LinearRequest) -> Cost {
        linear::cost(request, |count| self.extend(request.holder.other(), count))
    }
}
