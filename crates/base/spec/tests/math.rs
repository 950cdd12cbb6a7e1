//! Elementary functions against correctly rounded results, over all 16-bit arguments.

use astro_float_num::{BigFloat, Consts, RoundingMode};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::math::{Fixed, Function, apply};

/// Bits of the reference: no result lies within 2^−60 of the middle between two units, but where it is exact.
const PRECISION: usize = 128;
const NEAREST: RoundingMode = RoundingMode::ToEven;

struct Reference {
    constants: Consts,
}

impl Reference {
    fn new() -> Self {
        Self { constants: Consts::new().expect("constants") }
    }

    fn exp(&mut self, x: &BigFloat) -> BigFloat {
        x.exp(PRECISION, NEAREST, &mut self.constants)
    }

    /// f(n / 2^scale)·2^out, rounded to nearest.
    fn rounded(&mut self, function: Function, n: i64, scale: u32, out: u32) -> i64 {
        let power = |s: u32| BigFloat::from_u64(1 << s, PRECISION);
        let (one, x) = (power(0), BigFloat::from_i64(n, PRECISION).div(&power(scale), PRECISION, NEAREST));
        let y = match function {
            Function::Sigmoid => {
                let e = self.exp(&x.neg());
                one.div(&one.add(&e, PRECISION, NEAREST), PRECISION, NEAREST)
            }
            Function::Tanh => x.tanh(PRECISION, NEAREST, &mut self.constants),
            Function::Exp => self.exp(&x),
            Function::Reciprocal => one.div(&x, PRECISION, NEAREST),
            Function::ReciprocalSqrt => one.div(&x.sqrt(PRECISION, NEAREST), PRECISION, NEAREST),
        };
        let half = BigFloat::from_f64(0.5, PRECISION);
        let floor = y.mul(&power(out), PRECISION, NEAREST).add(&half, PRECISION, NEAREST).floor();
        floor.to_string().parse::<f64>().expect("a small integer") as i64
    }
}

/// The largest difference over the arguments that `admits` lets through.
fn max_ulp(function: Function, input: Fixed, output: Fixed, admits: impl Fn(i64) -> bool) -> i64 {
    let spline = function.spline(input, output).expect("a format in range");
    let ring = Ring::new(input.bits).unwrap();
    let arguments: Vec<i64> =
        (-(1i64 << (input.bits - 1))..1 << (input.bits - 1)).filter(|&n| admits(n)).collect();
    let results = apply(&spline, &RingVec::from_signed(ring, &arguments)).to_signed();
    let mut reference = Reference::new();
    let mut worst = (0, 0);
    for (&n, got) in arguments.iter().zip(results) {
        let want = reference.rounded(function, n, input.scale, output.scale);
        worst = worst.max(((got - want).abs(), n));
    }
    println!("{function:?} {input:?} {output:?}: {} at {}", worst.0, worst.1);
    worst.0
}

fn fixed(bits: u32, scale: u32) -> Fixed {
    Fixed { bits, scale }
}

#[test]
fn sigmoid_is_within_one_unit_on_all_16_bit_arguments() {
    assert!(max_ulp(Function::Sigmoid, fixed(16, 11), fixed(16, 14), |_| true) <= 1);
}

#[test]
fn tanh_is_within_one_unit_on_all_16_bit_arguments() {
    assert!(max_ulp(Function::Tanh, fixed(16, 11), fixed(16, 11), |_| true) <= 1);
}

#[test]
fn exp_is_within_one_unit_on_all_16_bit_arguments() {
    assert!(max_ulp(Function::Exp, fixed(16, 12), fixed(16, 12), |n| n <= 0) <= 1);
}

#[test]
fn reciprocal_square_root_is_within_one_unit_where_it_fits_16_bits() {
    // 1/√(17/2^12) < 16.
    assert!(max_ulp(Function::ReciprocalSqrt, fixed(16, 12), fixed(16, 11), |n| n > 16) <= 1);
}

#[test]
fn reciprocal_is_within_one_unit_where_it_fits_16_bits() {
    // 2^12/n·2^12 < 2^15.
    assert!(max_ulp(Function::Reciprocal, fixed(16, 12), fixed(16, 12), |n| n > 512) <= 1);
}

/// Every output scale, and arguments from coarse to fine.
#[test]
fn every_format_is_within_one_unit() {
    for scale in 8..=14 {
        for input in [fixed(8, 4), fixed(12, 6), fixed(12, 9), fixed(13, 12)] {
            let output = fixed(scale + 2, scale);
            for function in [Function::Sigmoid, Function::Tanh] {
                assert!(max_ulp(function, input, output, |_| true) <= 1, "{function:?} {input:?} {output:?}");
            }
            assert!(max_ulp(Function::Exp, input, output, |n| n <= 0) <= 1, "{input:?} {output:?}");
            // Arguments from 1 on keep the result within 2^scale, and so within the saturation.
            for function in [Function::Reciprocal, Function::ReciprocalSqrt] {
                let at_least_one = |n| n >= 1 << input.scale;
                assert!(max_ulp(function, input, output, at_least_one) <= 1, "{function:?} {input:?} {output:?}");
            }
        }
    }
}
