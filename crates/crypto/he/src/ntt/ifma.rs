//! The operations of [`Ntt`] on AVX-512 IFMA: eight residues a register, products of 52 bits.
//!
//! Everything here has a twin in `scalar` with the same results; the tests hold the two together.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::{Kernel, MAX_TERMS, Ntt, Roots, Sums, Term, quarters};
use crate::modulus::Shoup;

/// Proof that the processor has the instructions used here.
#[derive(Debug)]
pub(super) struct Ifma(());

impl Ifma {
    pub(super) fn detect() -> Option<&'static Self> {
        let found = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512ifma");
        found.then_some(&Self(()))
    }

    /// Runs `f`, whose loops the compiler may then vectorise for AVX-512 where it inlines them.
    pub(super) fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        // SAFETY: `self` proves that the processor has the features; so in every function below.
        unsafe { run(f) }
    }
}

impl Kernel for Ifma {
    fn name(&self) -> &'static str {
        "AVX-512 IFMA"
    }

    fn forward(&self, ntt: &Ntt, values: &mut [u64]) {
        // SAFETY: see `run`.
        unsafe { forward(ntt, values) }
    }

    fn inverse(&self, ntt: &Ntt, values: &mut [u64]) {
        // SAFETY: see `run`.
        unsafe { inverse(ntt, values) }
    }

    fn multiply_accumulate(&self, sums: &mut [Sums; 2], factors: [&[u64]; 2], w: &[u64]) {
        // SAFETY: see `run`.
        unsafe { multiply_accumulate(sums, factors, w) }
    }

    fn reduce(&self, ntt: &Ntt, sums: &Sums, out: &mut [u64]) {
        // SAFETY: see `run`.
        unsafe { reduce(ntt, sums, out) }
    }

    fn scale(&self, ntt: &Ntt, values: &mut [u64], w: Shoup) {
        // SAFETY: see `run`.
        unsafe { scale(ntt, values, w) }
    }

    fn multiply(&self, ntt: &Ntt, values: &mut [u64], w: &[u64]) {
        // SAFETY: see `run`.
        unsafe { multiply(ntt, values, w) }
    }

    fn combine(&self, ntt: &Ntt, buffer: &[u64], rows: &[Vec<Term>], out: &mut [u64]) {
        // SAFETY: see `run`.
        unsafe { combine(ntt, buffer, rows, out) }
    }
}

/// Eight words as a register.
type Lanes = [u64; 8];

#[inline]
#[target_feature(enable = "avx512f")]
fn load(words: &Lanes) -> __m512i {
    // SAFETY: `words` is 64 bytes long, and the load needs no alignment.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(words: &mut Lanes, v: __m512i) {
    // SAFETY: `words` is 64 bytes long, and the store needs no alignment.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), v) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn splat(x: u64) -> __m512i {
    _mm512_set1_epi64(x as i64)
}

/// x − m where x ≥ m, lane by lane, for x < 2m.
#[inline]
#[target_feature(enable = "avx512f")]
fn reduce_once(x: __m512i, m: __m512i) -> __m512i {
    _mm512_min_epu64(x, _mm512_sub_epi64(x, m))
}

/// A multiplier with its quotient, 52-bit.
#[derive(Clone, Copy)]
struct Factor {
    value: __m512i,
    quotient: __m512i,
}

#[inline]
#[target_feature(enable = "avx512f")]
fn splat_factor(s: Shoup) -> Factor {
    Factor { value: splat(s.value), quotient: splat(s.quotient >> 12) }
}

/// Multipliers `first..first + COUNT` of `roots`, each in 8/COUNT adjacent lanes. Eight must follow `first`.
#[inline]
#[target_feature(enable = "avx512f")]
fn spread<const COUNT: usize>(roots: &Roots, first: usize) -> Factor {
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
    let eight = |words: &'_ [u64]| *words[first..].first_chunk::<8>().expect("eight multipliers follow");
    let value = _mm512_permutexvar_epi64(order, load(&eight(&roots.values)));
    let quotient = _mm512_permutexvar_epi64(order, load(&eight(&roots.quotients)));
    Factor { value, quotient: _mm512_srli_epi64::<12>(quotient) }
}

/// x·w mod q up to one q, for x < 2^52: Shoup's product.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn mul_lazy(x: __m512i, w: Factor, q: __m512i) -> __m512i {
    let zero = _mm512_setzero_si512();
    let quotient = _mm512_madd52hi_epu64(zero, x, w.quotient);
    let product = _mm512_madd52lo_epu64(zero, x, w.value);
    let multiple = _mm512_madd52lo_epu64(zero, quotient, q);
    _mm512_and_si512(_mm512_sub_epi64(product, multiple), splat((1 << 52) - 1))
}

/// The forward butterfly: both inputs and outputs below 4q.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn butterfly(x: __m512i, y: __m512i, w: Factor, q: __m512i, two_q: __m512i) -> [__m512i; 2] {
    let u = reduce_once(x, two_q);
    let v = mul_lazy(y, w, q);
    [_mm512_add_epi64(u, v), _mm512_sub_epi64(_mm512_add_epi64(u, two_q), v)]
}

/// The inverse butterfly: both inputs and outputs below 2q.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn inverse_butterfly(u: __m512i, v: __m512i, w: Factor, q: __m512i, two_q: __m512i) -> [__m512i; 2] {
    let difference = _mm512_sub_epi64(_mm512_add_epi64(u, two_q), v);
    [reduce_once(_mm512_add_epi64(u, v), two_q), mul_lazy(difference, w, q)]
}

/// Permutations of the sixteen words of two registers, for butterflies at distance 4, 2 and 1.
mod order {
    use super::Lanes;

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
fn forward(ntt: &Ntt, values: &mut [u64]) {
    let (q, two_q) = (splat(ntt.modulus.value()), splat(2 * ntt.modulus.value()));
    let mut half = values.len() / 2;
    let mut groups = 1;
    // Two levels at a time, so that every word is read and written half as often.
    while half >= 16 {
        for (group, block) in values.chunks_exact_mut(2 * half).enumerate() {
            let w = splat_factor(ntt.roots.at(groups + group));
            let w_low = splat_factor(ntt.roots.at(2 * (groups + group)));
            let w_high = splat_factor(ntt.roots.at(2 * (groups + group) + 1));
            for [a, b, c, d] in quarters::<8>(block) {
                let [x, z] = butterfly(load(a), load(c), w, q, two_q);
                let [y, t] = butterfly(load(b), load(d), w, q, two_q);
                let [x, y] = butterfly(x, y, w_low, q, two_q);
                let [z, t] = butterfly(z, t, w_high, q, two_q);
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
            let w = splat_factor(ntt.roots.at(groups + group));
            let [sum, difference] = butterfly(load(x), load(y), w, q, two_q);
            store(x, sum);
            store(y, difference);
        }
        groups *= 2;
    }
    // Here `groups` is N/8, and sixteen words hold two groups, then four, then eight.
    for (i, words) in values.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let [low, high] = words.as_chunks_mut::<8>().0 else { unreachable!("sixteen words") };
        let [x, y] = shuffle([load(low), load(high)], &order::TO_4);
        let w = spread::<2>(&ntt.roots, groups + 2 * i);
        let [x, y] = shuffle(butterfly(x, y, w, q, two_q), &order::FOUR_TO_2);
        let w = spread::<4>(&ntt.roots, 2 * groups + 4 * i);
        let [x, y] = shuffle(butterfly(x, y, w, q, two_q), &order::TWO_TO_1);
        let w = spread::<8>(&ntt.roots, 4 * groups + 8 * i);
        let both = shuffle(butterfly(x, y, w, q, two_q), &order::FROM_1);
        store(low, reduce_once(reduce_once(both[0], two_q), q));
        store(high, reduce_once(reduce_once(both[1], two_q), q));
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn inverse(ntt: &Ntt, values: &mut [u64]) {
    let (q, two_q) = (splat(ntt.modulus.value()), splat(2 * ntt.modulus.value()));
    let mut groups = values.len() / 8;
    for (i, words) in values.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let [low, high] = words.as_chunks_mut::<8>().0 else { unreachable!("sixteen words") };
        let [x, y] = shuffle([load(low), load(high)], &order::TO_1);
        let w = spread::<8>(&ntt.inverse_roots, 4 * groups + 8 * i);
        let [x, y] = shuffle(inverse_butterfly(x, y, w, q, two_q), &order::ONE_TO_2);
        let w = spread::<4>(&ntt.inverse_roots, 2 * groups + 4 * i);
        let [x, y] = shuffle(inverse_butterfly(x, y, w, q, two_q), &order::TWO_TO_4);
        let w = spread::<2>(&ntt.inverse_roots, groups + 2 * i);
        let both = shuffle(inverse_butterfly(x, y, w, q, two_q), &order::FROM_4);
        store(low, both[0]);
        store(high, both[1]);
    }
    let mut half = 8;
    groups /= 2;
    if groups.trailing_zeros().is_multiple_of(2) {
        // An odd number of levels is left.
        for (group, block) in values.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            let [x, y] = block.as_chunks_mut::<8>().0 else { unreachable!("sixteen words") };
            let w = splat_factor(ntt.inverse_roots.at(groups + group));
            let [sum, difference] = inverse_butterfly(load(x), load(y), w, q, two_q);
            store(x, sum);
            store(y, difference);
        }
        groups /= 2;
        half *= 2;
    }
    while groups > 0 {
        for (group, block) in values.chunks_exact_mut(4 * half).enumerate() {
            let w_low = splat_factor(ntt.inverse_roots.at(groups + 2 * group));
            let w_high = splat_factor(ntt.inverse_roots.at(groups + 2 * group + 1));
            let w = splat_factor(ntt.inverse_roots.at(groups / 2 + group));
            for [a, b, c, d] in quarters::<8>(block) {
                let [x, y] = inverse_butterfly(load(a), load(b), w_low, q, two_q);
                let [z, t] = inverse_butterfly(load(c), load(d), w_high, q, two_q);
                let [x, z] = inverse_butterfly(x, z, w, q, two_q);
                let [y, t] = inverse_butterfly(y, t, w, q, two_q);
                store(a, x);
                store(b, y);
                store(c, z);
                store(d, t);
            }
        }
        groups /= 4;
        half *= 4;
    }
    let scale = splat_factor(ntt.inverse_degree);
    for x in values.as_chunks_mut().0 {
        store(x, reduce_once(mul_lazy(load(x), scale, q), q));
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn multiply_accumulate([sums_a, sums_b]: &mut [Sums; 2], [a, b]: [&[u64]; 2], w: &[u64]) {
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
    let two_q = _mm512_add_epi64(q, q);
    let a = mul_lazy(_mm512_and_si512(low, mask), limbs[0], q);
    let b = mul_lazy(_mm512_and_si512(high, mask), limbs[1], q);
    let c = mul_lazy(_mm512_srli_epi64::<52>(high), limbs[2], q);
    let sum = reduce_once(_mm512_add_epi64(a, b), two_q);
    let sum = reduce_once(_mm512_add_epi64(sum, c), two_q);
    reduce_once(sum, q)
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn reduce(ntt: &Ntt, sums: &Sums, out: &mut [u64]) {
    let q = splat(ntt.modulus.value());
    let limbs = [splat_factor(ntt.limbs[0]), splat_factor(ntt.limbs[1]), splat_factor(ntt.limbs[2])];
    let sums = sums.low.as_chunks().0.iter().zip(sums.high.as_chunks().0);
    for (out, (low, high)) in out.as_chunks_mut().0.iter_mut().zip(sums) {
        store(out, fold(load(low), load(high), limbs, q));
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn scale(ntt: &Ntt, values: &mut [u64], w: Shoup) {
    let (q, w) = (splat(ntt.modulus.value()), splat_factor(w));
    for x in values.as_chunks_mut().0 {
        store(x, reduce_once(mul_lazy(load(x), w, q), q));
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma")]
fn run<R>(f: impl FnOnce() -> R) -> R {
    f()
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn multiply(ntt: &Ntt, values: &mut [u64], w: &[u64]) {
    let q = splat(ntt.modulus.value());
    let limbs = [splat_factor(ntt.limbs[0]), splat_factor(ntt.limbs[1]), splat_factor(ntt.limbs[2])];
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
fn combine(ntt: &Ntt, buffer: &[u64], rows: &[Vec<Term>], out: &mut [u64]) {
    let q = splat(ntt.modulus.value());
    let limbs = [splat_factor(ntt.limbs[0]), splat_factor(ntt.limbs[1]), splat_factor(ntt.limbs[2])];
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
