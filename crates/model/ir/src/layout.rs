//! Moving elements: what transpose, broadcast, concatenation and padding mean for row-major data of any type.
//!
//! These functions serve floats, ring elements and shares alike. They panic on shapes that
//! [`Op::infer`](crate::Op::infer) or a plan's verifier would refuse.

use crate::{Op, Shape};

/// Row-major offsets of all elements of `dims`, where a step along dimension i moves by `strides[i]`.
fn offsets(dims: &[usize], strides: &[usize], base: usize) -> Vec<usize> {
    let mut offsets = vec![base];
    for (&dim, &stride) in dims.iter().zip(strides) {
        offsets = offsets.iter().flat_map(|o| (0..dim).map(move |i| o + i * stride)).collect();
    }
    offsets
}

/// Dimension i of the result is dimension `perm[i]` of `x`.
pub fn transpose<T: Copy>(x: &[T], shape: &Shape, perm: &[usize]) -> Vec<T> {
    let dims: Vec<usize> = perm.iter().map(|&p| shape[p]).collect();
    let strides: Vec<usize> = perm.iter().map(|&p| shape.stride(p)).collect();
    offsets(&dims, &strides, 0).into_iter().map(|o| x[o]).collect()
}

/// `x` stretched to `to`, which is its broadcast with some other shape.
pub fn broadcast<T: Copy>(x: &[T], from: &Shape, to: &Shape) -> Vec<T> {
    if from == to {
        return x.to_vec();
    }
    let missing = to.rank() - from.rank();
    let stride = |i: usize| match i.checked_sub(missing) {
        Some(j) if from[j] != 1 => from.stride(j),
        _ => 0,
    };
    let strides: Vec<usize> = (0..to.rank()).map(stride).collect();
    offsets(to, &strides, 0).into_iter().map(|o| x[o]).collect()
}

/// The parts, one after the other along `axis`.
pub fn concat<T: Copy>(parts: &[(&[T], &Shape)], axis: usize) -> Vec<T> {
    let outer: usize = parts[0].1[..axis].iter().product();
    let mut out = Vec::with_capacity(parts.iter().map(|(x, _)| x.len()).sum());
    for i in 0..outer {
        for (x, shape) in parts {
            let run = shape[axis] * shape.stride(axis);
            out.extend_from_slice(&x[i * run..(i + 1) * run]);
        }
    }
    out
}

/// `x` within a border of `value`, of so many elements before and after along each dimension.
pub fn pad<T: Copy>(x: &[T], shape: &Shape, before: &[usize], after: &[usize], value: T) -> Vec<T> {
    let dims: Vec<usize> = (0..shape.rank()).map(|i| before[i] + shape[i] + after[i]).collect();
    let strides: Vec<usize> = (0..dims.len()).map(|i| dims[i + 1..].iter().product()).collect();
    let base = before.iter().zip(&strides).map(|(b, s)| b * s).sum();
    let mut out = vec![value; dims.iter().product()];
    for (&v, o) in x.iter().zip(offsets(shape, &strides, base)) {
        out[o] = v;
    }
    out
}

/// Slices of `x` along `axis`: `indices[i]` gives index i of the result's.
pub fn gather<T: Copy>(x: &[T], shape: &Shape, axis: usize, indices: &[usize]) -> Vec<T> {
    let run = shape.stride(axis);
    let mut out = Vec::with_capacity(x.len() / shape[axis] * indices.len());
    for part in x.chunks_exact(shape[axis] * run) {
        for i in indices {
            out.extend_from_slice(&part[i * run..(i + 1) * run]);
        }
    }
    out
}

/// The elements that a sum over `axes` adds up, sum by sum in the order of the results, and how many each sum
/// has.
pub fn summands<T: Copy>(x: &[T], shape: &Shape, axes: &[usize]) -> (Vec<T>, usize) {
    let kept = (0..shape.rank()).filter(|i| !axes.contains(i));
    let perm: Vec<usize> = kept.chain(axes.iter().copied()).collect();
    (transpose(x, shape, &perm), axes.iter().map(|&i| shape[i]).product())
}

/// The elements of `op`'s output, if all it does is move those of its inputs. Each input comes with its
/// shape.
pub fn moved<T: Copy>(op: &Op, inputs: &[(&[T], &Shape)]) -> Option<Vec<T>> {
    let (x, shape) = inputs[0];
    match op {
        Op::Reshape { .. } | Op::Identity => Some(x.to_vec()),
        Op::Transpose { perm } => Some(transpose(x, shape, perm)),
        Op::Gather { axis, indices } => Some(gather(x, shape, *axis, indices)),
        Op::Concat { axis } => Some(concat(inputs, *axis)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(dims: &[usize]) -> Shape {
        Shape::new(dims).unwrap()
    }

    #[test]
    fn transpose_moves_channels() {
        // 1x2x3 (height, width, channel) to channel first.
        let x = [0, 1, 2, 10, 11, 12];
        assert_eq!(transpose(&x, &shape(&[1, 2, 3]), &[2, 0, 1]), [0, 10, 1, 11, 2, 12]);
    }

    #[test]
    fn broadcast_stretches_ones() {
        let to = shape(&[2, 2, 3]);
        assert_eq!(broadcast(&[1, 2], &shape(&[2, 1]), &to), [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2]);
        assert_eq!(broadcast(&[5], &shape(&[]), &shape(&[2])), [5, 5]);
    }

    #[test]
    fn concat_along_the_middle() {
        let (a, b) = ([1, 2, 3, 4], [5, 6]);
        let parts = [(&a[..], &shape(&[2, 2, 1])), (&b[..], &shape(&[2, 1, 1]))];
        assert_eq!(concat(&parts, 1), [1, 2, 5, 3, 4, 6]);
    }

    #[test]
    fn gather_takes_slices_in_any_order() {
        let x = [0, 1, 2, 3, 10, 11, 12, 13];
        assert_eq!(gather(&x, &shape(&[2, 2, 2]), 1, &[1]), [2, 3, 12, 13]);
        assert_eq!(gather(&x, &shape(&[2, 4]), 1, &[3, 0, 3]), [3, 0, 3, 13, 10, 13]);
        assert_eq!(gather(&x, &shape(&[2, 4]), 0, &[1]), [10, 11, 12, 13]);
    }

    #[test]
    fn summands_stand_together() {
        let x = [0, 1, 2, 10, 11, 12];
        assert_eq!(summands(&x, &shape(&[2, 3]), &[0]), (vec![0, 10, 1, 11, 2, 12], 2));
        assert_eq!(summands(&x, &shape(&[2, 1, 3]), &[0, 2]), (x.to_vec(), 6));
        assert_eq!(summands(&x, &shape(&[2, 3]), &[]), (x.to_vec(), 1));
    }

    #[test]
    fn pad_surrounds() {
        assert_eq!(pad(&[1, 2], &shape(&[1, 2]), &[1, 0], &[0, 1], 9), [9, 9, 9, 1, 2, 9]);
    }
}
