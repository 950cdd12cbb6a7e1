//! Kernels against definitions: on small integers, floats are exact.

use veilflow_ir::{Op, Shape, Tensor, Window};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::LinearShape;

use super::*;

fn shape(dims: &[usize]) -> Shape {
    Shape::new(dims).unwrap()
}

/// Integers in −3..=3.
fn integers(dims: &[usize], seed: u64) -> Tensor {
    let noise = |i: usize| (i as u64 ^ (seed << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    Tensor::from_fn(shape(dims), |i| (noise(i) % 7) as f32 - 3.0)
}

fn evaluated(op: Op, inputs: &[&Tensor]) -> Tensor {
    let shapes: Vec<&Shape> = inputs.iter().map(|t| t.shape()).collect();
    let output = op.infer(&shapes).unwrap();
    evaluate(&op, inputs, &output)
}

#[test]
fn convolution_equals_its_definition_on_integers() {
    for (seed, (groups, i, o, kernel, stride, dilation, pads)) in [
        (1, 3, 5, [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
        (3, 1, 1, [5, 2], [2, 3], [1, 2], [2, 0, 1, 3]),
        (2, 2, 9, [1, 1], [1, 1], [1, 1], [0, 0, 0, 0]),
        (1, 1, 4, [7, 7], [2, 2], [1, 1], [5, 6, 0, 1]),
    ]
    .into_iter()
    .enumerate()
    {
        let [top, left, bottom, right] = pads;
        let window = Window { kernel, stride, dilation, pad_before: [top, left], pad_after: [bottom, right] };
        let x = integers(&[1, groups * i, 9, 8], seed as u64);
        let w = integers(&[groups * o, i, kernel[0], kernel[1]], 99);
        let b = integers(&[groups * o], 7);
        let actual = evaluated(Op::Conv { window, groups }, &[&x, &w, &b]);

        let signed = |t: &Tensor| -> Vec<i64> { t.data().iter().map(|&v| v as i64).collect() };
        let layer = LinearShape::Conv2d(conv_shape(&window, groups, x.shape(), w.shape()));
        let ring = Ring::new(32).unwrap();
        let sums = veilflow_spec::linear(&layer, &signed(&w), &RingVec::from_signed(ring, &signed(&x)));
        assert_eq!(signed(&actual), veilflow_spec::add_bias(&sums, &signed(&b)).to_signed(), "{window}");
    }
}

#[test]
fn matrix_products_act_on_the_last_dimension() {
    let x = Tensor::new(shape(&[2, 1, 2]), vec![1.0, 2.0, 3.0, 4.0]).unwrap();
    let w = Tensor::new(shape(&[2, 3]), vec![1.0, 0.0, 2.0, 0.0, 1.0, 3.0]).unwrap();
    let b = Tensor::new(shape(&[3]), vec![10.0, 20.0, 30.0]).unwrap();
    let y = evaluated(Op::MatMul, &[&x, &w, &b]);
    assert_eq!(y.shape(), &shape(&[2, 1, 3]));
    assert_eq!(y.data(), [11.0, 22.0, 38.0, 13.0, 24.0, 48.0]);
}

#[test]
fn pooling_leaves_padding_out_unless_told() {
    let x = Tensor::new(shape(&[1, 1, 2, 2]), vec![-1.0, -2.0, -3.0, -6.0]).unwrap();
    let window = Window { stride: [2; 2], pad_before: [1; 2], pad_after: [1; 2], ..Window::new([2; 2]) };
    assert_eq!(evaluated(Op::MaxPool { window }, &[&x]).data(), [-1.0, -2.0, -3.0, -6.0]);
    let mean = |include_padding| evaluated(Op::AveragePool { window, include_padding }, &[&x]).into_data();
    assert_eq!(mean(false), [-1.0, -2.0, -3.0, -6.0]);
    assert_eq!(mean(true), [-0.25, -0.5, -0.75, -1.5]);
}

#[test]
fn normalisation_follows_its_formula() {
    let x = Tensor::new(shape(&[1, 2, 1, 2]), vec![1.0, 3.0, 1.0, 3.0]).unwrap();
    let channel = |a, b| Tensor::new(shape(&[2]), vec![a, b]).unwrap();
    let (scale, shift, mean, variance) =
        (channel(2.0, 1.0), channel(5.0, 0.0), channel(1.0, 3.0), channel(3.0, 0.0));
    let y = evaluated(Op::BatchNormalization { epsilon: 1.0 }, &[&x, &scale, &shift, &mean, &variance]);
    assert_eq!(y.data(), [5.0, 7.0, -2.0, 0.0]);
}

#[test]
fn softmax_sums_to_one_even_of_large_numbers() {
    let x = Tensor::new(shape(&[3]), vec![1000.0, 1000.0, 0.0]).unwrap();
    assert_eq!(softmax(&x).data(), [0.5, 0.5, 0.0]);
}

#[test]
fn private_values_multiply_with_broadcasting() {
    let a = Tensor::new(shape(&[2, 1]), vec![2.0, -3.0]).unwrap();
    let b = Tensor::new(shape(&[1, 3]), vec![1.0, 0.5, 4.0]).unwrap();
    assert_eq!(evaluated(Op::Mul, &[&a, &b]).data(), [2.0, 1.0, 8.0, -3.0, -1.5, -12.0]);
    assert_eq!(evaluated(Op::Sub, &[&b, &a]).data(), [-1.0, -1.5, 2.0, 4.0, 3.5, 7.0]);
}

#[test]
fn slices_and_sums_run_along_their_axes() {
    let x = Tensor::from_fn(shape(&[2, 3, 2]), |i| i as f32);
    let y = evaluated(Op::Gather { axis: 1, indices: vec![2, 0] }, &[&x]);
    assert_eq!((y.shape(), y.data()), (&shape(&[2, 2, 2]), &[4.0, 5.0, 0.0, 1.0, 10.0, 11.0, 6.0, 7.0][..]));
    let y = evaluated(Op::ReduceSum { axes: vec![0, 2] }, &[&x]);
    assert_eq!((y.shape(), y.data()), (&shape(&[1, 3, 1]), &[14.0, 22.0, 30.0][..]));
}

#[test]
fn inputs_are_checked() {
    let mut graph = Graph::new("test");
    let x = graph.input("x", shape(&[2])).unwrap();
    let y = graph.node("relu", "y", Op::Relu, &[x]).unwrap();
    graph.output(y, false);
    assert_eq!(run(&graph, &[integers(&[2], 1).map(|_| -1.0)]).unwrap()[0].data(), [0.0, 0.0]);
    assert!(matches!(run(&graph, &[]), Err(PassError::InputCount { expected: 1, actual: 0 })));
    assert!(matches!(run(&graph, &[integers(&[3], 1)]), Err(PassError::InputShape { .. })));
}
