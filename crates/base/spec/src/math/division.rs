//! Division.

use veilflow_ring::{Ring, RingVec};

use super::format::{Fixed, MathError};
use super::mantissa::Mantissa;

/// Widest quotient.
const MAX_QUOTIENT: u32 = 20;

/// $x / y$ for $y > 0$.
///
/// The divisor is normalised to $M = y 2^d$, its leading one at the top, and x shifted alike. So the quotient
/// is $x 2^d$ times the reciprocal of a number in 1..2, which is tabulated with a bit more than the quotient
/// has. Before it is rounded to nearest it errs by less than a unit. The sign bit of y is taken to be zero; a
/// quotient by zero is zero, one that does not fit is meaningless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Division {
    /// The format of x.
    pub dividend: Fixed,
    /// The format of y.
    pub divisor: Fixed,
    /// The result's format.
    pub quotient: Fixed,
    /// The ring in which x·2^d fits, if the quotient does; so many bits are dropped at the end.
    pub shifted: Ring,
    /// The reciprocal.
    pub reciprocal: Mantissa,
}

impl Division {
    /// The division of such formats.
    ///
    /// # Errors
    /// Formats that no table is made for: dividends and divisors of other than 8 to 32 bits, quotients of
    /// more than 20, scales so far apart that the shifted dividend would be too wide.
    pub fn new(dividend: Fixed, divisor: Fixed, quotient: Fixed) -> Result<Self, MathError> {
        dividend.check_input()?;
        divisor.check_input()?;
        quotient.check_output()?;
        if quotient.bits > MAX_QUOTIENT {
            return Err(MathError::Quotient { bits: quotient.bits });
        }
        let scale = quotient.bits + 1;
        let shifted = quotient.bits + divisor.bits - 1 + dividend.scale;
        let shifted = shifted
            .checked_sub(quotient.scale + divisor.scale)
            .filter(|bits| (2..=62 - scale).contains(bits))
            .ok_or(MathError::Scales)?;
        Ok(Self {
            dividend,
            divisor,
            quotient,
            shifted: Ring::new(shifted).expect("between 2 and 62 bits"),
            reciprocal: Mantissa::reciprocal(divisor.bits - 1, scale),
        })
    }

    fn evaluate(&self, x: u64, y: u64) -> u64 {
        let bits = self.divisor.bits - 1;
        let y = y & ((1 << bits) - 1);
        let distance = y.checked_ilog2().map(|octave| bits - 1 - octave);
        let signed = self.dividend.ring().to_signed(x).cast_unsigned();
        let shifted = distance.map_or(0, |d| self.shifted.reduce(signed << d));
        let reciprocal = self.reciprocal.evaluate(distance.map_or(0, |d| y << d), bits);
        let product = self.shifted.to_signed(shifted).cast_unsigned().wrapping_mul(reciprocal);
        let dropped = self.shifted.bits();
        self.quotient.ring().reduce(product.wrapping_add(1 << (dropped - 1)) >> dropped)
    }
}

/// x / y, element by element. Panics if they are not of the division's formats, or not equally many.
pub fn divide(division: &Division, x: &RingVec, y: &RingVec) -> RingVec {
    assert_eq!(x.ring(), division.dividend.ring(), "a dividend of the division's format");
    assert_eq!(y.ring(), division.divisor.ring(), "a divisor of the division's format");
    assert_eq!(x.len(), y.len(), "vectors of different length");
    let quotients = x.values().iter().zip(y.values()).map(|(&x, &y)| division.evaluate(x, y));
    RingVec::from_values(division.quotient.ring(), quotients.collect())
}
