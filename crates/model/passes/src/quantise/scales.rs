//! Bounds on magnitudes, and the scales of reduced forms that follow from them.

use veilflow_ir::{Function, Graph};

use super::calibrate::Seen;
use super::classes::Classes;
use super::fixed::scale_for;
use super::fixed_op::FixedOp;
use super::step::{Stage, Step};

/// The scales that a function's results can have.
pub(super) const MIN_FUNCTION_SCALE: i32 = 4;
pub(super) const MAX_FUNCTION_SCALE: i32 = 14;

/// A value that is only compared may take so many bits beyond those of activations, since the comparison
/// drops what lies below zero.
const DROPPED_BITS: u32 = 4;

/// A bound on every value's magnitude: what calibration saw, with margin, or less where less is certain.
pub(super) fn bounds(steps: &[Step<'_>], seen: &[Seen], margin: f64) -> Vec<f64> {
    let mut bounds: Vec<f64> = seen.iter().map(|s| f64::from(s.range()) * margin).collect();
    for step in steps {
        let output = step.node.output.index();
        let inputs = step.reads.iter().map(|&(v, _)| bounds[v]);
        let certain = match step.op {
            FixedOp::Clip { max } => f64::from(max),
            FixedOp::Sum { .. } => inputs.sum(),
            FixedOp::Product => inputs.product(),
            // These saturate, whatever calibration saw of them.
            FixedOp::Apply(Function::Sigmoid | Function::Tanh | Function::Erf) => {
                bounds[output] = 1.0;
                1.0
            }
            FixedOp::Apply(Function::Silu | Function::Gelu)
            | FixedOp::Relu
            | FixedOp::MaxPool(_)
            | FixedOp::AveragePool { .. }
            | FixedOp::Concat => inputs.fold(0.0, f64::max),
            _ => f64::INFINITY,
        };
        bounds[output] = bounds[output].min(certain);
    }
    bounds
}

/// The reduced scale of every value: the finest that leaves room for all values that must have the same
/// scale, and no finer than what the value is made from. `activation_bits` has the bits of every value. A
/// value that only activations read needs the precision of what they let through.
pub(super) fn targets(
    graph: &Graph,
    steps: &[Step<'_>],
    native: &[Stage],
    bounds: &[f64],
    activation_bits: &[u32],
) -> Vec<i32> {
    let values = graph.values().len();
    let mut classes = Classes::new(values);
    // Whether the reduced form is read only by comparisons, and by what passes values on to them.
    let mut only_compared = vec![true; values];
    graph.inputs().iter().chain(graph.outputs().iter().map(|o| &o.value)).for_each(|id| {
        only_compared[id.index()] = false;
    });
    for step in steps {
        let output = step.node.output.index();
        let passes_on = matches!(
            step.op,
            FixedOp::MaxPool(_) | FixedOp::Move | FixedOp::Concat | FixedOp::AddConstant(_)
        );
        let compares = matches!(step.op, FixedOp::Relu | FixedOp::Clip { .. });
        if compares || (native[output] == Stage::Reduced && !passes_on) {
            only_compared[output] = false;
        }
        for &(input, stage) in &step.reads {
            if stage == Stage::Reduced && !passes_on && !compares {
                only_compared[input] = false;
            }
            if passes_on && step.makes == Stage::Reduced {
                classes.join(input, output);
            }
        }
    }
    let roots = classes.all();
    let mut targets = vec![i32::MAX; values];
    for (value, &root) in roots.iter().enumerate() {
        let room = if only_compared[value] { DROPPED_BITS } else { 0 };
        targets[root] = targets[root].min(scale_for(bounds[value], activation_bits[value] + room));
    }
    for step in steps.iter().filter(|step| matches!(step.op, FixedOp::Apply(_))) {
        let root = roots[step.node.output.index()];
        targets[root] = targets[root].min(MAX_FUNCTION_SCALE);
    }
    // More bits of a whole number than its last would be zeros.
    let mut whole = vec![true; values];
    let moves = |op: &FixedOp| matches!(op, FixedOp::Move | FixedOp::Concat | FixedOp::MaxPool(_));
    for step in steps.iter().filter(|step| !step.op.is_whole() && !moves(&step.op)) {
        whole[roots[step.node.output.index()]] = false;
    }
    let numbers = graph.inputs().iter().filter(|&&id| !graph.is_one_hot(id));
    numbers.for_each(|id| whole[roots[id.index()]] = false);
    for id in graph.inputs().iter().filter(|&&id| graph.is_one_hot(id)) {
        let root = roots[id.index()];
        if whole[root] {
            targets[root] = targets[root].min(0);
        }
    }
    for step in steps.iter().filter(|step| step.op.is_whole()) {
        let root = roots[step.node.output.index()];
        if whole[root] {
            targets[root] = targets[root].min(0);
        }
    }
    let comparisons = |s: &&Step<'_>| {
        matches!(s.op, FixedOp::Relu | FixedOp::Clip { .. }) && s.reads[0].1 == Stage::Reduced
    };
    for step in steps.iter().rev().filter(comparisons) {
        let (input, output) = (roots[step.reads[0].0], roots[step.node.output.index()]);
        targets[input] = targets[input].min(targets[output]);
    }
    for step in steps.iter().filter(comparisons) {
        let (input, output) = (roots[step.reads[0].0], roots[step.node.output.index()]);
        targets[output] = targets[output].min(targets[input]);
    }
    roots.into_iter().map(|root| targets[root]).collect()
}
