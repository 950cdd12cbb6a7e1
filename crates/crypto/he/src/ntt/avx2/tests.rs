//! The claims at the kernel's parts, where its transforms hardly ever go.

#![allow(unsafe_code)]

use std::arch::x86_64::{__m256d, __m256i};

use veilflow_prim::{Block, Prg};

use super::Avx2;
use super::field::{Field, canonical, factor, mul, reduce, splat, splat_words, store, store_words};
use super::sums::{BIASES, fold, limb, product};
use super::transform::{spread, two_inverse_levels, two_levels};
use crate::modulus::{Modulus, ntt_primes};
use crate::ntt::tables::Roots;
use crate::ntt::tests::least_prime;

/// Runs a test if the processor can.
fn with_avx2(test: unsafe fn(Modulus)) {
    if Avx2::detect().is_some() {
        for q in [ntt_primes(64, 1)[0], least_prime(64)] {
            // SAFETY: the processor has the features.
            unsafe { test(Modulus::new(q)) }
        }
    }
}

#[target_feature(enable = "avx2")]
fn lanes(v: __m256d) -> [i128; 4] {
    let mut words = [0; 4];
    store(&mut words, v);
    words.map(|bits| {
        let x = f64::from_bits(bits);
        assert_eq!(x, x.trunc(), "no integer");
        x as i128
    })
}

#[target_feature(enable = "avx2")]
fn lane(v: __m256d) -> i128 {
    lanes(v)[0]
}

#[target_feature(enable = "avx2")]
fn word(v: __m256i) -> i128 {
    let mut words = [0; 4];
    store_words(&mut words, v);
    i128::from(words[0] as i64)
}

#[track_caller]
fn assert_congruent(got: i128, expected: i128, m: Modulus) {
    let q = i128::from(m.value());
    assert_eq!(got.rem_euclid(q), expected.rem_euclid(q), "modulo {q}");
}

/// Numbers of magnitude `limit` and less: corners and some random ones.
fn signed(limit: i64, prg: &mut Prg) -> Vec<i64> {
    let mut out = vec![limit, limit - 1, limit / 2, 1, 0];
    out.extend((0..20).map(|_| (prg.u64() % limit as u64) as i64));
    out.iter().flat_map(|&x| [x, -x]).collect()
}

#[test]
fn products_are_congruent_and_bounded() {
    #[target_feature(enable = "avx2,fma")]
    fn test(m: Modulus) {
        let (field, q) = (Field::new(m), m.value() as i64);
        let mut prg = Prg::from_seed(Block(5));
        let half = q / 2;
        for w in signed(half, &mut prg) {
            let mut xs = signed((1 << 52) - 1, &mut prg);
            if w != 0 {
                // Products half-way between two multiples of q, where the quotient may be either.
                let inverse = m.inverse(w.rem_euclid(q) as u64);
                let halfway = [half, half + 1].map(|x| m.mul_slow(x as u64, inverse) as i64);
                xs.extend(halfway.iter().flat_map(|x| [*x, x + q, x + 2 * q, x - q, x - 4 * q]));
            }
            xs.retain(|x| x.abs() < 1 << 52);
            for x in xs {
                let r = lane(mul(splat(x as f64), splat(w as f64), field));
                assert_congruent(r, i128::from(x) * i128::from(w), m);
                assert!(r.abs() < i128::from(q) && 2 * r.abs() < i128::from(q + x.abs() + 1), "{x}·{w}: {r}");
            }
        }
    }
    with_avx2(test);
}

#[test]
fn reductions_are_congruent_and_bounded() {
    #[target_feature(enable = "avx2,fma")]
    fn test(m: Modulus) {
        let (field, q) = (Field::new(m), m.value() as i64);
        let mut xs = signed((1 << 53) - 1, &mut Prg::from_seed(Block(6)));
        xs.extend((-2..2).flat_map(|k| [k * q, k * q + q / 2, k * q + q / 2 + 1]));
        xs.retain(|x| x.abs() < 1 << 53);
        for x in xs {
            let r = reduce(splat(x as f64), field);
            assert_congruent(lane(r), x.into(), m);
            assert!(lane(r).abs() <= i128::from(q / 2 + 1), "{x}: {}", lane(r));
            assert_eq!(word(canonical(r, field)), i128::from(x.rem_euclid(q)));
        }
    }
    with_avx2(test);
}

#[test]
fn two_levels_keep_their_bounds() {
    #[target_feature(enable = "avx2,fma")]
    fn test(m: Modulus) {
        let (field, q) = (Field::new(m), m.value() as i64);
        let mut prg = Prg::from_seed(Block(7));
        let mut largest = [0; 2];
        for _ in 0..5000 {
            let mut draw = |limit: i64| {
                let corners = [limit, 1 - limit, limit / 2];
                let random = prg.u64();
                let magnitude = (prg.u64() % limit as u64) as i64;
                corners.get(random as usize % 5).copied().unwrap_or(magnitude)
            };
            let w = [(); 3].map(|()| draw(q / 2));
            for inverse in [false, true] {
                let inputs = [(); 4].map(|()| draw(if inverse { q / 2 + 1 } else { 2 * q + 2 }));
                let [a, b, c, d] = inputs.map(i128::from);
                let [w0, w_low, w_high] = w.map(i128::from);
                let (out, expected) = if inverse {
                    let (y, t) = ((a - b) * w_low, (c - d) * w_high);
                    let expected = [a + b + c + d, y + t, (a + b - c - d) * w0, (y - t) % i128::from(q) * w0];
                    (
                        two_inverse_levels(
                            inputs.map(|x| splat(x as f64)),
                            w.map(|x| splat(x as f64)),
                            field,
                        ),
                        expected,
                    )
                } else {
                    let (y, t) =
                        ((b + w0 * d) % i128::from(q) * w_low, (b - w0 * d) % i128::from(q) * w_high);
                    let expected = [a + w0 * c + y, a + w0 * c - y, a - w0 * c + t, a - w0 * c - t];
                    (two_levels(inputs.map(|x| splat(x as f64)), w.map(|x| splat(x as f64)), field), expected)
                };
                for (got, expected) in out.into_iter().zip(expected) {
                    assert_congruent(lane(got), expected, m);
                    largest[usize::from(inverse)] = lane(got).abs().max(largest[usize::from(inverse)]);
                }
            }
        }
        let [forward, inverse] = largest;
        assert!(
            forward <= 2 * i128::from(q) + 2 && inverse <= i128::from(q / 2 + 1),
            "{forward} and {inverse} for {q}"
        );
    }
    with_avx2(test);
}

#[test]
fn limbs_are_those_of_the_product() {
    #[target_feature(enable = "avx2,fma")]
    fn test(m: Modulus) {
        let (field, limb) = (Field::new(m), limb(m));
        let mut prg = Prg::from_seed(Block(8));
        // Where the upper limb is rounded: odd multiples of 2^51.
        let mut factors: Vec<i64> = vec![1 << 51, (1 << 26) + 1, 3 << 25, 1 << 26, (1 << 52) - 1];
        factors.extend(signed((1 << 52) - 1, &mut prg).iter().filter(|x| **x >= 0));
        for &a in &factors {
            for &w in &factors {
                let [low, high] = product(splat(a as f64), splat(w as f64));
                let [low, high] =
                    [(low, BIASES[0]), (high, BIASES[1])].map(|(x, bias)| word(x) - i128::from(bias as i64));
                assert_eq!(low + (high << 52), i128::from(a) * i128::from(w));
                assert!(low.abs() <= 1 << 51 && (0..1 << 52).contains(&high), "{a}·{w}: {low}, {high}");
            }
        }
        for low in signed(1 << 62, &mut prg) {
            for high in signed(1 << 62, &mut prg) {
                let value = i128::from(low) + (i128::from(high) << 52);
                if high >= 0 && value >= 0 {
                    let sum = fold(splat_words(low as u64), splat_words(high as u64), limb, field);
                    assert_eq!(word(sum), value.rem_euclid(i128::from(m.value())), "{low} + 2^52·{high}");
                }
            }
        }
    }
    with_avx2(test);
}

#[test]
fn multipliers_are_below_half_the_prime() {
    #[target_feature(enable = "avx2,fma")]
    fn test(m: Modulus) {
        let (field, q) = (Field::new(m), m.value());
        let values = vec![0, 1, q / 2, q / 2 + 1, q - 1, q / 2 - 1, q / 3];
        let centred: Vec<i128> =
            values.iter().map(|&x| i128::from(x) - if x > q / 2 { i128::from(q) } else { 0 }).collect();
        let roots = Roots { values, quotients: Vec::new() };
        for first in 0..=3 {
            let [a, b, ..] = centred[first..] else { unreachable!("there are seven") };
            assert_eq!(lanes(spread::<2>(&roots, first, field)), [a, a, b, b]);
            assert_eq!(lanes(spread::<4>(&roots, first, field)), centred[first..first + 4]);
            assert_eq!(lanes(factor(roots.values[first], field)), [a; 4]);
        }
    }
    with_avx2(test);
}
