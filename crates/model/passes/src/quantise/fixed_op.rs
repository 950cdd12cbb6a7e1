//! What each node of the float graph becomes in fixed point.

use std::sync::Arc;

use veilflow_ir::{Function, Graph, Node, Op, Reason, Shape, Tensor, Window, layout};
use veilflow_spec::{Conv2dShape, LinearShape, MatMulShape, Pool2dShape};

use crate::error::{PassError, Result};
use crate::float::conv_shape;

/// A linear layer with float weights in the layout of `shape`.
pub(super) struct Layer {
    pub(super) shape: LinearShape,
    pub(super) weights: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl Layer {
    /// The number of input channels, if each weight reads one of them.
    pub(super) fn channels(&self) -> Option<usize> {
        match &self.shape {
            LinearShape::Conv2d(s) => Some(s.in_channels),
            LinearShape::MatMul(s) => (s.columns == 1).then_some(s.inner),
        }
    }
}

/// What a node does in fixed point.
pub(super) enum FixedOp {
    /// Weights times an activation.
    Linear(Layer),
    /// The sum or difference of two activations.
    Sum { subtract: bool },
    /// An activation plus a constant.
    AddConstant(Arc<Tensor>),
    /// A constant less an activation.
    SubtractFrom(Arc<Tensor>),
    /// The product of two activations.
    Product,
    /// The products of two stacks of matrices.
    MatrixProduct,
    /// 1 where x > 0, else 0.
    Positive,
    /// The integer part of x.
    Floor,
    /// The index of the largest of so many elements.
    ArgMax { places: usize },
    /// A function of every element.
    Apply(Function),
    /// Sums over some axes.
    ReduceSum { axes: Vec<usize> },
    /// max(x, 0).
    Relu,
    /// x limited to 0..=max.
    Clip { max: f32 },
    /// The largest of each window.
    MaxPool(Pool2dShape),
    /// The mean of each window.
    AveragePool { pool: Pool2dShape, count_padding: bool },
    /// Elements moved and none changed, perhaps within a border.
    Move,
    /// Several tensors in one.
    Concat,
}

impl FixedOp {
    /// What a node of a simplified graph becomes.
    pub(super) fn of(graph: &Graph, node: &Node) -> Result<Self> {
        let refuse = |reason: &'static str| Err(node_error(node, reason));
        let constant = |i: usize| node.inputs.get(i).and_then(|&id| graph.constant_of(id));
        let x = graph.shape(node.inputs[0]);
        match &node.op {
            Op::Sub if let Some(c) = constant(0) => Ok(Self::SubtractFrom(c.clone())),
            Op::Add if let Some(c) = constant(0) => Ok(Self::AddConstant(c.clone())),
            _ if constant(0).is_some() => refuse("its first input is a constant"),
            Op::Conv { .. } | Op::MatMul
                if constant(1).is_none() || (node.inputs.len() > 2 && constant(2).is_none()) =>
            {
                refuse("its weights and bias must be constants")
            }
            Op::Conv { window, groups } => Ok(Self::Linear(conv(graph, node, window, *groups))),
            Op::MatMul => Ok(Self::Linear(matmul(graph, node))),
            Op::Mul => match constant(1) {
                // A sign is no weight. Simplification makes this of a constant less x.
                Some(c) if c.data().iter().all(|&v| v == -1.0) => {
                    let zero = Tensor::from_fn(Shape::new([])?, |_| 0.0);
                    Ok(Self::SubtractFrom(Arc::new(zero)))
                }
                Some(c) if x == graph.shape(node.output) => Ok(Self::Linear(scaling(x, c))),
                Some(_) => refuse("a constant factor must fit the input"),
                None => Ok(Self::Product),
            },
            Op::Add if let Some(c) = constant(1) => Ok(Self::AddConstant(c.clone())),
            Op::Add => Ok(Self::Sum { subtract: false }),
            Op::Sub => Ok(Self::Sum { subtract: true }),
            Op::Relu => Ok(Self::Relu),
            Op::Clip { min: 0.0, max } if *max > 0.0 => Ok(Self::Clip { max: *max }),
            Op::Clip { .. } => refuse("only limits of 0 below and a positive number above are supported"),
            Op::MaxPool { window } => Ok(Self::MaxPool(pool(window, x, graph.shape(node.output)))),
            Op::AveragePool { window, include_padding } => Ok(Self::AveragePool {
                pool: pool(window, x, graph.shape(node.output)),
                count_padding: *include_padding,
            }),
            Op::Apply { function } => Ok(Self::Apply(*function)),
            Op::ReduceSum { axes } => Ok(Self::ReduceSum { axes: axes.clone() }),
            Op::Reshape { .. } | Op::Transpose { .. } | Op::Pad { .. } | Op::Gather { .. } => Ok(Self::Move),
            Op::Concat { .. } if (0..node.inputs.len()).any(|i| constant(i).is_some()) => {
                refuse("a constant among its inputs isn't supported")
            }
            Op::Concat { .. } => Ok(Self::Concat),
            Op::MatrixProduct => Ok(Self::MatrixProduct),
            Op::Positive => Ok(Self::Positive),
            Op::Floor => Ok(Self::Floor),
            Op::ArgMax => Ok(Self::ArgMax { places: x.last().copied().unwrap_or(1) }),
            Op::BatchNormalization { .. } | Op::Identity => refuse("simplify the graph first"),
        }
    }

    /// Whether results are whole numbers, at scale 0.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Positive | Self::Floor | Self::ArgMax { .. })
    }

    /// Whether inputs are first repeated up to the output's shape.
    pub(super) fn spreads(&self) -> bool {
        matches!(self, Self::Sum { .. } | Self::Product | Self::AddConstant(_) | Self::SubtractFrom(_))
    }

    /// Whether inputs are first brought to the output's scale, if that is finer.
    pub(super) fn aligns(&self) -> bool {
        matches!(self, Self::Sum { .. } | Self::Concat | Self::AveragePool { .. })
    }
}

pub(super) fn node_error(node: &Node, reason: impl Into<Reason>) -> PassError {
    PassError::Unsupported { node: node.name.clone(), op: node.op.name(), reason: reason.into() }
}

fn floats(graph: &Graph, node: &Node, input: usize) -> Option<Vec<f32>> {
    let tensor = node.inputs.get(input).and_then(|&id| graph.constant_of(id))?;
    Some(tensor.data().to_vec())
}

fn conv(graph: &Graph, node: &Node, window: &Window, groups: usize) -> Layer {
    let (x, w) = (graph.shape(node.inputs[0]), graph.shape(node.inputs[1]));
    let shape = LinearShape::Conv2d(conv_shape(window, groups, x, w));
    let bias = floats(graph, node, 2).unwrap_or_else(|| vec![0.0; w[0]]);
    Layer { shape, weights: floats(graph, node, 1).unwrap_or_default(), bias }
}

/// x·W as Wᵀ·xᵀ, since weights stand on the left.
fn matmul(graph: &Graph, node: &Node) -> Layer {
    let w = graph.shape(node.inputs[1]);
    let (inner, rows) = (w[0], w[1]);
    let columns = graph.shape(node.inputs[0]).elements() / inner;
    let weights = layout::transpose(&floats(graph, node, 1).unwrap_or_default(), w, &[1, 0]);
    let bias = floats(graph, node, 2).unwrap_or_else(|| vec![0.0; rows]);
    let shape = LinearShape::MatMul(MatMulShape { rows, inner, columns });
    Layer { shape, weights, bias }
}

/// Multiplication by constants as a depthwise 1×1 convolution. It runs over channels if c differs only
/// between them, else over all elements.
fn scaling(x: &Shape, c: &Tensor) -> Layer {
    let over_channels = x.rank() == 4 && x[0] == 1 && c.shape().rank() >= 3 && c.shape().elements() == x[1];
    let over_channels = over_channels && c.shape()[c.shape().rank() - 3] == x[1];
    let (channels, height, width) = if over_channels { (x[1], x[2], x[3]) } else { (x.elements(), 1, 1) };
    let weights = if over_channels { c.data().to_vec() } else { layout::broadcast(c.data(), c.shape(), x) };
    let shape = Conv2dShape {
        in_channels: channels,
        in_height: height,
        in_width: width,
        out_channels: channels,
        kernel: [1; 2],
        stride: [1; 2],
        pads: [0; 4],
        dilation: [1; 2],
        groups: channels,
    };
    Layer { shape: LinearShape::Conv2d(shape), weights, bias: vec![0.0; channels] }
}

fn pool(window: &Window, x: &Shape, output: &Shape) -> Pool2dShape {
    Pool2dShape {
        channels: x[1],
        in_height: x[2],
        in_width: x[3],
        kernel: window.kernel,
        stride: window.stride,
        pad: window.pad_before,
        out_height: output[2],
        out_width: output[3],
    }
}
