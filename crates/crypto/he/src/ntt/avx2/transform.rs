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

/// (x + w·y, x − w·y), each larger than x by less than q/2 + |y|/8.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn butterfly(x: __m256d, y: __m256d, w: __m256d, field: Field) -> [__m256d; 2] {
    let v = mul(y, w, field);
    [_mm256_add_pd(x, v), _mm256_sub_pd(x, v)]
}

/// Two levels of the forward transform: inputs and outputs of magnitude below 9q/4.
///
/// *Proof.* In units of q, rounded up: a is reduced to 0.51. On the first level products are below 1/2 +
/// 9/32; x and z are below 1.30, y and t below 3.04, in words below 2^52. On the second level products are
/// below 1/2 + 3.04/8 = 0.88, outputs below 1.30 + 0.88.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn two_levels(
    [a, b, c, d]: [__m256d; 4],
    [w, w_low, w_high]: [__m256d; 3],
    field: Field,
) -> [__m256d; 4] {
    let [x, z] = butterfly(reduce(a, field), c, w, field);
    let [y, t] = butterfly(b, d, w, field);
    let [x, y] = butterfly(x, y, w_low, field);
    let [z, t] = butterfly(z, t, w_high, field);
    [x, y, z, t]
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
    // No more is reduced before the end: in units of q, values stay below 3.04 on a level by itself, below
    // 3.92 on the last but one, and 4.91 on the last. What is multiplied is below 4, or 2^52, and all is
    // below 2^53.
    if half == 4 {
        for (group, block) in values.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let [x, y] = block.as_chunks_mut::<4>().0 else { unreachable!("eight words") };
            let w = factor(ntt.roots.values[groups + group], field);
            let [sum, difference] = butterfly(load(x), load(y), w, field);
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
        let [x, y] = evens_and_odds(butterfly(x, y, w, field));
        let w = spread::<4>(&ntt.roots, 2 * groups + 4 * i, field);
        let [x, y] = butterfly(x, y, w, field);
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

/// (u + v, (u − v)·w), not reduced; the second below q/2 + |u − v|/8 and q.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn inverse_butterfly(u: __m256d, v: __m256d, w: __m256d, field: Field) -> [__m256d; 2] {
    [_mm256_add_pd(u, v), mul(_mm256_sub_pd(u, v), w, field)]
}

/// Two levels of the inverse transform: inputs and outputs of magnitude below q.
///
/// *Proof.* In units of q: sums and differences of the first level are below 2, products below 1/2 + 2/8. On
/// the second level x and z add up and differ by less than 4, which is below 2^52. Their product is below
/// 1/2 + 4/8. Sums and differences of y and t are below 3/2. Sums are reduced.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn two_inverse_levels(
    [a, b, c, d]: [__m256d; 4],
    [w, w_low, w_high]: [__m256d; 3],
    field: Field,
) -> [__m256d; 4] {
    let [x, y] = inverse_butterfly(a, b, w_low, field);
    let [z, t] = inverse_butterfly(c, d, w_high, field);
    let [x, z] = inverse_butterfly(x, z, w, field);
    let [y, t] = inverse_butterfly(y, t, w, field);
    [reduce(x, field), reduce(y, field), z, t]
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn inverse(ntt: &Ntt, values: &mut [u64]) {
    let field = Field::new(ntt.modulus);
    let mut groups = values.len() / 4;
    for (i, words) in values.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let [low, high] = words.as_chunks_mut::<4>().0 else { unreachable!("eight words") };
        let both = [to_double(load_words(low)), to_double(load_words(high))];
        let [x, y] = evens_and_odds(halves(both));
        // As in `two_inverse_levels`.
        let w = spread::<4>(&ntt.inverse_roots, 2 * groups + 4 * i, field);
        let [x, y] = evens_and_odds(inverse_butterfly(x, y, w, field));
        let w = spread::<2>(&ntt.inverse_roots, groups + 2 * i, field);
        let [x, y] = inverse_butterfly(x, y, w, field);
        let both = halves([reduce(x, field), y]);
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
            let [sum, difference] = inverse_butterfly(load(x), load(y), w, field);
            store(x, reduce(sum, field));
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
        store_words(x, canonical(mul(load(x), scale, field), field));
    }
}
