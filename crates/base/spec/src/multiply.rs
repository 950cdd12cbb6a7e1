//! Products of elements of different widths, without overflow.

use veilflow_ring::{Ring, RingVec};

use crate::MatMulShape;

fn widened(x: &RingVec, y: &RingVec) -> Ring {
    assert_eq!(x.len(), y.len(), "vectors of different length");
    Ring::new(x.ring().bits() + y.ring().bits()).expect("the product's width fits")
}

/// x·y of the unsigned readings, in m + n bits. Panics if m + n > 64 or the lengths differ.
pub fn multiply_unsigned(x: &RingVec, y: &RingVec) -> RingVec {
    let out = widened(x, y);
    let products = x.values().iter().zip(y.values()).map(|(a, b)| a.wrapping_mul(*b));
    RingVec::from_values(out, products.collect())
}

/// x·y of the signed readings, in m + n bits. Panics if m + n > 64 or the lengths differ.
pub fn multiply_signed(x: &RingVec, y: &RingVec) -> RingVec {
    let out = widened(x, y);
    let products = x.to_signed().into_iter().zip(y.to_signed()).map(|(a, b)| a.wrapping_mul(b) as u64);
    RingVec::from_values(out, products.collect())
}

/// x·y of the signed readings, x of rows × inner and y of inner × columns elements, in m + n bits. Panics if
/// m + n > 64 or the sizes do not fit.
pub fn matmul_signed(x: &RingVec, y: &RingVec, shape: &MatMulShape) -> RingVec {
    let MatMulShape { rows, inner, columns } = *shape;
    assert!(x.len() == rows * inner && y.len() == inner * columns, "matrices of the shape's sizes");
    let out = Ring::new(x.ring().bits() + y.ring().bits()).expect("the product's width fits");
    let (x, y) = (x.to_signed(), y.to_signed());
    let product = |k: usize, i: usize, j: usize| x[i * inner + k].wrapping_mul(y[k * columns + j]);
    let entry = |i, j| (0..inner).fold(0i64, |sum, k| sum.wrapping_add(product(k, i, j)));
    let entries = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j)));
    RingVec::from_values(out, entries.map(|(i, j)| entry(i, j) as u64).collect())
}
