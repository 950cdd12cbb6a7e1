//! Which channels of a network must be scaled alike.

use veilflow_ir::{Graph, Node, Op, ValueId};

use super::classes::Classes;

/// The channels of every value, in classes. A factor on one channel is a factor on all of its class.
pub(super) struct Channels {
    /// For every value, the slot of its first channel.
    starts: Vec<usize>,
    /// The class of every channel; that of [`PINNED`] must not be scaled.
    classes: Vec<usize>,
}

/// The channels while their classes are being joined.
struct Joining<'g> {
    graph: &'g Graph,
    starts: Vec<usize>,
    classes: Classes,
}

/// The class of what must keep its scale.
pub(super) const PINNED: usize = 0;

/// The channel of element i of a tensor of shape [_, C, …]: i / stride mod C.
pub(super) fn layout(graph: &Graph, value: ValueId) -> (usize, usize) {
    let shape = graph.shape(value);
    if shape.rank() < 2 { (1, shape.elements().max(1)) } else { (shape[1], shape.stride(1)) }
}

impl Channels {
    /// Joins the channels that each node of a simplified graph binds together.
    pub(super) fn of(graph: &Graph) -> Self {
        let mut starts = Vec::with_capacity(graph.values().len());
        let mut slots = PINNED + 1;
        for index in 0..graph.values().len() {
            starts.push(slots);
            let shape = &graph.values()[index].shape;
            slots += if shape.rank() < 2 { 1 } else { shape[1] };
        }
        let mut joined = Joining { graph, starts, classes: Classes::new(slots) };
        let uses = graph.uses();
        let private = |id: &&ValueId| graph.constant_of(**id).is_none();
        for id in graph.inputs().iter().chain(graph.outputs().iter().map(|o| &o.value)) {
            joined.pin(*id);
        }
        for node in graph.nodes() {
            let reused = node.inputs.iter().any(|id| !private(&id) && uses[id.index()] > 1);
            if reused || !joined.join_node(node) {
                node.inputs.iter().filter(private).for_each(|&id| joined.pin(id));
                joined.pin(node.output);
            }
        }
        Self { starts: joined.starts, classes: joined.classes.all() }
    }

    /// The class of a channel.
    pub(super) fn class(&self, value: ValueId, channel: usize) -> usize {
        self.classes[self.starts[value.index()] + channel]
    }

    /// The number of slots. There are no more classes than that.
    pub(super) fn len(&self) -> usize {
        self.classes.len()
    }
}

impl Joining<'_> {
    /// Joins channels of a node's inputs and output, and returns whether it could tell which belong together.
    fn join_node(&mut self, node: &Node) -> bool {
        let x = node.inputs[0];
        let private = node.inputs.iter().copied().filter(|&id| self.graph.constant_of(id).is_none());
        let private: Vec<ValueId> = private.collect();
        if private.iter().chain([&node.output]).any(|&id| self.graph.shape(id).rank() < 2) {
            return false;
        }
        let alike = private.iter().all(|&id| self.graph.shape(id) == self.graph.shape(node.output));
        match &node.op {
            Op::Conv { .. } => true,
            Op::MatMul => self.graph.shape(x).rank() == 2,
            // A factor on both factors of a product would count twice.
            Op::Mul if private.len() > 1 => false,
            Op::Add | Op::Sub | Op::Mul | Op::Relu if alike && self.graph.constant_of(x).is_none() => {
                private.iter().for_each(|&id| self.join_all(id, node.output, 0));
                true
            }
            Op::MaxPool { .. } | Op::AveragePool { .. } => {
                self.join_all(x, node.output, 0);
                true
            }
            Op::Concat { axis } if *axis >= 1 => {
                let mut first = 0;
                for &id in &node.inputs {
                    self.join_all(id, node.output, first);
                    first += if *axis == 1 { layout(self.graph, id).0 } else { 0 };
                }
                true
            }
            Op::Reshape { .. } => {
                let [(from, over), (to, under)] = [x, node.output].map(|id| layout(self.graph, id));
                for i in 0..self.graph.shape(x).elements() {
                    self.join(self.slot(x, i / over % from), self.slot(node.output, i / under % to));
                }
                true
            }
            _ => false,
        }
    }

    /// Joins each channel of `part` with the channel of `whole` that is `first` further on.
    fn join_all(&mut self, part: ValueId, whole: ValueId, first: usize) {
        for channel in 0..layout(self.graph, part).0 {
            self.join(self.slot(part, channel), self.slot(whole, first + channel));
        }
    }

    fn pin(&mut self, value: ValueId) {
        (0..layout(self.graph, value).0).for_each(|channel| self.join(self.slot(value, channel), PINNED));
    }

    fn slot(&self, value: ValueId, channel: usize) -> usize {
        self.starts[value.index()] + channel
    }

    /// The least slot stands for its class, hence the pinned one for its own.
    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.classes.find(a), self.classes.find(b));
        self.classes.join(a.max(b), a.min(b));
    }
}
