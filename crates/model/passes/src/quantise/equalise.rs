//! Rescales channels, so that the numbers of one tensor are of one size.
//!
//! Each tensor has one scale, so its largest channel decides how precise all are. A positive factor on a
//! channel passes through ReLU, pooling, concatenation and addition. If it is multiplied into the rows of the
//! layers that make the channel, and divided out of the columns of those that read it, the network computes
//! what it did before (Nagel et al., ICCV 2019, "Data-free quantization through weight equalization and bias
//! correction", §4.1). Channels that must have one factor, since their values are added, concatenated or
//! moved, form a class. The factors of inputs, outputs and clips stay 1.

use std::sync::Arc;

use veilflow_ir::{Graph, Node, Op, Shape, Tensor, ValueId, layout as moves};

use super::calibrate::Seen;
use super::channels::{Channels, PINNED, layout};
use crate::error::Result;

/// So often all factors are adjusted at once, each by half of what would suffice alone.
const ROUNDS: usize = 30;

/// The largest factor. Its inverse is the least.
const MAX_FACTOR: f32 = 4096.0;

/// The network with its channels rescaled, and what calibration would see of it. `seen` is what it saw of the
/// original.
pub(super) fn equalise(graph: &Graph, seen: &[Seen]) -> Result<(Graph, Vec<Seen>)> {
    let channels = Channels::of(graph);
    let factors = factors(graph, &channels);
    let factor = |id: ValueId, channel: usize| factors[channels.class(id, channel)];
    let mut rescaled = graph.clone();
    for node in graph.nodes() {
        let (x, y) = (node.inputs[0], node.output);
        let constant = |i: usize| node.inputs.get(i).and_then(|&id| Some((id, graph.constant_of(id)?)));
        match node.op {
            Op::Conv { .. } | Op::MatMul if has_channels(graph, node) => {
                if let Some((id, weights)) = constant(1) {
                    let mut data = weights.data().to_vec();
                    for_each_weight(node, weights, |i, o, c| data[i] *= factor(y, o) / factor(x, c));
                    rescaled.replace_constant(id, Arc::new(Tensor::new(weights.shape().clone(), data)?))?;
                }
                if let Some((id, bias)) = constant(2) {
                    let data = bias.data().iter().enumerate().map(|(o, b)| b * factor(y, o)).collect();
                    rescaled.replace_constant(id, Arc::new(Tensor::new(bias.shape().clone(), data)?))?;
                }
            }
            Op::Add | Op::Sub => {
                let scalable = (0..layout(graph, y).0).any(|c| channels.class(y, c) != PINNED);
                if let Some((id, term)) = constant(1).filter(|_| scalable) {
                    let term = per_channel(graph, y, term, |c| factor(y, c))?;
                    rescaled.replace_constant(id, Arc::new(term))?;
                }
            }
            _ => {}
        }
    }
    let mut seen = seen.to_vec();
    for (id, seen) in graph.ids().zip(&mut seen) {
        seen.largest.iter_mut().enumerate().for_each(|(c, v)| *v *= factor(id, c));
        seen.mean.iter_mut().enumerate().for_each(|(c, v)| *v *= f64::from(factor(id, c)));
    }
    Ok((rescaled, seen))
}

/// Whether weights of a layer stand between channels: of a matrix product, only where it takes a matrix.
/// Channels of others are pinned.
fn has_channels(graph: &Graph, node: &Node) -> bool {
    let matrix = |id: &ValueId| graph.shape(*id).rank() == 2;
    matches!(node.op, Op::Conv { .. }) || node.inputs[..2].iter().all(matrix)
}

/// A term of `sum`, each channel times its factor. It is as small as it can be with one number for each
/// channel.
fn per_channel(graph: &Graph, sum: ValueId, term: &Tensor, factor: impl Fn(usize) -> f32) -> Result<Tensor> {
    let rank = graph.shape(sum).rank();
    let mut dims = vec![1; rank - 1];
    dims[0] = layout(graph, sum).0;
    let shape = Shape::new(dims)?;
    let shape =
        shape.broadcast(term.shape()).expect("a term is broadcast to its sum, hence to a part of its shape");
    let stride = shape.stride(shape.rank() - (rank - 1));
    let mut spread = moves::broadcast(term.data(), term.shape(), &shape);
    spread.iter_mut().enumerate().for_each(|(i, b)| *b *= factor(i / stride % layout(graph, sum).0));
    Ok(Tensor::new(shape, spread)?)
}

/// A factor for every class. It makes the largest weight of the rows that make the class equal to the largest
/// weight of the columns that read it, both relative to the largest of their layers.
fn factors(graph: &Graph, channels: &Channels) -> Vec<f32> {
    let layers: Vec<Layer> = graph.nodes().iter().filter_map(|n| Layer::of(graph, channels, n)).collect();
    let mut factors = vec![1f32; channels.len()];
    for _ in 0..ROUNDS {
        let mut rows = vec![0f32; factors.len()];
        let mut columns = vec![0f32; factors.len()];
        layers.iter().for_each(|layer| layer.measure(&factors, &mut rows, &mut columns));
        for class in (PINNED + 1..factors.len()).filter(|&c| rows[c] > 0.0 && columns[c] > 0.0) {
            let step = (columns[class] / rows[class]).powf(0.25);
            factors[class] = (factors[class] * step).clamp(1.0 / MAX_FACTOR, MAX_FACTOR);
        }
    }
    factors
}

/// A convolution or matrix product, as the largest weight between each output and each input that it reads.
struct Layer {
    /// The classes of all outputs.
    outputs: Vec<usize>,
    /// The classes of all inputs.
    inputs: Vec<usize>,
    /// The largest weights: a row for each output, a column for each input of its group.
    largest: Vec<f32>,
    /// The number of inputs of a group, and that of its outputs.
    group: [usize; 2],
}

impl Layer {
    fn of(graph: &Graph, channels: &Channels, node: &Node) -> Option<Self> {
        let (groups, weights) = match node.op {
            Op::Conv { groups, .. } => (groups, graph.constant_of(node.inputs[1])?),
            Op::MatMul if has_channels(graph, node) => (1, graph.constant_of(node.inputs[1])?),
            _ => return None,
        };
        let classes =
            |id: ValueId| (0..layout(graph, id).0).map(|c| channels.class(id, c)).collect::<Vec<usize>>();
        let (outputs, inputs) = (classes(node.output), classes(node.inputs[0]));
        let group = [inputs.len() / groups, outputs.len() / groups];
        let mut largest = vec![0f32; outputs.len() * group[0]];
        for_each_weight(node, weights, |i, o, c| {
            let slot = &mut largest[o * group[0] + c % group[0]];
            *slot = slot.max(weights.data()[i].abs());
        });
        Some(Self { outputs, inputs, largest, group })
    }

    /// Raises, for every class, the largest weight of its rows and of its columns, relative to the layer's
    /// largest.
    fn measure(&self, factors: &[f32], rows: &mut [f32], columns: &mut [f32]) {
        let mut row = vec![0f32; self.outputs.len()];
        let mut column = vec![0f32; self.inputs.len()];
        for (o, weights) in self.largest.chunks_exact(self.group[0]).enumerate() {
            let first = o / self.group[1] * self.group[0];
            for (c, w) in (first..).zip(weights) {
                let scaled = w * factors[self.outputs[o]] / factors[self.inputs[c]];
                row[o] = row[o].max(scaled);
                column[c] = column[c].max(scaled);
            }
        }
        let largest = row.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        for (all, classes, part) in [(rows, &self.outputs, row), (columns, &self.inputs, column)] {
            for (&class, weight) in classes.iter().zip(part) {
                all[class] = all[class].max(weight / largest);
            }
        }
    }
}

/// Calls `f` with the index of every weight of a layer, and the output and input channels between which it
/// stands.
fn for_each_weight(node: &Node, weights: &Tensor, mut f: impl FnMut(usize, usize, usize)) {
    let shape = weights.shape();
    match node.op {
        Op::Conv { groups, .. } => {
            let (taps, outputs) = (shape.stride(1), shape[0] / groups);
            for i in 0..weights.data().len() {
                let (output, input) = (i / shape.stride(0), i / taps % shape[1]);
                f(i, output, output / outputs * shape[1] + input);
            }
        }
        _ => (0..weights.data().len()).for_each(|i| f(i, i % shape[1], i / shape[1])),
    }
}
