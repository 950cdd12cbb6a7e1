//! Softmax of shared rows. What is sent is sent by the operations it is made of.

use veilflow_correlation::Cost;
use veilflow_online::{MaxOf, Multiply, Operation, Party, RangeClaim, Result, SignExtend, Tuning};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::math::Softmax;

use crate::Apply;
use crate::rounded_product::RoundedProduct;
use crate::rows::Rows;

/// The softmax of every row (spec: `math::softmax`): exponentials of what the largest element exceeds, times
/// the reciprocal of their sum.
#[derive(Debug)]
pub struct SoftmaxRows {
    rows: Rows,
    input: Ring,
    largest: MaxOf,
    exp: Apply,
    /// The ring that holds an exponential.
    exp_ring: Ring,
    reciprocal: Apply,
    product: RoundedProduct,
    extend: SignExtend,
}

impl SoftmaxRows {
    /// The softmax of the rows and formats of `softmax`.
    pub fn new(softmax: &Softmax, tuning: Tuning) -> Result<Self> {
        let (input, output) = (Ring::new(softmax.input.bits)?, Ring::new(softmax.output.bits)?);
        let (exp_ring, dropped) = (softmax.exp_ring(), softmax.dropped());
        let factors = [exp_ring, Ring::new(softmax.reciprocal.output().bits)?];
        // Both are below half of their rings.
        let multiply = Multiply::unsigned(factors, [RangeClaim::NonNegative; 2], tuning)?;
        let result = Ring::new(softmax.product_ring().bits() - dropped)?;
        Ok(Self {
            rows: Rows { width: softmax.width },
            input,
            largest: MaxOf::new(input, tuning),
            exp: Apply::new(&softmax.exp, tuning)?,
            exp_ring,
            reciprocal: Apply::new(&softmax.reciprocal, tuning)?,
            product: RoundedProduct::new(multiply, dropped, result.bits(), tuning)?,
            extend: SignExtend::new(result, output, RangeClaim::NonNegative, tuning)?,
        })
    }

    /// Cost of so many rows.
    pub fn cost(&self, rows: usize) -> Cost {
        let n = rows * self.rows.width;
        let factors = self.exp.cost(n).then(self.reciprocal.cost(rows));
        let largest = self.largest.cost([(self.rows.width, rows)]);
        largest.then(factors).then(self.product.cost(n)).then(self.extend.cost(n))
    }

    /// Shares of the results, from shares of the rows one after another.
    pub fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        let rows = self.rows.count("softmax", x, self.input)?;
        let largest = self.largest.run(party, x, &self.rows.lists(rows))?;
        let exp = self.exp.run(party, &x.sub(&self.rows.spread(&largest)))?;
        let inverse = self.reciprocal.run(party, &self.rows.sums(&exp))?;
        let result = self.product.run(party, &exp.narrow(self.exp_ring), &self.rows.spread(&inverse))?;
        self.extend.run(party, &result)
    }
}
