//! Elementary functions against correctly rounded results, over all 16-bit arguments.

use std::ops::RangeInclusive;

use sha2::{Digest, Sha256};
use veilflow_reference::Reference;
use veilflow_ring::RingVec;
use veilflow_spec::math::{Fixed, Function, apply};

/// The largest difference over the arguments of the function's domain that `admits` lets through.
fn max_ulp(function: Function, input: Fixed, output: Fixed, admits: impl Fn(i64) -> bool) -> u64 {
    let spline = function.spline(input, output).expect("a format in range");
    let arguments: Vec<i64> = spline.domain().filter(|&n| admits(n)).collect();
    assert!(arguments.len() > 2, "{function:?} {input:?} {output:?}: no arguments");
    Reference::new().max_ulp(function, &spline, &arguments)
}

fn domain(function: Function, input: Fixed, output: Fixed) -> RangeInclusive<i64> {
    function.spline(input, output).expect("a format in range").domain()
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
    assert!(max_ulp(Function::Exp, fixed(16, 12), fixed(16, 12), |_| true) <= 1);
}

#[test]
fn exp_of_a_signed_argument_is_within_one_unit_on_all_16_bit_arguments() {
    // e^x < 8 up to ln 8 = 2.0794.
    assert_eq!(domain(Function::ExpSigned, fixed(16, 12), fixed(16, 12)), -32768..=8517);
    assert!(max_ulp(Function::ExpSigned, fixed(16, 12), fixed(16, 12), |_| true) <= 1);
    // Of 22 bits at most 17 are used: up to ln 512 = 6.2383.
    assert_eq!(domain(Function::ExpSigned, fixed(16, 12), fixed(22, 8)), -32768..=25552);
    assert!(max_ulp(Function::ExpSigned, fixed(16, 12), fixed(22, 8), |_| true) <= 1);
}

#[test]
fn logarithm_is_within_one_unit_on_all_16_bit_arguments() {
    assert!(max_ulp(Function::Log, fixed(16, 12), fixed(16, 11), |_| true) <= 1);
    assert!(max_ulp(Function::Log, fixed(16, 4), fixed(32, 14), |_| true) <= 1);
}

#[test]
fn reciprocal_square_root_is_within_one_unit_where_it_fits_16_bits() {
    // 1/√(17/2^12) < 16.
    assert_eq!(domain(Function::ReciprocalSqrt, fixed(16, 12), fixed(16, 11)), 17..=32767);
    assert!(max_ulp(Function::ReciprocalSqrt, fixed(16, 12), fixed(16, 11), |_| true) <= 1);
}

#[test]
fn reciprocal_is_within_one_unit_where_it_fits_16_bits() {
    // 2^12/n·2^12 < 2^15, from the second piece of an octave on.
    assert_eq!(domain(Function::Reciprocal, fixed(16, 12), fixed(16, 12)), 516..=32767);
    assert!(max_ulp(Function::Reciprocal, fixed(16, 12), fixed(16, 12), |_| true) <= 1);
}

#[test]
fn square_root_is_within_one_unit_on_all_16_bit_arguments() {
    assert!(max_ulp(Function::Sqrt, fixed(16, 12), fixed(16, 11), |_| true) <= 1);
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
                // A gate's result has the argument's range, a logarithm's is below 2^5.
                let integer_bits = match function {
                    Function::Silu | Function::Gelu => input.bits - input.scale,
                    Function::Log => 6,
                    _ => 2,
                };
                if integer_bits < 2 {
                    continue;
                }
                let output = fixed(scale + integer_bits, scale);
                // The series of these references take their time.
                let slow = matches!(function, Function::Erf | Function::Gelu | Function::Log);
                let worst = max_ulp(function, input, output, |n| !slow || n % 16 == 0);
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
        0x89231e95160f9e0f,
        0xe83a4886800ca9da,
        0x7f240eebd55f441c,
        0x261082a75696a637,
        0xffbabbc33b70795d,
    ];
    assert_eq!(digests, expected);
}

/// Whatever format is accepted has a table that fits its entry, and gives a result for every corner of the
/// argument.
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

/// Bounds of results hold for every argument, in the domain or out of it, and are met but for a unit or two
/// where the domain is all there is.
#[test]
fn no_result_exceeds_its_bounds() {
    let formats = [(16, 11, 16, 14), (16, 12, 16, 11), (12, 4, 20, 12), (8, 7, 16, 14), (16, 4, 32, 14)];
    let mut met = 0;
    for function in Function::ALL {
        for (bits, scale, out_bits, out_scale) in formats {
            let Ok(spline) = function.spline(fixed(bits, scale), fixed(out_bits, out_scale)) else {
                continue;
            };
            let all = RingVec::from_values(spline.input().ring(), (0..1 << bits).collect());
            let results = apply(&spline, &all).to_signed();
            let (least, most) = (*results.iter().min().unwrap(), *results.iter().max().unwrap());
            let bounds = spline.results();
            assert!(
                bounds.contains(&least) && bounds.contains(&most),
                "{function:?}: {least}..={most}, {bounds:?}"
            );
            met += usize::from(least - bounds.start() <= 2 && bounds.end() - most <= 2);
        }
    }
    assert!(met > 25, "only {met} are met");
}
