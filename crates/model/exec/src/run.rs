//! The two phases of a run: correlations for every node, then the nodes.

use veilflow_correlation::{Cost, Weights as Possession};
use veilflow_ir::Weights;
use veilflow_ir::plan::Plan;
use veilflow_net::Role;
use veilflow_online::{reveal_to, reveal_to_cost};
use veilflow_ring::{Ring, RingVec};

use crate::{ExecError, Phase, Result, Session, SessionOptions, Stopwatch, node};

/// Called before each node with its number, counted from 0.
pub type Progress<'a> = &'a mut dyn FnMut(Step);

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Whether correlations are being consumed, no longer made.
    pub online: bool,
    /// The node about to be worked on.
    pub node: usize,
}

/// What each node took, and the output if this party learns it.
#[derive(Debug)]
pub struct Outcome {
    /// By node, in the plan's order.
    pub nodes: Vec<Phase>,
    /// Input and output, and what belongs to no node.
    pub rest: Phase,
    /// The plan's outputs, at the client.
    pub outputs: Option<Vec<RingVec>>,
}

impl Session {
    fn check_weights(&self, plan: &Plan, weights: Option<&Weights>) -> Result<()> {
        let what = match (self.party.role, weights) {
            (Role::P0, None) => "the server has no weights",
            (Role::P1, Some(_)) => "the client must not have weights",
            (Role::P0, Some(w)) if w.plan_hash() != plan.hash() => "the weights belong to another plan",
            _ => return Ok(()),
        };
        Err(ExecError::Misfit { what: what.to_owned() })
    }

    /// Makes the correlations of one run of `plan`, node by node; no input is needed yet.
    ///
    /// # Errors
    /// Weights that do not fit the party or the plan; a failing channel or supplier.
    pub fn offline(
        &mut self,
        plan: &Plan,
        weights: Option<&Weights>,
        progress: Progress<'_>,
    ) -> Result<Vec<Phase>> {
        self.check_weights(plan, weights)?;
        self.party.channel.restart_rounds()?;
        let mut phases = Vec::with_capacity(plan.nodes.len());
        for index in 0..plan.nodes.len() {
            progress(Step { online: false, node: index });
            let watch = Stopwatch::start(&self.party.channel);
            let demand = node::cost(plan, index, self.party.tuning).demand;
            self.supplier.fill(&mut self.party.channel, &demand, &mut self.party.pools)?;
            if let Some(request) = node::linear_request(plan, index) {
                let possession = match weights.and_then(|w| w.of(index)) {
                    Some(parameters) => Possession::Mine(&parameters.weights),
                    None => Possession::Theirs,
                };
                let pair = self.supplier.linear(&mut self.party.channel, &request, possession)?;
                self.party.pools.put_linear(index, pair);
            }
            self.party.channel.flush()?;
            phases.push(watch.stop(&self.party.channel));
        }
        Ok(phases)
    }

    /// Runs `plan` on the client's `input` with correlations made before. `input` is `Some` at the client only: one
    /// vector an input of the plan, at the plan's width and scale.
    ///
    /// # Errors
    /// Inputs or weights that do not fit, exhausted correlations, a failing channel.
    pub fn online(
        &mut self,
        plan: &Plan,
        weights: Option<&Weights>,
        input: Option<&[RingVec]>,
        progress: Progress<'_>,
    ) -> Result<Outcome> {
        self.check_weights(plan, weights)?;
        self.party.channel.restart_rounds()?;
        let whole = Stopwatch::start(&self.party.channel);
        let mut values: Vec<Option<RingVec>> = vec![None; plan.values.len()];
        for (number, (slot, share)) in self.input_shares(plan, input)?.into_iter().enumerate() {
            debug_assert_eq!(slot, plan.inputs[number].value);
            values[slot] = Some(share);
        }
        let mut left = plan.uses();
        let mut phases = Vec::with_capacity(plan.nodes.len());
        let mut in_nodes = Phase::default();
        for (index, step) in plan.nodes.iter().enumerate() {
            progress(Step { online: true, node: index });
            let watch = Stopwatch::start(&self.party.channel);
            let missing = || ExecError::Misfit { what: format!("node {index} reads a value not yet made") };
            let inputs: Vec<&RingVec> =
                step.inputs.iter().map(|&i| values[i].as_ref().ok_or_else(missing)).collect::<Result<_>>()?;
            let parameters = weights.and_then(|w| w.of(index));
            let output = node::run(&mut self.party, self.options.threads, plan, index, parameters, &inputs)?;
            values[step.output] = Some(output);
            for &i in &step.inputs {
                left[i] -= 1;
                if left[i] == 0 {
                    // Nobody reads it again; large networks depend on memory being given back.
                    values[i] = None;
                }
            }
            let phase = watch.stop(&self.party.channel);
            in_nodes += phase;
            phases.push(phase);
        }
        let mut outputs = Vec::with_capacity(plan.outputs.len());
        for output in &plan.outputs {
            let share = values[output.value]
                .as_ref()
                .ok_or_else(|| ExecError::Misfit { what: format!("output {} is not made", output.name) })?;
            outputs.push(reveal_to(&mut self.party, Role::P1, share)?);
        }
        self.party.channel.flush()?;
        let whole = whole.stop(&self.party.channel);
        Ok(Outcome { nodes: phases, rest: whole.minus(&in_nodes), outputs: outputs.into_iter().collect() })
    }

    /// The client's input is its share and the server's is zero: nothing need be sent, and every protocol is secure for
    /// any sharing.
    fn input_shares(&self, plan: &Plan, input: Option<&[RingVec]>) -> Result<Vec<(usize, RingVec)>> {
        let misfit = |what: String| ExecError::Misfit { what };
        let given = match (self.party.role, input) {
            (Role::P0, None) => None,
            (Role::P1, Some(given)) if given.len() == plan.inputs.len() => Some(given),
            (Role::P0, Some(_)) => return Err(misfit("the server must not have the input".to_owned())),
            (Role::P1, _) => return Err(misfit(format!("the plan takes {} inputs", plan.inputs.len()))),
        };
        let mut shares = Vec::with_capacity(plan.inputs.len());
        for (number, named) in plan.inputs.iter().enumerate() {
            let value = &plan.values[named.value];
            let ring = Ring::new(value.width).map_err(|e| misfit(e.to_string()))?;
            let share = match given {
                None => RingVec::zeros(ring, value.shape.elements()),
                Some(given) => given[number].clone(),
            };
            if share.ring() != ring || share.len() != value.shape.elements() {
                let needs = format!("{} elements of {} bits", value.shape.elements(), value.width);
                return Err(misfit(format!("input {} must have {needs}", named.name)));
            }
            shares.push((named.value, share));
        }
        Ok(shares)
    }
}

/// What a run is predicted to send: equal to what it does, online to the byte.
#[derive(Debug, Clone)]
pub struct Prediction {
    /// Making the supplier.
    pub set_up: Cost,
    /// Making correlations, by node.
    pub offline: Vec<Cost>,
    /// Consuming them, by node.
    pub online: Vec<Cost>,
    /// Giving the client its output.
    pub output: Cost,
}

impl Prediction {
    /// Predicts a run of `plan`.
    pub fn of(plan: &Plan, options: &SessionOptions) -> Self {
        let costs = options.supplier.costs();
        let nodes = 0..plan.nodes.len();
        let online: Vec<Cost> = nodes.clone().map(|i| node::cost(plan, i, options.tuning)).collect();
        let offline = nodes.map(|i| {
            let fill = costs.fill(&online[i].demand);
            match node::linear_request(plan, i) {
                Some(request) => fill.then(costs.linear(&request)),
                None => fill,
            }
        });
        let output = plan.outputs.iter().fold(Cost::default(), |cost, output| {
            let value = &plan.values[output.value];
            match Ring::new(value.width) {
                Ok(ring) => cost.then(reveal_to_cost(Role::P1, ring, value.shape.elements())),
                Err(_) => cost,
            }
        });
        Self { set_up: costs.set_up(), offline: offline.collect(), online, output }
    }

    /// The whole offline conversation, set-up included.
    pub fn offline_cost(&self) -> Cost {
        self.offline.iter().cloned().fold(self.set_up.clone(), Cost::then)
    }

    /// The whole online conversation.
    pub fn online_cost(&self) -> Cost {
        self.online.iter().cloned().fold(Cost::default(), Cost::then).then(self.output.clone())
    }
}
