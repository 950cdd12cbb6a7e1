//! Values that play the same part in different steps of a recurrence get one range.
//!
//! Calibration sees each step of few inputs. What the state reached in one step, other inputs may bring it to
//! in another. Layers of the same weights show which values correspond: those that they read, and those that
//! they make. As far as the steps are built alike, so do the values that these are made of, and the values
//! that are made of them.

use std::collections::HashMap;

use veilflow_ir::{Graph, Node, Op, ValueId};

use super::calibrate::Seen;
use super::classes::Classes;

/// What calibration saw, with one range for all values that correspond.
pub(super) fn join_ranges(graph: &Graph, seen: &[Seen]) -> Vec<Seen> {
    let mut classes = Correspondence::of(graph);
    let mut ranges = vec![0f32; seen.len()];
    for (value, seen) in seen.iter().enumerate() {
        let class = classes.find(value);
        ranges[class] = ranges[class].max(seen.range());
    }
    let joined = |(value, seen): (usize, &Seen)| {
        let range = ranges[classes.find(value)];
        Seen { largest: vec![range], mean: seen.mean.clone() }
    };
    seen.iter().enumerate().map(joined).collect()
}

/// Classes of corresponding values.
struct Correspondence {
    classes: Classes,
    changed: bool,
}

impl Correspondence {
    fn of(graph: &Graph) -> Classes {
        let mut found = Self { classes: Classes::new(graph.values().len()), changed: false };
        let mut first: HashMap<ValueId, &Node> = HashMap::new();
        for node in graph.nodes().iter().filter(|n| matches!(n.op, Op::Conv { .. } | Op::MatMul | Op::Mul)) {
            // A single number is no sign of a step: halves and roots of two stand in many places.
            let weights = graph.constant_of(node.inputs[1]).map_or(0, |weights| weights.data().len());
            if weights > 1 || (weights == 1 && node.op != Op::Mul) {
                let like = *first.entry(node.inputs[1]).or_insert(node);
                found.join(node.inputs[0], like.inputs[0]);
                found.join(node.output, like.output);
            }
        }
        while std::mem::take(&mut found.changed) {
            found.join_made(graph);
            found.join_makers(graph);
        }
        found.classes
    }

    /// Joins what the same op makes of corresponding values.
    fn join_made(&mut self, graph: &Graph) {
        let mut first = HashMap::new();
        for node in graph.nodes() {
            let inputs: Vec<usize> = node.inputs.iter().map(|id| self.classes.find(id.index())).collect();
            let like = *first.entry((kind(&node.op), inputs)).or_insert(node.output);
            self.join(node.output, like);
        }
    }

    /// Joins what the same op makes corresponding values of.
    fn join_makers(&mut self, graph: &Graph) {
        let mut first: HashMap<_, &Node> = HashMap::new();
        for node in graph.nodes().iter().rev() {
            let key = (kind(&node.op), self.classes.find(node.output.index()), node.inputs.len());
            let like = *first.entry(key).or_insert(node);
            let private = |id: &ValueId| graph.constant_of(*id).is_none();
            let pairs = node.inputs.iter().zip(&like.inputs).filter(|(a, b)| private(a) && private(b));
            pairs.for_each(|(&a, &b)| self.join(a, b));
        }
    }

    fn join(&mut self, a: ValueId, b: ValueId) {
        self.changed |= self.classes.join(a.index(), b.index());
    }
}

/// What two ops of the same kind have in common. Slices at different places are of the same kind.
fn kind(op: &Op) -> String {
    match op {
        Op::Gather { axis, .. } => format!("gather {axis}"),
        op => op.to_string(),
    }
}
