//! Rescales channels, so that the numbers of one tensor are of one size.
//!
//! Each tensor has one scale, so its largest channel decides how precise all are. A positive factor on a channel passes
//! through ReLU, pooling, concatenation and addition: multiplied into the rows of the layers that make the channel and
//! divided out of the columns of those that read it, it leaves the network's function as it was (Nagel et al., ICCV 2019,
//! "Data-free quantization through weight equalization and bias correction", §4.1). Factors that must be one, as values
//! are added, concatenated or moved, form a class; those of inputs, outputs and clips stay 1.

use std::sync::Arc;

use veilflow_ir::{Graph, Node, Op, Shape, Tensor, ValueId, layout};

use super::channels::{Channels, PINNED};
use crate::Error;

/// Rounds of adjusting all classes at once; each halves what is left.
const ROUNDS: usize = 24;

/// A convolution or matrix product, its weights seen as ends: which output each feeds and which input it reads.
struct Ends<'g> {
    node: &'g Node,
    weights: &'g Tensor,
    groups: usize,
}

impl<'g> Ends<'g> {
    fn of(graph: &'g Graph, node: &'g Node) -> Option<Self> {
        let groups = match node.op {
            Op::Conv { groups, .. } => groups,
            Op::MatMul => 1,
            _ => return None,
        };
        Some(Self { node, weights: graph.constant_of(node.inputs[1])?, groups })
    }

    /// For weight i: the channels of output and input that it joins.
    fn at(&self, i: usize) -> (usize, usize) {
        let shape = self.weights.shape();
        if self.node.op == Op::MatMul {
            return (i % shape[1], i / shape[1]);
        }
        let output = i / shape.stride(0);
        let group = output / (shape[0] / self.groups);
        (output, group * shape[1] + i / shape.stride(1) % shape[1])
    }
}

/// The network with its channels rescaled, and for every value of it the largest magnitude of every channel, from those
/// of the original.
pub(super) fn equalise(graph: &Graph, ranges: &[Vec<f32>]) -> Result<(Graph, Vec<Vec<f32>>), Error> {
    let channels = Channels::of(graph);
    let factors = factors(graph, &channels, ranges);
    let factor = |id: ValueId, channel: usize| factors[channels.class(id, channel)];
    let rescaled = rebuild(graph, &factor)?;
    let ranges = graph.values().iter().enumerate();
    todo!()
}
