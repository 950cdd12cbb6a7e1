//! The transforms, two levels at a time.

use std::arch::x86_64::*;

use super::field::{Factor, Lanes, lift_once, load, mul, reduce_once, splat, splat_factor, store};
use crate::ntt::tables::{Ntt, Roots};
use crate::ntt::vector::quarters;

/// Multipliers `first..first + COUNT` of `roots`, each in 8/COUNT adjacent lanes. Eight must follow `first`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn spread<const COUNT: usize>(roots: &Roots, first: usize, q: __m512i) -> Factor {
    let order = load(
        &const {
            let (mut order, mut lane) = ([0; 8], 0);
            while lane < 8 {
                order[lane] = (lane * COUNT / 8) as u64;
                lane += 1;
            }
            order
        },
    );
    let eight = roots.quotients[first..].first_chunk::<8>().expect("eight multipliers follow");
    Factor::new(_mm512_permutexvar_epi64(order, load(eight)), q)
}

/// The forward butterfly of residues.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn butterfly(x: __m512i, y: __m512i, w: Factor, q: __m512i) -> [__m512i; 2] {
    let v = mul(y, w, q);
    [reduce_once(_mm512_add_epi64(x, v), q), lift_once(_mm512_sub_epi64(x, v), q)]
}

/// The inverse butterfly of residues.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn inverse_butterfly(u: __m512i, v: __m512i, w: Factor, q: __m512i) -> [__m512i; 2] {
    [reduce_once(_mm512_add_epi64(u, v), q), mul(lift_once(_mm512_sub_epi64(u, v), q), w, q)]
}

/// Permutations of the sixteen words of two registers, for butterflies at distance 4, 2 and 1.
mod order {
    use crate::ntt::ifma::field::Lanes;

    pub(super) const TO_4: [Lanes; 2] = [[0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]];
    pub(super) const FROM_4: [Lanes; 2] = TO_4;
    pub(super) const FOUR_TO_2: [Lanes; 2] = [[0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]];
    pub(super) const TWO_TO_4: [Lanes; 2] = FOUR_TO_2;
    pub(super) const TWO_TO_1: [Lanes; 2] = [[0, 8, 2, 10, 4, 12, 6, 14], [1, 9, 3, 11, 5, 13, 7, 15]];
    pub(super) const ONE_TO_2: [Lanes; 2] = TWO_TO_1;
    pub(super) const FROM_1: [Lanes; 2] = [[0, 8, 1, 9, 2, 10, 3, 11], [4, 12, 5, 13, 6, 14, 7, 15]];
    pub(super) const TO_1: [Lanes; 2] = [[0, 2, 4, 6, 8, 10, 12, 14], [1, 3, 5, 7, 9, 11, 13, 15]];
}

#[inline]
#[target_feature(enable = "avx512f")]
fn shuffle([a, b]: [__m512i; 2], order: &[Lanes; 2]) -> [__m512i; 2] {
    [_mm512_permutex2var_epi64(a, load(&order[0]), b), _mm512_permutex2var_epi64(a, load(&order[1]), b)]
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn forward(ntt: &Ntt, values: &mut [u64]) {
    let q = splat(ntt.modulus.value());
    let mut half = values.len() / 2;
    let mut groups = 1;
    // Two levels at a time, so that every word is read and written half as often.
    while half >= 16 {
        for (group, block) in values.chunks_exact_mut(2 * half).enumerate() {
            let w = splat_factor(ntt.roots.at(groups + group), q);
            let w_low = splat_factor(ntt.roots.at(2 * (groups + group)), q);
            let w_high = splat_factor(ntt.roots.at(2 * (groups + group) + 1), q);
            for [a, b, c, d] in quarters::<8>(block) {
                let [x, z] = butterfly(load(a), load(c), w, q);
                let [y, t] = butterfly(load(b), load(d), w, q);
                let [x, y] = butterfly(x, y, w_low, q);
                let [z, t] = butterfly(z, t, w_high, q);
                store(a, x);
                store(b, y);
                store(c, z);
                store(d, t);
            }
        }
        groups *= 4;
        half /= 4;
    }
    if half == 8 {
        for (group, block) in values.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            let [x, y] = block.as_chunks_mut::<8>().0 else { unreachable!("sixteen words") };
            let w = splat_factor(ntt.roots.at(groups + group), q);
            let [sum, difference] = butterfly(load(x), load(y), w, q);
            store(x, sum);
            store(y, difference);
        }
        groups *= 2;
    }
    // Here `groups` is N/8, and sixteen words hold two groups, then four, then eight.
    for (i, words) in values.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let [low, high] = words.as_chunks_mut::<8>().0 else { unreachable!("sixteen words") };
        let [x, y] = shuffle([load(low), load(high)], &order::TO_4);
        let w = spread::<2>(&ntt.roots, groups + 2 * i, q);
        let [x, y] = shuffle(butterfly(x, y, w, q), &order::FOUR_TO_2);
        let w = spread::<4>(&ntt.roots, 2 * groups + 4 * i, q);
        let [x, y] = shuffle(butterfly(x, y, w, q), &order::TWO_TO_1);
        let w = spread::<8>(&ntt.roots, 4 * groups + 8 * i, q);
        let both = shuffle(butterfly(x, y, w, q), &order::FROM_1);
        store(low, both[0]);
        store(high, both[1]);
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn inverse(ntt: &Ntt, values: &mut [u64]) {
    let q = splat(ntt.modulus.value());
    let mut groups = values.len() / 8;
    for (i, words) in values.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let [low, high] = words.as_chunks_mut::<8>().0 else { unreachable!("sixteen words") };
        let [x, y] = shuffle([load(low), load(high)], &order::TO_1);
        let w = spread::<8>(&ntt.inverse_roots, 4 * groups + 8 * i, q);
        let [x, y] = shuffle(inverse_butterfly(x, y, w, q), &order::ONE_TO_2);
        let w = spread::<4>(&ntt.inverse_roots, 2 * groups + 4 * i, q);
        let [x, y] = shuffle(inverse_butterfly(x, y, w, q), &order::TWO_TO_4);
        let w = spread::<2>(&ntt.inverse_roots, groups + 2 * i, q);
        let both = shuffle(inverse_butterfly(x, y, w, q), &order::FROM_4);
        store(low, both[0]);
        store(high, both[1]);
    }
    let mut half = 8;
    groups /= 2;
    if groups.trailing_zeros().is_multiple_of(2) {
        // An odd number of levels is left.
        for (group, block) in values.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            let [x, y] = block.as_chunks_mut::<8>().0 else { unreachable!("sixteen words") };
            let w = splat_factor(ntt.inverse_roots.at(groups + group), q);
            let [sum, difference] = inverse_butterfly(load(x), load(y), w, q);
            store(x, sum);
            store(y, difference);
        }
        groups /= 2;
        half *= 2;
    }
    while groups > 0 {
        for (group, block) in values.chunks_exact_mut(4 * half).enumerate() {
            let w_low = splat_factor(ntt.inverse_roots.at(groups + 2 * group), q);
            let w_high = splat_factor(ntt.inverse_roots.at(groups + 2 * group + 1), q);
            let w = splat_factor(ntt.inverse_roots.at(groups / 2 + group), q);
            for [a, b, c, d] in quarters::<8>(block) {
                let [x, y] = inverse_butterfly(load(a), load(b), w_low, q);
                let [z, t] = inverse_butterfly(load(c), load(d), w_high, q);
                let [x, z] = inverse_butterfly(x, z, w, q);
                let [y, t] = inverse_butterfly(y, t, w, q);
                store(a, x);
                store(b, y);
                store(c, z);
                store(d, t);
            }
        }
        groups /= 4;
        half *= 4;
    }
    let scale = splat_factor(ntt.inverse_degree, q);
    for x in values.as_chunks_mut().0 {
        store(x, mul(load(x), scale, q));
    }
}
