//! Which values need the precision of a recurrence.
//!
//! The steps of a recurrent network have the same weights. What a step rounds off is carried through all
//! later ones. So the values that its functions and products read take more bits than activations, and so do
//! the weights that make these values and the values that those weights multiply.

use std::collections::HashMap;

use veilflow_ir::{Graph, Op, ValueId};

use super::fixed_op::FixedOp;
use super::step::Step;

/// The parts of a network that belong to a recurrence.
pub(super) struct Recurrence {
    /// For every graph value, whether it flows into a function or product of a recurrence, over one linear
    /// layer at most.
    pub(super) precise: Vec<bool>,
    /// For every step, whether it is a linear layer whose sums flow there directly.
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

/// For every value, whether a layer whose weights another one reads too comes before or after it.
fn related(graph: &Graph, steps: &[Step<'_>]) -> Vec<bool> {
    let mut uses = HashMap::new();
    for weights in steps.iter().filter_map(weights) {
        *uses.entry(weights).or_insert(0usize) += 1;
    }
    let repeats = |step: &Step<'_>| weights(step).is_some_and(|weights| uses[&weights] > 1);
    let (mut after, mut before) = (vec![false; graph.values().len()], vec![false; graph.values().len()]);
    for step in steps {
        after[step.node.output.index()] =
            repeats(step) || step.node.inputs.iter().any(|id| after[id.index()]);
    }
    for step in steps.iter().rev() {
        if repeats(step) || before[step.node.output.index()] {
            step.node.inputs.iter().for_each(|id| before[id.index()] = true);
        }
    }
    after.into_iter().zip(before).map(|(a, b)| a || b).collect()
}

/// The constant that holds a linear layer's weights. Factors of every element are no layer: the same number
/// stands in many places.
fn weights(step: &Step<'_>) -> Option<ValueId> {
    let is_layer = matches!(step.op, FixedOp::Linear(_)) && step.node.op != Op::Mul;
    is_layer.then(|| step.node.inputs[1])
}
