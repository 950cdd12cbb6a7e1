//! What a run will send.

use veilflow_correlation::Cost;
use veilflow_ir::plan::Plan;
use veilflow_net::Role;
use veilflow_online::{Reveal, Tuning};
use veilflow_ring::Ring;
use veilflow_two_party::Distance;

use crate::error::Result;
use crate::joined_pairs;
use crate::node::Operations;
use crate::options::SessionOptions;
use crate::possession::InputAt;
use crate::supply::SupplyPlan;

/// What a run is predicted to send. It equals what the run does send, online to the byte.
#[derive(Debug, Clone)]
pub struct Prediction {
    /// Making the supplier sends this.
    pub set_up: Cost,
    /// Making correlations sends this, by node, and last for the check.
    pub offline: Vec<SupplyCost>,
    /// Before the nodes run, drawing what is checked sends this.
    pub draw: Cost,
    /// Consuming correlations sends this, by node, and last for the check.
    pub online: Vec<Cost>,
    /// Giving the client its output, and the check's bit, sends this; where the input is shared, nothing.
    pub output: Cost,
    /// A run leaves so much unhidden; with suppliers by oblivious transfer or a helper, nothing.
    pub distance: Distance,
}

/// What making a node's correlations sends.
#[derive(Debug, Clone)]
pub struct SupplyCost {
    /// Filling pools sends this.
    pub fill: Cost,
    /// Making the pairs of linear layers sends this, if any are made at the node.
    pub linear: Option<Cost>,
}

impl SupplyCost {
    /// The one, then the other.
    pub fn cost(&self) -> Cost {
        self.fill.clone().then(self.linear.clone().unwrap_or_default())
    }
}

impl Prediction {
    /// Predicts a run of `plan`.
    ///
    /// # Errors
    /// Those of [`SessionOptions::check`].
    pub fn of(plan: &Plan, options: &SessionOptions) -> Result<Self> {
        options.check(plan)?;
        let operations = Operations::new(plan, options)?;
        let needs = operations.needs(plan, options.weights);
        let supply = SupplyPlan::new(options, &needs)?;
        let (mut costs, distance) = (supply.costs(), supply.distance(&needs)?);
        let set_up = costs.set_up();
        let online: Vec<Cost> = operations.costs().collect();
        let offline = online.iter().enumerate().map(|(index, cost)| {
            let fill = costs.fill(&cost.demand);
            let pairs = joined_pairs::requests(plan, index, options.weights);
            SupplyCost { fill, linear: pairs.iter().map(|request| costs.linear(request)).reduce(Cost::then) }
        });
        let offline = offline.collect();
        let output = output_cost(plan, &operations, options.input);
        Ok(Self { set_up, offline, draw: operations.check.draw_cost(), online, output, distance })
    }

    /// The whole offline conversation, set-up included.
    pub fn offline_cost(&self) -> Cost {
        self.offline.iter().map(SupplyCost::cost).fold(self.set_up.clone(), Cost::then)
    }

    /// The whole online conversation.
    pub fn online_cost(&self) -> Cost {
        self.online.iter().cloned().fold(self.draw.clone(), Cost::then).then(self.output.clone())
    }
}

/// The whole online conversation of a run of `plan` with these protocol choices, if the server has the
/// weights and the client the input. It is the same for every supplier.
/// A plan without a protocol for each node costs nothing here; a session refuses it by name.
pub fn online_cost(plan: &Plan, tuning: Tuning) -> Cost {
    let options = SessionOptions { tuning, ..SessionOptions::default() };
    let Ok(operations) = Operations::new(plan, &options) else { return Cost::default() };
    let nodes = operations.costs().fold(operations.check.draw_cost(), Cost::then);
    nodes.then(output_cost(plan, &operations, options.input))
}

fn output_cost(plan: &Plan, operations: &Operations, input: InputAt) -> Cost {
    if input == InputAt::Shared {
        return Cost::default();
    }
    let outputs = plan.outputs.iter().fold(Cost::default(), |cost, output| {
        let value = &plan.values[output.value];
        match Ring::new(value.width) {
            Ok(ring) => cost.then(Reveal::to(Role::P1).cost(ring, value.shape.elements())),
            Err(_) => cost,
        }
    });
    outputs.then(operations.check.reveal_cost())
}
