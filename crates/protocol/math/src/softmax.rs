//! Softmax of shared rows. What is sent is sent by the operations it is made of.

use veilflow_correlation::Cost;
use veilflow_online::{
    OnlineError, Party, RangeClaim, Result, Tuning, max_of, max_of_cost, multiply_cost, multiply_unsigned,
    sign_extend, sign_extend_cost, truncate_reduce, truncate_reduce_cost,
};
use veilflow_ring::RingVec;
use veilflow_spec::math::Softmax;

use crate::pieces::public;
use crate::{apply, apply_cost};

/// Both factors of a result are below half of their rings.
const RANGES: [RangeClaim; 2] = [RangeClaim::NonNegative; 2];

/// Shares of every row's softmax (spec: `math::softmax`).
pub fn softmax(party: &mut Party, softmax: &Softmax, x: &RingVec) -> Result<RingVec> {
    if x.ring() != softmax.input.ring() || !x.len().is_multiple_of(softmax.width) {
        let reason = format!("not rows of {} elements of {} bits", softmax.width, softmax.input.bits);
        return Err(OnlineError::Argument { op: "softmax", reason });
    }
    let row = |v: &RingVec| v.gather((0..x.len()).map(|i| i / softmax.width));
    let largest = max_of(party, x, &softmax.rows(x.len()))?;
    let exp = apply(party, &softmax.exp, &x.sub(&row(&largest)))?;
    let sum = |row: &[u64]| row.iter().fold(0u64, |sum, v| sum.wrapping_add(*v));
    let sums = RingVec::from_values(exp.ring(), exp.values().chunks(softmax.width).map(sum).collect());
    let inverse = apply(party, &softmax.reciprocal, &sums)?;
    let product = multiply_unsigned(party, &exp.narrow(softmax.exp_ring()), &row(&inverse), RANGES)?;
    let product = product.narrow(softmax.product_ring());
    let half = public(party, product.ring(), 1 << (softmax.dropped() - 1), x.len());
    let result = truncate_reduce(party, &product.add(&half), softmax.dropped())?;
    sign_extend(party, &result, softmax.output.ring(), RangeClaim::NonNegative)
}

/// Cost of [`softmax`] of so many rows.
pub fn softmax_cost(softmax: &Softmax, rows: usize, tuning: Tuning) -> Cost {
    let n = rows * softmax.width;
    let (product, dropped) = (softmax.product_ring().bits(), softmax.dropped());
    let factors = [softmax.exp_ring().bits(), softmax.reciprocal.output().bits];
    max_of_cost(softmax.input.bits, [(softmax.width, rows)], tuning)
        .then(apply_cost(&softmax.exp, n, tuning))
        .then(apply_cost(&softmax.reciprocal, rows, tuning))
        .then(multiply_cost(factors, RANGES, n, tuning))
        .then(truncate_reduce_cost(product, dropped, n, tuning))
        .then(sign_extend_cost(product - dropped, softmax.output.bits, RangeClaim::NonNegative, n, tuning))
}
