//! Division, softmax and normalisation against exact and real arithmetic.

use sha2::{Digest, Sha256};
use veilflow_ring::RingVec;
use veilflow_spec::math::{Division, Fixed, MathError, Norm, Normalise, Softmax, divide, normalise, softmax};

fn fixed(bits: u32, scale: u32) -> Fixed {
    Fixed { bits, scale }
}

/// Numbers without an end, from a seed.
fn numbers(seed: u64) -> impl Iterator<Item = u64> {
    (0u64..).map(move |i| {
        let x = (i + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x ^ x >> 31
    })
}

/// The largest difference from the quotient rounded to nearest, over the pairs whose quotient fits; and how
/// many there are.
fn worst_quotient(formats: [Fixed; 3], pairs: &[(i64, i64)]) -> (u64, usize) {
    let [dividend, divisor, quotient] = formats;
    let division = Division::new(dividend, divisor, quotient).expect("formats in range");
    let exact = |(x, y): (i64, i64)| {
        let (x, y) = (i128::from(x) << 40, i128::from(y));
        let shift = 40 + dividend.scale - quotient.scale - divisor.scale;
        // Rounded half up: ⌊2x/y + 1⌋ / 2.
        ((2 * x).div_euclid(y << shift) + 1).div_euclid(2)
    };
    let fits = |&&pair: &&(i64, i64)| exact(pair).abs() < 1 << (quotient.bits - 1);
    let pairs: Vec<(i64, i64)> = pairs.iter().filter(fits).copied().collect();
    let x: Vec<i64> = pairs.iter().map(|pair| pair.0).collect();
    let y: Vec<i64> = pairs.iter().map(|pair| pair.1).collect();
    let [x, y] = [(dividend, x), (divisor, y)].map(|(format, v)| RingVec::from_signed(format.ring(), &v));
    let got = divide(&division, &x, &y).to_signed();
    let errors = pairs.iter().zip(got).map(|(&pair, got)| exact(pair).abs_diff(i128::from(got)) as u64);
    (errors.max().unwrap_or(0), pairs.len())
}

#[test]
fn quotients_are_within_one_unit_for_all_8_bit_operands() {
    let pairs: Vec<_> = (-128..128).flat_map(|x| (1..128).map(move |y| (x, y))).collect();
    for (formats, least) in [
        ([fixed(8, 4), fixed(8, 4), fixed(14, 8)], 30_000),
        ([fixed(8, 7), fixed(8, 2), fixed(14, 12)], 30_000),
        ([fixed(8, 0), fixed(8, 7), fixed(20, 4)], 30_000),
    ] {
        let (worst, count) = worst_quotient(formats, &pairs);
        assert!(worst <= 1 && count > least, "{formats:?}: {worst} units over {count} pairs");
    }
}

#[test]
fn quotients_are_within_one_unit_for_all_16_bit_divisors() {
    let formats = [fixed(16, 12), fixed(16, 12), fixed(16, 12)];
    let mut random = numbers(1);
    let mut pairs = Vec::new();
    for y in 1..1 << 15 {
        let some = random.by_ref().take(6).enumerate().map(|(i, v)| i64::from(v as u16 as i16) >> (3 * i));
        // Small ones, and the divisor itself.
        pairs.extend(some.chain([y, -y, 1, 32767, -32768]).map(|x| (x, y)));
    }
    let (worst, count) = worst_quotient(formats, &pairs);
    assert!(worst <= 1 && count > 200_000, "{worst} units over {count} pairs");
    // Wide operands, and the widest quotient.
    let formats = [fixed(32, 16), fixed(24, 10), fixed(20, 8)];
    let pairs: Vec<_> = numbers(2)
        .zip(numbers(3))
        .take(100_000)
        .map(|(a, b)| (i64::from(a as u32 as i32) >> (a >> 60), 1 + ((b & 0x7f_fffe) as i64 >> (b >> 62))))
        .collect();
    let (worst, count) = worst_quotient(formats, &pairs);
    assert!(worst <= 1 && count > 50_000, "{worst} units over {count} pairs");
}

#[test]
fn a_quotient_by_zero_is_zero() {
    let division = Division::new(fixed(16, 12), fixed(16, 12), fixed(16, 12)).unwrap();
    let x = RingVec::from_signed(fixed(16, 12).ring(), &[1, -1, 0, 32767]);
    assert_eq!(divide(&division, &x, &RingVec::zeros(x.ring(), 4)).to_signed(), [0; 4]);
}

/// Rows of `width` in `format`, of magnitudes that vary from row to row.
fn rows(format: Fixed, width: usize, count: usize, seed: u64) -> Vec<Vec<i64>> {
    let mut random = numbers(seed);
    let mut row = |r: usize| {
        let shift = 64 - format.bits + r as u32 % format.bits;
        random.by_ref().take(width).map(|v| v.cast_signed() >> shift).collect()
    };
    (0..count).map(&mut row).collect()
}

/// The largest difference of a result from the real one rounded to nearest.
fn worst_row(
    format: Fixed,
    output: Fixed,
    rows: &[Vec<i64>],
    secure: impl Fn(&RingVec) -> RingVec,
    real: impl Fn(&[i64]) -> Vec<f64>,
) -> u64 {
    let unit = f64::from(1u32 << output.scale);
    let worst = rows.iter().map(|row| {
        let got = secure(&RingVec::from_signed(format.ring(), row)).to_signed();
        let want = real(row);
        let errors = got.iter().zip(&want).map(|(&got, want)| got.abs_diff((want * unit).round() as i64));
        errors.max().unwrap_or(0)
    });
    worst.max().unwrap_or(0)
}

/// An exponential errs by at most a unit and its rounding, 1.5·2^−14, so the sum by as much for every element
/// of the row; the reciprocal of that by 1.5·2^−16. What follows from it for a probability p, with the
/// result's own rounding, in its units:
fn softmax_bound(p: f64, sum: f64, width: usize, scale: u32) -> f64 {
    let exp = 1.5 / f64::from(1 << 14);
    let worst_sum = sum - exp * width as f64;
    f64::from(1 << scale) * (exp * (1.0 + p * width as f64) / worst_sum + exp / 4.0) + 0.5
}

#[test]
fn softmax_errs_by_what_exponentials_do() {
    for (width, scale) in [(1, 8), (2, 8), (10, 8), (10, 12), (64, 10), (10, 14), (1000, 14)] {
        let (input, output) = (fixed(16, 11), fixed(16, scale));
        let job = Softmax::new(input, output, width).expect("formats in range");
        // Differences in a row are within the ring's signed range.
        let mut rows = rows(input, width, 200, 7);
        rows.iter_mut().flatten().for_each(|x| *x /= 2);
        // One element far above others, whose exponentials are next to the last unit and err alike.
        rows.extend((0..40).map(|k| {
            let mut row = vec![-18_000 - 100 * k; width];
            row[width / 2] = 0;
            row
        }));
        for row in rows {
            let e: Vec<f64> = row.iter().map(|&x| (x as f64 / 2048.0).exp()).collect();
            let sum: f64 = e.iter().sum();
            let got = softmax(&job, &RingVec::from_signed(input.ring(), &row)).to_signed();
            for (e, got) in e.iter().zip(got) {
                let p = e / sum;
                let error = (got as f64 - p * f64::from(1 << scale)).abs();
                // Sums scale with the largest exponential, which the protocol makes 1.
                let largest = row.iter().max().map_or(1.0, |&x| (x as f64 / 2048.0).exp());
                let bound = softmax_bound(p, sum / largest, width, scale);
                assert!(error <= bound, "{width} at scale {scale}: {error} units, not {bound}");
            }
        }
    }
}

#[test]
fn normalised_rows_are_within_one_unit() {
    for (norm, bits, width, scale) in [
        (Norm::L2, 16, 3, 14),
        (Norm::L2, 16, 64, 12),
        (Norm::L2, 24, 16, 10),
        (Norm::L2, 8, 1, 8),
        (Norm::Layer, 16, 64, 11),
        (Norm::Layer, 16, 512, 11),
        (Norm::Layer, 12, 7, 14),
    ] {
        let (input, output) = (fixed(bits, bits / 2), fixed(20, scale));
        for epsilon in [0, 12_345] {
            let job = Normalise::new(norm, input, output, width, epsilon).expect("formats in range");
            let real = |row: &[i64]| {
                let n = row.len() as i64;
                let sum: i64 = row.iter().sum();
                let c: Vec<i64> =
                    row.iter().map(|x| if norm == Norm::L2 { *x } else { n * x - sum }).collect();
                let squares: u64 = c.iter().map(|c| c.unsigned_abs().pow(2)).sum::<u64>() + epsilon;
                let factor = if norm == Norm::L2 { 1.0 } else { (n as f64).sqrt() };
                c.iter()
                    .map(|&c| if c == 0 { 0.0 } else { factor * c as f64 / (squares as f64).sqrt() })
                    .collect()
            };
            let mut rows = rows(input, width, 300, 11);
            rows.extend([vec![0; width], vec![-1 << (bits - 1); width], vec![1; width]]);
            let worst = worst_row(input, output, &rows, |x| normalise(&job, x), real);
            assert!(worst <= 1, "{norm:?} of {width}, {bits} bits at scale {scale}: {worst} units");
        }
    }
}

#[test]
fn layer_normalisation_has_mean_zero_and_variance_one() {
    let input = fixed(16, 8);
    let job = Normalise::new(Norm::Layer, input, fixed(20, 12), 64, 0).unwrap();
    for row in rows(input, 64, 12, 5) {
        let y = normalise(&job, &RingVec::from_signed(input.ring(), &row)).to_signed();
        let y: Vec<f64> = y.iter().map(|&y| y as f64 / 4096.0).collect();
        let mean = y.iter().sum::<f64>() / 64.0;
        let variance = y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 64.0;
        assert!(mean.abs() < 1e-3 && (variance - 1.0).abs() < 1e-2, "{mean} {variance}");
    }
}

#[test]
fn formats_without_room_are_refused() {
    let byte = fixed(16, 8);
    assert!(matches!(Division::new(byte, byte, fixed(21, 8)), Err(MathError::Quotient { bits: 21 })));
    assert!(matches!(Division::new(fixed(32, 31), fixed(32, 0), fixed(20, 4)), Err(MathError::Scales)));
    assert!(matches!(Division::new(fixed(7, 0), byte, byte), Err(MathError::Input { .. })));
    assert!(matches!(Softmax::new(byte, byte, 0), Err(MathError::Width { .. })));
    assert!(matches!(Softmax::new(byte, byte, 4097), Err(MathError::Width { .. })));
    assert!(matches!(Softmax::new(byte, fixed(16, 15), 4), Err(MathError::Output { .. })));
    let of = |norm, input, output, width, epsilon| Normalise::new(norm, input, output, width, epsilon);
    assert!(matches!(of(Norm::L2, byte, byte, 0, 0), Err(MathError::Width { .. })));
    assert!(matches!(of(Norm::L2, fixed(32, 8), byte, 2, 0), Err(MathError::Sum { .. })));
    assert!(matches!(of(Norm::L2, byte, byte, 2, u64::MAX), Err(MathError::Sum { .. })));
    // √1024 = 2^5, which takes 13 bits at scale 8, and the sign.
    assert!(matches!(of(Norm::Layer, fixed(12, 8), fixed(13, 8), 1024, 0), Err(MathError::Row { .. })));
}

/// The tables are the definition: they may not change with a compiler or a machine.
#[test]
fn tables_have_their_digests() {
    let division = |bits| Division::new(fixed(16, 8), fixed(16, 8), fixed(bits, 8)).unwrap().reciprocal;
    let root = |norm, width| Normalise::new(norm, fixed(16, 8), fixed(20, 12), width, 0).unwrap().root;
    let tables = [division(12), division(20), root(Norm::L2, 3), root(Norm::Layer, 48)];
    let digests = tables.map(|table| {
        let mut digest = Sha256::new();
        for piece in &table.pieces.rows[0] {
            digest.update(piece.value.to_le_bytes());
            digest.update(piece.slope.to_le_bytes());
        }
        u64::from_be_bytes(digest.finalize()[..8].try_into().unwrap())
    });
    let expected = [0x413f5e6d9fb29770, 0xef3b70670a9c9953, 0xf1bef4b8c840f288, 0xee9e1452bb9670a9];
    assert_eq!(digests, expected, "{digests:#018x?}");
}
