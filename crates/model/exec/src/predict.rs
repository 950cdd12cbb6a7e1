//! What a run will send, and the comparison trees that are quickest on a link.

use veilflow_correlation::{Cost, Flow};
use veilflow_ir::plan::Plan;
use veilflow_net::{LinkShape, Role};
use veilflow_online::{Tuning, reveal_to_cost};
use veilflow_ring::Ring;

use crate::{InputAt, Result, SessionOptions, SupplierKind, joined_pairs, node};

/// What a run is predicted to send: equal to what it does, online to the byte.
#[derive(Debug, Clone)]
pub struct Prediction {
    /// Making the supplier.
    pub set_up: Cost,
    /// Making correlations, by node.
    pub offline: Vec<SupplyCost>,
    /// Consuming them, by node.
    pub online: Vec<Cost>,
    /// Giving the client its output, if it gets it.
    pub output: Cost,
}

/// What a node's correlations send.
#[derive(Debug, Clone)]
pub struct SupplyCost {
    /// Filling pools.
    pub fill: Cost,
    /// The pair of a linear layer, or the pairs, if the node is one.
    pub linear: Option<Cost>,
}

impl SupplyCost {
    /// The one, then the other.
    pub fn cost(&self) -> Cost {
        self.fill.clone().then(self.linear.clone().unwrap_or_default())
    }
}

/// The whole online conversation of a run of `plan` with these protocol choices, if the server has the weights and the client
/// the input; no supplier has a part in it.
pub fn online_cost(plan: &Plan, tuning: Tuning) -> Cost {
    let options = SessionOptions { tuning, ..SessionOptions::default() };
    let nodes = node::costs(plan, &options).into_iter();
    nodes.fold(Cost::default(), Cost::then).then(output_cost(plan, options.input))
}

fn output_cost(plan: &Plan, input: InputAt) -> Cost {
    if input == InputAt::Shared {
        return Cost::default();
    }
    plan.outputs.iter().fold(Cost::default(), |cost, output| {
        let value = &plan.values[output.value];
        match Ring::new(value.width) {
            Ok(ring) => cost.then(reveal_to_cost(Role::P1, ring, value.shape.elements())),
            Err(_) => cost,
        }
    })
}

impl Prediction {
    /// Predicts a run of `plan`.
    ///
    /// # Errors
    /// If the supplier cannot do one of the plan's layers, with the reason.
    pub fn of(plan: &Plan, options: &SessionOptions) -> Result<Self> {
        options.check(plan)?;
        let mut costs = options.supply_plan(&node::needs(plan, options))?.costs();
        let set_up = costs.set_up();
        let online = node::costs(plan, options);
        let offline = online.iter().enumerate().map(|(i, cost)| {
            let fill = costs.fill(&cost.demand);
            let pairs = joined_pairs::requests(plan, i, options.weights);
            SupplyCost { fill, linear: pairs.iter().map(|request| costs.linear(request)).reduce(Cost::then) }
        });
        let offline = offline.collect();
        let output = output_cost(plan, options.input);
        Ok(Self { set_up, offline, online, output })
    }

    /// The whole offline conversation, set-up included.
    pub fn offline_cost(&self) -> Cost {
        self.offline.iter().map(SupplyCost::cost).fold(self.set_up.clone(), Cost::then)
    }

    /// The whole online conversation.
    pub fn online_cost(&self) -> Cost {
        self.online.iter().cloned().fold(Cost::default(), Cost::then).then(self.output.clone())
    }
}

/// Seconds that a conversation spends on a link, if computing took none: each step waits for its slower direction, and
/// each round for the delay.
fn wire_seconds(cost: &Cost, link: LinkShape) -> f64 {
    let delay = link.one_way_delay.as_secs_f64();
    let step = |flow: &Flow| {
        let bytes = match *flow {
            Flow::From(_, bytes) | Flow::Helper(_, bytes) => bytes,
            Flow::Exchange(a, b) => a.max(b),
        };
        bytes as f64 / link.bandwidth_bytes_per_s
    };
    cost.flows.iter().map(step).sum::<f64>() + cost.volume().rounds as f64 * delay
}

/// Extra time on the wire that fewer rounds are worth: delays of real links vary more than bandwidths.
const ROUNDS_BONUS: f64 = 1.1;

/// Without a link bytes decide, but not at any price in rounds: those of both parties and of a helper. By OT they are fewest with
/// leaves of 2 bits.
const FEWEST_BYTES: Tuning = Tuning { leaf_bits: 2, extra_levels: 2, dealt: false };

/// The comparison trees with which the conversation `cost` is quickest on `link`; of those about as quick, the ones of
/// fewest rounds. Without a link, those of fewest bytes with correlations from `supplier`.
pub fn choose_tuning(
    link: Option<LinkShape>,
    supplier: SupplierKind,
    cost: impl Fn(Tuning) -> Cost,
) -> Tuning {
    let dealt = supplier == SupplierKind::Helper;
    let Some(link) = link else {
        let leaves = if dealt { 2..=4 } else { 2..=2 };
        let options = leaves.map(|leaf_bits| Tuning { leaf_bits, dealt, ..FEWEST_BYTES });
        return options.min_by_key(|&tuning| tuning.bytes(&cost(tuning))).unwrap_or(FEWEST_BYTES);
    };
    let options = [2, 3, 4]
        .into_iter()
        .flat_map(|leaf_bits| [0, 1, 2].map(|extra_levels| Tuning { leaf_bits, extra_levels, dealt }));
    let judged = options.map(|tuning| {
        let cost = cost(tuning);
        (tuning, wire_seconds(&cost, link), cost.volume().rounds)
    });
    let judged: Vec<_> = judged.collect();
    let quickest = judged.iter().map(|j| j.1).fold(f64::INFINITY, f64::min);
    let near = judged.iter().filter(|j| j.1 <= quickest * ROUNDS_BONUS);
    let best = near.min_by(|a, b| a.2.cmp(&b.2).then(a.1.total_cmp(&b.1)));
    best.map_or_else(Tuning::default, |j| j.0)
}
