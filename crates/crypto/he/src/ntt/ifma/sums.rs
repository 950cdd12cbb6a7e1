//! Products point by point, and their sums in two limbs.

use std::arch::x86_64::*;

use super::field::{Factor, load, mul, reduce_once, splat, splat_factor, store};
use crate::modulus::Shoup;
use crate::ntt::tables::{MAX_TERMS, Ntt, Sums, Term};

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn multiply_accumulate([sums_a, sums_b]: &mut [Sums; 2], [a, b]: [&[u64]; 2], w: &[u64]) {
    let accumulate = sums_a.low.as_chunks_mut().0.iter_mut().zip(sums_a.high.as_chunks_mut().0);
    let accumulate =
        accumulate.zip(sums_b.low.as_chunks_mut().0.iter_mut().zip(sums_b.high.as_chunks_mut().0));
    let factors = a.as_chunks().0.iter().zip(b.as_chunks().0).zip(w.as_chunks().0);
    for (((low_a, high_a), (low_b, high_b)), ((a, b), w)) in accumulate.zip(factors) {
        let (a, b, w) = (load(a), load(b), load(w));
        store(low_a, _mm512_madd52lo_epu64(load(low_a), a, w));
        store(high_a, _mm512_madd52hi_epu64(load(high_a), a, w));
        store(low_b, _mm512_madd52lo_epu64(load(low_b), b, w));
        store(high_b, _mm512_madd52hi_epu64(load(high_b), b, w));
    }
}

/// low + 2^52·high mod q, for high < 2^63.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn fold(low: __m512i, high: __m512i, limbs: [Factor; 3], q: __m512i) -> __m512i {
    let mask = splat((1 << 52) - 1);
    let high = _mm512_add_epi64(high, _mm512_srli_epi64::<52>(low));
    let a = mul(_mm512_and_si512(low, mask), limbs[0], q);
    let b = mul(_mm512_and_si512(high, mask), limbs[1], q);
    let c = mul(_mm512_srli_epi64::<52>(high), limbs[2], q);
    let sum = reduce_once(_mm512_add_epi64(a, b), q);
    reduce_once(_mm512_add_epi64(sum, c), q)
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn reduce(ntt: &Ntt, sums: &Sums, out: &mut [u64]) {
    let q = splat(ntt.modulus.value());
    let limbs = ntt.limbs.map(|limb| splat_factor(limb, q));
    let sums = sums.low.as_chunks().0.iter().zip(sums.high.as_chunks().0);
    for (out, (low, high)) in out.as_chunks_mut().0.iter_mut().zip(sums) {
        store(out, fold(load(low), load(high), limbs, q));
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn scale(ntt: &Ntt, values: &mut [u64], w: Shoup) {
    let q = splat(ntt.modulus.value());
    let w = splat_factor(w, q);
    for x in values.as_chunks_mut().0 {
        store(x, mul(load(x), w, q));
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn multiply(ntt: &Ntt, values: &mut [u64], w: &[u64]) {
    let q = splat(ntt.modulus.value());
    let limbs = ntt.limbs.map(|limb| splat_factor(limb, q));
    let zero = _mm512_setzero_si512();
    for (x, w) in values.as_chunks_mut().0.iter_mut().zip(w.as_chunks().0) {
        let (a, b) = (load(x), load(w));
        let product = fold(_mm512_madd52lo_epu64(zero, a, b), _mm512_madd52hi_epu64(zero, a, b), limbs, q);
        store(x, product);
    }
}

/// Registers of a row that are summed at once, and the words they hold.
const REGISTERS: usize = 8;
const BLOCK: usize = 8 * REGISTERS;

/// Block by block of all rows, so that what they read of the buffer stays in the cache.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn combine(ntt: &Ntt, buffer: &[u64], rows: &[Vec<Term>], out: &mut [u64]) {
    let q = splat(ntt.modulus.value());
    let limbs = ntt.limbs.map(|limb| splat_factor(limb, q));
    for at in (0..ntt.degree).step_by(BLOCK) {
        for (terms, out) in rows.iter().zip(out.chunks_exact_mut(ntt.degree)) {
            let mut sums = [_mm512_setzero_si512(); REGISTERS];
            for terms in terms.chunks(MAX_TERMS) {
                let mut low = [_mm512_setzero_si512(); REGISTERS];
                let mut high = low;
                for term in terms {
                    let w = splat(term.weight);
                    let words = buffer[term.start + at..][..BLOCK].as_chunks().0;
                    for r in 0..REGISTERS {
                        let x = load(&words[r]);
                        low[r] = _mm512_madd52lo_epu64(low[r], x, w);
                        high[r] = _mm512_madd52hi_epu64(high[r], x, w);
                    }
                }
                for r in 0..REGISTERS {
                    sums[r] = reduce_once(_mm512_add_epi64(sums[r], fold(low[r], high[r], limbs, q)), q);
                }
            }
            for (out, sum) in out[at..][..BLOCK].as_chunks_mut().0.iter_mut().zip(sums) {
                store(out, sum);
            }
        }
    }
}
