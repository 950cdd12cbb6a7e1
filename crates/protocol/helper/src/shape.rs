//! The shape of a linear layer as the tag and the numbers of a request; see [`job`](crate::job).

use veilflow_spec::{Conv2dShape, LinearShape, MatMulShape};

/// The tag of a convolution.
pub(crate) const CONV: u8 = 5;
/// The tag of a matrix product.
pub(crate) const MATMUL: u8 = 6;

/// Tag and numbers of a shape.
pub(crate) fn write(shape: &LinearShape) -> (u8, Vec<usize>) {
    match shape {
        LinearShape::Conv2d(s) => {
            let mut numbers = vec![s.in_channels, s.in_height, s.in_width, s.out_channels];
            numbers.extend([s.kernel, s.stride].concat());
            numbers.extend(s.pads);
            numbers.extend(s.dilation);
            numbers.push(s.groups);
            (CONV, numbers)
        }
        LinearShape::MatMul(s) => (MATMUL, vec![s.rows, s.inner, s.columns]),
    }
}

/// The shape that a tag and its numbers, as many as it has, stand for. It may be invalid.
pub(crate) fn read(tag: u8, numbers: &[u32]) -> LinearShape {
    let size = |i: usize| numbers[i] as usize;
    if tag == MATMUL {
        return LinearShape::MatMul(MatMulShape { rows: size(0), inner: size(1), columns: size(2) });
    }
    LinearShape::Conv2d(Conv2dShape {
        in_channels: size(0),
        in_height: size(1),
        in_width: size(2),
        out_channels: size(3),
        kernel: [size(4), size(5)],
        stride: [size(6), size(7)],
        pads: [size(8), size(9), size(10), size(11)],
        dilation: [size(12), size(13)],
        groups: size(14),
    })
}
