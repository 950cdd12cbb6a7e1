//! Compiled networks against the float reference.

use std::sync::Arc;

use veilflow_ir::{Extension, Op, PlanOp, Shape, ValueId, Window};

use super::*;
use crate::clear;

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
}

impl Builder {
    fn new(dims: &[usize]) -> (Self, ValueId) {
        let mut graph = Graph::new("test");
        let x = graph.input("x", shape(dims)).unwrap();
        (Self { graph, seed: 0 }, x)
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

    /// Compiles and compares; the plan's text is in every failure.
    fn check(mut self, outputs: &[ValueId]) -> Compiled {
        outputs.iter().for_each(|&o| self.graph.output(o, false));
        let dims = self.graph.shape(self.graph.inputs()[0]).to_vec();
        let inputs: Vec<Vec<Tensor>> = (50..54).map(|seed| vec![tensor(&dims, 3.0, seed)]).collect();
        let options = Options { weight_bits: 14, activation_bits: 14, ..Options::default() };
        let compiled = compile(&self.graph, &inputs[..2], &options).unwrap();
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
    let expected = ["conv", "truncate-reduce", "max-pool", "relu", "extend", "reshape", "matmul"];
    assert_eq!(found, expected, "{}", compiled.plan);
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
    assert!(!found.contains(&"truncate-reduce") && found.contains(&"shift-left"), "{}", compiled.plan);
    // One extension serves the convolution and the sum.
    assert_eq!(found.iter().filter(|o| **o == "extend").count(), 2, "{}", compiled.plan);
}

#[test]
fn a_signed_bottleneck_is_widened_with_slack() {
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
    let kinds: Vec<Extension> = compiled
        .plan
        .nodes
        .iter()
        .filter_map(|n| match n.op {
            PlanOp::Extend { sign, .. } => Some(sign),
            _ => None,
        })
        .collect();
    assert!(kinds.contains(&Extension::SignedWithSlack) && kinds.contains(&Extension::NonNegative));
    assert!(!kinds.contains(&Extension::Signed), "{}", compiled.plan);
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
    let options = Options { weight_bits: 16, activation_bits: 16, arg_max: true, ..Options::default() };
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
    assert!(run.outputs[0] == veilflow_spec::add_bias(&sums, &parameters.bias));
    assert!(!run.overflows.is_empty());
}

#[test]
fn what_fixed_point_cannot_express_is_refused() {
    let refused = |op: Op| {
        let (mut b, x) = Builder::new(&[1, 4]);
        let y = b.node(op, &[x]);
        b.graph.output(y, false);
        compile(&b.graph, &[vec![tensor(&[1, 4], 1.0, 1)]], &Options::default()).unwrap_err().to_string()
    };
    let message = refused(Op::Clip { min: -1.0, max: 1.0 });
    assert!(message.starts_with("node `clip` (clip): only limits of 0 below"), "{message}");

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

/// Whatever numbers a forged plan holds: if it verifies, it runs.
#[test]
fn a_forged_plan_that_verifies_runs() {
    use serde_json::Value;
    fn numbers(value: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
        match value {
            Value::Number(_) => visit(value),
            Value::Array(items) => items.iter_mut().for_each(|v| numbers(v, visit)),
            Value::Object(fields) => fields.values_mut().for_each(|v| numbers(v, visit)),
            _ => {}
        }
    }
    let (mut b, x) = Builder::new(&[1, 1, 4, 4]);
    let y = b.conv(x, 2, 3, 1);
    let r = b.node(Op::Clip { min: 0.0, max: 1.0 }, &[y]);
    let (p, q) = (b.pool(r, true), b.pool(r, false));
    let c = b.node(Op::Concat { axis: 1 }, &[p, q]);
    let z = b.conv(c, 2, 1, 1);
    let compiled = b.check(&[z]);
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
            let zeros = |s: veilflow_ir::plan::ParameterSizes| {
                (s.node, veilflow_ir::Parameters { weights: vec![0; s.weights], bias: vec![0; s.bias] })
            };
            let weights = Weights::new(&plan, plan.parameters().into_iter().map(zeros).collect()).unwrap();
            let input = Tensor::from_fn(plan.values[plan.inputs[0].value].shape.clone(), |i| i as f32);
            clear::run(&plan, &weights, &[input]).unwrap();
            ran += 1;
        }
    }
    assert!(ran > 100, "only {ran} of {count} forgeries ran");
}
