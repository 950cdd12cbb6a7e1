//! How long a run will take, from what it sends and what it computes.

use veilflow_correlation::{Cost, Demand, Flow, LinearRequest};
use veilflow_ir::plan::{Plan, PlanOp};
use veilflow_net::Role;
use veilflow_ot::ExtensionPlan;
use veilflow_two_party::{HePlan, OtPlan, OtWork};

use crate::machine::{HeSeconds, Seconds, he_work};
use crate::session::SupplyPlan;
use crate::timeline::{Step, Timeline};
use crate::{Machine, Prediction, Result, SessionOptions, WeightsAt, joined_pairs, node};

/// Predicted wall-clock seconds of one run, of the party that takes longer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Times {
    /// The handshake, the set-up, and making correlations.
    pub offline: f64,
    /// Consuming them.
    pub online: f64,
}

/// A conversation before, between and after whose messages both parties compute.
fn spread(flows: &[Flow], seconds: Seconds) -> impl Iterator<Item = Step> + '_ {
    let part = Step::Compute(seconds.map(|s| s / (flows.len() + 1) as f64));
    std::iter::once(part).chain(flows.iter().flat_map(move |flow| [Step::Talk(*flow), part]))
}

/// Rounds of setting up OTs of one direction.
fn set_up_rounds(extension: &ExtensionPlan) -> u64 {
    match extension {
        ExtensionPlan::SoftSpoken { .. } => 2,
        ExtensionPlan::Ferret(plan) => plan.setup_rounds(),
    }
}

/// Works out the steps of a run.
struct Steps<'a> {
    machine: &'a Machine,
    threads: f64,
    /// Without one a helper supplies everything, ahead of its use.
    ot: Option<&'a OtPlan>,
    he: Option<&'a HePlan>,
    weights: WeightsAt,
    out: Timeline,
}

impl Steps<'_> {
    fn take(&mut self, steps: impl IntoIterator<Item = Step>) {
        steps.into_iter().for_each(|step| self.out.advance(step));
    }

    /// One party computes.
    fn compute(&mut self, party: Role, seconds: f64) {
        let mut both = [0.0; 2];
        both[party.index()] = seconds;
        self.take([Step::Compute(both)]);
    }

    /// Base OTs, seeds and keys.
    fn set_up(&mut self, cost: &Cost) {
        // Both parties say what they want to run.
        self.take([Step::Talk(Flow::Exchange(1, 1))]);
        let Some(plan) = self.ot else {
            self.take(spread(&cost.flows, [0.0; 2]));
            return;
        };
        let (ot, keys) = cost.flows.split_at(2.min(cost.flows.len()));
        let bytes = |flows: &[Flow]| Cost { flows: flows.to_vec(), ..Cost::default() }.volume().bytes;
        let seconds = self.machine.ot_set_up(bytes(ot).iter().sum()) / 2.0;
        for ((extension, flow), receiver) in plan.extensions().iter().zip(ot).zip([Role::P1, Role::P0]) {
            // Both make keys at once; then each waits for what the other makes of them.
            let (together, alone) = (0.4 * seconds, 0.6 * seconds);
            self.take([Step::Compute([together; 2]), Step::Talk(*flow)]);
            let mut speaker = receiver;
            for _ in 1..set_up_rounds(extension) {
                self.compute(speaker, alone);
                self.take([Step::Talk(Flow::From(speaker, 1))]);
                speaker = speaker.other();
            }
            self.compute(receiver.other(), alone);
        }
        let [server, client] = self.machine.keys(bytes(keys)[1]);
        self.compute(Role::P1, client);
        self.take(keys.iter().map(|flow| Step::Talk(*flow)));
        self.compute(Role::P0, server);
    }

    /// Pools for one node: each party speaks in one direction while the other does, then both listen.
    fn fill(&mut self, cost: &Cost, demand: &Demand) {
        let Some(plan) = self.ot else {
            self.take(spread(&cost.flows, [0.0; 2]));
            return;
        };
        let work = OtWork::fill(demand);
        let [forth, back] = self.machine.ots(plan.extensions(), &work);
        let batches = cost.flows.len() as f64;
        for flow in &cost.flows {
            if self.threads > 1.0 {
                self.take([Step::Compute([forth.max(back) / batches; 2]), Step::Talk(*flow)]);
            } else {
                let (speak, listen) = ([forth, back], [back, forth]);
                self.take([
                    Step::Compute(speak.map(|s| s / batches)),
                    Step::Talk(*flow),
                    Step::Compute(listen.map(|s| s / batches)),
                ]);
            }
        }
    }

    /// The pairs of a linear layer; by homomorphic encryption there is one.
    fn linear(&mut self, requests: &[LinearRequest], cost: &Cost) -> Result<()> {
        let (Some(he), [request]) = (self.he, requests) else {
            let by_ot = |plan: &OtPlan, request: &LinearRequest| {
                let work = OtWork::linear(request);
                self.machine.ots(plan.extensions(), &work).iter().sum::<f64>() + self.machine.rows(&work)
            };
            let seconds = self.ot.map_or(0.0, |plan| requests.iter().map(|r| by_ot(plan, r)).sum());
            self.take(spread(&cost.flows, [seconds; 2]));
            return Ok(());
        };
        let HeSeconds { encrypt, read, reply, decrypt } = self.machine.he(&he_work(he.suite(), request)?);
        let ([replies, inputs], threads) = (cost.volume().bytes, self.threads);
        self.take([
            Step::Stream { from: Role::P1, bytes: inputs, make: encrypt / threads, take: read / threads },
            Step::Stream { from: Role::P0, bytes: replies, make: reply / threads, take: decrypt / threads },
        ]);
        Ok(())
    }

    /// One node of the online phase.
    fn online(&mut self, plan: &Plan, index: usize, cost: &Cost) {
        let node = &plan.nodes[index];
        let elements_in =
            |inputs: &[usize]| inputs.iter().map(|&i| plan.values[i].shape.elements()).sum::<usize>();
        let elements = match &node.op {
            // Windows overlap, and are copied.
            PlanOp::MaxPool { pool } => elements_in(&[node.output]) * pool.kernel.iter().product::<usize>(),
            // Two comparisons side by side.
            PlanOp::Clip { .. } => 2 * elements_in(&node.inputs),
            _ => elements_in(&node.inputs),
        };
        let request = node::linear_layer(plan, index);
        let multiplications = request.map_or(0, |r| r.shape.multiplications());
        // By a share each where the weights are shared.
        let of_client = if self.weights == WeightsAt::Server { 0 } else { multiplications };
        let seconds = self.machine.online(cost, elements, [multiplications, of_client]);
        self.take(spread(&cost.flows, seconds.map(|s| s / self.threads)));
    }
}

impl Times {
    /// Predicts a run of `plan`, of which `prediction` tells the conversation, on `machine`; each party's threads have cores of
    /// their own.
    ///
    /// # Errors
    /// If the supplier cannot do one of the plan's layers, with the reason.
    pub fn of(
        plan: &Plan,
        options: &SessionOptions,
        prediction: &Prediction,
        machine: &Machine,
    ) -> Result<Self> {
        let supply = options.supply_plan(&node::needs(plan, options))?;
        let (ot, he) = match &supply {
            SupplyPlan::Ot(ot) => (Some(ot), None),
            SupplyPlan::He(he) => (Some(he.ot()), Some(he)),
            SupplyPlan::Helper => (None, None),
        };
        let threads = options.threads as f64;
        let mut steps =
            Steps { machine, threads, ot, he, weights: options.weights, out: Timeline::new(options.link) };
        steps.set_up(&prediction.set_up);
        // The client asks for a run to be prepared, and then for one to begin.
        let ask = Step::Talk(Flow::From(Role::P1, 1));
        steps.take([ask]);
        for (index, cost) in prediction.offline.iter().enumerate() {
            steps.fill(&cost.fill, &prediction.online[index].demand);
            if let Some(cost) = &cost.linear {
                steps.linear(&joined_pairs::requests(plan, index, options.weights), cost)?;
            }
        }
        let offline = steps.out.now;
        steps.take([ask]);
        let begun = [steps.out.now[0], offline[1]];
        for (index, cost) in prediction.online.iter().enumerate() {
            steps.online(plan, index, cost);
        }
        steps.take(spread(&prediction.output.flows, [0.0; 2]));
        let online = [0, 1].map(|party| steps.out.now[party] - begun[party]);
        Ok(Self { offline: offline[0].max(offline[1]), online: online[0].max(online[1]) })
    }

    /// Both phases.
    pub fn total(&self) -> f64 {
        self.offline + self.online
    }
}
