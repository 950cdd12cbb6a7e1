//! Residues as words, eight a register: conversions, products and reductions, each with its bounds.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use crate::modulus::Shoup;

/// Eight words as a register.
pub(super) type Lanes = [u64; 8];

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load(words: &Lanes) -> __m512i {
    // SAFETY: `words` is 64 bytes long, and the load needs no alignment.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store(words: &mut Lanes, v: __m512i) {
    // SAFETY: `words` is 64 bytes long, and the store needs no alignment.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), v) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn splat(x: u64) -> __m512i {
    _mm512_set1_epi64(x as i64)
}

/// x − m where x ≥ m, lane by lane, for x < 2m.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn reduce_once(x: __m512i, m: __m512i) -> __m512i {
    _mm512_min_epu64(x, _mm512_sub_epi64(x, m))
}

/// x + m where x is negative, lane by lane, for −m ≤ x < m as signed words.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn lift_once(x: __m512i, m: __m512i) -> __m512i {
    _mm512_min_epu64(x, _mm512_add_epi64(x, m))
}

/// A multiplier w as Montgomery's product takes it: v = 2^52·w mod q, and v/q mod 2^52.
///
/// Both follow from Shoup's quotient k = ⌊2^52·w/q⌋: v = 2^52·w − k·q is below q, so it is −k·q mod 2^52, and
/// v/q is −k there.
#[derive(Clone, Copy)]
pub(super) struct Factor {
    value: __m512i,
    ratio: __m512i,
}

impl Factor {
    /// From quotients of 64 bits, of which the upper 52 are k.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn new(quotients: __m512i, q: __m512i) -> Self {
        let zero = _mm512_setzero_si512();
        let negative = _mm512_sub_epi64(zero, _mm512_srli_epi64::<12>(quotients));
        let ratio = _mm512_and_si512(negative, splat((1 << 52) - 1));
        Self { value: _mm512_madd52lo_epu64(zero, ratio, q), ratio }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn splat_factor(s: Shoup, q: __m512i) -> Factor {
    Factor::new(splat(s.quotient), q)
}

/// x·w mod q, for x < 2^52: Montgomery's product of x and v, by high halves.
///
/// *Proof.* With m = x·v/q mod 2^52, x·v and m·q have the same low 52 bits. So the difference of their high
/// halves is (x·v − m·q)/2^52, which is x·w modulo q. Both are below q, as x and m are below 2^52.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn mul(x: __m512i, w: Factor, q: __m512i) -> __m512i {
    let zero = _mm512_setzero_si512();
    let m = _mm512_madd52lo_epu64(zero, x, w.ratio);
    let product = _mm512_madd52hi_epu64(zero, x, w.value);
    let multiple = _mm512_madd52hi_epu64(zero, m, q);
    lift_once(_mm512_sub_epi64(product, multiple), q)
}
