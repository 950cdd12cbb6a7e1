//! Values that play the same part in different steps of a recurrence share their range.
//!
//! Calibration sees each step of few inputs; what the state reached in one step, others may bring it to in the next. Layers that
//! share weights show which values correspond: those that they read, those that they make, and, as far as the steps are built
//! alike, what these are made of and what is made of them.

use std::collections::HashMap;

use veilflow_ir::{Graph, Node, Op, ValueId};

use super::calibrate::Seen;

/// What calibration saw, with one range for all values that correspond.
pub(super) fn join_ranges(graph: &Graph, seen: &[Seen]) -> Vec<Seen> {
    let mut classes = Classes::of(graph);
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
struct Classes {
    parent: Vec<usize>,
    changed: bool,
}

impl Classes {
    fn of(graph: &Graph) -> Self {
        let mut classes = Self { parent: (0..graph.values().len()).collect(), changed: false };
        let mut first: HashMap<ValueId, &Node> = HashMap::new();
        for node in graph.nodes().iter().filter(|n| matches!(n.op, Op::Conv { .. } | Op::MatMul | Op::Mul)) {
            if graph.constant_of(node.inputs[1]).is_some() {
                let like = *first.entry(node.inputs[1]).or_insert(node);
                classes.join(node.inputs[0], like.inputs[0]);
                classes.join(node.output, like.output);
            }
        }
        while std::mem::take(&mut classes.changed) {
            classes.join_made(graph);
            classes.join_makers(graph);
        }
        classes
    }

    /// What the same op makes of corresponding values corresponds.
    fn join_made(&mut self, graph: &Graph) {
        let mut first = HashMap::new();
        for node in graph.nodes() {
            let inputs: Vec<usize> = node.inputs.iter().map(|id| self.find(id.index())).collect();
            let like = *first.entry((kind(&node.op), inputs)).or_insert(node.output);
            self.join(node.output, like);
        }
    }

    /// What corresponding values are made of by the same op corresponds.
    fn join_makers(&mut self, graph: &Graph) {
        let mut first: HashMap<_, &Node> = HashMap::new();
        for node in graph.nodes().iter().rev() {
            let key = (kind(&node.op), self.find(node.output.index()), node.inputs.len());
            let like = *first.entry(key).or_insert(node);
            let private = |id: &ValueId| graph.constant_of(*id).is_none();
            let pairs = node.inputs.iter().zip(&like.inputs).filter(|(a, b)| private(a) && private(b));
            pairs.for_each(|(&a, &b)| self.join(a, b));
        }
    }

    fn join(&mut self, a: ValueId, b: ValueId) {
        let (a, b) = (self.find(a.index()), self.find(b.index()));
        self.changed |= a != b;
        self.parent[a] = b;
    }

    /// The representative of a class, with path halving.
    fn find(&mut self, mut value: usize) -> usize {
        while self.parent[value] != value {
            self.parent[value] = self.parent[self.parent[value]];
            value = self.parent[value];
        }
        value
    }
}

/// What two ops of the same kind have in common; slices at different places are of the same kind.
fn kind(op: &Op) -> String {
    match op {
        Op::Gather { axis, .. } => format!("gather {axis}"),
        op => op.to_string(),
    }
}
