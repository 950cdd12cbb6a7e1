//! Elementary functions correctly rounded to fixed point, by arbitrary precision. The tables of
//! [`veilflow_spec::math`] are measured against them. The two have no arithmetic in common.

use astro_float_num::{BigFloat, Consts, RoundingMode, Sign};
use veilflow_ring::RingVec;
use veilflow_spec::math::{Function, Spline, apply};

/// Bits of the reference: no result lies within 2^−60 of the middle between two units, but where it is exact.
const PRECISION: usize = 128;
/// Bits that outlast the cancellation of erf's series.
const SERIES_PRECISION: usize = 256;
const NEAREST: RoundingMode = RoundingMode::ToEven;

/// Evaluates functions; keeps the constants that this takes.
#[derive(Debug)]
pub struct Reference {
    constants: Consts,
}

impl Default for Reference {
    fn default() -> Self {
        Self::new()
    }
}

impl Reference {
    /// A reference. Panics only if memory runs out.
    pub fn new() -> Self {
        Self { constants: Consts::new().expect("memory for constants") }
    }

    /// f(n / 2^scale)·2^out, rounded to nearest, for an argument at which f has a value below 2^62 units.
    pub fn rounded(&mut self, function: Function, n: i64, scale: u32, out: u32) -> i64 {
        let power = |s: u32| BigFloat::from_u64(1 << s, PRECISION);
        let (one, x) = (power(0), BigFloat::from_i64(n, PRECISION).div(&power(scale), PRECISION, NEAREST));
        let y = match function {
            Function::Sigmoid => {
                let e = self.exp(&x.neg());
                one.div(&one.add(&e, PRECISION, NEAREST), PRECISION, NEAREST)
            }
            Function::Tanh => x.tanh(PRECISION, NEAREST, &mut self.constants),
            Function::Erf => self.erf(&x),
            Function::Silu => {
                let e = self.exp(&x.neg());
                x.div(&one.add(&e, PRECISION, NEAREST), PRECISION, NEAREST)
            }
            Function::Gelu => {
                let two = power(1);
                let erf = self.erf(&x.div(&two.sqrt(SERIES_PRECISION, NEAREST), SERIES_PRECISION, NEAREST));
                let sum = one.add(&erf, PRECISION, NEAREST);
                x.mul(&sum, PRECISION, NEAREST).div(&two, PRECISION, NEAREST)
            }
            Function::Exp | Function::ExpSigned => self.exp(&x),
            Function::Reciprocal => one.div(&x, PRECISION, NEAREST),
            Function::ReciprocalSqrt => one.div(&x.sqrt(PRECISION, NEAREST), PRECISION, NEAREST),
            Function::Sqrt => x.sqrt(PRECISION, NEAREST),
            Function::Log => x.ln(PRECISION, NEAREST, &mut self.constants),
        };
        let half = BigFloat::from_f64(0.5, PRECISION);
        integer(&y.mul(&power(out), PRECISION, NEAREST).add(&half, PRECISION, NEAREST).floor())
    }

    /// The largest difference, in units of the result's last place, between `function` as `spline` tabulates
    /// it and the correctly rounded one, over `arguments`.
    pub fn max_ulp(&mut self, function: Function, spline: &Spline, arguments: &[i64]) -> u64 {
        let (input, output) = (spline.input(), spline.output());
        let results = apply(spline, &RingVec::from_signed(input.ring(), arguments)).to_signed();
        let errors = arguments
            .iter()
            .zip(results)
            .map(|(&n, got)| got.abs_diff(self.rounded(function, n, input.scale, output.scale)));
        errors.max().unwrap_or(0)
    }

    fn exp(&mut self, x: &BigFloat) -> BigFloat {
        x.exp(PRECISION, NEAREST, &mut self.constants)
    }

    /// The Taylor series; 1 from 6 on, where 2^−54 is left.
    fn erf(&mut self, x: &BigFloat) -> BigFloat {
        let (precision, number) = (SERIES_PRECISION, |n: i64| BigFloat::from_i64(n, SERIES_PRECISION));
        if x.abs() >= number(6) {
            return if x.is_negative() { number(-1) } else { number(1) };
        }
        let square = x.mul(x, precision, NEAREST).neg();
        let (mut power, mut sum) = (x.clone(), number(0));
        for k in 0..280 {
            if power.exponent().is_none_or(|exponent| exponent < -100) {
                break;
            }
            sum = sum.add(&power.div(&number(2 * k + 1), precision, NEAREST), precision, NEAREST);
            power = power.mul(&square, precision, NEAREST).div(&number(k + 1), precision, NEAREST);
        }
        let pi = self.constants.pi(precision, NEAREST);
        let scale = number(2).div(&pi.sqrt(precision, NEAREST), precision, NEAREST);
        sum.mul(&scale, precision, NEAREST)
    }
}

/// An integer below 2^63 in magnitude.
fn integer(x: &BigFloat) -> i64 {
    let Some((words, _, sign, exponent, _)) = x.as_raw_parts() else { return 0 };
    let top = words.last().copied().unwrap_or(0);
    let magnitude = if top == 0 || exponent <= 0 { 0 } else { (top >> (64 - exponent)) as i64 };
    if sign == Sign::Neg { -magnitude } else { magnitude }
}

// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use super::*;

    /// Values from tables printed elsewhere (Abramowitz and Stegun, tables 4.4, 4.15 and 7.1), to nine places
    /// and more.
    #[test]
    fn known_values() {
        let cases = [
            (Function::Exp, -2, 0, 0.135_335_283_236_612_7),
            (Function::Tanh, 1, 0, 0.761_594_155_955_764_9),
            (Function::Sigmoid, 1, 0, 0.731_058_578_630_004_9),
            (Function::Erf, 1, 1, 0.520_499_877_813_046_5),
            (Function::Erf, -1, 0, -0.842_700_792_949_714_9),
            (Function::Gelu, 1, 0, 0.841_344_746_068_542_9),
            (Function::Silu, -1, 0, -0.268_941_421_369_995_1),
            (Function::Reciprocal, 3, 0, 1.0 / 3.0),
            (Function::ReciprocalSqrt, 2, 0, std::f64::consts::FRAC_1_SQRT_2),
            (Function::Sqrt, 2, 0, std::f64::consts::SQRT_2),
            (Function::ExpSigned, 1, 1, 1.648_721_270_700_128_2),
            (Function::Log, 3, 0, 1.098_612_288_668_109_8),
            (Function::Log, 1, 1, -std::f64::consts::LN_2),
        ];
        let mut reference = Reference::new();
        for (function, n, scale, want) in cases {
            let want = (want * f64::from(1 << 30)).round() as i64;
            assert_eq!(reference.rounded(function, n, scale, 30), want, "{function:?} of {n} / 2^{scale}");
        }
    }
}
