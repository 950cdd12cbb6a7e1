//! The steps of a run, played on a timeline.

use veilflow_correlation::{Cost, Demand, Flow, LinearRequest};
use veilflow_ir::plan::{Plan, PlanOp};
use veilflow_net::Role;
use veilflow_ot::ExtensionPlan;
use veilflow_two_party::{HePlan, OtPlan, OtWork};

use super::machine::{HeSeconds, Machine, Seconds, he_work};
use super::prices::ot;
use super::timeline::{Event, Timeline};
use crate::error::Result;
use crate::layer::linear_layer;
use crate::options::SessionOptions;
use crate::possession::WeightsAt;
use crate::supply::SupplyPlan;

/// Both parties as they go through a run.
pub(super) struct Schedule<'a> {
    machine: &'a Machine,
    /// Each thread has a core of its own.
    threads: f64,
    /// Without it, a helper supplies everything ahead of its use.
    ot: Option<&'a OtPlan>,
    he: Option<&'a HePlan>,
    weights: WeightsAt,
    timeline: Timeline,
}

/// A conversation before, between and after whose messages both parties compute.
fn spread(flows: &[Flow], seconds: Seconds) -> impl Iterator<Item = Event> + '_ {
    let part = Event::Compute(seconds.map(|s| s / (flows.len() + 1) as f64));
    std::iter::once(part).chain(flows.iter().flat_map(move |flow| [Event::Talk(*flow), part]))
}

/// Rounds of setting up OTs of one direction.
fn set_up_rounds(extension: &ExtensionPlan) -> u64 {
    match extension {
        ExtensionPlan::SoftSpoken { .. } => 2,
        ExtensionPlan::Ferret(plan) => plan.setup_rounds(),
    }
}

/// Bytes from P0 and from P1.
fn bytes(flows: &[Flow]) -> [u64; 2] {
    Cost { flows: flows.to_vec(), ..Cost::default() }.volume().bytes
}

/// Elements that the online phase of a node, or past the last one the check, goes through.
fn elements(plan: &Plan, index: usize) -> usize {
    let of = |value: usize| plan.values[value].shape.elements();
    let Some(node) = plan.nodes.get(index) else {
        return plan.checks.ranges.iter().map(|range| plan.checks.of(of(range.value()))).sum();
    };
    let inputs = || node.inputs.iter().map(|&value| of(value)).sum::<usize>();
    match &node.op {
        // Windows overlap, and are copied.
        PlanOp::MaxPool { pool } => of(node.output) * pool.kernel.iter().product::<usize>(),
        // Two comparisons side by side.
        PlanOp::Clip { .. } => 2 * inputs(),
        // Every product reads both factors.
        PlanOp::MatrixProduct { .. } => {
            let inner = plan.values[node.inputs[0]].shape.last().copied().unwrap_or(1);
            2 * of(node.output) * inner
        }
        _ => inputs(),
    }
}

impl<'a> Schedule<'a> {
    /// Both clocks at zero, before the handshake.
    pub(super) fn new(options: &SessionOptions, supply: &'a SupplyPlan, machine: &'a Machine) -> Self {
        let (ot, he) = match supply {
            SupplyPlan::Ot(ot) => (Some(ot), None),
            SupplyPlan::He(he) => (Some(he.ot()), Some(he)),
            SupplyPlan::Helper => (None, None),
        };
        let (threads, timeline) = (options.threads as f64, Timeline::new(options.link));
        Self { machine, threads, ot, he, weights: options.weights, timeline }
    }

    /// What each party's clock says, in seconds.
    pub(super) fn now(&self) -> Seconds {
        self.timeline.now
    }

    fn play(&mut self, events: impl IntoIterator<Item = Event>) {
        events.into_iter().for_each(|event| self.timeline.advance(event));
    }

    /// One party computes.
    fn compute(&mut self, party: Role, seconds: f64) {
        let mut both = [0.0; 2];
        both[party.index()] = seconds;
        self.play([Event::Compute(both)]);
    }

    /// The client asks for a phase to begin.
    pub(super) fn ask(&mut self) {
        self.play([Event::Talk(Flow::From(Role::P1, 1))]);
    }

    /// The handshake, then base OTs, seeds and keys.
    pub(super) fn set_up(&mut self, cost: &Cost) {
        self.play([Event::Talk(Flow::Exchange(1, 1))]);
        let Some(plan) = self.ot else {
            self.play(spread(&cost.flows, [0.0; 2]));
            return;
        };
        let (base, keys) = cost.flows.split_at(2.min(cost.flows.len()));
        let seconds = self.machine.ot_set_up(bytes(base).iter().sum()) / 2.0;
        let (together, alone) = (ot::KEYS_PART * seconds, (1.0 - ot::KEYS_PART) * seconds);
        for ((extension, flow), receiver) in plan.extensions().iter().zip(base).zip([Role::P1, Role::P0]) {
            self.play([Event::Compute([together; 2]), Event::Talk(*flow)]);
            let mut speaker = receiver;
            for _ in 1..set_up_rounds(extension) {
                self.compute(speaker, alone);
                self.play([Event::Talk(Flow::From(speaker, 1))]);
                speaker = speaker.other();
            }
            self.compute(receiver.other(), alone);
        }
        let [server, client] = self.machine.keys(bytes(keys)[1]);
        self.compute(Role::P1, client);
        self.play(keys.iter().map(|flow| Event::Talk(*flow)));
        self.compute(Role::P0, server);
    }

    /// Pools for one node: each party speaks in one direction while the other does, then both listen.
    pub(super) fn fill(&mut self, cost: &Cost, demand: &Demand) {
        let Some(plan) = self.ot else {
            self.play(spread(&cost.flows, [0.0; 2]));
            return;
        };
        let work = OtWork::fill(demand);
        let [forth, back] = self.machine.ots(plan.extensions(), &work);
        let batches = cost.flows.len() as f64;
        for flow in &cost.flows {
            if self.threads > 1.0 {
                self.play([Event::Compute([forth.max(back) / batches; 2]), Event::Talk(*flow)]);
            } else {
                let (speak, listen) = ([forth, back], [back, forth]);
                self.play([
                    Event::Compute(speak.map(|s| s / batches)),
                    Event::Talk(*flow),
                    Event::Compute(listen.map(|s| s / batches)),
                ]);
            }
        }
    }

    /// The pairs of a linear layer. By homomorphic encryption there is one.
    pub(super) fn linear(&mut self, requests: &[LinearRequest], cost: &Cost) -> Result<()> {
        let (Some(he), [request]) = (self.he, requests) else {
            let by_ot = |plan: &OtPlan, request: &LinearRequest| {
                let work = OtWork::linear(request);
                self.machine.ots(plan.extensions(), &work).iter().sum::<f64>() + self.machine.rows(&work)
            };
            let seconds = self.ot.map_or(0.0, |plan| requests.iter().map(|r| by_ot(plan, r)).sum());
            self.play(spread(&cost.flows, [seconds; 2]));
            return Ok(());
        };
        let HeSeconds { encrypt, read, reply, decrypt } = self.machine.he(&he_work(he.suite(), request)?);
        let ([replies, inputs], threads) = (cost.volume().bytes, self.threads);
        self.play([
            Event::Stream { from: Role::P1, bytes: inputs, make: encrypt / threads, take: read / threads },
            Event::Stream { from: Role::P0, bytes: replies, make: reply / threads, take: decrypt / threads },
        ]);
        Ok(())
    }

    /// One node of the online phase, or past the last node the check.
    pub(super) fn online(&mut self, plan: &Plan, index: usize, cost: &Cost) {
        let multiplications = linear_layer(plan, index).map_or(0, |layer| layer.shape.multiplications());
        // Where the weights are shared, each party multiplies by its share.
        let of_client = if self.weights == WeightsAt::Server { 0 } else { multiplications };
        let seconds = self.machine.online(cost, elements(plan, index), [multiplications, of_client]);
        self.play(spread(&cost.flows, seconds.map(|s| s / self.threads)));
    }

    /// The outputs go where they belong.
    pub(super) fn output(&mut self, cost: &Cost) {
        self.play(spread(&cost.flows, [0.0; 2]));
    }
}
