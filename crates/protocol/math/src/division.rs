//! Division of shared values.
//!
//! The divisor's leading one is found; its one-hot place, read from the top, is the word 2^d by which both
//! are shifted. What is sent is sent by the operations it is made of.

use veilflow_correlation::Cost;
use veilflow_online::{
    Multiply, OnlineError, Operation, Party, RangeClaim, Result, SignExtend, Tuning, Word, Words,
};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::math::Division;

use crate::mantissa::MantissaFunction;
use crate::rounded_product::RoundedProduct;
use crate::shift_to_top::ShiftToTop;

/// x / y, element by element (spec: `math::divide`).
#[derive(Debug)]
pub struct Divide {
    dividend: Ring,
    divisor: Ring,
    /// The ring of the divisor without its sign.
    magnitude: Ring,
    to_top: ShiftToTop,
    reciprocal: MantissaFunction,
    /// The ring of that part of the dividend which shows, and its extension.
    kept: Ring,
    extend: SignExtend,
    shift: Words,
    product: RoundedProduct,
}

impl Divide {
    /// The division of the formats of `division`.
    pub fn new(division: &Division, tuning: Tuning) -> Result<Self> {
        let (dividend, divisor) = (Ring::new(division.dividend.bits)?, Ring::new(division.divisor.bits)?);
        let (magnitude, shifted) = (Ring::new(divisor.bits() - 1)?, division.shifted);
        let reciprocal = MantissaFunction::new(&division.reciprocal, tuning)?;
        let multiply = Multiply::signed([shifted, reciprocal.out()], tuning)?;
        let kept = dividend.min(shifted);
        Ok(Self {
            dividend,
            divisor,
            magnitude,
            to_top: ShiftToTop::new(magnitude, 0, tuning),
            reciprocal,
            kept,
            extend: SignExtend::new(kept, shifted, RangeClaim::Any, tuning)?,
            shift: Words::new(tuning).times(magnitude.bits(), shifted),
            product: RoundedProduct::new(multiply, shifted.bits(), division.quotient.bits, tuning)?,
        })
    }

    /// Cost of `n` quotients.
    pub fn cost(&self, n: usize) -> Cost {
        let reciprocal = self.to_top.cost(n).then(self.reciprocal.cost(n));
        let shifted = self.extend.cost(n).then(self.shift.cost(n));
        reciprocal.then(shifted).then(self.product.cost(n))
    }

    /// Shares of the quotients, from shares of as many dividends and divisors.
    pub fn run(&self, party: &mut Party, x: &RingVec, y: &RingVec) -> Result<RingVec> {
        if [x.ring(), y.ring()] != [self.dividend, self.divisor] || x.len() != y.len() {
            let [x, y] = [self.dividend, self.divisor].map(Ring::bits);
            let reason = format!("operands are not equally many of {x} and {y} bits");
            return Err(OnlineError::Argument { op: "divide", reason });
        }
        let divisor = self.to_top.run(party, &y.narrow(self.magnitude))?;
        let reciprocal = self.reciprocal.run(party, &divisor.rows)?;
        let x = self.extend.run(party, &x.narrow(self.kept))?;
        let distance: Vec<Bits> = divisor.octave.into_iter().rev().collect();
        let shifted = self.shift.run(party, &[Word::times(&distance, &x)])?.swap_remove(0);
        self.product.run(party, &shifted, &reciprocal)
    }
}
