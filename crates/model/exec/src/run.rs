//! The online phase: the nodes of a plan on shares.

use std::fmt;

use veilflow_correlation::Pools;
use veilflow_ir::plan::{Plan, PlanInput};
use veilflow_net::Role;
use veilflow_online::{Party, Reveal};
use veilflow_ring::{Bits, Ring, RingVec};

use crate::check::reveal;
use crate::error::{ExecError, Result};
use crate::node::OperationCache;
use crate::options::SessionOptions;
use crate::phase::{Phase, Stopwatch};
use crate::possession::{Held, InputAt};
use crate::prepare::Prepared;
use crate::progress::{Progress, Step};

/// What each node took, and the output if this party gets it.
#[derive(Debug)]
pub struct Outcome {
    /// The nodes took this, in the plan's order.
    pub nodes: Vec<Phase>,
    /// The check took this.
    pub check: Phase,
    /// Giving the client its output took this; where the input is shared, it takes nothing.
    pub rest: Phase,
    /// The client has the plan's outputs. Where the input is shared, each party has its shares of them.
    pub outputs: Option<Vec<RingVec>>,
    /// What this party has of the check's bit.
    pub overflow: Overflow,
}

/// What a party has of the one bit that says whether a checked value left its range.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// Nothing, as the server, or of a plan that checks nothing.
    Nothing,
    /// The bit, as the client.
    Known(bool),
    /// An exclusive-or share of it, where the input is shared.
    Share(bool),
}

impl fmt::Debug for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Known(bit) => write!(f, "Known({bit})"),
            Self::Share(_) => f.write_str("Share"),
        }
    }
}

/// A party that runs plans on prepared correlations.
#[derive(Debug)]
pub struct Online {
    /// The party talks to its peer and holds the correlations of the run.
    pub party: Party,
    options: SessionOptions,
    operations: OperationCache,
}

/// The shares of a plan's values that are still to be read.
struct Values {
    shares: Vec<Option<RingVec>>,
    /// So many nodes and outputs have yet to read each value.
    uses: Vec<usize>,
}

impl Values {
    fn new(plan: &Plan, inputs: Vec<RingVec>) -> Self {
        let mut shares = vec![None; plan.values.len()];
        for (named, share) in plan.inputs.iter().zip(inputs) {
            shares[named.value] = Some(share);
        }
        Self { shares, uses: plan.uses() }
    }

    fn get(&self, value: usize) -> Result<&RingVec> {
        let missing = || ExecError::Misfit { what: format!("value {value} is read before it is made") };
        self.shares[value].as_ref().ok_or_else(missing)
    }

    /// Forgets the values that nobody reads again: large networks depend on their memory.
    fn release(&mut self, read: &[usize]) {
        for &value in read {
            self.uses[value] -= 1;
            if self.uses[value] == 0 {
                self.shares[value] = None;
            }
        }
    }
}

impl Online {
    pub(crate) fn new(party: Party, options: SessionOptions) -> Self {
        Self { party, options, operations: OperationCache::default() }
    }

    /// Runs `plan` on `input` with correlations made before, which are used up whatever happens. The client
    /// gives `input`, and the server none; where the input is shared, each party gives its share. It is one
    /// vector for each input of the plan, of the plan's width and scale.
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
        self.run_on(prepared.pools, plan, weights, input, progress, |_, _| Ok(()))
    }

    /// Runs `plan` on what is in `pools`, and what `supply` adds to them before each node.
    pub(crate) fn run_on(
        &mut self,
        pools: Pools,
        plan: &Plan,
        weights: Held<'_>,
        input: Option<&[RingVec]>,
        progress: Progress<'_>,
        supply: impl FnMut(&mut Pools, usize) -> Result<()>,
    ) -> Result<Outcome> {
        self.party.pools = pools;
        let outcome = self.walk(plan, weights, input, progress, supply);
        self.party.pools = Pools::default();
        outcome
    }

    fn walk(
        &mut self,
        plan: &Plan,
        weights: Held<'_>,
        input: Option<&[RingVec]>,
        progress: Progress<'_>,
        mut supply: impl FnMut(&mut Pools, usize) -> Result<()>,
    ) -> Result<Outcome> {
        weights.check(self.party.role, plan, self.options.weights)?;
        let mut values = Values::new(plan, self.input_shares(plan, input)?);
        self.party.channel.restart_rounds()?;
        let operations = self.operations.get(plan, &self.options)?;
        let before = Stopwatch::start(&self.party.channel);
        let mut watch = operations.check.begin(&mut self.party)?;
        let mut check = before.stop(&self.party.channel);
        for input in &plan.inputs {
            watch.made(input.value, values.get(input.value)?);
        }
        let mut nodes = Vec::with_capacity(plan.nodes.len());
        for (index, node) in plan.nodes.iter().enumerate() {
            supply(&mut self.party.pools, index)?;
            progress(Step { online: true, node: index });
            let before = Stopwatch::start(&self.party.channel);
            let inputs = node.inputs.iter().map(|&value| values.get(value)).collect::<Result<Vec<_>>>()?;
            let (operation, parameters) = (operations.of(index), weights.of(index));
            let output = if operations.check.asks_for_signs(index) {
                let (output, positive) = operation.run_with_sign(&mut self.party, &inputs, parameters)?;
                positive.iter().for_each(|positive| watch.signs(index, positive));
                output
            } else {
                operation.run(&mut self.party, &inputs, parameters)?
            };
            watch.made(node.output, &output);
            values.shares[node.output] = Some(output);
            values.release(&node.inputs);
            nodes.push(before.stop(&self.party.channel));
        }
        supply(&mut self.party.pools, plan.nodes.len())?;
        let before = Stopwatch::start(&self.party.channel);
        let overflow = if operations.check.is_empty() { None } else { Some(watch.finish(&mut self.party)?) };
        check += before.stop(&self.party.channel);
        let before = Stopwatch::start(&self.party.channel);
        let outputs = self.outputs(plan, &values)?;
        let overflow = self.overflow(overflow)?;
        let rest = before.stop(&self.party.channel);
        Ok(Outcome { nodes, check, rest, outputs, overflow })
    }

    /// The client's input is its share, and the server's share is zero. So nothing need be sent: every
    /// protocol is secure for any sharing.
    fn input_shares(&self, plan: &Plan, input: Option<&[RingVec]>) -> Result<Vec<RingVec>> {
        let wanted = plan.inputs.len();
        let given = match (self.options.input, self.party.role, input) {
            (InputAt::Client, Role::P0, None) => None,
            (InputAt::Client, Role::P0, Some(_)) => return Err(ExecError::InputAtServer),
            (_, _, Some(given)) if given.len() == wanted => Some(given),
            (_, _, given) => {
                return Err(ExecError::InputCount { wanted, given: given.map_or(0, <[RingVec]>::len) });
            }
        };
        let share = |(number, named): (usize, &PlanInput)| {
            let value = &plan.values[named.value];
            let (elements, bits) = (value.shape.elements(), value.width);
            let ring = Ring::new(bits).map_err(|e| ExecError::Misfit { what: e.to_string() })?;
            match given {
                None => Ok(RingVec::zeros(ring, elements)),
                Some(given) if given[number].ring() == ring && given[number].len() == elements => {
                    Ok(given[number].clone())
                }
                Some(_) => Err(ExecError::InputShape { name: named.name.clone(), elements, bits }),
            }
        };
        plan.inputs.iter().enumerate().map(share).collect()
    }

    /// What this party gets of the check's bit.
    fn overflow(&mut self, share: Option<Bits>) -> Result<Overflow> {
        let Some(share) = share else { return Ok(Overflow::Nothing) };
        Ok(match self.options.input {
            InputAt::Shared => Overflow::Share(share.get(0)),
            InputAt::Client => {
                let bit = reveal(&mut self.party, &share)?;
                self.party.channel.flush()?;
                bit.map_or(Overflow::Nothing, Overflow::Known)
            }
        })
    }

    /// The outputs for who gets them, or this party's shares.
    fn outputs(&mut self, plan: &Plan, values: &Values) -> Result<Option<Vec<RingVec>>> {
        let mut outputs = Vec::with_capacity(plan.outputs.len());
        for output in &plan.outputs {
            let share = values.get(output.value)?;
            outputs.push(match self.options.input {
                InputAt::Client => Reveal::to(Role::P1).run(&mut self.party, share)?,
                InputAt::Shared => Some(share.clone()),
            });
        }
        self.party.channel.flush()?;
        Ok(outputs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use veilflow_ir::Shape;
    use veilflow_ir::plan::PlanValue;
    use veilflow_net::memory_pair;
    use veilflow_prim::{Block, Prg};

    use super::*;
    use crate::test_plan;

    /// A plan that takes two inputs of three elements and does nothing.
    fn plan() -> Plan {
        let mut plan = test_plan::empty();
        for (value, width) in [20, 30].into_iter().enumerate() {
            let shape = Shape::new([3]).unwrap();
            plan.values.push(PlanValue { shape, width, scale: 0, magnitude: 4, non_negative: false });
            plan.inputs.push(PlanInput { name: format!("input {value}"), value, one_hot: false });
        }
        plan
    }

    fn zeros(elements: usize, bits: u32) -> RingVec {
        RingVec::zeros(Ring::new(bits).unwrap(), elements)
    }

    #[test]
    fn inputs_that_do_not_fit_are_refused() {
        let plan = plan();
        let shares = |role, input_at, input: Option<&[RingVec]>| {
            let party = Party::new(role, memory_pair().0, Prg::from_seed(Block(1)));
            Online::new(party, SessionOptions { input: input_at, ..SessionOptions::default() })
                .input_shares(&plan, input)
        };
        let fits = [zeros(3, 20), zeros(3, 30)];
        for input in [Some(&fits[..]), None] {
            let count = input.map_or(0, <[RingVec]>::len);
            let client = shares(Role::P1, InputAt::Client, input);
            assert_eq!(client.is_ok(), count == 2, "{client:?}");
            // A share is no less than an input.
            let server = shares(Role::P0, InputAt::Shared, input);
            assert_eq!(server.is_ok(), count == 2, "{server:?}");
        }
        assert_eq!(shares(Role::P0, InputAt::Client, None).unwrap(), fits);
        let refused = |role, input: &[RingVec]| shares(role, InputAt::Client, Some(input)).unwrap_err();
        assert!(matches!(refused(Role::P0, &fits), ExecError::InputAtServer));
        let one = refused(Role::P1, &fits[..1]);
        assert!(matches!(one, ExecError::InputCount { wanted: 2, given: 1 }), "{one:?}");
        for second in [zeros(2, 30), zeros(3, 20)] {
            let error = refused(Role::P1, &[zeros(3, 20), second]);
            let ExecError::InputShape { name, elements: 3, bits: 30 } = error else { panic!("{error:?}") };
            assert_eq!(name, "input 1");
        }
    }
}
