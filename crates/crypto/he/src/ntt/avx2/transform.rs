//! The transforms, two levels at a time.

use std::arch::x86_64::*;

use super::field::{
    Field, canonical, centred, factor, load, load_words, mul, reduce, store, store_words, to_double,
};
use crate::ntt::tables::{Ntt, Roots};
use crate::ntt::vector::quarters;

/// Multipliers `first..first + COUNT` of `roots`, each in 4/COUNT adjacent lanes. Four must follow `first`.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn spread<const COUNT: usize>(roots: &Roots, first: usize, field: Field) -> __m256d {
    let words = load_words(roots.values[first..].first_chunk().expect("four multipliers follow"));
    let words = if COUNT == 2 { _mm256_permute4x64_epi64::<0b01_01_00_00>(words) } else { words };
    centred(words, field)
}

/// (x + w·y, x − w·y), each larger than x by less than q/2 + |y|/2, for |y| < 2^52.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn butterfly(x: __m256d, y: __m256d, w: __m256d, field: Field) -> [__m256d; 2] {
    let v = mul(y, w, field);
    [_mm256_add_pd(x, v), _mm256_sub_pd(x, v)]
}

/// Two levels of the forward transform: inputs and outputs of magnitude at most 2q + 2, which is below 2^53.
///
/// *Proof.* Reduced numbers are at most q/2 + 1, so products by them below 3q/4 + 1. The first level's sums
/// are below 5q/4 + 2, and so the second's, of those and such products.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn two_levels(
    inputs: [__m256d; 4],
    [w, w_low, w_high]: [__m256d; 3],
    field: Field,
) -> [__m256d; 4] {
    let [a, b, c, d] = inputs.map(|x| reduce(x, field));
    let [x, z] = butterfly(a, c, w, field);
    let [y, t] = butterfly(b, d, w, field);
    let [x, y] = butterfly(x, reduce(y, field), w_low, field);
    let [z, t] = butterfly(z, reduce(t, field), w_high, field);
    [x, y, z, t]
}

/// One level: inputs and outputs as for two.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn level(x: __m256d, y: __m256d, w: __m256d, field: Field) -> [__m256d; 2] {
    butterfly(reduce(x, field), reduce(y, field), w, field)
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn forward(ntt: &Ntt, values: &mut [u64]) {
    let field = Field::new(ntt.modulus);
    for words in values.as_chunks_mut().0 {
        store(words, to_double(load_words(words)));
    }
    let mut half = values.len() / 2;
    let mut groups = 1;
    // Two levels at a time, so that every word is read and written half as often.
    while half >= 8 {
        for (group, block) in values.chunks_exact_mut(2 * half).enumerate() {
            let at = groups + group;
            let w = [at, 2 * at, 2 * at + 1].map(|i| factor(ntt.roots.values[i], field));
            for [a, b, c, d] in quarters::<4>(block) {
                let [x, y, z, t] = two_levels([load(a), load(b), load(c), load(d)], w, field);
                store(a, x);
                store(b, y);
                store(c, z);
                store(d, t);
            }
        }
        groups *= 4;
        half /= 4;
    }
    if half == 4 {
        for (group, block) in values.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let [x, y] = block.as_chunks_mut::<4>().0 else { unreachable!("eight words") };
            let w = factor(ntt.roots.values[groups + group], field);
            let [sum, difference] = level(load(x), load(y), w, field);
            store(x, sum);
            store(y, difference);
        }
        groups *= 2;
    }
    // Here `groups` is N/4, and eight words hold two groups, then four.
    for (i, words) in values.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let [low, high] = words.as_chunks_mut::<4>().0 else { unreachable!("eight words") };
        let [x, y] = halves([load(low), load(high)]);
        let w = spread::<2>(&ntt.roots, groups + 2 * i, field);
        let [x, y] = evens_and_odds(level(x, y, w, field));
        let w = spread::<4>(&ntt.roots, 2 * groups + 4 * i, field);
        let [x, y] = level(x, y, w, field);
        let [x, y] = halves(evens_and_odds([x, y]));
        store_words(low, canonical(reduce(x, field), field));
        store_words(high, canonical(reduce(y, field), field));
    }
}

/// The low halves of both registers, and the high ones. Its own inverse.
#[inline]
#[target_feature(enable = "avx2")]
fn halves([a, b]: [__m256d; 2]) -> [__m256d; 2] {
    [_mm256_permute2f128_pd::<0x20>(a, b), _mm256_permute2f128_pd::<0x31>(a, b)]
}

/// The even lanes of both registers, alternating, and the odd ones. Its own inverse.
#[inline]
#[target_feature(enable = "avx2")]
fn evens_and_odds([a, b]: [__m256d; 2]) -> [__m256d; 2] {
    [_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b)]
}

/// (u + v, (u − v)·w), of magnitude at most q + 2, for u and v of at most q/2 + 1: what [`reduce`] leaves.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn inverse_butterfly(u: __m256d, v: __m256d, w: __m256d, field: Field) -> [__m256d; 2] {
    [_mm256_add_pd(u, v), mul(_mm256_sub_pd(u, v), w, field)]
}

/// The same, reduced, for u and v of magnitude at most q + 2: their sum and difference are below 2^53.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn inverse_butterfly_after(u: __m256d, v: __m256d, w: __m256d, field: Field) -> [__m256d; 2] {
    let difference = reduce(_mm256_sub_pd(u, v), field);
    [_mm256_add_pd(u, v), mul(difference, w, field)].map(|x| reduce(x, field))
}

/// Two levels of the inverse transform: inputs and outputs are reduced.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn two_inverse_levels(
    [a, b, c, d]: [__m256d; 4],
    [w, w_low, w_high]: [__m256d; 3],
    field: Field,
) -> [__m256d; 4] {
    let [x, y] = inverse_butterfly(a, b, w_low, field);
    let [z, t] = inverse_butterfly(c, d, w_high, field);
    let [x, z] = inverse_butterfly_after(x, z, w, field);
    let [y, t] = inverse_butterfly_after(y, t, w, field);
    [x, y, z, t]
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn inverse(ntt: &Ntt, values: &mut [u64]) {
    let field = Field::new(ntt.modulus);
    let mut groups = values.len() / 4;
    for (i, words) in values.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let [low, high] = words.as_chunks_mut::<4>().0 else { unreachable!("eight words") };
        let both = [to_double(load_words(low)), to_double(load_words(high))].map(|x| reduce(x, field));
        let [x, y] = evens_and_odds(halves(both));
        let w = spread::<4>(&ntt.inverse_roots, 2 * groups + 4 * i, field);
        let [x, y] = evens_and_odds(inverse_butterfly(x, y, w, field));
        let w = spread::<2>(&ntt.inverse_roots, groups + 2 * i, field);
        let [x, y] = inverse_butterfly_after(x, y, w, field);
        let both = halves([x, y]);
        store(low, both[0]);
        store(high, both[1]);
    }
    let mut half = 4;
    groups /= 2;
    if groups.trailing_zeros().is_multiple_of(2) {
        // An odd number of levels is left.
        for (group, block) in values.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let [x, y] = block.as_chunks_mut::<4>().0 else { unreachable!("eight words") };
            let w = factor(ntt.inverse_roots.values[groups + group], field);
            let [sum, difference] = inverse_butterfly(load(x), load(y), w, field).map(|x| reduce(x, field));
            store(x, sum);
            store(y, difference);
        }
        groups /= 2;
        half *= 2;
    }
    while groups > 0 {
        for (group, block) in values.chunks_exact_mut(4 * half).enumerate() {
            let at = groups / 2 + group;
            let w = [at, 2 * at, 2 * at + 1].map(|i| factor(ntt.inverse_roots.values[i], field));
            for [a, b, c, d] in quarters::<4>(block) {
                let [x, y, z, t] = two_inverse_levels([load(a), load(b), load(c), load(d)], w, field);
                store(a, x);
                store(b, y);
                store(c, z);
                store(d, t);
            }
        }
        groups /= 4;
        half *= 4;
    }
    let scale = factor(ntt.inverse_degree.value, field);
    for x in values.as_chunks_mut().0 {
        store_words(x, canonical(reduce(mul(load(x), scale, field), field), field));
    }
}
