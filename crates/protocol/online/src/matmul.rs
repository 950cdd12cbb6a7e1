//! The product of two shared matrices of different widths.
//!
//! As [`multiply_signed`](crate::multiply_signed()) element by element, with local sums; but an element's wrap is computed once,
//! however many products it is a factor of. What is sent opens masked bits and elements.

use veilflow_correlation::Cost;
use veilflow_ring::{Bits, RingVec};
use veilflow_spec::MatMulShape;

use crate::extend::raise;
use crate::factors::{extend, extend_cost};
use crate::multiply::{full, multiply_raised, multiply_raised_cost, wrap, wrap_cost};
use crate::triple::{ring_products, ring_products_cost};
use crate::{OnlineError, Party, RangeClaim, Result, Tuning};

/// The factors of every product: which element of x, and which of y; those of one sum follow one another.
fn factors(shape: &MatMulShape) -> impl Iterator<Item = [usize; 2]> + '_ {
    let MatMulShape { rows, inner, columns } = *shape;
    let sum = move |(i, j)| (0..inner).map(move |k| [i * inner + k, k * columns + j]);
    (0..rows).flat_map(move |i| (0..columns).map(move |j| (i, j))).flat_map(sum)
}

/// Shares of x·y of the signed readings, in m + n bits (spec: `matmul_signed`); x is rows × inner, y inner × columns.
pub fn matmul_signed(party: &mut Party, x: &RingVec, y: &RingVec, shape: &MatMulShape) -> Result<RingVec> {
    let MatMulShape { rows, inner, columns } = *shape;
    if inner == 0 || x.len() != rows * inner || y.len() != inner * columns {
        return Err(OnlineError::argument("matmul", "matrices and shape differ in size"));
    }
    let at = |v: &RingVec, which: usize| v.gather(factors(shape).map(|pair| pair[which]));
    if party.tuning.dealt {
        let [x, y] = extend(party, [x, y], [RangeClaim::Any; 2], full(x, y)?, true)?;
        let products = ring_products(party, &[[&at(&x, 0), &at(&y, 1)]])?.swap_remove(0);
        return Ok(row_sums(&products, inner));
    }
    let [x, y] = [raise(party, x), raise(party, y)];
    let wraps = [wrap(party, &x, RangeClaim::Any)?, wrap(party, &y, RangeClaim::Any)?];
    let bits_at = |bits: &Bits, which: usize| factors(shape).map(|pair| bits.get(pair[which])).collect();
    let wraps = [bits_at(&wraps[0], 0), bits_at(&wraps[1], 1)];
    let products = multiply_raised(party, &at(&x, 0), &at(&y, 1), &wraps, full(&x, &y)?)?;
    Ok(row_sums(&products, inner))
}

/// Sums of so many elements that follow one another.
fn row_sums(products: &RingVec, inner: usize) -> RingVec {
    let sum = |terms: &[u64]| terms.iter().fold(0u64, |sum, v| sum.wrapping_add(*v));
    RingVec::from_values(products.ring(), products.values().chunks(inner).map(sum).collect())
}

/// Cost of [`matmul_signed`] of matrices of `bits[0]` and `bits[1]` bits.
pub fn matmul_signed_cost(bits: [u32; 2], shape: &MatMulShape, tuning: Tuning) -> Cost {
    let MatMulShape { rows, inner, columns } = *shape;
    if tuning.dealt {
        let out = bits[0] + bits[1];
        return extend_cost(bits, [RangeClaim::Any; 2], out, true, [rows * inner, inner * columns], tuning)
            .then(ring_products_cost(&[(out, rows * inner * columns)]));
    }
    wrap_cost(bits[0], RangeClaim::Any, rows * inner, tuning)
        .then(wrap_cost(bits[1], RangeClaim::Any, inner * columns, tuning))
        .then(multiply_raised_cost(bits, bits[0] + bits[1], rows * inner * columns))
}
