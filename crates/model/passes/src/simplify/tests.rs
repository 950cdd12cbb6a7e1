//! Each rule on a small graph: it applies, and the result computes the same.

use veilflow_ir::{Function, Window};

use super::*;
use crate::float::run;

fn shape(dims: &[usize]) -> veilflow_ir::Shape {
    veilflow_ir::Shape::new(dims).unwrap()
}

/// Small numbers of both signs, different for each seed.
fn tensor(dims: &[usize], seed: u32) -> Tensor {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    Tensor::from_fn(shape(dims), |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as f32 / 32_768.0 - 1.0
    })
}

struct Builder(Graph);

impl Builder {
    fn new(dims: &[usize]) -> (Self, ValueId) {
        let mut graph = Graph::new("test");
        let x = graph.input("x", shape(dims)).unwrap();
        (Self(graph), x)
    }

    fn constant(&mut self, dims: &[usize], seed: u32) -> ValueId {
        let name = self.0.fresh_name("c");
        self.0.constant(name, Arc::new(tensor(dims, seed))).unwrap()
    }

    fn node(&mut self, op: Op, inputs: &[ValueId]) -> ValueId {
        let name = self.0.fresh_name(op.name());
        self.0.node(name.clone(), name, op, inputs).unwrap()
    }

    /// The ops left after simplification, which must compute what the graph did.
    fn simplified(mut self, output: ValueId) -> Vec<&'static str> {
        self.0.output(output, false);
        let simple = simplify(&self.0).unwrap();
        simple.verify().unwrap();
        let x = tensor(self.0.shape(self.0.inputs()[0]), 99);
        let (expected, actual) =
            (run(&self.0, std::slice::from_ref(&x)).unwrap(), run(&simple, &[x]).unwrap());
        assert_eq!(expected[0].shape(), actual[0].shape());
        for (a, b) in expected[0].data().iter().zip(actual[0].data()) {
            assert!((a - b).abs() < 1e-5, "{a} became {b}\n{simple}");
        }
        simple.nodes().iter().map(|n| n.op.name()).collect()
    }
}

fn conv(pad: usize) -> Op {
    let window = Window { pad_before: [pad; 2], pad_after: [pad; 2], ..Window::new([3, 3]) };
    Op::Conv { window, groups: 1 }
}

#[test]
fn normalisation_sinks_into_the_convolution_before() {
    let (mut b, x) = Builder::new(&[1, 2, 5, 5]);
    let w = b.constant(&[3, 2, 3, 3], 1);
    let y = b.node(conv(1), &[x, w]);
    let mut inputs = vec![y];
    inputs.extend((2..5).map(|seed| b.constant(&[3], seed)));
    let variance = tensor(&[3], 5).map(f32::abs);
    inputs.push(b.0.constant("variance", Arc::new(variance)).unwrap());
    let z = b.node(Op::BatchNormalization { epsilon: 0.01 }, &inputs);
    assert_eq!(b.simplified(z), ["conv"]);
}

#[test]
fn a_factor_before_a_grouped_convolution_sinks_but_a_term_stays_out_of_padding() {
    let (mut b, x) = Builder::new(&[1, 4, 5, 5]);
    let (scale, term, w) =
        (b.constant(&[4, 1, 1], 1), b.constant(&[1, 4, 1, 1], 2), b.constant(&[6, 2, 3, 3], 3));
    let scaled = b.node(Op::Mul, &[scale, x]);
    let shifted = b.node(Op::Add, &[scaled, term]);
    let window = Window::new([3, 3]);
    let y = b.node(Op::Conv { window, groups: 2 }, &[shifted, w]);
    assert_eq!(b.simplified(y), ["conv"]);

    let (mut b, x) = Builder::new(&[1, 2, 5, 5]);
    let (term, w) = (b.constant(&[2, 1, 1], 2), b.constant(&[3, 2, 3, 3], 3));
    let shifted = b.node(Op::Sub, &[x, term]);
    let y = b.node(conv(1), &[shifted, w]);
    assert_eq!(b.simplified(y), ["add", "conv"]);
}

#[test]
fn products_take_factors_and_terms_on_both_sides() {
    let (mut b, x) = Builder::new(&[1, 4]);
    let (c, w) = (b.constant(&[4], 1), b.constant(&[4, 3], 2));
    let (d, e) = (b.constant(&[1, 3], 3), b.constant(&[], 4));
    let negated = b.node(Op::Sub, &[c, x]);
    let y = b.node(Op::MatMul, &[negated, w]);
    let shifted = b.node(Op::Add, &[d, y]);
    let z = b.node(Op::Mul, &[shifted, e]);
    assert_eq!(b.simplified(z), ["matmul"]);
}

#[test]
fn a_layer_read_twice_keeps_its_weights() {
    let (mut b, x) = Builder::new(&[1, 4]);
    let (w, c) = (b.constant(&[4, 3], 1), b.constant(&[3], 2));
    let y = b.node(Op::MatMul, &[x, w]);
    let scaled = b.node(Op::Mul, &[y, c]);
    let z = b.node(Op::Add, &[scaled, y]);
    assert_eq!(b.simplified(z), ["matmul", "mul", "add"]);
}

#[test]
fn zero_padding_sinks_and_other_padding_stays() {
    for (value, expected) in [(0.0, vec!["conv"]), (1.0, vec!["pad", "conv"])] {
        let (mut b, x) = Builder::new(&[1, 2, 4, 4]);
        let w = b.constant(&[3, 2, 3, 3], 1);
        let p = b.node(Op::Pad { before: vec![0, 0, 1, 0], after: vec![0, 0, 2, 1], value }, &[x]);
        let y = b.node(conv(1), &[p, w]);
        assert_eq!(b.simplified(y), expected);
    }
}

#[test]
fn activations_follow_max_pooling() {
    let pool = Op::MaxPool { window: Window { stride: [2; 2], ..Window::new([2, 2]) } };
    let (mut b, x) = Builder::new(&[1, 2, 4, 4]);
    let r = b.node(Op::Clip { min: 0.0, max: 0.5 }, &[x]);
    let p = b.node(pool.clone(), &[r]);
    assert_eq!(b.simplified(p), ["max-pool", "clip"]);

    let (mut b, x) = Builder::new(&[1, 2, 4, 4]);
    let w = b.constant(&[2, 2, 3, 3], 1);
    let y = b.node(conv(1), &[x, w]);
    let parts = [b.node(Op::Relu, &[x]), b.node(Op::Relu, &[y])];
    let c = b.node(Op::Concat { axis: 1 }, &parts);
    let p = b.node(pool, &[c]);
    assert_eq!(b.simplified(p), ["conv", "concat", "max-pool", "relu"]);
}

#[test]
fn repeated_moves_and_activations_merge_and_idle_ops_go() {
    let (mut b, x) = Builder::new(&[1, 3, 4, 2]);
    let i = b.node(Op::Identity, &[x]);
    let t = b.node(Op::Transpose { perm: vec![0, 2, 3, 1] }, &[i]);
    let back = b.node(Op::Transpose { perm: vec![0, 3, 1, 2] }, &[t]);
    let r = b.node(Op::Relu, &[back]);
    let c = b.node(Op::Clip { min: -1.0, max: 0.5 }, &[r]);
    let p = b.node(Op::Pad { before: vec![0; 4], after: vec![0; 4], value: 3.0 }, &[c]);
    let f = b.node(Op::Reshape { shape: shape(&[12, 2]) }, &[p]);
    let g = b.node(Op::Reshape { shape: shape(&[1, 24]) }, &[f]);
    assert_eq!(b.simplified(g), ["clip", "reshape"]);
}

#[test]
fn constants_fold() {
    let (mut b, x) = Builder::new(&[1, 3]);
    let (c, d) = (b.constant(&[3], 1), b.constant(&[3], 2));
    let sum = b.node(Op::Sub, &[c, d]);
    let clipped = b.node(Op::Relu, &[sum]);
    let y = b.node(Op::Add, &[x, clipped]);
    assert_eq!(b.simplified(y), ["add"]);
}

/// A factor and a term before a ReLU that two layers' outputs reach, as in a densely connected block.
fn dense(factors: &[f32; 4]) -> Vec<&'static str> {
    let (mut b, x) = Builder::new(&[1, 2, 4, 4]);
    let w = b.constant(&[2, 2, 3, 3], 1);
    let y = b.node(conv(1), &[x, w]);
    let c = b.node(Op::Concat { axis: 1 }, &[x, y]);
    let factors = Tensor::new(shape(&[4, 1, 1]), factors.to_vec()).unwrap();
    let factors = b.0.constant("factors", Arc::new(factors)).unwrap();
    let term = b.constant(&[1, 4, 1, 1], 2);
    let scaled = b.node(Op::Mul, &[c, factors]);
    let shifted = b.node(Op::Add, &[scaled, term]);
    let r = b.node(Op::Relu, &[shifted]);
    let v = b.constant(&[3, 4, 3, 3], 3);
    let z = b.node(conv(1), &[r, v]);
    b.simplified(z)
}

#[test]
fn positive_factors_pass_through_a_relu() {
    assert_eq!(dense(&[0.5, 2.0, 1.5, 0.25]), ["conv", "concat", "add", "relu", "conv"]);
}

#[test]
fn the_signs_of_factors_stay_before_a_relu() {
    for factors in [[0.5, -2.0, 1.5, -0.25], [0.5, 0.0, 1.5, 1.0], [1e-30, 1.0, -1.0, 2.0]] {
        assert_eq!(dense(&factors), ["conv", "concat", "mul", "add", "relu", "conv"], "{factors:?}");
    }
}

#[test]
fn a_normalisation_after_a_convolution_never_passes_its_relu() {
    let (mut b, x) = Builder::new(&[1, 2, 5, 5]);
    let w = b.constant(&[3, 2, 3, 3], 1);
    let mut y = b.node(conv(1), &[x, w]);
    for seed in 2..4 {
        let (factor, term) = (b.constant(&[3, 1, 1], seed), b.constant(&[3, 1, 1], seed + 10));
        y = b.node(Op::Mul, &[y, factor]);
        y = b.node(Op::Add, &[y, term]);
    }
    let z = b.node(Op::Relu, &[y]);
    assert_eq!(b.simplified(z), ["conv", "relu"]);
}

#[test]
fn factors_pass_averages_and_reshapes_to_the_next_product() {
    let (mut b, x) = Builder::new(&[1, 3, 4, 4]);
    let r = b.node(Op::Relu, &[x]);
    let factor = b.constant(&[3, 1, 1], 1);
    let scaled = b.node(Op::Mul, &[r, factor]);
    let window = Window { stride: [4; 2], ..Window::new([4; 2]) };
    let mean = b.node(Op::AveragePool { window, include_padding: false }, &[scaled]);
    let flat = b.node(Op::Reshape { shape: shape(&[1, 3]) }, &[mean]);
    let w = b.constant(&[3, 2], 2);
    let z = b.node(Op::MatMul, &[flat, w]);
    assert_eq!(b.simplified(z), ["relu", "average-pool", "reshape", "matmul"]);
}

#[test]
fn the_mean_of_disjoint_windows_sinks_into_a_pointwise_convolution() {
    let mean = |kernel: usize, pad: usize, stride: usize| {
        let (mut b, x) = Builder::new(&[1, 4, 7, 6]);
        let (w, bias) = (b.constant(&[6, 2, kernel, kernel], 1), b.constant(&[6], 2));
        let window = Window { pad_before: [pad; 2], pad_after: [pad; 2], ..Window::new([kernel; 2]) };
        let y = b.node(Op::Conv { window, groups: 2 }, &[x, w, bias]);
        let window = Window { stride: [stride; 2], ..Window::new([2; 2]) };
        let z = b.node(Op::AveragePool { window, include_padding: false }, &[y]);
        b.simplified(z)
    };
    assert_eq!(mean(1, 0, 2), ["conv"]);
    assert_eq!(mean(3, 1, 2), ["conv"]);
    // Overlapping windows would take more multiplications.
    assert_eq!(mean(1, 0, 1), ["conv", "average-pool"]);
}

#[test]
fn equal_constants_and_nodes_become_one() {
    let (mut b, x) = Builder::new(&[1, 4]);
    let (w, same) = (b.constant(&[4, 3], 1), b.constant(&[4, 3], 1));
    let twice = [b.node(Op::MatMul, &[x, w]), b.node(Op::MatMul, &[x, same])];
    let z = b.node(Op::Mul, &twice);
    assert_eq!(b.simplified(z), ["matmul", "mul"]);
}

#[test]
fn slices_of_slices_and_of_parts_merge() {
    let gather = |axis, indices: &[usize]| Op::Gather { axis, indices: indices.to_vec() };
    let (mut b, x) = Builder::new(&[1, 6]);
    let all = b.node(gather(1, &[0, 1, 2, 3, 4, 5]), &[x]);
    let some = b.node(gather(1, &[4, 0, 2]), &[all]);
    let y = b.node(gather(1, &[2, 0]), &[some]);
    assert_eq!(b.simplified(y), ["gather"]);

    let (mut b, x) = Builder::new(&[1, 6]);
    let r = b.node(Op::Relu, &[x]);
    let joined = b.node(Op::Concat { axis: 1 }, &[x, r]);
    let y = b.node(gather(1, &[6, 7, 8, 9, 10, 11]), &[joined]);
    assert_eq!(b.simplified(y), ["relu"]);
}

/// Steps h' = tanh(x·W + h·U) over slices of x, the weights given anew in each step.
fn unrolled(steps: usize) -> (Builder, ValueId) {
    let (mut b, x) = Builder::new(&[1, steps, 3]);
    let mut h = b.constant(&[1, 4], 3);
    for t in 0..steps {
        let (w, u) = (b.constant(&[3, 4], 1), b.constant(&[4, 4], 2));
        let slice = b.node(Op::Gather { axis: 1, indices: vec![t] }, &[x]);
        let slice = b.node(Op::Reshape { shape: shape(&[1, 3]) }, &[slice]);
        let (input, state) = (b.node(Op::MatMul, &[slice, w]), b.node(Op::MatMul, &[h, u]));
        let sum = b.node(Op::Add, &[input, state]);
        h = b.node(Op::Apply { function: Function::Tanh }, &[sum]);
    }
    (b, h)
}

#[test]
fn products_of_the_input_leave_an_unrolled_loop() {
    let (b, h) = unrolled(3);
    let mut ops = b.simplified(h);
    // The first step's state is constant, and its product a term.
    let step = ["gather", "matmul", "add", "apply"];
    let mut expected = [&["reshape", "matmul"][..], &["gather", "add", "apply"], &step, &step].concat();
    ops.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ops, expected);
}

#[test]
fn steps_of_a_long_loop_share_their_weights() {
    let (mut b, h) = unrolled(1000);
    b.0.output(h, false);
    let simple = simplify(&b.0).unwrap();
    let weights: std::collections::BTreeSet<_> =
        simple.nodes().iter().filter(|n| n.op == Op::MatMul).map(|n| n.inputs[1]).collect();
    assert_eq!(weights.len(), 2);
    assert_eq!(simple.nodes().iter().filter(|n| n.op == Op::MatMul).count(), 1 + 999);
}

/// Overlapping slices: each row is multiplied once.
#[test]
fn one_product_reads_each_row_once() {
    let (mut b, x) = Builder::new(&[1, 3, 5, 2]);
    let w = b.constant(&[3, 4], 1);
    // Rows are whole only after this move.
    let x = b.node(Op::Transpose { perm: vec![0, 2, 3, 1] }, &[x]);
    let mut parts = Vec::new();
    for first in [0, 1, 2] {
        let rows = b.node(Op::Gather { axis: 1, indices: vec![first, first + 1] }, &[x]);
        let rows = b.node(Op::Gather { axis: 2, indices: vec![1] }, &[rows]);
        let rows = b.node(Op::Reshape { shape: shape(&[2, 3]) }, &[rows]);
        parts.push(b.node(Op::MatMul, &[rows, w]));
    }
    let y = b.node(Op::Concat { axis: 0 }, &parts);
    b.0.output(y, false);
    let simple = simplify(&b.0).unwrap();
    let product = simple.nodes().iter().find(|n| n.op == Op::MatMul).unwrap();
    assert_eq!(simple.shape(product.output)[..], [4, 4]);
    let input = tensor(&[1, 3, 5, 2], 7);
    let run = |graph| run(graph, std::slice::from_ref(&input)).unwrap().swap_remove(0);
    assert_eq!(run(&b.0).data(), run(&simple).data());
}

/// Two chains by the same weights, over the first and the second half of a sequence: they go step by step
/// together.
#[test]
fn chains_of_the_same_weights_become_one() {
    let (mut b, x) = Builder::new(&[4, 3]);
    let (w, u, bias) = (b.constant(&[3, 4], 1), b.constant(&[4, 4], 2), b.constant(&[1, 4], 3));
    let mut last = Vec::new();
    for chain in 0..2 {
        let mut h = None;
        for t in 0..2 {
            let row = b.node(Op::Gather { axis: 0, indices: vec![2 * chain + t] }, &[x]);
            let mut sum = b.node(Op::MatMul, &[row, w]);
            if let Some(h) = h {
                let state = b.node(Op::MatMul, &[h, u]);
                sum = b.node(Op::Add, &[sum, state]);
            }
            let (z, c) = (b.node(Op::Add, &[sum, bias]), sum);
            let z = b.node(Op::Apply { function: Function::Sigmoid }, &[z]);
            let c = b.node(Op::Apply { function: Function::Tanh }, &[c]);
            h = Some(b.node(Op::Mul, &[z, c]));
        }
        last.extend(h);
    }
    let y = b.node(Op::Concat { axis: 0 }, &last);
    let ops = b.simplified(y);
    let count = |op: &str| ops.iter().filter(|o| **o == op).count();
    assert_eq!((count("matmul"), count("apply"), count("mul")), (2, 4, 2), "{ops:?}");
}

/// Functions of values that no product made together keep their own ranges.
#[test]
fn unrelated_functions_stay_apart() {
    let (mut b, x) = Builder::new(&[1, 3]);
    let (v, w) = (b.constant(&[3, 3], 1), b.constant(&[3, 3], 2));
    let sides = [b.node(Op::MatMul, &[x, v]), b.node(Op::MatMul, &[x, w])];
    let sides = sides.map(|side| b.node(Op::Apply { function: Function::Tanh }, &[side]));
    let y = b.node(Op::Mul, &sides);
    assert_eq!(b.simplified(y), ["matmul", "matmul", "apply", "apply", "mul"]);
}

#[test]
fn products_that_wait_for_each_other_stay() {
    let (mut b, x) = Builder::new(&[1, 4]);
    let w = b.constant(&[4, 4], 1);
    let y = b.node(Op::MatMul, &[x, w]);
    let y = b.node(Op::Relu, &[y]);
    let z = b.node(Op::MatMul, &[y, w]);
    assert_eq!(b.simplified(z), ["matmul", "relu", "matmul"]);
}

/// (α·z + β)·c + z·h, with operands in every order.
#[test]
fn a_gated_sum_takes_one_private_product() {
    for order in 0..4 {
        let (mut b, x) = Builder::new(&[1, 3]);
        let apply = |function| Op::Apply { function };
        let (z, c) = (b.node(apply(Function::Sigmoid), &[x]), b.node(apply(Function::Tanh), &[x]));
        let h = b.node(Op::Relu, &[x]);
        let one = b.0.constant("one", Arc::new(Tensor::from_fn(shape(&[]), |_| 1.0))).unwrap();
        let rest = b.node(Op::Sub, &[one, z]);
        let new = b.node(Op::Mul, &if order % 2 == 0 { [rest, c] } else { [c, rest] });
        let old = b.node(Op::Mul, &if order < 2 { [z, h] } else { [h, z] });
        let y = b.node(Op::Add, &if order % 2 == 0 { [new, old] } else { [old, new] });
        let ops = b.simplified(y);
        assert_eq!(ops.iter().filter(|op| **op == "mul").count(), 1, "{ops:?}");
        assert_eq!(ops.iter().filter(|op| **op == "sub").count(), 1, "{ops:?}");
    }
    // ζ·(1 − z) + ν, as in FastGRNN: c is scaled twice, by constants.
    let (mut b, x) = Builder::new(&[1, 3]);
    let (z, c) = (b.node(Op::Relu, &[x]), b.node(Op::Clip { min: -0.5, max: 0.5 }, &[x]));
    let (one, zeta, nu) = (b.constant(&[1, 1], 1), b.constant(&[1, 1], 2), b.constant(&[1, 1], 3));
    let rest = b.node(Op::Sub, &[one, z]);
    let rest = b.node(Op::Mul, &[rest, zeta]);
    let rest = b.node(Op::Add, &[rest, nu]);
    let (new, old) = (b.node(Op::Mul, &[rest, c]), b.node(Op::Mul, &[z, x]));
    let y = b.node(Op::Add, &[new, old]);
    assert_eq!(b.simplified(y), ["relu", "clip", "mul", "add", "mul", "mul", "add"]);
}

#[test]
fn spelt_out_functions_are_recognised() {
    let apply = |function| Op::Apply { function };
    let (mut b, x) = Builder::new(&[1, 3]);
    let gate = b.node(apply(Function::Sigmoid), &[x]);
    let y = b.node(Op::Mul, &[gate, x]);
    assert_eq!(b.simplified(y), ["apply"]);

    let (mut b, x) = Builder::new(&[1, 3]);
    let squares = b.node(Op::Mul, &[x, x]);
    let root = b.node(apply(Function::Sqrt), &[squares]);
    let y = b.node(apply(Function::Reciprocal), &[root]);
    assert_eq!(b.simplified(y), ["mul", "apply"]);
}
