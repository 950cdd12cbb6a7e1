//! What a run took, layer by layer.

use serde::{Deserialize, Serialize};
use veilflow_exec::{Outcome, Phase};

use crate::{Output, OutputShare, Plan, ShareId};

/// What a run took, as one party saw it: bytes, rounds and seconds of every layer, offline and online.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The layers in execution order, after a row `set-up`, which is of the session's first run, and before
    /// rows `check`, if the plan checks ranges, and `output`.
    pub layers: Vec<Layer>,
}

/// A layer of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// The layer of the original network.
    pub layer: String,
    /// The operations that it takes.
    pub ops: Vec<String>,
    /// Making its correlations.
    pub offline: Phase,
    /// Using them.
    pub online: Phase,
}

impl Layer {
    fn new(layer: &str, offline: Phase, online: Phase) -> Self {
        Self { layer: layer.to_owned(), ops: Vec::new(), offline, online }
    }
}

impl Report {
    /// Sums nodes over the layers that they belong to; the set-up, the check and the output are rows of their
    /// own. `offline` has the nodes' phases, and last the check's.
    pub(crate) fn new(plan: &Plan, set_up: Phase, offline: &[Phase], outcome: &Outcome) -> Self {
        let mut layers = vec![Layer::new("set-up", set_up, Phase::default())];
        let plan = plan.ir();
        for ((node, offline), online) in plan.nodes.iter().zip(offline).zip(&outcome.nodes) {
            if layers.len() == 1 || layers.last().is_some_and(|last| last.layer != node.layer) {
                layers.push(Layer::new(&node.layer, Phase::default(), Phase::default()));
            }
            if let Some(last) = layers.last_mut() {
                last.ops.push(node.op.name().to_owned());
                last.offline += *offline;
                last.online += *online;
            }
        }
        if !plan.checks.ranges.is_empty() {
            let offline = offline.get(plan.nodes.len()).copied().unwrap_or_default();
            layers.push(Layer::new("check", offline, outcome.check));
        }
        layers.push(Layer::new("output", Phase::default(), outcome.rest));
        Self { layers }
    }

    /// Making correlations, the session's set-up included if this is its first run.
    pub fn offline(&self) -> Phase {
        sum(self.layers.iter().map(|layer| layer.offline))
    }

    /// From the input to the answer.
    pub fn online(&self) -> Phase {
        sum(self.layers.iter().map(|layer| layer.online))
    }
}

fn sum(phases: impl Iterator<Item = Phase>) -> Phase {
    phases.fold(Phase::default(), |mut sum, phase| {
        sum += phase;
        sum
    })
}

/// What a client learns of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The network's outputs, in order.
    pub outputs: Vec<Output>,
    /// Elements of the sample beyond what the plan has room for, limited to it: if there are any, calibration
    /// saw nothing like them, and the outputs may mean nothing.
    pub outside: usize,
    /// Whether a value inside the network left its range, so that the outputs may mean nothing; `None` if the
    /// plan checks none. Of which value it was, nobody learns anything.
    pub overflow: Option<bool>,
    /// What the run took.
    pub report: Report,
}

/// What the party that connects has of a run on a secret-shared input.
#[derive(Debug)]
pub struct SharedAnswer {
    /// The party's half of the outputs.
    pub output: OutputShare,
    /// What the run took.
    pub report: Report,
}

/// A run as the server saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Served {
    /// The input, if it is secret-shared: the half of the output is in the store under this number.
    pub input: Option<ShareId>,
    /// What the run took.
    pub report: Report,
}
