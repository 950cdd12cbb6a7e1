//! Softmax.

use veilflow_ring::{Ring, RingVec};

use super::format::{Fixed, MathError};
use super::octaves::{OctaveSpline, Octaves};
use super::{Function, Spline, apply};
use crate::{max_of, truncate_reduce};

/// Scale of the exponentials.
const EXP_SCALE: u32 = 14;
/// Scale of their sum's reciprocal.
const RECIPROCAL_SCALE: u32 = 16;
/// Widest row.
const MAX_WIDTH: usize = 1 << 12;

/// The softmax of rows:
///
/// $$ y_i = \frac{e^{x_i}}{\sum_j e^{x_j}} $$
///
/// The largest element (by [`max_of`]) is taken off first, so that exponentials are those of non-positive
/// arguments; their sum is between 1 and the row's width. Exponentials err by a unit of 2^−14 each, the
/// reciprocal by 1.5 units of 2^−16.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Softmax {
    /// The argument's format.
    pub input: Fixed,
    /// The result's format.
    pub output: Fixed,
    /// Elements of a row.
    pub width: usize,
    /// The exponential, into a ring that holds the sum.
    pub exp: Spline,
    /// The reciprocal of the sum.
    pub reciprocal: Spline,
}

impl Softmax {
    /// The softmax of rows of `width` elements.
    ///
    /// # Errors
    /// Formats that the exponential does not take; rows of none or more than 2^12 elements.
    pub fn new(input: Fixed, output: Fixed, width: usize) -> Result<Self, MathError> {
        output.check_output()?;
        if !(1..=MAX_WIDTH).contains(&width) {
            return Err(MathError::Width { width, most: MAX_WIDTH });
        }
        let sum = Fixed { bits: EXP_SCALE + 2 + width.next_power_of_two().ilog2(), scale: EXP_SCALE };
        let inverse = Fixed { bits: RECIPROCAL_SCALE + 2, scale: RECIPROCAL_SCALE };
        let exp = Function::Exp.spline(input, sum)?;
        let reciprocal = Spline::Octaves(OctaveSpline::unchecked(Octaves::Reciprocal, sum, inverse)?);
        Ok(Self { input, output, width, exp, reciprocal })
    }

    /// Every row's elements, for [`max_of`].
    pub fn rows(&self, len: usize) -> Vec<Vec<usize>> {
        (0..len / self.width).map(|row| (row * self.width..(row + 1) * self.width).collect()).collect()
    }

    /// The ring that holds an exponential, below half of it.
    pub fn exp_ring(&self) -> Ring {
        Ring::new(EXP_SCALE + 2).expect("a width")
    }

    /// The ring of an exponential times the reciprocal, as far as it is needed.
    pub fn product_ring(&self) -> Ring {
        let all = EXP_SCALE + RECIPROCAL_SCALE + 4;
        Ring::new((self.dropped() + self.output.bits).min(all)).expect("a width")
    }

    /// Bits dropped from that product.
    pub fn dropped(&self) -> u32 {
        EXP_SCALE + RECIPROCAL_SCALE - self.output.scale
    }
}

/// The softmax of every row. Panics if x is of another format, or not of whole rows.
pub fn softmax(softmax: &Softmax, x: &RingVec) -> RingVec {
    assert!(x.len().is_multiple_of(softmax.width), "whole rows");
    let row = |i: usize| i / softmax.width;
    let largest = max_of(x, &softmax.rows(x.len()));
    let exp = apply(&softmax.exp, &x.sub(&largest.gather((0..x.len()).map(row))));
    let sums = exp.values().chunks(softmax.width).map(|row| row.iter().sum()).collect();
    let inverse = apply(&softmax.reciprocal, &RingVec::from_values(exp.ring(), sums));
    let half = 1u64 << (softmax.dropped() - 1);
    let products = exp.values().iter().enumerate().map(|(i, e)| e * inverse.values()[row(i)] + half);
    let products = RingVec::from_values(softmax.product_ring(), products.collect());
    truncate_reduce(&products, softmax.dropped()).map_into(softmax.output.ring(), |v| v)
}
