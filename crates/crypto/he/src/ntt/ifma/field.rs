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

/// A multiplier with its quotient, 52-bit.
#[derive(Clone, Copy)]
pub(super) struct Factor {
    pub(super) value: __m512i,
    pub(super) quotient: __m512i,
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn splat_factor(s: Shoup) -> Factor {
    Factor { value: splat(s.value), quotient: splat(s.quotient >> 12) }
}

/// x·w mod q up to one q, for x < 2^52: Shoup's product.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn mul_lazy(x: __m512i, w: Factor, q: __m512i) -> __m512i {
    let zero = _mm512_setzero_si512();
    let quotient = _mm512_madd52hi_epu64(zero, x, w.quotient);
    let product = _mm512_madd52lo_epu64(zero, x, w.value);
    let multiple = _mm512_madd52lo_epu64(zero, quotient, q);
    _mm512_and_si512(_mm512_sub_epi64(product, multiple), splat((1 << 52) - 1))
}
