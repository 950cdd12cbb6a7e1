//! What a run will cost, before anything is run.

use serde::{Deserialize, Serialize};
use veilflow_correlation::Cost;
use veilflow_exec::{Distance, Prediction, SupplyCost, Times, most_runs};
use veilflow_ir::plan::RangeCheck;

use crate::holding::Holding;
use crate::{Error, ModelShare, Options, Plan, Ranges, Result};

/// The machine for which seconds are predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Machine {
    /// The one that docs/benchmarks.md of the repository describes: one core of an Intel Xeon with AVX-512.
    #[default]
    Reference,
    /// This one, which is measured for a tenth of a second or two.
    ThisOne,
}

/// What a plan is, and what a run of it will cost: bytes and rounds exact, seconds from a simulation of both
/// parties and the link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// The network's name.
    pub name: String,
    /// The plan's hash, as [`Plan::hash`].
    pub hash: String,
    /// How pictures and bytes become inputs.
    pub preprocessing: String,
    /// The width of a weight in bits, sign included.
    pub weight_bits: u32,
    /// Bits of the largest activation that a tensor has room for.
    pub activation_bits: u32,
    /// Room beyond the largest magnitude seen in calibration, in percent of it.
    pub margin_percent: u32,
    /// The number of calibration samples.
    pub calibration_inputs: usize,
    /// What ranges follow from.
    pub ranges: Ranges,
    /// Multiplications of all linear layers.
    pub multiplications: u64,
    /// The operations in execution order.
    pub nodes: Vec<NodeCost>,
    /// The check of ranges after them; nothing if the plan checks none.
    pub check: CheckCost,
    /// How well a run hides the weights, where that is a matter of statistics: with
    /// [`He`](crate::Supplier::He).
    pub hiding: Option<Hiding>,
    /// Setting up a session; part of `offline`.
    pub set_up: Volume,
    /// Making correlations, set-up included.
    pub offline: Volume,
    /// From the input to the answer.
    pub online: Volume,
    /// Predicted wall-clock seconds on the chosen link.
    pub seconds: Seconds,
    /// Whether they are for the machine at hand.
    pub calibrated: bool,
}

/// How well homomorphic replies hide the weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hiding {
    /// −log₂ of the statistical distance of a run from one that tells the client nothing but its answer: at
    /// least 40.
    pub run_bits: f64,
    /// So many runs of the same weights, for all clients together, are within 2^−30.
    pub most_runs: u64,
}

impl Hiding {
    fn of(distance: Distance) -> Option<Self> {
        let most_runs = most_runs(distance);
        (distance.total() > 0.0).then(|| Self { run_bits: -distance.total().log2(), most_runs })
    }
}

/// An operation of a plan, and what it costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeCost {
    /// The layer of the original network.
    pub layer: String,
    /// The operation.
    pub op: String,
    /// The dimensions of its result.
    pub shape: Vec<usize>,
    /// The width of its result in bits.
    pub width: u32,
    /// Fractional bits of its result.
    pub scale: i32,
    /// Making its correlations.
    pub offline: Volume,
    /// Using them.
    pub online: Volume,
}

/// The check of a plan's ranges, and what it costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckCost {
    /// Values that are checked.
    pub values: usize,
    /// Elements of them that are checked in a run.
    pub elements: usize,
    /// All elements of these values.
    pub of: usize,
    /// Making its correlations.
    pub offline: Volume,
    /// Using them.
    pub online: Volume,
}

impl CheckCost {
    fn of(plan: &veilflow_ir::Plan, prediction: &Prediction) -> Self {
        let elements = |range: &RangeCheck| plan.values[range.value()].shape.elements();
        let ranges = &plan.checks.ranges;
        let cost = |costs: Option<Cost>| Volume::of(&costs.unwrap_or_default());
        Self {
            values: ranges.len(),
            elements: ranges.iter().map(|range| plan.checks.of(elements(range))).sum(),
            of: ranges.iter().map(elements).sum(),
            offline: cost(prediction.offline.get(plan.nodes.len()).map(SupplyCost::cost)),
            online: cost(
                prediction.online.get(plan.nodes.len()).map(|c| prediction.draw.clone().then(c.clone())),
            ),
        }
    }
}

/// Bytes and rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Payload bytes by the server and by the client.
    pub bytes: [u64; 2],
    /// Payload bytes between the helper and the server, and between it and the client, both ways.
    pub helper: [u64; 2],
    /// The longest chain of dependent messages.
    pub rounds: u64,
}

impl Volume {
    /// Payload bytes of all parties.
    pub fn total(&self) -> u64 {
        self.bytes.iter().chain(&self.helper).sum()
    }

    fn of(cost: &Cost) -> Self {
        let volume = cost.volume();
        Self { bytes: volume.bytes, helper: volume.helper, rounds: volume.rounds }
    }
}

/// Predicted wall-clock seconds, of the party that takes longer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// The handshake, the set-up, and making correlations.
    pub offline: f64,
    /// From the input to the answer.
    pub online: f64,
    /// Both.
    pub total: f64,
}

impl Seconds {
    fn of(times: Times) -> Self {
        Self { offline: times.offline, online: times.online, total: times.total() }
    }
}

impl Plan {
    /// Predicts what a run with these options will cost; without a link, seconds are for two parties on one
    /// machine.
    ///
    /// ```
    /// use veilflow::{LinkShape, Machine, Options, demo};
    ///
    /// let plan = demo::model()?.plan().clone();
    /// let wan = Options { link: Some(LinkShape::wan()), ..Options::default() };
    /// let inspection = plan.inspect(&wan, Machine::Reference)?;
    /// assert!(inspection.seconds.online > 0.04 * inspection.online.rounds as f64);
    /// # veilflow::Result::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Session`] if the supplier cannot run the plan; [`Error::Option`].
    pub fn inspect(&self, options: &Options, machine: Machine) -> Result<Inspection> {
        inspect(self, &Holding::Nothing, options, machine)
    }
}

impl ModelShare {
    /// As [`Plan::inspect`], for a run on secret-shared weights.
    ///
    /// # Errors
    /// Those of [`Plan::inspect`].
    pub fn inspect(&self, options: &Options, machine: Machine) -> Result<Inspection> {
        inspect(self.plan(), &Holding::of(self)?, options, machine)
    }
}

fn inspect(plan: &Plan, holding: &Holding, options: &Options, machine: Machine) -> Result<Inspection> {
    let (options, ir) = (options.session(plan, holding)?, plan.ir());
    let prediction = Prediction::of(ir, &options).map_err(Error::in_session)?;
    let speed = match machine {
        Machine::Reference => veilflow_exec::Machine::default(),
        Machine::ThisOne => veilflow_exec::Machine::measure().map_err(Error::in_session)?,
    };
    let times = Times::of(ir, &options, &prediction, &speed).map_err(Error::in_session)?;
    let nodes = ir.nodes.iter().zip(prediction.offline.iter().zip(&prediction.online));
    let nodes = nodes.map(|(node, (offline, online))| {
        let value = &ir.values[node.output];
        NodeCost {
            layer: node.layer.clone(),
            op: node.op.name().to_owned(),
            shape: value.shape.to_vec(),
            width: value.width,
            scale: value.scale,
            offline: Volume::of(&offline.cost()),
            online: Volume::of(online),
        }
    });
    Ok(Inspection {
        name: ir.name.clone(),
        hash: plan.hash(),
        preprocessing: ir.preprocessing.clone(),
        weight_bits: ir.settings.weight_bits,
        activation_bits: ir.settings.activation_bits,
        margin_percent: ir.settings.margin_percent,
        calibration_inputs: ir.settings.calibration_inputs,
        ranges: ir.settings.ranges,
        multiplications: ir.multiplications(),
        nodes: nodes.collect(),
        check: CheckCost::of(ir, &prediction),
        hiding: Hiding::of(prediction.distance),
        set_up: Volume::of(&prediction.set_up),
        offline: Volume::of(&prediction.offline_cost()),
        online: Volume::of(&prediction.online_cost()),
        seconds: Seconds::of(times),
        calibrated: machine == Machine::ThisOne,
    })
}
