//! Residues as doubles, four a register: conversions, products and reductions, each with its bounds.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use crate::modulus::Modulus;

/// Four words as a register: integers, or doubles by their bits.
pub(super) type Lanes = [u64; 4];

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load(words: &Lanes) -> __m256d {
    // SAFETY: `words` is 32 bytes long, and the load needs no alignment.
    unsafe { _mm256_loadu_pd(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(words: &mut Lanes, v: __m256d) {
    // SAFETY: `words` is 32 bytes long, and the store needs no alignment.
    unsafe { _mm256_storeu_pd(words.as_mut_ptr().cast(), v) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_words(words: &Lanes) -> __m256i {
    _mm256_castpd_si256(load(words))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store_words(words: &mut Lanes, v: __m256i) {
    store(words, _mm256_castsi256_pd(v));
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn splat(x: f64) -> __m256d {
    _mm256_set1_pd(x)
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn splat_words(x: u64) -> __m256i {
    _mm256_set1_epi64x(x as i64)
}

/// 2^k.
pub(super) const fn power(k: u64) -> f64 {
    f64::from_bits((1023 + k) << 52)
}

/// Doubles from 2^52 to 2^53 are the integers. Added to a number of magnitude below 2^51, this one rounds it
/// to the nearest integer and leaves that integer in the low bits; subtracted, it leaves the integer as a
/// double.
pub(super) const ROUNDER: f64 = power(52) + power(51);

/// Integers below 2^52 as doubles.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn to_double(words: __m256i) -> __m256d {
    let exponent = splat(power(52));
    _mm256_sub_pd(_mm256_or_pd(_mm256_castsi256_pd(words), exponent), exponent)
}

/// Signed integers of magnitude below 2^51 as doubles.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn signed_to_double(words: __m256i) -> __m256d {
    let rounder = splat(ROUNDER);
    _mm256_sub_pd(_mm256_castsi256_pd(_mm256_add_epi64(words, _mm256_castpd_si256(rounder))), rounder)
}

/// A prime q, splatted.
#[derive(Clone, Copy)]
pub(super) struct Field {
    q: __m256d,
    /// 1/q, rounded: off by at most 2^−53/q.
    inverse: __m256d,
    word: __m256i,
    /// (q − 1)/2.
    half: __m256i,
}

impl Field {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn new(m: Modulus) -> Self {
        let q = m.value();
        Self {
            q: splat(q as f64),
            inverse: splat(1.0 / q as f64),
            word: splat_words(q),
            half: splat_words(q / 2),
        }
    }
}

/// The integer nearest x/q up to a rounding, for |x|/q < 2^51.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn quotient(x: __m256d, field: Field) -> __m256d {
    let rounder = splat(ROUNDER);
    _mm256_sub_pd(_mm256_fmadd_pd(x, field.inverse, rounder), rounder)
}

/// x·w mod q, of magnitude below both q and q/2 + |x|/2, for integers |x| < 2^52 and |w| < q/2, as
/// [`centred`] has it.
///
/// *Proof.* h = x·w + d, |d| ≤ 2^−53·|x·w| < 2^50, and `low` = −d exactly (an error of rounding is a double).
/// |x·w|/q is at most (2^52 − 1)·(q − 1)/2q ≤ 2^51 − 1. h·`inverse` is x·w/q up to e = (2^−52 +
/// 2^−106)·|x·w|/q < 1/2, so of magnitude below 2^51, and its quotient k, an integer, is within 1/2 + e of
/// x·w/q. Hence r = x·w − k·q is at most q/2 + e·q; with |w| < q/2 < 2^51 that is below q/2 + |x|/2, and as e
/// < 1/2 below q. As h − k·q = r + d is an integer below 2^52 + 2^50, the second fused operation does not
/// round; nor does the sum r.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn mul(x: __m256d, w: __m256d, field: Field) -> __m256d {
    let high = _mm256_mul_pd(x, w);
    let low = _mm256_fmsub_pd(x, w, high);
    _mm256_add_pd(_mm256_fnmadd_pd(quotient(high, field), field.q, high), low)
}

/// x mod q, of magnitude at most q/2 + 1, for integers |x| < 2^53.
///
/// *Proof.* x·`inverse` is x/q up to 1/q, so the quotient is within 1/2 + 1/q of x/q; x less its multiple of
/// q is an integer below 2^53, which the fused operation does not round.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn reduce(x: __m256d, field: Field) -> __m256d {
    _mm256_fnmadd_pd(quotient(x, field), field.q, x)
}

/// Integers x, |x| < 2^51, as words below q: what [`reduce`] leaves.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn canonical(x: __m256d, field: Field) -> __m256i {
    let rounder = splat(ROUNDER);
    let signed =
        _mm256_sub_epi64(_mm256_castpd_si256(_mm256_add_pd(x, rounder)), _mm256_castpd_si256(rounder));
    let negative = _mm256_cmpgt_epi64(_mm256_setzero_si256(), signed);
    _mm256_add_epi64(signed, _mm256_and_si256(negative, field.word))
}

/// Residues below q as multipliers: integers w with |w| < q/2.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn centred(residues: __m256i, field: Field) -> __m256d {
    let over = _mm256_cmpgt_epi64(residues, field.half);
    signed_to_double(_mm256_sub_epi64(residues, _mm256_and_si256(over, field.word)))
}

/// A multiplier in all lanes.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn factor(residue: u64, field: Field) -> __m256d {
    centred(splat_words(residue), field)
}
