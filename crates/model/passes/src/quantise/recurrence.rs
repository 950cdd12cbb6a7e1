//! Which values need the precision of a recurrence.
//!
//! The steps of a recurrent network share weights. What a step rounds off is carried through all later ones, so the values that its
//! functions and products read, the weights that make them and what those are multiplied with take more bits than activations.

use std::collections::HashMap;

use veilflow_ir::{Graph, ValueId};

use super::fixed_op::FixedOp;
use super::step::Step;

/// The parts of a network that belong to a recurrence.
pub(super) struct Recurrence {
    /// By graph value: it flows into a function or product of a recurrence, over one linear layer at most.
    pub(super) precise: Vec<bool>,
    /// By step: a linear layer whose sums flow there directly.
    pub(super) layers: Vec<bool>,
}

impl Recurrence {
    pub(super) fn find(graph: &Graph, steps: &[Step<'_>]) -> Self {
        let related = related(graph, steps);
        let values = graph.values().len();
        let (mut flows, mut precise, mut layers) =
            (vec![false; values], vec![false; values], vec![false; steps.len()]);
        for (index, step) in steps.iter().enumerate().rev() {
            let output = step.node.output.index();
            let inputs = step.node.inputs.iter().map(|id| id.index());
            match step.op {
                FixedOp::Product | FixedOp::Apply(_) if related[output] => {
                    inputs.for_each(|i| flows[i] = true)
                }
                FixedOp::Linear(_) if flows[output] => {
                    layers[index] = true;
                    precise[step.node.inputs[0].index()] = true;
                }
                FixedOp::Linear(_)
                | FixedOp::Product
                | FixedOp::Apply(_)
                | FixedOp::Relu
                | FixedOp::Clip { .. } => {}
                _ if flows[output] => inputs.for_each(|i| flows[i] = true),
                _ => {}
            }
        }
        precise.iter_mut().zip(flows).for_each(|(precise, flows)| *precise |= flows);
        Self { precise, layers }
    }
}

/// For every value: whether a layer that shares its weights with another comes before or after it.
fn related(graph: &Graph, steps: &[Step<'_>]) -> Vec<bool> {
    let mut uses = HashMap::new();
    for weights in steps.iter().filter_map(weights) {
        *uses.entry(weights).or_insert(0usize) += 1;
    }
    let shares = |step: &Step<'_>| weights(step).is_some_and(|weights| uses[&weights] > 1);
    let (mut after, mut before) = (vec![false; graph.values().len()], vec![false; graph.values().len()]);
    for step in steps {
        after[step.node.output.index()] = shares(step) || step.node.inputs.iter().any(|id| after[id.index()]);
    }
    for step in steps.iter().rev() {
        if shares(step) || before[step.node.output.index()] {
            step.node.inputs.iter().for_each(|id| before[id.index()] = true);
        }
    }
    after.into_iter().zip(before).map(|(a, b)| a || b).collect()
}

/// The constant that holds a linear layer's weights.
fn weights(step: &Step<'_>) -> Option<ValueId> {
    matches!(step.op, FixedOp::Linear(_)).then(|| step.node.inputs[1])
}
