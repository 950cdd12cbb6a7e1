//! The online phase: the nodes of a plan on shares.

use veilflow_correlation::Pools;
use veilflow_ir::plan::Plan;
use veilflow_net::Role;
use veilflow_online::{Party, reveal_to};
use veilflow_ring::{Ring, RingVec};

use crate::{ExecError, Held, InputAt, Phase, Prepared, Result, Session, SessionOptions, Stopwatch, node};

/// Called before each node.
pub type Progress<'a> = &'a (dyn Fn(Step) + Sync);

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Whether correlations are being consumed, no longer made.
    pub online: bool,
    /// The node about to be worked on.
    pub node: usize,
}

/// What each node took, and the output if this party gets it.
#[derive(Debug)]
pub struct Outcome {
    /// By node, in the plan's order.
    pub nodes: Vec<Phase>,
    /// Giving the client its output, if it gets it.
    pub rest: Phase,
    /// The plan's outputs, at the client; where the input is shared, this party's shares of them.
    pub outputs: Option<Vec<RingVec>>,
}

/// What runs plans.
#[derive(Debug)]
pub struct Online {
    /// The party.
    pub party: Party,
    pub(crate) options: SessionOptions,
}

impl Online {
    /// Runs `plan` on `input` with correlations made before, which are used up whatever happens. `input` is `Some` at the
    /// client only, or this party's share where the input is shared: one vector an input of the plan, at the plan's width and
    /// scale.
    ///
    /// # Errors
    /// Inputs or weights that do not fit, exhausted correlations, a failing channel.
    pub fn run(
        &mut self,
        prepared: Prepared,
        plan: &Plan,
        weights: Held<'_>,
        input: Option<&[RingVec]>,
        progress: Progress<'_>,
    ) -> Result<Outcome> {
        self.party.pools = prepared.pools;
        let outcome = self.execute(plan, weights, input, progress, |_, _| Ok(()));
        self.party.pools = Pools::default();
        outcome
    }

    fn execute(
        &mut self,
        plan: &Plan,
        weights: Held<'_>,
        input: Option<&[RingVec]>,
        progress: Progress<'_>,
        mut before: impl FnMut(&mut Pools, usize) -> Result<()>,
    ) -> Result<Outcome> {
        weights.check(self.party.role, plan, self.options.weights)?;
        self.party.channel.restart_rounds()?;
        let mut values: Vec<Option<RingVec>> = vec![None; plan.values.len()];
        for (slot, share) in self.input_shares(plan, input)? {
            values[slot] = Some(share);
        }
        let mut left = plan.uses();
        let splines = node::splines(plan);
        let mut phases = Vec::with_capacity(plan.nodes.len());
        for (index, step) in plan.nodes.iter().enumerate() {
            before(&mut self.party.pools, index)?;
            progress(Step { online: true, node: index });
            let watch = Stopwatch::start(&self.party.channel);
            let missing = || ExecError::Misfit { what: format!("node {index} reads a value not yet made") };
            let inputs: Vec<&RingVec> =
                step.inputs.iter().map(|&i| values[i].as_ref().ok_or_else(missing)).collect::<Result<_>>()?;
            let output =
                node::run(&mut self.party, plan, index, weights, splines[index].as_deref(), &inputs)?;
            values[step.output] = Some(output);
            for &i in &step.inputs {
                left[i] -= 1;
                if left[i] == 0 {
                    // Nobody reads it again; large networks depend on memory being given back.
                    values[i] = None;
                }
            }
            phases.push(watch.stop(&self.party.channel));
        }
        let watch = Stopwatch::start(&self.party.channel);
        let mut outputs = Vec::with_capacity(plan.outputs.len());
        for output in &plan.outputs {
            let share = values[output.value]
                .as_ref()
                .ok_or_else(|| ExecError::Misfit { what: format!("output {} is not made", output.name) })?;
            outputs.push(match self.options.input {
                InputAt::Client => reveal_to(&mut self.party, Role::P1, share)?,
                InputAt::Shared => Some(share.clone()),
            });
        }
        self.party.channel.flush()?;
        let rest = watch.stop(&self.party.channel);
        Ok(Outcome { nodes: phases, rest, outputs: outputs.into_iter().collect() })
    }

    /// The client's input is its share and the server's is zero: nothing need be sent, and every protocol is secure for
    /// any sharing.
    fn input_shares(&self, plan: &Plan, input: Option<&[RingVec]>) -> Result<Vec<(usize, RingVec)>> {
        let misfit = |what: String| ExecError::Misfit { what };
        let given = match (self.options.input, self.party.role, input) {
            (InputAt::Client, Role::P0, None) => None,
            (InputAt::Client, Role::P0, Some(_)) => {
                return Err(misfit("the server must not have the input".to_owned()));
            }
            (_, _, Some(given)) if given.len() == plan.inputs.len() => Some(given),
            _ => return Err(misfit(format!("the plan takes {} inputs", plan.inputs.len()))),
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

impl Session {
    /// Runs `plan` making each node's correlations right before it: memory for the largest node only. Returns what the
    /// correlations took, by node, and the outcome.
    ///
    /// # Errors
    /// Those of [`Preparer::prepare`](crate::Preparer::prepare) and of [`Online::run`].
    pub fn just_in_time(
        &mut self,
        plan: &Plan,
        weights: Held<'_>,
        input: Option<&[RingVec]>,
        progress: Progress<'_>,
    ) -> Result<(Vec<Phase>, Outcome)> {
        let mut offline = Vec::with_capacity(plan.nodes.len());
        let Self { online, preparer, .. } = self;
        preparer.begin(plan, weights)?;
        online.party.pools = Pools::default();
        let outcome = online.execute(plan, weights, input, progress, |pools, index| {
            offline.push(preparer.node(plan, index, weights, pools)?);
            Ok(())
        });
        online.party.pools = Pools::default();
        Ok((offline, outcome?))
    }
}
