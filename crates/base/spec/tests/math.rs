//! Elementary functions against correctly rounded results, over all 16-bit arguments.

use astro_float_num::{BigFloat, Consts, RoundingMode, Sign};
use sha2::{Digest, Sha256};
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
            Function::Erf => self.erf(&x),
            Function::Silu => {
                let e = self.exp(&x.neg());
                x.div(&one.add(&e, PRECISION, NEAREST), PRECISION, NEAREST)
            }
            Function::Gelu => {
                let two = power(1);
                let erf = self.erf(&x.div(&two.sqrt(256, NEAREST), 256, NEAREST));
                let sum = one.add(&erf, PRECISION, NEAREST);
                x.mul(&sum, PRECISION, NEAREST).div(&two, PRECISION, NEAREST)
            }
            Function::Exp => self.exp(&x),
            Function::Reciprocal => one.div(&x, PRECISION, NEAREST),
            Function::ReciprocalSqrt => one.div(&x.sqrt(PRECISION, NEAREST), PRECISION, NEAREST),
            Function::Sqrt => x.sqrt(PRECISION, NEAREST),
        };
        let half = BigFloat::from_f64(0.5, PRECISION);
        let floor = y.mul(&power(out), PRECISION, NEAREST).add(&half, PRECISION, NEAREST).floor();
        integer(&floor)
    }

    /// The Taylor series, in precision that outlasts its cancellation; 1 from 6 on, where 2^−54 is left.
    fn erf(&mut self, x: &BigFloat) -> BigFloat {
        let (precision, number) = (256, |n: i64| BigFloat::from_i64(n, 256));
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
    let (words, _, sign, exponent, _) = x.as_raw_parts().expect("a number");
    let top = words.last().copied().unwrap_or(0);
    let magnitude = if top == 0 || exponent <= 0 { 0 } else { (top >> (64 - exponent)) as i64 };
    if sign == Sign::Neg { -magnitude } else { magnitude }
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

#[test]
fn square_root_is_within_one_unit_on_all_16_bit_arguments() {
    assert!(max_ulp(Function::Sqrt, fixed(16, 12), fixed(16, 11), |n| n >= 0) <= 1);
}

#[test]
fn erf_is_within_one_unit_on_all_16_bit_arguments() {
    assert!(max_ulp(Function::Erf, fixed(16, 11), fixed(16, 12), |_| true) <= 1);
}

#[test]
fn silu_is_within_one_unit_on_all_16_bit_arguments() {
    assert!(max_ulp(Function::Silu, fixed(16, 11), fixed(16, 11), |_| true) <= 1);
    assert!(max_ulp(Function::Silu, fixed(12, 8), fixed(18, 14), |_| true) <= 1);
}

#[test]
fn gelu_is_within_one_unit_on_all_16_bit_arguments() {
    assert!(max_ulp(Function::Gelu, fixed(16, 11), fixed(16, 11), |_| true) <= 1);
}

/// Coarse and fine arguments, coarse and fine results.
#[test]
fn other_formats_are_within_one_unit() {
    for scale in [8, 11, 14] {
        for input in [fixed(8, 4), fixed(8, 7), fixed(12, 9)] {
            for function in Function::ALL {
                // A gate's result has the argument's range.
                let gate = matches!(function, Function::Silu | Function::Gelu);
                let integer_bits = if gate { input.bits - input.scale } else { 2 };
                if integer_bits < 2 {
                    continue;
                }
                let output = fixed(scale + integer_bits, scale);
                // From 1 on, reciprocals and roots keep within 2^scale, and so below saturation.
                let admits = |n: i64| match function {
                    Function::Exp => n <= 0,
                    Function::Reciprocal | Function::ReciprocalSqrt => n >= 1 << input.scale,
                    Function::Sqrt => (0..1 << input.scale).contains(&n),
                    Function::Erf | Function::Gelu => n % 16 == 0,
                    _ => true,
                };
                let worst = max_ulp(function, input, output, admits);
                assert!(worst <= 1, "{function:?} {input:?} {output:?}: {worst} units");
            }
        }
    }
}

/// The tables are the definition: they may not change with a compiler or a machine.
#[test]
fn tables_have_their_digests() {
    let digests = Function::ALL.map(|function| {
        let mut digest = Sha256::new();
        for scale in [8, 11, 14] {
            let spline = function.spline(fixed(16, 11), fixed(scale + 5, scale)).unwrap();
            for piece in spline.pieces().rows.iter().flatten().chain([&spline.pieces().outside]) {
                digest.update(piece.value.to_le_bytes());
                digest.update(piece.slope.to_le_bytes());
            }
        }
        u64::from_be_bytes(digest.finalize()[..8].try_into().unwrap())
    });
    let expected = [
        0x1cbabb581c4635df,
        0x25be70b1c552ccbe,
        0x415329f038bac2e1,
        0xc52f98b26cc8d608,
        0x0bea4be96b030600,
        0x8d2486b0c3773760,
        0xe83a4886800ca9da,
        0x7f240eebd55f441c,
        0x261082a75696a637,
    ];
    assert_eq!(digests, expected);
}

/// Whatever format is accepted has a table that fits its entry, and gives a result for every corner of the argument.
#[test]
fn formats_have_tables_or_are_refused() {
    let mut accepted = 0;
    for bits in [8, 16, 32] {
        for scale in (0..bits).step_by(3) {
            for (out, spare) in [(4, 0), (4, 26), (9, 3), (14, 0), (14, 16)] {
                let (input, output) = (fixed(bits, scale), fixed(out + 2 + spare, out));
                for function in Function::ALL {
                    let Ok(spline) = function.spline(input, output) else { continue };
                    accepted += 1;
                    let pieces = spline.pieces();
                    assert!(pieces.value_bits + pieces.slope_bits <= 40, "{function:?} {input:?} {output:?}");
                    assert!(
                        pieces.rows.iter().all(|row| row.len() <= 1 << 12 && row.len().is_power_of_two())
                    );
                    let corners = [0, 1, -1, i64::MAX >> (64 - bits), i64::MIN >> (64 - bits)];
                    assert_eq!(apply(&spline, &RingVec::from_signed(input.ring(), &corners)).len(), 5);
                }
            }
        }
    }
    assert!(accepted > 800, "only {accepted} formats were accepted");
    for (input, output) in [
        (fixed(7, 4), fixed(16, 12)),
        (fixed(33, 4), fixed(16, 12)),
        (fixed(16, 16), fixed(16, 12)),
        (fixed(16, 12), fixed(16, 15)),
        (fixed(16, 12), fixed(13, 12)),
        (fixed(16, 12), fixed(33, 12)),
    ] {
        for function in Function::ALL {
            assert!(function.spline(input, output).is_err(), "{function:?} {input:?} {output:?}");
        }
    }
    assert!(
        Function::Gelu.spline(fixed(16, 12), fixed(16, 11)).is_err(),
        "more integer bits than the argument"
    );
}
