//! Fast linear layers over Z_2^ℓ, by im2col and blocked wrap-around products. [`linear`] equals
//! `veilflow_spec::linear` for every layer; a property test holds the two together.
//!
//! The parties run it online on masked values and shares, suppliers run it on masks, and the clear run runs
//! it on values.

use std::ops::Range;
use std::panic::resume_unwind;

use veilflow_ring::{Dims, RingVec, Wrapping};
use veilflow_spec::{Conv2dShape, LinearShape};

/// W · x mod 2^ℓ: the fast twin of `veilflow_spec::linear`. Panics if lengths do not fit `shape`.
pub fn linear(shape: &LinearShape, weights: &[i64], x: &RingVec) -> RingVec {
    assert_eq!(weights.len(), shape.weight_len(), "weights do not fit the layer");
    assert_eq!(x.len(), shape.in_len(), "input does not fit the layer");
    if x.ring().bits() <= 32 { run::<u32>(shape, weights, x) } else { run::<u64>(shape, weights, x) }
}

/// A part of a layer that makes some of its output rows: its shape, and the weights and inputs it reads.
type Part = (LinearShape, Range<usize>, Range<usize>);

/// [`linear`] in so many threads, each making some of the output channels or rows.
pub fn linear_in_threads(threads: usize, shape: &LinearShape, weights: &[i64], x: &RingVec) -> RingVec {
    if threads <= 1 {
        return linear(shape, weights, x);
    }
    assert_eq!(weights.len(), shape.weight_len(), "weights do not fit the layer");
    assert_eq!(x.len(), shape.in_len(), "input does not fit the layer");
    let run = |(shape, w, i): &Part| linear(shape, &weights[w.clone()], &x.slice(i.start, i.len()));
    let parts = split(shape, threads);
    let run = &run;
    let outputs: Vec<RingVec> = std::thread::scope(|scope| {
        let threads: Vec<_> = parts.iter().map(|part| scope.spawn(move || run(part))).collect();
        threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    let mut joined = RingVec::zeros(x.ring(), 0);
    outputs.iter().for_each(|part| joined.append(part));
    joined
}

/// Cuts a layer along its output rows; along its groups if there are several.
fn split(shape: &LinearShape, parts: usize) -> Vec<Part> {
    let (rows, per_row) = (shape.bias_len(), shape.weight_len() / shape.bias_len());
    let groups = if let LinearShape::Conv2d(s) = shape { s.groups } else { 1 };
    let units = if groups > 1 { groups } else { rows };
    let step = units.div_ceil(parts.max(1));
    let cut = |first: usize| {
        let count = step.min(units - first);
        let rows_each = rows / units;
        let weights = first * rows_each * per_row..(first + count) * rows_each * per_row;
        let mut input = 0..shape.in_len();
        let mut shape = shape.clone();
        match &mut shape {
            LinearShape::MatMul(s) => s.rows = count,
            LinearShape::Conv2d(s) if groups > 1 => {
                let inputs_each = input.end / groups;
                input = first * inputs_each..(first + count) * inputs_each;
                s.in_channels = s.in_channels / groups * count;
                s.out_channels = rows_each * count;
                s.groups = count;
            }
            LinearShape::Conv2d(s) => s.out_channels = count,
        }
        (shape, weights, input)
    };
    (0..units).step_by(step).map(cut).collect()
}

fn run<T: Wrapping>(shape: &LinearShape, weights: &[i64], x: &RingVec) -> RingVec {
    let weights: Vec<T> = weights.iter().map(|&w| T::from_u64(w as u64)).collect();
    let input: Vec<T> = x.values().iter().map(|&v| T::from_u64(v)).collect();
    let mut out = vec![T::default(); shape.out_len()];
    match shape {
        LinearShape::MatMul(s) => {
            T::matmul(Dims { rows: s.rows, inner: s.inner, columns: s.columns }, &weights, &input, &mut out);
        }
        LinearShape::Conv2d(s) => convolve(s, &weights, &input, &mut out),
    }
    RingVec::from_values(x.ring(), out.into_iter().map(T::to_u64).collect())
}

/// Output pixels gathered at a time, so that the column matrix of a large map stays small.
const PIXEL_BLOCK: usize = 4096;

fn convolve<T: Wrapping>(s: &Conv2dShape, weights: &[T], input: &[T], out: &mut [T]) {
    let (group_in, group_out) = (s.in_channels / s.groups, s.out_channels / s.groups);
    let inner = group_in * s.kernel[0] * s.kernel[1];
    let pixels = s.out_height() * s.out_width();
    let plane = s.in_height * s.in_width;
    let weights = |g: usize| &weights[g * group_out * inner..(g + 1) * group_out * inner];
    let input = |g: usize| &input[g * group_in * plane..(g + 1) * group_in * plane];
    let pointwise = s.kernel == [1, 1] && s.stride == [1, 1] && s.pads == [0; 4];
    if pointwise {
        for (g, out) in out.chunks_mut(group_out * pixels).enumerate() {
            T::matmul(Dims { rows: group_out, inner, columns: pixels }, weights(g), input(g), out);
        }
        return;
    }
    for first in (0..pixels).step_by(PIXEL_BLOCK) {
        let count = PIXEL_BLOCK.min(pixels - first);
        let taps = taps(s, first, count);
        for g in 0..s.groups {
            let columns = gather_columns(&taps, input(g), plane, count);
            let mut block = vec![T::default(); group_out * count];
            T::matmul(Dims { rows: group_out, inner, columns: count }, weights(g), &columns, &mut block);
            for (o, row) in block.chunks(count).enumerate() {
                out[(g * group_out + o) * pixels + first..][..count].copy_from_slice(row);
            }
        }
    }
}

/// For each tap, the positions that output pixels `first..first + count` read: the same in every channel,
/// none for padding.
fn taps(s: &Conv2dShape, first: usize, count: usize) -> Vec<Vec<Option<usize>>> {
    let out_width = s.out_width();
    let tap = |tap: usize| {
        let position = |pixel: usize| {
            let output = [pixel / out_width, pixel % out_width];
            let [row, column] = s.input_at(output, [tap / s.kernel[1], tap % s.kernel[1]])?;
            Some(row * s.in_width + column)
        };
        (first..first + count).map(position).collect()
    };
    (0..s.kernel[0] * s.kernel[1]).map(tap).collect()
}

/// The im2col matrix of a group's channels: one row a channel and tap, one column a pixel, zeros for padding.
fn gather_columns<T: Wrapping>(
    taps: &[Vec<Option<usize>>],
    input: &[T],
    plane: usize,
    count: usize,
) -> Vec<T> {
    let channels = input.chunks(plane);
    let mut columns = vec![T::default(); channels.len() * taps.len() * count];
    let mut rows = columns.chunks_mut(count);
    for channel in channels {
        for (tap, row) in taps.iter().zip(&mut rows) {
            for (slot, at) in row.iter_mut().zip(tap) {
                if let Some(at) = at {
                    *slot = channel[*at];
                }
            }
        }
    }
    columns
}

/// The input as a matrix whose rows weights multiply: weight q of a layer times row [`OperandRows::row`]`(q)`
/// goes into output row q / (weights per output row). For suppliers that work weight by weight.
#[derive(Debug)]
pub struct OperandRows {
    values: Vec<u64>,
    width: usize,
    per_output: usize,
    outputs_per_group: usize,
}

impl OperandRows {
    /// The rows for an input of `shape`, zero where a tap meets padding.
    pub fn new(shape: &LinearShape, input: &[u64]) -> Self {
        assert_eq!(input.len(), shape.in_len(), "input does not fit the layer");
        let (rows, width) = (shape.bias_len(), shape.out_len() / shape.bias_len());
        let per_output = shape.weight_len() / rows;
        let (values, groups) = match shape {
            LinearShape::MatMul(_) => (input.to_vec(), 1),
            LinearShape::Conv2d(s) => {
                let group = input.len() / s.groups;
                let taps = taps(s, 0, width);
                let columns = |input| gather_columns(&taps, input, s.in_height * s.in_width, width);
                (input.chunks(group).flat_map(columns).collect(), s.groups)
            }
        };
        Self { values, width, per_output, outputs_per_group: rows / groups }
    }

    /// Elements of a row: output positions a weight contributes to.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The row that weight `q` multiplies.
    pub fn row(&self, q: usize) -> &[u64] {
        let (output, term) = (q / self.per_output, q % self.per_output);
        let row = output / self.outputs_per_group * self.per_output + term;
        &self.values[row * self.width..][..self.width]
    }
}

// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use veilflow_ring::Ring;
    use veilflow_spec::MatMulShape;

    use super::*;

    fn shapes() -> impl Strategy<Value = LinearShape> {
        let conv =
            (1..4usize, 1..4usize, 1..4usize, (1..9usize, 1..9usize), [1..4usize, 1..4], [1..4usize, 1..4])
                .prop_flat_map(|(groups, i, o, (h, w), kernel, stride)| {
                    ([0..3usize, 0..3, 0..3, 0..3], [1..3usize, 1..3]).prop_map(move |(pads, dilation)| {
                        LinearShape::Conv2d(Conv2dShape {
                            in_channels: groups * i,
                            in_height: h,
                            in_width: w,
                            out_channels: groups * o,
                            kernel,
                            stride,
                            pads,
                            dilation,
                            groups,
                        })
                    })
                });
        let matmul = (1..9usize, 1..40usize, 1..9usize)
            .prop_map(|(rows, inner, columns)| LinearShape::MatMul(MatMulShape { rows, inner, columns }));
        prop_oneof![conv, matmul].prop_filter("the layer must be valid", |s| s.validate().is_ok())
    }

    #[test]
    fn maps_larger_than_a_block_equal_the_spec() {
        let shape = LinearShape::Conv2d(Conv2dShape {
            in_channels: 4,
            in_height: 70,
            in_width: 65,
            out_channels: 6,
            kernel: [3, 2],
            stride: [1, 1],
            pads: [1, 0, 1, 1],
            dilation: [1, 1],
            groups: 2,
        });
        assert!(shape.out_len() > 6 * PIXEL_BLOCK, "two blocks");
        let weights: Vec<i64> = (0..shape.weight_len() as i64).map(|i| 37 * i % 101 - 50).collect();
        for bits in [32, 33] {
            let ring = Ring::new(bits).unwrap();
            let values = (0..shape.in_len() as u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
            let x = RingVec::from_values(ring, values);
            assert!(
                linear(&shape, &weights, &x) == veilflow_spec::linear(&shape, &weights, &x),
                "{bits} bits"
            );
        }
    }

    proptest! {
        #[test]
        fn equals_the_spec(shape in shapes(), bits in 1..=64u32, seed: u64) {
            let ring = Ring::new(bits).unwrap();
            let noise = |i: usize| (i as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17);
            let weights: Vec<i64> = (0..shape.weight_len()).map(|i| noise(i) as i64 >> 40).collect();
            let x = RingVec::from_values(ring, (0..shape.in_len()).map(|i| noise(!i)).collect());
            let want = veilflow_spec::linear(&shape, &weights, &x);
            prop_assert!(linear(&shape, &weights, &x) == want);
            for threads in 2..5 {
                prop_assert!(linear_in_threads(threads, &shape, &weights, &x) == want);
            }

            let rows = OperandRows::new(&shape, x.values());
            let mut out = vec![0u64; shape.out_len()];
            let per_output = shape.weight_len() / shape.bias_len();
            for (q, &w) in weights.iter().enumerate() {
                let out = &mut out[q / per_output * rows.width()..][..rows.width()];
                for (sum, v) in out.iter_mut().zip(rows.row(q)) {
                    *sum = sum.wrapping_add(v.wrapping_mul(w as u64));
                }
            }
            prop_assert!(RingVec::from_values(ring, out) == want);
        }
    }
}
