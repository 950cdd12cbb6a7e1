//! The operations of [`Ntt`] on AVX2 and FMA: four residues a register, products in double precision.
//!
//! AVX2 multiplies no integers longer than 32 bits, but a fused multiply-add rounds once: of the product of two integers its
//! upper half is a·b rounded, h, and its lower half exactly a·b − h. Residues are therefore doubles with integer values, as in
//! "Modular SIMD arithmetic in Mathemagix" (van der Hoeven, Lecerf, Quintin, ACM TOMS 43, 2016), here of either sign and reduced
//! lazily; from the first level of a transform to the last they stay doubles, in the memory of the words.
//!
//! Why nothing is rounded that must be exact is said at [`mul`] and at each butterfly. All of it assumes rounding to nearest, as
//! all Rust code may. No operand is ever subnormal, so time does not depend on the values.
//!
//! Everything here has a twin in `scalar` with the same results; the tests hold the two together.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::{Kernel, MAX_TERMS, Ntt, Roots, Sums, Term, quarters};
use crate::modulus::{Modulus, Shoup};

/// Proof that the processor has the instructions used here.
#[derive(Debug)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<&'static Self> {
        let found = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        found.then_some(&Self(()))
    }

    /// Runs `f`, whose loops the compiler may then vectorise for AVX2 where it inlines them.
    pub(super) fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        // SAFETY: `self` proves that the processor has the features; so in every function below.
        unsafe { run(f) }
    }
}

impl Kernel for Avx2 {
    fn name(&self) -> &'static str {
        "AVX2"
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
        unsafe { reduce_sums(ntt, sums, out) }
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

/// Four words as a register: integers, or doubles by their bits.
type Lanes = [u64; 4];

#[inline]
#[target_feature(enable = "avx2")]
fn load(words: &Lanes) -> __m256d {
    // SAFETY: `words` is 32 bytes long, and the load needs no alignment.
    unsafe { _mm256_loadu_pd(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(words: &mut Lanes, v: __m256d) {
    // SAFETY: `words` is 32 bytes long, and the store needs no alignment.
    unsafe { _mm256_storeu_pd(words.as_mut_ptr().cast(), v) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_words(words: &Lanes) -> __m256i {
    _mm256_castpd_si256(load(words))
}

#[inline]
#[target_feature(enable = "avx2")]
fn store_words(words: &mut Lanes, v: __m256i) {
    store(words, _mm256_castsi256_pd(v));
}

#[inline]
#[target_feature(enable = "avx2")]
fn splat(x: f64) -> __m256d {
    _mm256_set1_pd(x)
}

#[inline]
#[target_feature(enable = "avx2")]
fn splat_words(x: u64) -> __m256i {
    _mm256_set1_epi64x(x as i64)
}

/// 2^k.
const fn power(k: u64) -> f64 {
    f64::from_bits((1023 + k) << 52)
}

/// Doubles from 2^52 to 2^53 are the integers. Added to a number of magnitude below 2^51, this one rounds it to the nearest
/// integer and leaves that integer in the low bits; subtracted, it leaves the integer as a double.
const ROUNDER: f64 = power(52) + power(51);

/// Integers below 2^52 as doubles.
#[inline]
#[target_feature(enable = "avx2")]
fn to_double(words: __m256i) -> __m256d {
    let exponent = splat(power(52));
    _mm256_sub_pd(_mm256_or_pd(_mm256_castsi256_pd(words), exponent), exponent)
}

/// Signed integers of magnitude below 2^51 as doubles.
#[inline]
#[target_feature(enable = "avx2")]
fn signed_to_double(words: __m256i) -> __m256d {
    let rounder = splat(ROUNDER);
    _mm256_sub_pd(_mm256_castsi256_pd(_mm256_add_epi64(words, _mm256_castpd_si256(rounder))), rounder)
}

/// A prime q, splatted.
#[derive(Clone, Copy)]
struct Field {
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
    fn new(m: Modulus) -> Self {
        let q = m.value();
        Self {
            q: splat(q as f64),
            inverse: splat(1.0 / q as f64),
            word: splat_words(q),
            half: splat_words(q / 2),
        }
    }
}

/// The integer nearest x/q up to a rounding, for |x|/q < 2^51 − 1.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn quotient(x: __m256d, field: Field) -> __m256d {
    let rounder = splat(ROUNDER);
    _mm256_sub_pd(_mm256_fmadd_pd(x, field.inverse, rounder), rounder)
}

/// x·w mod q, of magnitude at most q/2 + (2^−52 + 2^−106)·|x·w|, for integers with |x·w| ≤ 2^101 and |x·w|/q < 2^51 − 1.
///
/// *Proof.* h = x·w + d, |d| ≤ 2^−53·|x·w| ≤ 2^48, and `low` = −d exactly (an error of rounding is a double). h·`inverse` is
/// x·w/q up to e = (2^−52 + 2^−106)·|x·w|/q < 1/2, so of magnitude below 2^51, and its quotient k, an integer, is within
/// 1/2 + e of x·w/q. Hence r = x·w − k·q is at most q/2 + e·q, below 2^50 + 1. h − k·q = r + d is an integer below 2^53, so the
/// second fused operation does not round; nor does the sum r.
///
/// With |w| < q/2, as [`centred`] has it, that is for all |x| < 2^52: the last condition as 2^51·(q − 1)/q < 2^51 − 2. Then
/// |r| < q/2 + q·|x|·2^−53, so below both q/2 + |x|/8 and q.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn mul(x: __m256d, w: __m256d, field: Field) -> __m256d {
    let high = _mm256_mul_pd(x, w);
    let low = _mm256_fmsub_pd(x, w, high);
    _mm256_add_pd(_mm256_fnmadd_pd(quotient(high, field), field.q, high), low)
}

/// x mod q, of magnitude at most q/2 + 1, for integers |x| < 2^53.
///
/// *Proof.* x·`inverse` is x/q up to 1/q, so the quotient is within 1/2 + 1/q of x/q; x less its multiple of q is an integer below
/// 2^53, which the fused operation does not round.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn reduce(x: __m256d, field: Field) -> __m256d {
    _mm256_fnmadd_pd(quotient(x, field), field.q, x)
}

/// Integers x, |x| < q, as words below q.
#[inline]
#[target_feature(enable = "avx2")]
fn canonical(x: __m256d, field: Field) -> __m256i {
    let rounder = splat(ROUNDER);
    let signed =
        _mm256_sub_epi64(_mm256_castpd_si256(_mm256_add_pd(x, rounder)), _mm256_castpd_si256(rounder));
    let negative = _mm256_cmpgt_epi64(_mm256_setzero_si256(), signed);
    _mm256_add_epi64(signed, _mm256_and_si256(negative, field.word))
}

/// Residues below q as multipliers: integers w with |w| < q/2.
#[inline]
#[target_feature(enable = "avx2")]
fn centred(residues: __m256i, field: Field) -> __m256d {
    let over = _mm256_cmpgt_epi64(residues, field.half);
    signed_to_double(_mm256_sub_epi64(residues, _mm256_and_si256(over, field.word)))
}

/// A multiplier in all lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn factor(residue: u64, field: Field) -> __m256d {
    centred(splat_words(residue), field)
}

/// Multipliers `first..first + COUNT` of `roots`, each in 4/COUNT adjacent lanes. Four must follow `first`.
#[inline]
#[target_feature(enable = "avx2")]
fn spread<const COUNT: usize>(roots: &Roots, first: usize, field: Field) -> __m256d {
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
/// *Proof.* In units of q, rounded up: a is reduced to 0.51. On the first level products are below 1/2 + 9/32; x and z are
/// below 1.30, y and t below 3.04, in words below 2^52. On the second level products are below 1/2 + 3.04/8 = 0.88, outputs
/// below 1.30 + 0.88.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn two_levels([a, b, c, d]: [__m256d; 4], [w, w_low, w_high]: [__m256d; 3], field: Field) -> [__m256d; 4] {
    let [x, z] = butterfly(reduce(a, field), c, w, field);
    let [y, t] = butterfly(b, d, w, field);
    let [x, y] = butterfly(x, y, w_low, field);
    let [z, t] = butterfly(z, t, w_high, field);
    [x, y, z, t]
}

#[target_feature(enable = "avx2,fma")]
fn forward(ntt: &Ntt, values: &mut [u64]) {
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
    // No more is reduced before the end: in units of q, values stay below 3.04 on a level by itself, below 3.92 on the last but
    // one, and 4.91 on the last. What is multiplied is below 4, or 2^52, and all is below 2^53.
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
/// *Proof.* In units of q: sums and differences of the first level are below 2, products below 1/2 + 2/8. On the second level x and
/// z add up and differ by less than 4, which is below 2^52; their product is below 1/2 + 4/8. Those of y and t are below 3/2. Sums
/// are reduced.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn two_inverse_levels(
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
fn inverse(ntt: &Ntt, values: &mut [u64]) {
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

/// What [`product`] adds to one: of doubles from 2^103 to 2^104 all are multiples of 2^51.
const HIGH: f64 = power(103);
/// The bits of 3·2^51 and of the above: what words hold besides their parts of a product.
const BIASES: [u64; 2] = [ROUNDER.to_bits(), HIGH.to_bits()];

/// Words that are, less their [`BIASES`], l and h with a·w = l + 2^51·h, |l| ≤ 2^50 and 0 ≤ h ≤ 2^49, for integers a, w from 0
/// to 2^50. After Emmart, Zheng, Weems, "Faster modular exponentiation using double precision floating point arithmetic on the GPU",
/// ARITH 2018, but rounding to nearest.
///
/// *Proof.* 2^103 + a·w rounds to 2^103 + 2^51·h, with h the integer nearest a·w/2^51. 2^103 + 3·2^51 less that is
/// 2^51·(3 − h), exactly, and a·w + 2^51·(3 − h) = 3·2^51 + l is an integer from 2^52 to 2^53: a double.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn product(a: __m256d, w: __m256d) -> [__m256i; 2] {
    let high = _mm256_fmadd_pd(a, w, splat(HIGH));
    let low = _mm256_fmadd_pd(a, w, _mm256_sub_pd(splat(HIGH + ROUNDER), high));
    [_mm256_castpd_si256(low), _mm256_castpd_si256(high)]
}

/// Limbs of [`Sums`]: here, low + 2^51·high with a *signed* low limb, of magnitude at most 2^62 after [`MAX_TERMS`].
#[target_feature(enable = "avx2,fma")]
fn multiply_accumulate([sums_a, sums_b]: &mut [Sums; 2], [a, b]: [&[u64]; 2], w: &[u64]) {
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

/// 2^51 mod q, for [`fold`].
#[inline]
#[target_feature(enable = "avx2")]
fn limb(m: Modulus) -> __m256d {
    factor((1 << 51) % m.value(), Field::new(m))
}

/// low + 2^51·high mod q, as words below q, for low from −2^62 to 2^62 and high up to 2^61, if the value is not negative.
///
/// *Proof.* What low exceeds 51 bits by is carried to high, which then is the value's quotient by 2^51 and below 2^62. Its own
/// two limbs, below 2^51 and 2^11, and the lowest make it a polynomial in 2^51, by Horner's rule: the first product is below
/// q/2 + 2^8, the sum with a limb below 2^49 + 2^8 + 2^51 < 2^52, the second product below q.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn fold(low: __m256i, high: __m256i, limb: __m256d, field: Field) -> __m256i {
    let mask = splat_words((1 << 51) - 1);
    // Without a sign while it is shifted.
    let low = _mm256_add_epi64(low, splat_words(1 << 62));
    let carry = _mm256_sub_epi64(_mm256_srli_epi64::<51>(low), splat_words(1 << (62 - 51)));
    let high = _mm256_add_epi64(high, carry);
    let limbs = [
        to_double(_mm256_and_si256(low, mask)),
        to_double(_mm256_and_si256(high, mask)),
        to_double(_mm256_srli_epi64::<51>(high)),
    ];
    let sum = _mm256_add_pd(mul(limbs[2], limb, field), limbs[1]);
    let sum = _mm256_add_pd(mul(sum, limb, field), limbs[0]);
    canonical(reduce(sum, field), field)
}

#[target_feature(enable = "avx2,fma")]
fn reduce_sums(ntt: &Ntt, sums: &Sums, out: &mut [u64]) {
    let (field, limb) = (Field::new(ntt.modulus), limb(ntt.modulus));
    let sums = sums.low.as_chunks().0.iter().zip(sums.high.as_chunks().0);
    for (out, (low, high)) in out.as_chunks_mut().0.iter_mut().zip(sums) {
        store_words(out, fold(load_words(low), load_words(high), limb, field));
    }
}

#[target_feature(enable = "avx2,fma")]
fn scale(ntt: &Ntt, values: &mut [u64], w: Shoup) {
    let field = Field::new(ntt.modulus);
    let w = factor(w.value, field);
    for x in values.as_chunks_mut().0 {
        store_words(x, canonical(mul(to_double(load_words(x)), w, field), field));
    }
}

#[target_feature(enable = "avx2,fma")]
fn run<R>(f: impl FnOnce() -> R) -> R {
    f()
}

/// Both factors are below q < 2^50: products are below q/2 + q/4 + 1.
#[target_feature(enable = "avx2,fma")]
fn multiply(ntt: &Ntt, values: &mut [u64], w: &[u64]) {
    let field = Field::new(ntt.modulus);
    for (x, w) in values.as_chunks_mut().0.iter_mut().zip(w.as_chunks().0) {
        let product = mul(to_double(load_words(x)), to_double(load_words(w)), field);
        store_words(x, canonical(product, field));
    }
}

/// Registers of a row that are summed at once, and the words they hold.
const REGISTERS: usize = 4;
const BLOCK: usize = 4 * REGISTERS;

/// Block by block of all rows, so that what they read of the buffer stays in the cache.
#[target_feature(enable = "avx2,fma")]
fn combine(ntt: &Ntt, buffer: &[u64], rows: &[Vec<Term>], out: &mut [u64]) {
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
                    sums[r] = reduce(_mm256_add_pd(sums[r], sum), field);
                }
            }
            for (out, sum) in out[at..][..BLOCK].as_chunks_mut().0.iter_mut().zip(sums) {
                store_words(out, canonical(sum, field));
            }
        }
    }
}

#[cfg(test)]
mod tests;
