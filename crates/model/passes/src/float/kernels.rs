//! Each op on float tensors.

use veilflow_ir::{Op, Shape, Tensor, Window, layout};
use veilflow_spec::Conv2dShape;

use super::conv;
use super::functions::value_at;

/// The op's result, of shape `output`. The shapes must have passed the graph's verifier.
pub(crate) fn evaluate(op: &Op, inputs: &[&Tensor], output: &Shape) -> Tensor {
    let x = inputs[0];
    let data = match op {
        Op::Conv { window, groups } => conv(window, *groups, inputs, output),
        Op::MatMul => matmul(inputs, output),
        Op::MatrixProduct => matrix_product(inputs),
        Op::Add => binary(inputs, output, |a, b| a + b),
        Op::Sub => binary(inputs, output, |a, b| a - b),
        Op::Mul => binary(inputs, output, |a, b| a * b),
        Op::Apply { function } => x.data().iter().map(|&v| value_at(*function, v)).collect(),
        Op::BatchNormalization { epsilon } => batch_normalization(inputs, *epsilon),
        Op::Relu => x.data().iter().map(|v| v.max(0.0)).collect(),
        Op::Clip { min, max } => x.data().iter().map(|v| v.clamp(*min, *max)).collect(),
        Op::MaxPool { window } => {
            pool(window, x, output, |taps, _| taps.iter().copied().fold(f32::NEG_INFINITY, f32::max))
        }
        Op::AveragePool { window, include_padding } => pool(window, x, output, |taps, all| {
            let count = if *include_padding { all } else { taps.len() };
            taps.iter().sum::<f32>() / count as f32
        }),
        Op::Positive => x.data().iter().map(|&v| f32::from(u8::from(v > 0.0))).collect(),
        Op::Floor => x.data().iter().map(|v| v.floor()).collect(),
        Op::ArgMax => {
            let size = x.shape()[x.shape().rank() - 1];
            let first = |row: &[f32]| {
                let best =
                    row.iter().enumerate().fold(0, |best, (i, v)| if *v > row[best] { i } else { best });
                best as f32
            };
            x.data().chunks_exact(size).map(first).collect()
        }
        Op::Reshape { .. } | Op::Identity => x.data().to_vec(),
        Op::Transpose { perm } => layout::transpose(x.data(), x.shape(), perm),
        Op::Concat { axis } => {
            let parts: Vec<_> = inputs.iter().map(|t| (t.data(), t.shape())).collect();
            layout::concat(&parts, *axis)
        }
        Op::Pad { before, after, value } => layout::pad(x.data(), x.shape(), before, after, *value),
        Op::Gather { axis, indices } => layout::gather(x.data(), x.shape(), *axis, indices),
        Op::ReduceSum { axes } => {
            let (summands, count) = layout::summands(x.data(), x.shape(), axes);
            summands.chunks_exact(count).map(|part| part.iter().sum()).collect()
        }
    };
    Tensor::new(output.clone(), data).expect("a kernel fills the inferred shape")
}

fn binary(inputs: &[&Tensor], output: &Shape, f: impl Fn(f32, f32) -> f32) -> Vec<f32> {
    let [a, b] = [0, 1].map(|i| layout::broadcast(inputs[i].data(), inputs[i].shape(), output));
    a.into_iter().zip(b).map(|(a, b)| f(a, b)).collect()
}

fn batch_normalization(inputs: &[&Tensor], epsilon: f32) -> Vec<f32> {
    let [x, scale, shift, mean, variance] = [0, 1, 2, 3, 4].map(|i| inputs[i].data());
    let (channels, plane) = (scale.len(), inputs[0].shape().stride(1));
    let normalise = |(i, v): (usize, &f32)| {
        let c = i / plane % channels;
        (v - mean[c]) / (variance[c] + epsilon).sqrt() * scale[c] + shift[c]
    };
    x.iter().enumerate().map(normalise).collect()
}

fn matmul(inputs: &[&Tensor], output: &Shape) -> Vec<f32> {
    let (x, w) = (inputs[0].data(), inputs[1].data());
    let [inner, columns] = [0, 1].map(|i| inputs[1].shape()[i]);
    let mut out = match inputs.get(2) {
        Some(bias) => bias.data().repeat(output.elements() / columns),
        None => vec![0.0; output.elements()],
    };
    for (row, sums) in x.chunks_exact(inner).zip(out.chunks_exact_mut(columns)) {
        for (a, weights) in row.iter().zip(w.chunks_exact(columns)) {
            for (sum, w) in sums.iter_mut().zip(weights) {
                *sum += a * w;
            }
        }
    }
    out
}

fn matrix_product(inputs: &[&Tensor]) -> Vec<f32> {
    let (a, b) = (inputs[0], inputs[1]);
    let (rows, inner, columns) = (a.shape()[1], a.shape()[2], b.shape()[2]);
    let stacks = a.data().chunks_exact(rows * inner).zip(b.data().chunks_exact(inner * columns));
    let mut out = Vec::with_capacity(a.shape()[0] * rows * columns);
    for (a, b) in stacks {
        for row in a.chunks_exact(inner) {
            let mut sums = vec![0.0; columns];
            for (a, row) in row.iter().zip(b.chunks_exact(columns)) {
                sums.iter_mut().zip(row).for_each(|(sum, b)| *sum += a * b);
            }
            out.extend(sums);
        }
    }
    out
}

fn conv(window: &Window, groups: usize, inputs: &[&Tensor], output: &Shape) -> Vec<f32> {
    let (x, w) = (inputs[0], inputs[1]);
    let mut out = conv::conv(&conv_shape(window, groups, x.shape(), w.shape()), w.data(), x.data());
    if let Some(bias) = inputs.get(2) {
        for (plane, b) in out.chunks_exact_mut(output.stride(1)).zip(bias.data()) {
            plane.iter_mut().for_each(|v| *v += b);
        }
    }
    out
}

/// The convolution of an input of shape `x` with weights of shape `w`.
pub(crate) fn conv_shape(window: &Window, groups: usize, x: &Shape, w: &Shape) -> Conv2dShape {
    let ([top, left], [bottom, right]) = (window.pad_before, window.pad_after);
    Conv2dShape {
        in_channels: x[1],
        in_height: x[2],
        in_width: x[3],
        out_channels: w[0],
        kernel: window.kernel,
        stride: window.stride,
        pads: [top, left, bottom, right],
        dilation: window.dilation,
        groups,
    }
}

/// What `reduce` makes of every window: of its elements inside the input, and of the number of its positions.
fn pool(window: &Window, x: &Tensor, output: &Shape, reduce: impl Fn(&[f32], usize) -> f32) -> Vec<f32> {
    let [height, width] = [2, 3].map(|i| x.shape()[i]);
    let mut out = Vec::with_capacity(output.elements());
    let mut taps = Vec::new();
    for plane in x.data().chunks_exact(height * width) {
        for oy in 0..output[2] {
            for ox in 0..output[3] {
                taps.clear();
                for y in window.taps(0, oy, height) {
                    taps.extend(window.taps(1, ox, width).map(|x| plane[y * width + x]));
                }
                out.push(reduce(&taps, window.kernel[0] * window.kernel[1]));
            }
        }
    }
    out
}
