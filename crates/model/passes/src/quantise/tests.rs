//! Compiled networks against the float reference.

use std::sync::Arc;

use veilflow_ir::plan::Ranges;
use veilflow_ir::{Op, Plan, PlanOp, Shape, ValueId, Weights, Window};

use super::calibrate::calibrate;
use super::equalise::equalise;
use super::network::quantise;
use super::study::relative_error;
use super::*;
use crate::{clear, float};

mod bounded;
mod functions;
mod recurrent;

fn shape(dims: &[usize]) -> Shape {
    Shape::new(dims).unwrap()
}

/// Numbers in −`size`..`size`, different for each seed.
fn tensor(dims: &[usize], size: f32, seed: u32) -> Tensor {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    Tensor::from_fn(shape(dims), |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 8) as f32 / (1 << 23) as f32 - 1.0) * size
    })
}

struct Builder {
    graph: Graph,
    seed: u32,
    options: Options,
}

impl Builder {
    fn new(dims: &[usize]) -> (Self, ValueId) {
        let mut graph = Graph::new("test");
        let x = graph.input("x", shape(dims)).unwrap();
        let options = Options { weight_bits: 14, activation_bits: 14, ..Options::default() };
        (Self { graph, seed: 0, options }, x)
    }

    fn constant(&mut self, dims: &[usize], size: f32) -> ValueId {
        self.seed += 1;
        let name = format!("c{}", self.seed);
        self.graph.constant(name, Arc::new(tensor(dims, size, self.seed))).unwrap()
    }

    fn node(&mut self, op: Op, inputs: &[ValueId]) -> ValueId {
        let name = self.graph.fresh_name(op.name());
        self.graph.node(name.clone(), name, op, inputs).unwrap()
    }

    /// A convolution that keeps height and width.
    fn conv(&mut self, x: ValueId, out_channels: usize, kernel: usize, groups: usize) -> ValueId {
        let channels = self.graph.shape(x)[1] / groups;
        let pad = kernel / 2;
        let window = Window { pad_before: [pad; 2], pad_after: [pad; 2], ..Window::new([kernel; 2]) };
        let w = self.constant(&[out_channels, channels, kernel, kernel], 0.5);
        let b = self.constant(&[out_channels], 0.3);
        self.node(Op::Conv { window, groups }, &[x, w, b])
    }

    fn pool(&mut self, x: ValueId, max: bool) -> ValueId {
        let window = Window { stride: [2; 2], pad_before: [1; 2], pad_after: [0; 2], ..Window::new([3; 2]) };
        let op =
            if max { Op::MaxPool { window } } else { Op::AveragePool { window, include_padding: false } };
        self.node(op, &[x])
    }

    /// Compiles and compares, with both kinds of ranges; the plan's text is in every failure.
    fn check(mut self, outputs: &[ValueId]) -> Compiled {
        outputs.iter().for_each(|&o| self.graph.output(o, false));
        bounded::check(&self.compared(&Options { ranges: Ranges::Bounded, ..self.options.clone() }));
        self.compared(&self.options)
    }

    fn compared(&self, options: &Options) -> Compiled {
        let dims = self.graph.shape(self.graph.inputs()[0]).to_vec();
        let inputs: Vec<Vec<Tensor>> = (50..54).map(|seed| vec![tensor(&dims, 3.0, seed)]).collect();
        let compiled = compile(&self.graph, &inputs[..2], options).unwrap();
        let Compiled { plan, weights, .. } = &compiled;
        plan.verify().unwrap();
        for input in &inputs {
            let expected = float::run(&self.graph, input).unwrap();
            let run = clear::run(plan, weights, input).unwrap();
            assert_eq!(run.overflows, [], "{plan}");
            for (expected, actual) in expected.iter().zip(run.decode(plan)) {
                let room = expected.max_abs().max(0.1) / 200.0;
                for (e, a) in expected.data().iter().zip(actual) {
                    assert!((e - a).abs() < room, "{e} became {a}\n{plan}");
                }
            }
        }
        compiled
    }
}

fn ops(compiled: &Compiled) -> Vec<&'static str> {
    compiled.plan.nodes.iter().map(|n| n.op.name()).collect()
}

#[test]
fn a_plain_network_truncates_inside_its_activations() {
    let (mut b, x) = Builder::new(&[1, 2, 8, 8]);
    let y = b.conv(x, 4, 3, 1);
    let r = b.node(Op::Relu, &[y]);
    let p = b.pool(r, true);
    let f = b.node(Op::Reshape { shape: shape(&[1, 64]) }, &[p]);
    let (w, bias) = (b.constant(&[64, 5], 0.5), b.constant(&[5], 0.5));
    let z = b.node(Op::MatMul, &[f, w, bias]);
    let compiled = b.check(&[z]);
    // Truncation commutes with the maximum: pooling and the activation after it compare few bits.
    let mut found = ops(&compiled);
    found.retain(|op| *op != "narrow");
    let mut expected = vec!["conv", "truncate-reduce", "max-pool", "relu", "extend", "reshape", "matmul"];
    // What is revealed has no more bits than an activation.
    expected.push("truncate-reduce");
    assert_eq!(found, expected, "{}", compiled.plan);
}

/// Matrix products of every rank, where the second dimension is no channel.
#[test]
fn matrix_products_take_inputs_of_every_rank() {
    for (dims, inner) in [(&[1, 4, 16][..], 16), (&[1, 64, 8], 8), (&[16], 16), (&[1, 2, 3, 4], 4)] {
        let (mut b, x) = Builder::new(dims);
        let (first, second) = (b.constant(&[inner, 6], 0.5), b.constant(&[6, 5], 0.5));
        let y = b.node(Op::MatMul, &[x, first]);
        let r = b.node(Op::Relu, &[y]);
        let z = b.node(Op::MatMul, &[r, second]);
        b.check(&[z]);
    }
}

#[test]
fn outputs_of_constants_stand_beside_private_ones_only() {
    let (mut b, x) = Builder::new(&[1, 4]);
    let (c, d) = (b.constant(&[1, 3], 1.0), b.constant(&[1, 3], 1.0));
    let sum = b.node(Op::Add, &[c, d]);
    b.graph.output(sum, false);
    let calibration = [vec![tensor(&[1, 4], 1.0, 7)]];
    let error = compile(&b.graph, &calibration, &b.options).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("output `") && message.contains("depends on no input"), "{message}");
    let y = b.node(Op::Relu, &[x]);
    b.graph.output(y, false);
    let compiled = compile(&b.graph, &calibration, &b.options).unwrap();
    assert!(compiled.report.relative_error < 0.01, "{}", compiled.report.relative_error);
}

/// Signs, whole parts, places and products of matrices, and what legalisation makes of other limits and of
/// constants in a concatenation.
#[test]
fn ops_beyond_layers_are_close_to_the_float_graph() {
    let (mut b, x) = Builder::new(&[2, 3, 4]);
    let bits = b.node(Op::Positive, &[x]);
    let four = b.constant(&[], 4.0);
    let scaled = b.node(Op::Mul, &[x, four]);
    let whole = b.node(Op::Floor, &[scaled]);
    let place = b.node(Op::ArgMax, &[x]);
    let turned = b.node(Op::Transpose { perm: vec![0, 2, 1] }, &[x]);
    let product = b.node(Op::MatrixProduct, &[x, turned]);
    let low = b.node(Op::Clip { min: f32::NEG_INFINITY, max: 0.25 }, &[x]);
    let between = b.node(Op::Clip { min: -0.5, max: -0.125 }, &[x]);
    let c = b.constant(&[2, 3, 1], 1.0);
    let joined = b.node(Op::Concat { axis: 2 }, &[x, c]);
    let first = b.node(Op::Gather { axis: 0, indices: vec![0] }, &[x]);
    let wide = b.constant(&[2, 3, 4], 1.0);
    let repeated = b.node(Op::Mul, &[first, wide]);
    for output in [bits, whole, place, product, low, between, joined, repeated] {
        b.graph.output(output, false);
    }
    let calibration: Vec<_> = (20..24).map(|seed| vec![tensor(&[2, 3, 4], 1.0, seed)]).collect();
    let options = Options { weight_bits: 16, activation_bits: 16, ..Options::default() };
    let compiled = compile(&b.graph, &calibration, &options).unwrap();
    assert!(compiled.report.relative_error < 0.005, "{}", compiled.report.relative_error);
}

#[test]
fn a_residual_sum_is_truncated_once() {
    let (mut b, x) = Builder::new(&[1, 4, 6, 6]);
    let skip = b.conv(x, 4, 1, 1);
    let skip = b.node(Op::Relu, &[skip]);
    let y = b.conv(skip, 4, 3, 1);
    let sum = b.node(Op::Add, &[y, skip]);
    let r = b.node(Op::Relu, &[sum]);
    let z = b.conv(r, 2, 1, 1);
    let compiled = b.check(&[z]);
    let found = ops(&compiled);
    assert_eq!(found.iter().filter(|o| **o == "relu-truncate").count(), 2, "{}", compiled.plan);
    let (output, inner) = found.split_last().unwrap();
    assert_eq!(*output, "truncate-reduce", "{}", compiled.plan);
    assert!(!inner.contains(&"truncate-reduce") && inner.contains(&"shift-left"), "{}", compiled.plan);
    // One extension serves the convolution and the sum.
    assert_eq!(found.iter().filter(|o| **o == "extend").count(), 2, "{}", compiled.plan);
}

#[test]
fn a_signed_bottleneck_is_truncated_and_widened_at_once() {
    let (mut b, x) = Builder::new(&[1, 4, 6, 6]);
    let y = b.conv(x, 6, 1, 1);
    let c = b.node(Op::Clip { min: 0.0, max: 2.0 }, &[y]);
    let d = b.conv(c, 6, 3, 6);
    let c = b.node(Op::Clip { min: 0.0, max: 2.0 }, &[d]);
    let bottleneck = b.conv(c, 4, 1, 1);
    let e = b.conv(bottleneck, 4, 1, 1);
    let sum = b.node(Op::Sub, &[e, bottleneck]);
    let z = b.conv(sum, 3, 3, 1);
    let compiled = b.check(&[z]);
    let found = ops(&compiled);
    // Nothing but a comparison tells the sign of what a convolution makes; it also drops the low bits.
    assert!(found.contains(&"truncate-extend"), "{}", compiled.plan);
    // What a clip makes is extended by what is known of it.
    let within = compiled.plan.guarantees();
    for node in compiled.plan.nodes.iter().filter(|n| matches!(n.op, PlanOp::Extend { .. })) {
        assert!(within[node.inputs[0]].is_non_negative(), "{}", compiled.plan);
    }
}

#[test]
fn parts_of_different_size_share_a_scale() {
    let (mut b, x) = Builder::new(&[1, 2, 6, 6]);
    let small = b.constant(&[2, 1, 1], 0.01);
    let tiny = b.node(Op::Mul, &[x, small]);
    let (y, z) = (b.conv(tiny, 3, 1, 1), b.conv(x, 2, 3, 1));
    let parts = [b.node(Op::Relu, &[y]), b.node(Op::Relu, &[z])];
    let c = b.node(Op::Concat { axis: 1 }, &parts);
    let raw = b.node(Op::Concat { axis: 1 }, &[y, z]);
    let (p, q) = (b.pool(c, false), b.pool(raw, true));
    let (p, q) = (b.conv(p, 2, 3, 1), b.conv(q, 2, 1, 1));
    let sum = b.node(Op::Add, &[p, q]);
    b.check(&[sum]);
}

#[test]
fn moves_constants_and_borders_keep_their_values() {
    let (mut b, x) = Builder::new(&[1, 5, 6, 3]);
    let t = b.node(Op::Transpose { perm: vec![0, 3, 1, 2] }, &[x]);
    let pad = |value| Op::Pad { before: vec![0, 0, 1, 0], after: vec![0, 0, 0, 2], value };
    let p = b.node(pad(-0.5), &[t]);
    let term = b.constant(&[3, 6, 8], 1.0);
    let a = b.node(Op::Add, &[p, term]);
    let y = b.conv(a, 4, 3, 1);
    let r = b.node(Op::Relu, &[y]);
    let factor = b.constant(&[1, 1, 8], 2.0);
    let m = b.node(Op::Mul, &[r, factor]);
    let moved = b.node(Op::Transpose { perm: vec![0, 2, 3, 1] }, &[m]);
    let rows = b.node(Op::Reshape { shape: shape(&[1, 48, 4]) }, &[moved]);
    let (w, bias) = (b.constant(&[4, 3], 0.5), b.constant(&[3], 0.5));
    let z = b.node(Op::MatMul, &[rows, w, bias]);
    b.check(&[z, m]);
}

#[test]
fn a_densely_connected_block_truncates_each_part_once() {
    let (mut b, x) = Builder::new(&[1, 3, 6, 6]);
    let mut parts = vec![b.conv(x, 4, 3, 1)];
    for _ in 0..3 {
        let all = if parts.len() == 1 { parts[0] } else { b.node(Op::Concat { axis: 1 }, &parts) };
        let channels = b.graph.shape(all)[1];
        let term = b.constant(&[channels, 1, 1], 1.0);
        let shifted = b.node(Op::Add, &[all, term]);
        let r = b.node(Op::Relu, &[shifted]);
        let next = b.conv(r, 2, 3, 1);
        parts = vec![all, next];
    }
    let z = b.conv(parts[1], 2, 1, 1);
    let compiled = b.check(&[z]);
    let found = ops(&compiled);
    let count = |op: &str| found.iter().filter(|o| **o == op).count();
    // The first part, and what each layer adds; what is compared again and again is narrow.
    // And the output.
    assert_eq!(count("truncate-reduce") + count("truncate-extend"), 4 + 1, "{}", compiled.plan);
    assert_eq!(count("relu") + count("relu-truncate"), 3);
    for node in &compiled.plan.nodes {
        if let PlanOp::Relu | PlanOp::ReluTruncate { .. } = node.op {
            assert!(compiled.plan.values[node.inputs[0]].width <= 14 + 4, "{}", compiled.plan);
        }
    }
    assert_eq!(count("add-constant"), 3, "half units belong into terms and biases\n{}", compiled.plan);
}

#[test]
fn pooling_of_overlapping_windows_and_clips_follow_truncation() {
    for (stride, expected) in [(1, "truncate-reduce"), (2, "truncate-reduce"), (3, "max-pool")] {
        let (mut b, x) = Builder::new(&[1, 2, 9, 9]);
        let y = b.conv(x, 4, 3, 1);
        let window = Window { stride: [stride; 2], ..Window::new([3; 2]) };
        let p = b.node(Op::MaxPool { window }, &[y]);
        let r = b.node(Op::Relu, &[p]);
        let z = b.conv(r, 2, 1, 1);
        let compiled = b.check(&[z]);
        let found = ops(&compiled);
        assert_eq!(found[1], expected, "{}", compiled.plan);
        assert!(!found.contains(&"add-constant"), "{}", compiled.plan);
    }
    let (mut b, x) = Builder::new(&[1, 2, 5, 5]);
    let y = b.conv(x, 4, 3, 1);
    let c = b.node(Op::Clip { min: 0.0, max: 1.5 }, &[y]);
    let z = b.conv(c, 2, 1, 1);
    let compiled = b.check(&[z]);
    let mut found = ops(&compiled);
    found.retain(|op| *op != "narrow");
    assert_eq!(found[1..3], ["truncate-reduce", "clip"], "{}", compiled.plan);
}

#[test]
fn averages_keep_their_precision() {
    let (mut b, x) = Builder::new(&[1, 2, 16, 16]);
    let y = b.conv(x, 4, 3, 1);
    let r = b.node(Op::Relu, &[y]);
    let window = Window::new([16; 2]);
    let mean = b.node(Op::AveragePool { window, include_padding: false }, &[r]);
    let z = b.conv(mean, 3, 1, 1);
    let compiled = b.check(&[z]);
    let pool = compiled.plan.nodes.iter().find(|n| n.op.name() == "average-pool").unwrap();
    let [x, y] = [pool.inputs[0], pool.output].map(|value| &compiled.plan.values[value]);
    // The average is as much smaller as it is finer.
    assert_eq!((x.scale, y.scale), (13, 13), "{}", compiled.plan);
    let relu = compiled.plan.nodes.iter().find(|n| n.op.name() == "relu-truncate").unwrap();
    assert_eq!(compiled.plan.values[relu.output].scale, 10, "{}", compiled.plan);
}

#[test]
fn signs_before_a_relu_cost_no_bits() {
    let (mut b, x) = Builder::new(&[1, 3, 5, 5]);
    let y = b.conv(x, 4, 3, 1);
    let r = b.node(Op::Relu, &[y]);
    let signs = Tensor::from_fn(shape(&[4, 1, 1]), |c| if c == 2 { -1.0 } else { 1.0 });
    let signs = b.graph.constant("signs", Arc::new(signs)).unwrap();
    let term = b.constant(&[4, 1, 1], 1.0);
    let signed = b.node(Op::Mul, &[r, signs]);
    let shifted = b.node(Op::Add, &[signed, term]);
    let s = b.node(Op::Relu, &[shifted]);
    let both = b.node(Op::Add, &[s, r]);
    let z = b.conv(both, 2, 1, 1);
    let compiled = b.check(&[z]);
    let scales = compiled.plan.nodes.iter().filter_map(|n| match n.op {
        PlanOp::Linear { weight_scale, .. } => Some(weight_scale),
        _ => None,
    });
    assert!(scales.min() == Some(0), "{}", compiled.plan);
}

/// A network whose channels differ a thousandfold, so that one scale a tensor fits none.
fn uneven() -> (Builder, ValueId) {
    let (mut b, x) = Builder::new(&[1, 2, 6, 6]);
    let factors = [1.0, 0.001, 30.0, 0.03];
    let constant = |b: &mut Builder, name: &str, tensor: Tensor| {
        b.graph.constant(name.to_owned(), Arc::new(tensor)).unwrap()
    };
    let window = Window { pad_before: [1; 2], pad_after: [1; 2], ..Window::new([3; 2]) };
    let mut w = tensor(&[4, 2, 3, 3], 0.5, 71).into_data();
    w.iter_mut().enumerate().for_each(|(i, w)| *w *= factors[i / 18]);
    let w = constant(&mut b, "w", Tensor::new(shape(&[4, 2, 3, 3]), w).unwrap());
    let bias = constant(&mut b, "bias", Tensor::from_fn(shape(&[4]), |c| 0.2 * factors[c]));
    let y = b.node(Op::Conv { window, groups: 1 }, &[x, w, bias]);
    let p = b.pool(y, true);
    let r = b.node(Op::Relu, &[p]);
    let term = constant(&mut b, "term", Tensor::from_fn(shape(&[4, 1, 1]), |c| -0.1 * factors[c]));
    let shifted = b.node(Op::Add, &[r, term]);
    let both = b.node(Op::Concat { axis: 1 }, &[shifted, r]);
    let r = b.node(Op::Relu, &[both]);
    let mut v = tensor(&[3, 8, 1, 1], 0.5, 72).into_data();
    v.iter_mut().enumerate().for_each(|(i, v)| *v /= factors[i % 4]);
    let v = constant(&mut b, "v", Tensor::new(shape(&[3, 8, 1, 1]), v).unwrap());
    let z = b.node(Op::Conv { window: Window::new([1; 2]), groups: 1 }, &[r, v]);
    (b, z)
}

#[test]
fn equalising_changes_no_output_and_evens_out_weights() {
    let (mut b, z) = uneven();
    b.graph.output(z, false);
    let inputs: Vec<Vec<Tensor>> = (0..3).map(|seed| vec![tensor(&[1, 2, 6, 6], 3.0, seed)]).collect();
    let seen = calibrate(&b.graph, &inputs).unwrap();
    let (even, rescaled) = equalise(&b.graph, &seen).unwrap();
    for input in &inputs {
        let (expected, actual) = (float::run(&b.graph, input).unwrap(), float::run(&even, input).unwrap());
        for (e, a) in expected[0].data().iter().zip(actual[0].data()) {
            assert!((e - a).abs() <= 1e-4 * expected[0].max_abs(), "{e} became {a}");
        }
    }
    let measured = calibrate(&even, &inputs).unwrap();
    for (predicted, measured) in rescaled.iter().zip(&measured) {
        let pairs = predicted.largest.iter().zip(&measured.largest);
        assert!(pairs.into_iter().all(|(p, m)| (p - m).abs() <= 1e-4 * m.abs().max(1e-3)));
        assert!(predicted.mean.iter().zip(&measured.mean).all(|(p, m)| (p - m).abs() < 1e-3));
    }
    let spread = |graph: &Graph| {
        let w = graph.constant_of(graph.nodes()[0].inputs[1]).unwrap();
        let rows: Vec<f32> =
            w.data().chunks(18).map(|row| row.iter().fold(0.0f32, |m, v| m.max(v.abs()))).collect();
        rows.iter().copied().fold(0.0, f32::max) / rows.iter().copied().fold(f32::MAX, f32::min)
    };
    assert!(spread(&b.graph) > 1000.0 && spread(&even) < 30.0, "{}", spread(&even));
}

#[test]
fn uneven_channels_are_equalised_where_it_helps() {
    let (mut b, z) = uneven();
    b.graph.output(z, false);
    let inputs: Vec<Vec<Tensor>> = (0..3).map(|seed| vec![tensor(&[1, 2, 6, 6], 3.0, seed)]).collect();
    let options = Options::default();
    let seen = calibrate(&b.graph, &inputs).unwrap();
    let plain = quantise(&b.graph, &seen, &options, 3).unwrap();
    let chosen = compile(&b.graph, &inputs, &options).unwrap();
    let wanted: Vec<_> = inputs.iter().map(|input| float::run(&b.graph, input).unwrap()).collect();
    let error = |compiled| relative_error(compiled, &inputs, &wanted).unwrap();
    assert!(error(&chosen) < error(&plain) / 3.0, "{} instead of {}", error(&chosen), error(&plain));
}

#[test]
fn biases_make_up_for_rounded_weights() {
    use fixed::FixedLayer;
    use veilflow_spec::{LinearShape, MatMulShape};
    let shape = LinearShape::MatMul(MatMulShape { rows: 2, inner: 3, columns: 1 });
    let layer =
        fixed_op::Layer { shape, weights: vec![0.9, -0.3, 0.2, 0.6, 0.55, -0.1], bias: vec![0.5, -1.0] };
    let mean = [2.0, 1.0, 4.0];
    let mut fixed = FixedLayer::quantise(&layer, 10, 4).unwrap();
    fixed.correct(&layer, 10, &mean);
    let unit = f64::from(-fixed.weight_scale).exp2();
    for (o, bias) in layer.bias.iter().enumerate() {
        let dot = |row: &mut dyn Iterator<Item = f64>| row.zip(mean).map(|(w, m)| w * m).sum::<f64>();
        let exact = dot(&mut layer.weights[3 * o..][..3].iter().map(|&w| f64::from(w)));
        let rounded = dot(&mut fixed.weights[3 * o..][..3].iter().map(|&w| w as f64 * unit));
        assert!((exact - rounded).abs() > 0.01, "rounding must matter");
        let corrected = rounded + fixed.bias[o] as f64 * unit / 1024.0;
        assert!((exact + f64::from(*bias) - corrected).abs() < 1e-3, "{corrected}");
    }
}

#[test]
fn a_large_input_is_reported_where_it_overflows() {
    let (mut b, x) = Builder::new(&[1, 1, 4, 4]);
    let y = b.conv(x, 2, 3, 1);
    let z = b.node(Op::Relu, &[y]);
    let compiled = b.check(&[z]);
    let (plan, weights) = (&compiled.plan, &compiled.weights);
    let large = tensor(&[1, 1, 4, 4], 1000.0, 7);
    let run = clear::run(plan, weights, &[large]).unwrap();
    assert_eq!(run.overflows[0].layer, "x");
    assert!(run.overflows[0].elements > 8, "{:?}", run.overflows);
}

#[test]
fn the_largest_index_alone_can_be_revealed() {
    let (mut b, x) = Builder::new(&[1, 6]);
    let w = b.constant(&[6, 9], 1.0);
    let y = b.node(Op::MatMul, &[x, w]);
    b.graph.output(y, true);
    let inputs: Vec<Tensor> = (0..20).map(|seed| tensor(&[1, 6], 1.0, seed)).collect();
    let calibration: Vec<Vec<Tensor>> = inputs.iter().map(|x| vec![x.clone()]).collect();
    let options =
        Options { weight_bits: 16, activation_bits: 16, reveal: Revealing::ArgMax, ..Options::default() };
    let Compiled { plan, weights, .. } = compile(&b.graph, &calibration, &options).unwrap();
    assert!(!plan.outputs[0].softmax);
    for x in calibration {
        let expected = float::run(&b.graph, &x).unwrap()[0].argmax();
        assert_eq!(clear::run(&plan, &weights, &x).unwrap().outputs[0].values(), [expected as u64]);
    }
}

/// The law of every clear run: narrower rings give the same bits as the definitions of `veilflow-spec`.
#[test]
fn a_linear_node_equals_its_definition() {
    let (mut b, x) = Builder::new(&[1, 4, 5, 5]);
    let y = b.conv(x, 6, 3, 2);
    let compiled = b.check(&[y]);
    let (plan, weights) = (&compiled.plan, &compiled.weights);
    let input = tensor(&[1, 4, 5, 5], 1e6, 3);
    let run = clear::run(plan, weights, std::slice::from_ref(&input)).unwrap();
    let encoded = clear::encode(plan, &[input]).unwrap().swap_remove(0).values;
    let PlanOp::Linear { shape, .. } = &plan.nodes[0].op else { panic!("{plan}") };
    let parameters = weights.of(0).unwrap();
    let sums = veilflow_spec::linear(shape, &parameters.weights, &encoded);
    let mut wanted = veilflow_spec::add_bias(&sums, &parameters.bias);
    for node in &plan.nodes[1..] {
        wanted = match node.op {
            PlanOp::Narrow { to } => wanted.narrow(veilflow_ring::Ring::new(to).unwrap()),
            PlanOp::TruncateReduce { shift } => veilflow_spec::truncate_reduce(&wanted, shift),
            ref op => panic!("{op:?} in\n{plan}"),
        };
    }
    assert!(run.outputs[0] == wanted);
    assert!(!run.overflows.is_empty());
}

#[test]
fn what_fixed_point_cannot_express_is_refused() {
    let (mut b, x) = Builder::new(&[1, 4]);
    let y = b.node(Op::Relu, &[x]);
    b.graph.output(y, false);
    let compile = |calibration: &[Vec<Tensor>], options: &Options| {
        compile(&b.graph, calibration, options).unwrap_err().to_string()
    };
    let input = vec![tensor(&[1, 4], 1.0, 1)];
    assert!(compile(&[], &Options::default()).contains("at least one calibration input"));
    assert!(
        compile(&[vec![tensor(&[1, 5], 1.0, 1)]], &Options::default()).contains("has shape 1x4, not 1x5")
    );
    let nan = vec![Tensor::from_fn(shape(&[1, 4]), |_| f32::NAN)];
    assert!(compile(&[nan], &Options::default()).contains("`x` infinite or not a number"));
    let bits = Options { weight_bits: 1, ..Options::default() };
    assert_eq!(compile(&[input], &bits), "weight bits must be in 2..=24, not 1");
}

#[test]
fn the_fewest_bits_that_come_close_enough_are_chosen() {
    let (mut b, x) = Builder::new(&[1, 3, 8, 8]);
    let y = b.conv(x, 8, 3, 1);
    let y = b.node(Op::Relu, &[y]);
    let y = b.conv(y, 8, 3, 1);
    b.graph.output(y, false);
    let calibration = [vec![tensor(&[1, 3, 8, 8], 1.0, 1)], vec![tensor(&[1, 3, 8, 8], 1.0, 2)]];
    let within = |most| compile_within(&b.graph, &calibration, &Options::default(), most).unwrap();
    let bits = |c: &Compiled| (c.plan.settings.weight_bits, c.plan.settings.activation_bits);
    let mut last = (0, 0);
    for most in [0.5, 0.02, 0.005, 0.001, 0.0] {
        let compiled = within(most);
        assert!(bits(&compiled) >= last, "a smaller error took fewer bits");
        assert!(compiled.report.relative_error <= most || bits(&compiled) == (13, 14));
        last = bits(&compiled);
        let (weight_bits, activation_bits) = last;
        let options = Options { weight_bits, activation_bits, ..Options::default() };
        let again = compile(&b.graph, &calibration, &options).unwrap();
        assert_eq!(again.plan.settings, compiled.plan.settings);
        let (e, f) = (again.report.relative_error, compiled.report.relative_error);
        assert!(e < 2.0 * f && f < 2.0 * e, "{e} at the bits that gave {f}");
    }
    assert_eq!((bits(&within(0.5)), last), ((10, 10), (13, 14)));
}

/// Whatever numbers a forged plan holds: if it verifies, it runs.
fn forgeries_run(compiled: &Compiled) {
    use serde_json::Value;
    fn numbers(value: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
        match value {
            Value::Number(_) => visit(value),
            Value::Array(items) => items.iter_mut().for_each(|v| numbers(v, visit)),
            Value::Object(fields) => fields.values_mut().for_each(|v| numbers(v, visit)),
            _ => {}
        }
    }
    let original = serde_json::to_value(&compiled.plan).unwrap();
    let (mut count, mut ran) = (0, 0);
    numbers(&mut original.clone(), &mut |_| count += 1);
    for target in 0..count {
        for forged in [0i64, 1, 2, 5, 13, 63, 64, 1000, 1 << 30, i64::MAX, -1, i64::MIN] {
            let (mut json, mut index) = (original.clone(), 0);
            numbers(&mut json, &mut |v| {
                if index == target {
                    *v = forged.into();
                }
                index += 1;
            });
            let Ok(plan) = serde_json::from_value::<Plan>(json) else { continue };
            if plan.verify().is_err() {
                continue;
            }
            let mut zeros = std::collections::BTreeMap::<usize, veilflow_ir::Parameters>::new();
            for s in plan.parameters() {
                let weights = match s.weights_of {
                    Some(owner) => zeros[&owner].weights.clone(),
                    None => vec![0; s.weights].into(),
                };
                zeros.insert(s.node, veilflow_ir::Parameters { weights, bias: vec![0; s.bias] });
            }
            let weights = Weights::new(&plan, zeros).unwrap();
            let input = Tensor::from_fn(plan.values[plan.inputs[0].value].shape.clone(), |i| i as f32);
            clear::run(&plan, &weights, &[input]).unwrap();
            ran += 1;
        }
    }
    assert!(ran > 100, "only {ran} of {count} forgeries ran");
}

#[test]
fn a_forged_plan_that_verifies_runs() {
    let (mut b, x) = Builder::new(&[1, 1, 4, 4]);
    let y = b.conv(x, 2, 3, 1);
    let r = b.node(Op::Clip { min: 0.0, max: 1.0 }, &[y]);
    let (p, q) = (b.pool(r, true), b.pool(r, false));
    let c = b.node(Op::Concat { axis: 1 }, &[p, q]);
    let z = b.conv(c, 2, 1, 1);
    forgeries_run(&b.check(&[z]));
}

/// An exact sum of products is an equation in the weights; what is revealed of it has no more bits than an
/// activation, and a bit to spare.
#[test]
fn outputs_are_cut_before_they_are_revealed() {
    let (mut b, x) = Builder::new(&[1, 8]);
    let w = b.constant(&[8, 6], 0.5);
    let y = b.node(Op::MatMul, &[x, w]);
    b.graph.output(y, false);
    let calibration: Vec<_> = (0..8).map(|seed| vec![tensor(&[1, 8], 1.0, seed)]).collect();
    let of = |reveal| {
        let options = Options { weight_bits: 12, activation_bits: 10, reveal, ..Options::default() };
        compile(&b.graph, &calibration, &options)
    };
    let plan = of(Revealing::Scores).unwrap().plan;
    let output = &plan.values[plan.outputs[0].value];
    assert!(output.width <= 10 + 2 && output.magnitude + 2 <= output.width, "{plan}");
    assert!(output.scale < plan.values[plan.nodes[0].output].scale, "{plan}");
    let largest = of(Revealing::TopK(2)).unwrap();
    let run = clear::run(&largest.plan, &largest.weights, &calibration[0]).unwrap();
    let whole = of(Revealing::Scores).unwrap();
    let scores = clear::run(&whole.plan, &whole.weights, &calibration[0]).unwrap().outputs[0].to_signed();
    let mut order: Vec<usize> = (0..6).collect();
    order.sort_by_key(|&i| -scores[i]);
    let wanted: Vec<(usize, i64)> = order[..2].iter().map(|&i| (i, scores[i])).collect();
    assert_eq!(veilflow_spec::places(&run.outputs[0], 6), wanted);
    assert!(matches!(of(Revealing::TopK(7)), Err(crate::PassError::Reveal { count: 7, .. })));
}

/// The channel of a fully convolutional head is what its arg-max is about.
#[test]
fn an_arg_max_runs_along_the_only_long_dimension() {
    let (mut b, x) = Builder::new(&[1, 2, 3, 3]);
    let y = b.conv(x, 5, 3, 1);
    let window = Window::new([3; 2]);
    let mean = b.node(Op::AveragePool { window, include_padding: false }, &[y]);
    b.graph.output(mean, false);
    let calibration: Vec<_> = (0..4).map(|seed| vec![tensor(&[1, 2, 3, 3], 1.0, seed)]).collect();
    let options =
        Options { weight_bits: 16, activation_bits: 16, reveal: Revealing::ArgMax, ..Options::default() };
    let Compiled { plan, weights, .. } = compile(&b.graph, &calibration, &options).unwrap();
    for x in calibration {
        let wanted = float::run(&b.graph, &x).unwrap()[0].argmax();
        assert_eq!(clear::run(&plan, &weights, &x).unwrap().outputs[0].values(), [wanted as u64], "{plan}");
    }
}
