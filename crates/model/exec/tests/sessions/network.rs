//! The networks of these tests.

use std::sync::{Arc, LazyLock};

use veilflow_ir::plan::Ranges;
use veilflow_ir::{Function, Graph, Op, Shape, Tensor, ValueId, Window};
use veilflow_passes::{Check, Compiled, Options, compile};

pub(crate) const STEPS: usize = 3;
const STATE: usize = 4;
pub(crate) const INPUTS: usize = 2;

fn shape(dims: &[usize]) -> Shape {
    Shape::new(dims).unwrap()
}

/// Numbers in −`size`..`size`, different for each seed.
pub(crate) fn tensor(dims: &[usize], size: f32, seed: u32) -> Tensor {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    Tensor::from_fn(shape(dims), |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 8) as f32 / (1 << 23) as f32 - 1.0) * size
    })
}

struct Builder {
    graph: Graph,
    names: u32,
}

impl Builder {
    fn constant(&mut self, dims: &[usize], size: f32) -> ValueId {
        self.names += 1;
        let tensor = tensor(dims, size, self.names);
        self.graph.constant(format!("c{}", self.names), Arc::new(tensor)).unwrap()
    }

    fn node(&mut self, op: Op, inputs: &[ValueId]) -> ValueId {
        self.names += 1;
        let name = format!("n{}", self.names);
        self.graph.node(name.clone(), name, op, inputs).unwrap()
    }

    fn slice(&mut self, x: ValueId, axis: usize, from: usize, count: usize) -> ValueId {
        self.node(Op::Gather { axis, indices: (from..from + count).collect() }, &[x])
    }
}

/// A gated cell, a sum of squares over its states, and a dense layer: every op that recurrent networks bring.
fn gated(ranges: Ranges) -> Compiled {
    let mut b = Builder { graph: Graph::new("gated"), names: 0 };
    let x = b.graph.input("x", shape(&[STEPS, INPUTS])).unwrap();
    let (w, u) = (b.constant(&[INPUTS, 2 * STATE], 0.8), b.constant(&[STATE, 2 * STATE], 0.8));
    let (v, scale, one) =
        (b.constant(&[INPUTS, STATE], 0.8), b.constant(&[1, STATE], 0.9), b.constant(&[1, 1], 0.7));
    let all = b.node(Op::MatMul, &[x, w]);
    let first = b.slice(x, 0, 0, 1);
    let mut h = b.node(Op::MatMul, &[first, v]);
    let mut states = Vec::new();
    for step in 0..STEPS {
        let (wx, uh) = (b.slice(all, 0, step, 1), b.node(Op::MatMul, &[h, u]));
        let sum = b.node(Op::Add, &[wx, uh]);
        let [gate, new] = [0, STATE].map(|from| b.slice(sum, 1, from, STATE));
        let gate = b.node(Op::Apply { function: Function::Sigmoid }, &[gate]);
        let new = b.node(Op::Apply { function: Function::Tanh }, &[new]);
        let rest = b.node(Op::Sub, &[one, gate]);
        let new = b.node(Op::Mul, &[new, scale]);
        let [kept, fresh] = [[gate, h], [rest, new]].map(|pair| b.node(Op::Mul, &pair));
        h = b.node(Op::Add, &[kept, fresh]);
        states.push(h);
    }
    let states = b.node(Op::Concat { axis: 0 }, &states);
    let states = b.node(Op::Sub, &[one, states]);
    let squares = b.node(Op::Mul, &[states, states]);
    let energy = b.node(Op::ReduceSum { axes: vec![0] }, &[squares]);
    // Broadcast over the states' rows.
    let scaled = b.node(Op::Mul, &[states, energy]);
    let flat = b.node(Op::Reshape { shape: shape(&[1, STEPS * STATE]) }, &[scaled]);
    let d = b.constant(&[STEPS * STATE, 3], 0.8);
    let y = b.node(Op::MatMul, &[flat, d]);
    b.graph.output(y, false);
    let calibration: Vec<_> = (200..240).map(|seed| vec![tensor(&[STEPS, INPUTS], 2.0, seed)]).collect();
    compile(&b.graph, &calibration, &Options { ranges, ..Options::default() }).unwrap()
}

/// A network of every op that recurrent networks bring.
pub(crate) fn recurrent() -> &'static Compiled {
    static NETWORK: LazyLock<Compiled> = LazyLock::new(|| gated(Ranges::Calibrated));
    &NETWORK
}

/// Every other op that makes a claim of a range, or needs one: clips, bottlenecks, pools, functions that
/// saturate or wrap, calibrated so narrowly that larger inputs leave every range.
fn mixed() -> Compiled {
    let mut b = Builder { graph: Graph::new("mixed"), names: 0 };
    let window = |kernel, stride, pad| Window {
        stride: [stride; 2],
        pad_before: [pad; 2],
        pad_after: [pad; 2],
        ..Window::new([kernel; 2])
    };
    let x = b.graph.input("x", shape(&[1, 2, 8, 8])).unwrap();
    let conv = |b: &mut Builder, x, [out, inner, kernel]: [usize; 3]| {
        let w = b.constant(&[out, inner, kernel, kernel], 0.5);
        let bias = b.constant(&[out], 0.3);
        b.node(Op::Conv { window: window(kernel, 1, kernel / 2), groups: 1 }, &[x, w, bias])
    };
    let wide = conv(&mut b, x, [4, 2, 3]);
    let clipped = b.node(Op::Clip { min: 0.0, max: 1.5 }, &[wide]);
    let bottleneck = conv(&mut b, clipped, [2, 4, 1]);
    let skipped = conv(&mut b, bottleneck, [2, 2, 1]);
    let sum = b.node(Op::Add, &[skipped, bottleneck]);
    let gelu = b.node(Op::Apply { function: Function::Gelu }, &[sum]);
    let layer = conv(&mut b, gelu, [3, 2, 3]);
    let relu = b.node(Op::Relu, &[layer]);
    let most = b.node(Op::MaxPool { window: window(2, 2, 0) }, &[relu]);
    let mean = b.node(Op::AveragePool { window: window(3, 1, 1), include_padding: true }, &[most]);
    let product = b.node(Op::Mul, &[mean, most]);
    let positive = b.node(Op::Apply { function: Function::Sigmoid }, &[mean]);
    let functions = [Function::Sqrt, Function::ReciprocalSqrt, Function::ExpSigned];
    let [root, inverse, exp] = functions.map(|function| b.node(Op::Apply { function }, &[positive]));
    let mut all = b.node(Op::Mul, &[product, root]);
    for term in [inverse, exp] {
        all = b.node(Op::Add, &[all, term]);
    }
    let last = conv(&mut b, all, [2, 3, 1]);
    let y = b.node(Op::AveragePool { window: window(4, 1, 0), include_padding: false }, &[last]);
    b.graph.output(y, false);
    let calibration: Vec<_> = (300..320).map(|seed| vec![tensor(&[1, 2, 8, 8], 1.0, seed)]).collect();
    let options = Options { margin_percent: 100, check: Check::Full, ..Options::default() };
    compile(&b.graph, &calibration, &options).unwrap()
}

/// Signs, whole parts, places, products of private matrices, and what is made of other limits.
fn comparing() -> Compiled {
    let mut b = Builder { graph: Graph::new("comparing"), names: 0 };
    let x = b.graph.input("x", shape(&[2, 3, 4])).unwrap();
    let turned = b.node(Op::Transpose { perm: vec![0, 2, 1] }, &[x]);
    let product = b.node(Op::MatrixProduct, &[x, turned]);
    let d = b.constant(&[3, 4], 0.8);
    let layer = b.node(Op::MatMul, &[product, d]);
    let bits = b.node(Op::Positive, &[layer]);
    let gated = b.node(Op::Mul, &[bits, layer]);
    let whole = b.node(Op::Floor, &[layer]);
    let low = b.node(Op::Clip { min: f32::NEG_INFINITY, max: 0.25 }, &[gated]);
    let between = b.node(Op::Clip { min: -0.5, max: 0.75 }, &[x]);
    let place = b.node(Op::ArgMax, &[x]);
    let c = b.constant(&[2, 3, 1], 1.0);
    let joined = b.node(Op::Concat { axis: 2 }, &[low, whole, between, place, c]);
    let e = b.constant(&[14, 3], 0.5);
    let y = b.node(Op::MatMul, &[joined, e]);
    b.graph.output(y, false);
    let calibration: Vec<_> = (400..420).map(|seed| vec![tensor(&[2, 3, 4], 1.0, seed)]).collect();
    let options = Options { margin_percent: 100, check: Check::Full, ..Options::default() };
    compile(&b.graph, &calibration, &options).unwrap()
}

/// A network that compares and multiplies what no one knows.
pub(crate) fn compared() -> &'static Compiled {
    static NETWORK: LazyLock<Compiled> = LazyLock::new(comparing);
    &NETWORK
}

/// A network of clips, bottlenecks, pools and functions.
pub(crate) fn clipped() -> &'static Compiled {
    static NETWORK: LazyLock<Compiled> = LazyLock::new(mixed);
    &NETWORK
}

fn demo(ranges: Ranges) -> Compiled {
    let onnx = include_bytes!("../../../../../models/mnist/mnist-demo.onnx");
    let graph = veilflow_import_onnx::import_bytes(onnx).unwrap();
    let calibration: Vec<_> = (0..4).map(|seed| vec![pixels(seed)]).collect();
    compile(&graph, &calibration, &Options { ranges, ..Options::default() }).unwrap()
}

/// The network of the demo, calibrated with noise.
pub(crate) fn convolutional() -> &'static Compiled {
    static NETWORK: LazyLock<Compiled> = LazyLock::new(|| demo(Ranges::Calibrated));
    &NETWORK
}

/// Both networks with bounded ranges.
pub(crate) fn bounded() -> [Compiled; 2] {
    [gated(Ranges::Bounded), demo(Ranges::Bounded)]
}

/// An input of the convolutional network.
pub(crate) fn pixels(seed: u32) -> Tensor {
    let noise = tensor(&[1, 1, 28, 28], 0.5, seed);
    Tensor::from_fn(noise.shape().clone(), |i| noise.data()[i] + 0.5)
}
