//! Rescales channels, so that the numbers of one tensor are of one size.
//!
//! Each tensor has one scale, so its largest channel decides how precise all are. A positive factor on a channel passes
//! through ReLU, pooling, concatenation and addition: multiplied into the rows of the layers that make the channel and
//! divided out of the columns of those that read it, it leaves the network's function as it was (Nagel et al., ICCV 2019,
//! "Data-free quantization through weight equalization and bias correction", §4.1). Factors that must be one, as values
//! are added, concatenated or moved, form a class; those of inputs, outputs and clips stay 1.

use std::sync::Arc;

use veilflow_ir::{Graph, Node, Op, Tensor, ValueId, layout as moves};

use super::channels::{Channels, PINNED, layout};
use crate::Error;

/// Rounds of adjusting all classes at once.
const ROUNDS: usize = 30;

/// A convolution or matrix product: the largest weight between each output and each input it reads.
struct Layer {
    /// Rows of the matrix: outputs; the classes of their channels.
    outputs: Vec<usize>,
    /// The classes of all inputs.
    inputs: Vec<usize>,
    /// Outputs by inputs of a group.
    largest: Vec<f32>,
    /// Inputs of a group, and outputs of one.
    group: [usize; 2],
}

/// Calls `f` with the index of every weight of a layer, and the channels of the output and the input that it joins.
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

impl Layer {
    fn of(graph: &Graph, channels: &Channels, node: &Node) -> Option<Self> {
        let (groups, weights) = match node.op {
            Op::Conv { groups, .. } => (groups, graph.constant_of(node.inputs[1])?),
            Op::MatMul => (1, graph.constant_of(node.inputs[1])?),
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

    /// The input channel of column `j` for output `o`.
    fn input(&self, o: usize, j: usize) -> usize {
        o / self.group[1] * self.group[0] + j
    }
}

/// The network with its channels rescaled, and the largest magnitude of every channel of every value in it. `ranges` are
/// those of the original.
pub(super) fn equalise(graph: &Graph, ranges: &[Vec<f32>]) -> Result<(Graph, Vec<Vec<f32>>), Error> {
    let channels = Channels::of(graph);
    let factors = factors(graph, &channels, ranges);
    let factor = |id: ValueId, channel: usize| factors[channels.class(id, channel)];
    let mut rescaled = graph.clone();
    for node in graph.nodes() {
        let constant = |i: usize| node.inputs.get(i).and_then(|&id| Some((id, graph.constant_of(id)?)));
        let (x, y) = (node.inputs[0], node.output);
        match node.op {
            Op::Conv { .. } | Op::MatMul => {
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
                if let Some((id, term)) = constant(1) {
                    let shape = graph.shape(y);
                    let (count, stride) = layout(graph, y);
                    let is_even = (0..count).all(|c| channels.class(y, c) == PINNED);
                    if !is_even {
                        let spread = moves::broadcast(term.data(), term.shape(), shape);
                        let scaled =
                            spread.iter().enumerate().map(|(i, b)| b * factor(y, i / stride % count));
                        rescaled
                            .replace_constant(id, Arc::new(Tensor::new(shape.clone(), scaled.collect())?))?;
                    }
                }
            }
            _ => {}
        }
    }
    rescaled.verify()?;
    let scaled = |(index, range): (usize, &Vec<f32>)| -> Vec<f32> {
        let id = graph.ids().nth(index).expect("one range a value");
        range.iter().enumerate().map(|(c, r)| r * factor(id, c)).collect()
    };
    let ranges = ranges.iter().enumerate().map(scaled).collect();
    Ok((rescaled, ranges))
}

/// A factor for every class.
fn factors(graph: &Graph, channels: &Channels, ranges: &[Vec<f32>]) -> Vec<f32> {
    let layers: Vec<Layer> = graph.nodes().iter().filter_map(|n| Layer::of(graph, channels, n)).collect();
    let mut read = vec![false; graph.values().len()];
    for node in graph.nodes() {
        if matches!(node.op, Op::Conv { .. } | Op::MatMul | Op::Concat { .. }) {
            node.inputs.iter().for_each(|i| read[i.index()] = true);
        }
    }
    let e = |name: &str, default: f32| std::env::var(name).ok().map_or(default, |v| v.parse().unwrap());
    let (ec, er, ex) = (e("EC", 0.5), e("ER", 0.5), e("EX", 0.0));
    let mut factors = vec![1f32; channels.len()];
    for _ in 0..e("ROUNDS", ROUNDS as f32) as usize {
        let mut rows = vec![0f32; channels.len()];
        let mut columns = vec![0f32; channels.len()];
        let mut acts = vec![0f32; channels.len()];
        for layer in &layers {
            let mut row = vec![0f32; layer.outputs.len()];
            let mut column = vec![0f32; layer.inputs.len()];
            for (o, weights) in layer.largest.chunks_exact(layer.group[0]).enumerate() {
                for (j, w) in weights.iter().enumerate() {
                    let c = layer.input(o, j);
                    let w = w * factors[layer.outputs[o]] / factors[layer.inputs[c]];
                    row[o] = row[o].max(w);
                    column[c] = column[c].max(w);
                }
            }
            let largest = row.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
            for (o, r) in row.iter().enumerate() {
                let slot = &mut rows[layer.outputs[o]];
                *slot = slot.max(r / largest);
            }
            for (c, r) in column.iter().enumerate() {
                let slot = &mut columns[layer.inputs[c]];
                *slot = slot.max(r / largest);
            }
        }
        for (index, id) in graph.ids().enumerate() {
            if !read[index] || ranges[index].is_empty() {
                continue;
            }
            let scaled: Vec<f32> =
                ranges[index].iter().enumerate().map(|(c, r)| r * factors[channels.class(id, c)]).collect();
            let largest = scaled.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
            for (c, r) in scaled.iter().enumerate() {
                let slot = &mut acts[channels.class(id, c)];
                *slot = slot.max(r / largest);
            }
        }
        for class in (0..factors.len()).filter(|&c| c != PINNED) {
            let (r, c, x) = (rows[class], columns[class], acts[class]);
            let step = |v: f32, e: f32| if v > 0.0 { v.powf(e) } else { 1.0 };
            let update = step(c, ec) / step(r, er) / step(x, ex);
            factors[class] = (factors[class] * update.sqrt()).clamp(1.0 / 4096.0, 4096.0);
        }
    }
    factors
}
