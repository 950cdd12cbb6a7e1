//! A linear layer whose weights and bias are being changed.

use veilflow_ir::{Node, Op, Shape, Tensor, ValueId, Window};

use super::rewriter::Rewriter;
use crate::error::Result;

/// A convolution or matrix product with constant weights, by value.
pub(super) struct Layer {
    pub(super) node: Node,
    shape: Shape,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Layer {
    /// The layer of a node, unless its weights or bias aren't constant.
    pub(super) fn new(rewriter: &Rewriter<'_>, node: Node) -> Option<Self> {
        let weights = rewriter.constant_of(node.inputs[1])?;
        let outputs = match node.op {
            Op::MatMul => weights.shape()[1],
            _ => weights.shape()[0],
        };
        let bias = match node.inputs.get(2) {
            Some(&id) => rewriter.constant_of(id)?.data().to_vec(),
            None => vec![0.0; outputs],
        };
        Some(Self { node, shape: weights.shape().clone(), weights: weights.data().to_vec(), bias })
    }

    /// The axis of channels of an input or output x.
    pub(super) fn channel_axis(&self, x: &Shape) -> usize {
        if self.node.op == Op::MatMul { x.rank() - 1 } else { 1 }
    }

    /// For weight i, which output it feeds and which input it reads.
    fn ends(&self, i: usize) -> (usize, usize) {
        match self.node.op {
            Op::Conv { groups, .. } => {
                let output = i / self.shape.stride(0);
                let group = output / (self.shape[0] / groups);
                (output, group * self.shape[1] + i / self.shape.stride(1) % self.shape[1])
            }
            _ => (i % self.shape[1], i / self.shape[1]),
        }
    }

    /// c·(W·x + b).
    pub(super) fn scale_outputs(&mut self, c: &[f32]) {
        for i in 0..self.weights.len() {
            self.weights[i] *= c[self.ends(i).0];
        }
        self.bias.iter_mut().zip(c).for_each(|(b, c)| *b *= c);
    }

    /// W·x + b + c.
    pub(super) fn shift_outputs(&mut self, c: &[f32]) {
        self.bias.iter_mut().zip(c).for_each(|(b, c)| *b += c);
    }

    /// W·(c·x) + b.
    pub(super) fn scale_inputs(&mut self, c: &[f32]) {
        for i in 0..self.weights.len() {
            self.weights[i] *= c[self.ends(i).1];
        }
    }

    /// W·(x + c) + b.
    pub(super) fn shift_inputs(&mut self, c: &[f32]) {
        let mut bias: Vec<f64> = self.bias.iter().map(|&b| f64::from(b)).collect();
        for (i, &w) in self.weights.iter().enumerate() {
            let (output, input) = self.ends(i);
            bias[output] += f64::from(w) * f64::from(c[input]);
        }
        self.bias = bias.into_iter().map(|b| b as f32).collect();
    }

    /// The convolution with this window that makes the means of `taps` neighbouring outputs.
    pub(super) fn averaged(self, taps: [usize; 2], window: Window) -> Result<Self> {
        let Op::Conv { window: before, groups } = self.node.op else { return Ok(self) };
        let [height, width] = window.kernel;
        let shape = Shape::new([self.shape[0], self.shape[1], height, width])?;
        let mut weights = vec![0.0f64; shape.elements()];
        for (i, &w) in self.weights.iter().enumerate() {
            let (plane, y, x) =
                (i / self.shape.stride(1), i / before.kernel[1] % before.kernel[0], i % before.kernel[1]);
            for dy in 0..taps[0] {
                for dx in 0..taps[1] {
                    let (y, x) = (y + dy * before.stride[0], x + dx * before.stride[1]);
                    weights[(plane * height + y) * width + x] += f64::from(w) / (taps[0] * taps[1]) as f64;
                }
            }
        }
        let weights = weights.into_iter().map(|w| w as f32).collect();
        let node = Node { op: Op::Conv { window, groups }, ..self.node };
        Ok(Self { node, shape, weights, bias: self.bias })
    }

    /// Adds the changed layer to the new graph, its output named after `base`.
    pub(super) fn emit(self, rewriter: &mut Rewriter<'_>, base: &str) -> Result<ValueId> {
        let name = &self.node.name;
        let bias_shape = Shape::new([self.bias.len()])?;
        let weights = rewriter.constant(&format!("{name}.weight"), Tensor::new(self.shape, self.weights)?)?;
        let bias = rewriter.constant(&format!("{name}.bias"), Tensor::new(bias_shape, self.bias)?)?;
        rewriter.emit(name, base, self.node.op.clone(), &[self.node.inputs[0], weights, bias])
    }
}

/// c as one number for each index of `axis` of x, if c is the same along all other dimensions.
pub(super) fn per_index(c: &Tensor, x: &Shape, axis: usize) -> Option<Vec<f32>> {
    if x.broadcast(c.shape()).as_ref() != Some(x) {
        return None;
    }
    let missing = x.rank() - c.shape().rank();
    let varies: Vec<usize> =
        (0..c.shape().rank()).filter(|&i| c.shape()[i] != 1).map(|i| i + missing).collect();
    match varies[..] {
        [] => Some(vec![c.data()[0]; x[axis]]),
        [only] if only == axis => Some(c.data().to_vec()),
        _ => None,
    }
}
