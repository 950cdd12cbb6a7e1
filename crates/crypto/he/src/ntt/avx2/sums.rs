//! Products point by point, and their sums in two limbs.

use std::arch::x86_64::*;

use super::field::{
    self, Field, ROUNDER, canonical, centred, factor, load_words, mul, power, splat, splat_words,
    store_words, to_double,
};
use crate::modulus::{Modulus, Shoup};
use crate::ntt::tables::{MAX_TERMS, Ntt, Sums, Term};

/// What [`product`] adds to one: of doubles from 2^104 to 2^105 all are multiples of 2^52.
const HIGH: f64 = power(104);
/// The bits of 3·2^51 and of the above: what words hold besides their parts of a product.
pub(super) const BIASES: [u64; 2] = [ROUNDER.to_bits(), HIGH.to_bits()];

/// Words that are, less their [`BIASES`], l and h with a·w = l + 2^52·h, |l| ≤ 2^51 and 0 ≤ h < 2^52, for
/// integers a, w from 0 to 2^52 − 1. After Emmart, Zheng, Weems, "Faster modular exponentiation using double
/// precision floating point arithmetic on the GPU", ARITH 2018, but rounding to nearest.
///
/// *Proof.* 2^104 + a·w rounds to 2^104 + 2^52·h, with h the integer nearest a·w/2^52. Less 2^104 that is
/// 2^52·h, exactly, and a·w − 2^52·h = l is an integer of at most 2^51: a double. So is 3·2^51 + l, from 2^52
/// to 2^53.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn product(a: __m256d, w: __m256d) -> [__m256i; 2] {
    let high = _mm256_fmadd_pd(a, w, splat(HIGH));
    let low = _mm256_fmsub_pd(a, w, _mm256_sub_pd(high, splat(HIGH)));
    [_mm256_castpd_si256(_mm256_add_pd(low, splat(ROUNDER))), _mm256_castpd_si256(high)]
}

/// Limbs of [`Sums`]: here low + 2^52·high with a *signed* low limb, of magnitude at most 2^61 after
/// [`MAX_TERMS`], and a high one below 2^62.
#[target_feature(enable = "avx2,fma")]
pub(super) fn multiply_accumulate([sums_a, sums_b]: &mut [Sums; 2], [a, b]: [&[u64]; 2], w: &[u64]) {
    let biases = BIASES.map(|bias| splat_words(bias));
    let accumulate = sums_a.low.as_chunks_mut().0.iter_mut().zip(sums_a.high.as_chunks_mut().0);
    let accumulate =
        accumulate.zip(sums_b.low.as_chunks_mut().0.iter_mut().zip(sums_b.high.as_chunks_mut().0));
    let factors = a.as_chunks().0.iter().zip(b.as_chunks().0).zip(w.as_chunks().0);
    for ((sums_a, sums_b), ((a, b), w)) in accumulate.zip(factors) {
        let w = to_double(load_words(w));
        for ((low, high), x) in [(sums_a, a), (sums_b, b)] {
            let [l, h] = product(to_double(load_words(x)), w);
            store_words(low, _mm256_add_epi64(load_words(low), _mm256_sub_epi64(l, biases[0])));
            store_words(high, _mm256_add_epi64(load_words(high), _mm256_sub_epi64(h, biases[1])));
        }
    }
}

/// 2^52 mod q, for [`fold`].
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn limb(m: Modulus) -> __m256d {
    factor((1 << 52) % m.value(), Field::new(m))
}

/// low + 2^52·high mod q, as words below q, for low from −2^62 to 2^62 and high up to 2^62, if the value is
/// not negative.
///
/// *Proof.* What low exceeds 52 bits by is carried to high, which then is the value's quotient by 2^52 and
/// below 2^63. Its own two limbs, below 2^52 and 2^11, and the lowest make it a polynomial in 2^52, by
/// Horner's rule: a product is below q, its sum with a limb below 2^53, which is reduced before it is
/// multiplied.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn fold(low: __m256i, high: __m256i, limb: __m256d, field: Field) -> __m256i {
    let mask = splat_words((1 << 52) - 1);
    // Without a sign while it is shifted.
    let low = _mm256_add_epi64(low, splat_words(1 << 62));
    let carry = _mm256_sub_epi64(_mm256_srli_epi64::<52>(low), splat_words(1 << (62 - 52)));
    let high = _mm256_add_epi64(high, carry);
    let limbs = [
        to_double(_mm256_and_si256(low, mask)),
        to_double(_mm256_and_si256(high, mask)),
        to_double(_mm256_srli_epi64::<52>(high)),
    ];
    let sum = _mm256_add_pd(mul(limbs[2], limb, field), limbs[1]);
    let sum = _mm256_add_pd(mul(field::reduce(sum, field), limb, field), limbs[0]);
    canonical(field::reduce(sum, field), field)
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn reduce(ntt: &Ntt, sums: &Sums, out: &mut [u64]) {
    let (field, limb) = (Field::new(ntt.modulus), limb(ntt.modulus));
    let sums = sums.low.as_chunks().0.iter().zip(sums.high.as_chunks().0);
    for (out, (low, high)) in out.as_chunks_mut().0.iter_mut().zip(sums) {
        store_words(out, fold(load_words(low), load_words(high), limb, field));
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn scale(ntt: &Ntt, values: &mut [u64], w: Shoup) {
    let field = Field::new(ntt.modulus);
    let w = factor(w.value, field);
    for x in values.as_chunks_mut().0 {
        let product = mul(to_double(load_words(x)), w, field);
        store_words(x, canonical(field::reduce(product, field), field));
    }
}

/// One factor is centred, as [`mul`] asks.
#[target_feature(enable = "avx2,fma")]
pub(super) fn multiply(ntt: &Ntt, values: &mut [u64], w: &[u64]) {
    let field = Field::new(ntt.modulus);
    for (x, w) in values.as_chunks_mut().0.iter_mut().zip(w.as_chunks().0) {
        let product = mul(to_double(load_words(x)), centred(load_words(w), field), field);
        store_words(x, canonical(field::reduce(product, field), field));
    }
}

/// Registers of a row that are summed at once, and the words they hold.
const REGISTERS: usize = 4;
const BLOCK: usize = 4 * REGISTERS;

/// Block by block of all rows, so that what they read of the buffer stays in the cache.
#[target_feature(enable = "avx2,fma")]
pub(super) fn combine(ntt: &Ntt, buffer: &[u64], rows: &[Vec<Term>], out: &mut [u64]) {
    let (field, limb) = (Field::new(ntt.modulus), limb(ntt.modulus));
    for at in (0..ntt.degree).step_by(BLOCK) {
        for (terms, out) in rows.iter().zip(out.chunks_exact_mut(ntt.degree)) {
            let mut sums = [_mm256_setzero_pd(); REGISTERS];
            for terms in terms.chunks(MAX_TERMS) {
                // All biases at once.
                let [low, high] =
                    BIASES.map(|b| splat_words(b.wrapping_mul(terms.len() as u64).wrapping_neg()));
                let (mut low, mut high) = ([low; REGISTERS], [high; REGISTERS]);
                for term in terms {
                    let w = splat(term.weight as f64);
                    let words = buffer[term.start + at..][..BLOCK].as_chunks().0;
                    for r in 0..REGISTERS {
                        let [l, h] = product(to_double(load_words(&words[r])), w);
                        low[r] = _mm256_add_epi64(low[r], l);
                        high[r] = _mm256_add_epi64(high[r], h);
                    }
                }
                for r in 0..REGISTERS {
                    let sum = to_double(fold(low[r], high[r], limb, field));
                    sums[r] = field::reduce(_mm256_add_pd(sums[r], sum), field);
                }
            }
            for (out, sum) in out[at..][..BLOCK].as_chunks_mut().0.iter_mut().zip(sums) {
                store_words(out, canonical(sum, field));
            }
        }
    }
}
