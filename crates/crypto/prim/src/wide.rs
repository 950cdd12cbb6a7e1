//! AES-128 by the vector instructions of x86-64 (VAES on 512-bit registers), four blocks an instruction.
//!
//! Everything here has a twin in `cipher` and `hash` over the `aes` crate, to which the tests hold it. Which
//! of the two runs is decided once a call, by [`Wide::detect`].

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use crate::Block;

/// The eleven round keys of AES-128.
pub(crate) type RoundKeys = [u128; 11];

/// How many blocks have their rounds interleaved: 8 registers of 4, enough to hide the latency of a round.
const GROUP: usize = 32;
/// How many blocks one key hashes in [`Wide::hash_runs`].
const RUN: usize = 16;
/// How many keys are expanded together: one for each 128-bit lane.
pub(crate) const RUNS: usize = 4;

/// Types of 16 bytes without padding, of which any bits are a value: a lane of a register.
///
/// # Safety
/// The type must be just that.
unsafe trait Lane {}
// SAFETY: a `Block` holds a `u128` and no more.
unsafe impl Lane for Block {}
// SAFETY: 16 bytes.
unsafe impl Lane for u128 {}
// SAFETY: 16 bytes.
unsafe impl Lane for [u8; 16] {}

/// Proof that the processor has the instructions used here.
#[derive(Clone, Copy)]
pub(crate) struct Wide(());

impl Wide {
    pub(crate) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("vaes");
        found.then_some(Self(()))
    }

    pub(crate) fn expand_key(self, key: u128) -> RoundKeys {
        // SAFETY: `self` proves that the processor has the features; so in every function below.
        unsafe { expand_keys([key; RUNS]) }.map(|lanes| lanes[0])
    }

    /// The twin of `Cipher::keystream`.
    pub(crate) fn keystream(self, keys: &RoundKeys, counter: u64, out: &mut [[u8; 16]]) {
        // SAFETY: see `expand_key`.
        unsafe { keystream(keys, counter, out) }
    }

    /// The twin of `Cipher::hash`.
    pub(crate) fn hash(self, keys: &RoundKeys, blocks: &mut [Block]) {
        // SAFETY: see `expand_key`.
        unsafe { hash(keys, blocks) }
    }

    /// The twin of `Cipher::double`.
    pub(crate) fn double(self, keys: &RoundKeys, low: &mut [Block], high: &mut [Block]) -> Block {
        assert_eq!(low.len(), high.len(), "halves of different length");
        // SAFETY: see `expand_key`; the lengths agree.
        unsafe { double(keys, low, high) }
    }

    /// The hash of `blocks`, whole runs of 16: those of run r under the key `start` ⊕ (`first_run` + r).
    pub(crate) fn hash_runs(self, start: u128, first_run: u64, blocks: &mut [Block]) {
        let (groups, rest) = blocks.as_chunks_mut::<{ RUN * RUNS }>();
        assert!(rest.is_empty(), "not whole groups of runs");
        for (run, group) in (first_run..).step_by(RUNS).zip(groups) {
            // SAFETY: see `expand_key`.
            unsafe { hash_group(run_keys(start, run), group) }
        }
    }

    /// As [`hash_runs`](Self::hash_runs) of `zeros` into `zeros` and of `zeros` ⊕ `delta` into `ones`.
    pub(crate) fn hash_pair_runs(
        self,
        start: u128,
        first_run: u64,
        delta: Block,
        zeros: &mut [Block],
        ones: &mut [Block],
    ) {
        let (zeros, rest) = zeros.as_chunks_mut::<{ RUN * RUNS }>();
        let (ones, other_rest) = ones.as_chunks_mut::<{ RUN * RUNS }>();
        assert!(rest.is_empty() && other_rest.is_empty(), "not whole groups of runs");
        for (run, (zeros, ones)) in (first_run..).step_by(RUNS).zip(zeros.iter_mut().zip(ones)) {
            // SAFETY: see `expand_key`.
            unsafe { hash_pair_group(run_keys(start, run), delta, zeros, ones) }
        }
    }
}

/// The keys of four runs from `run` on.
fn run_keys(start: u128, run: u64) -> [u128; RUNS] {
    std::array::from_fn(|i| start ^ u128::from(run.wrapping_add(i as u64)))
}

/// The mask of the 64-bit words of a register's first `blocks` blocks.
#[inline]
fn words_of(blocks: usize) -> __mmask8 {
    if blocks >= 4 { 0xff } else { (1 << (2 * blocks)) - 1 }
}

/// The first blocks of `blocks`, as many as fit, zero past its end.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,vaes")]
fn load<const N: usize, T: Lane>(blocks: &[T]) -> [__m512i; N] {
    const { assert!(size_of::<T>() == 16) };
    std::array::from_fn(|i| {
        let at = blocks.as_ptr().wrapping_add(4 * i).cast();
        // SAFETY: the mask keeps the load within `blocks`; masked words are not accessed.
        unsafe { _mm512_maskz_loadu_epi64(words_of(blocks.len().saturating_sub(4 * i)), at) }
    })
}

/// The inverse of [`load`]: writes no more than `blocks` holds.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,vaes")]
fn store<const N: usize, T: Lane>(blocks: &mut [T], values: [__m512i; N]) {
    const { assert!(size_of::<T>() == 16) };
    for (i, value) in values.into_iter().enumerate() {
        let at = blocks.as_mut_ptr().wrapping_add(4 * i).cast();
        // SAFETY: the mask keeps the store within `blocks`, whose elements are lanes.
        unsafe { _mm512_mask_storeu_epi64(at, words_of(blocks.len().saturating_sub(4 * i)), value) }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,vaes")]
fn broadcast(value: u128) -> __m512i {
    _mm512_broadcast_i32x4(_mm_set_epi64x((value >> 64) as i64, value as i64))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,vaes")]
fn lanes(values: [u128; RUNS]) -> __m512i {
    load::<1, u128>(&values)[0]
}

/// σ of each lane: see `CrHash`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,vaes")]
fn sigma(x: __m512i) -> __m512i {
    let swapped = _mm512_shuffle_epi32::<0x4e>(x);
    _mm512_mask_xor_epi64(swapped, 0xaa, swapped, x)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,vaes")]
fn rounds<const N: usize>(keys: &[__m512i; 11], mut x: [__m512i; N]) -> [__m512i; N] {
    for x in &mut x {
        *x = _mm512_xor_si512(*x, keys[0]);
    }
    for key in &keys[1..10] {
        for x in &mut x {
            *x = _mm512_aesenc_epi128(*x, *key);
        }
    }
    for x in &mut x {
        *x = _mm512_aesenclast_epi128(*x, keys[10]);
    }
    x
}

/// H(x) = AES(σ(x)) ⊕ σ(x), given σ(x).
#[inline]
#[target_feature(enable = "avx512f,avx512bw,vaes")]
fn feed_forward<const N: usize>(keys: &[__m512i; 11], sigmas: [__m512i; N]) -> [__m512i; N] {
    let mut out = rounds(keys, sigmas);
    for (out, s) in out.iter_mut().zip(sigmas) {
        *out = _mm512_xor_si512(*out, s);
    }
    out
}

/// The round keys of four keys, `[round][key]` (FIPS 197, section 5.2, a lane for each key).
#[target_feature(enable = "avx512f,avx512bw,vaes")]
fn expand_keys(keys: [u128; RUNS]) -> [[u128; RUNS]; 11] {
    const RCON: [i32; 10] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36];
    let mut out = [[0; RUNS]; 11];
    let mut key = lanes(keys);
    out[0] = keys;
    for (out, rcon) in out[1..].iter_mut().zip(RCON) {
        // All four columns are the last word, so the shifting of rows does nothing and SubWord is left.
        let word = _mm512_ror_epi32::<8>(_mm512_shuffle_epi32::<0xff>(key));
        let word = _mm512_aesenclast_epi128(word, _mm512_set1_epi32(rcon));
        key = _mm512_xor_si512(key, _mm512_bslli_epi128::<4>(key));
        key = _mm512_xor_si512(key, _mm512_bslli_epi128::<8>(key));
        key = _mm512_xor_si512(key, word);
        store(out, [key]);
    }
    out
}

#[target_feature(enable = "avx512f,avx512bw,vaes")]
fn keystream(keys: &RoundKeys, counter: u64, out: &mut [[u8; 16]]) {
    let keys = std::array::from_fn(|r| broadcast(keys[r]));
    let mut next = lanes(std::array::from_fn(|i| counter.wrapping_add(i as u64).into()));
    let step = broadcast(4);
    for group in out.chunks_mut(GROUP) {
        let counters = std::array::from_fn(|_| {
            let now = next;
            next = _mm512_add_epi64(now, step);
            now
        });
        store(group, rounds::<8>(&keys, counters));
    }
}

#[target_feature(enable = "avx512f,avx512bw,vaes")]
fn hash(keys: &RoundKeys, blocks: &mut [Block]) {
    let keys = std::array::from_fn(|r| broadcast(keys[r]));
    for group in blocks.chunks_mut(GROUP) {
        let x: [__m512i; 8] = load(group);
        store(group, feed_forward(&keys, std::array::from_fn::<_, 8, _>(|i| sigma(x[i]))));
    }
}

#[target_feature(enable = "avx512f,avx512bw,vaes")]
fn double(keys: &RoundKeys, low: &mut [Block], high: &mut [Block]) -> Block {
    let keys = std::array::from_fn(|r| broadcast(keys[r]));
    let mut sum = _mm512_setzero_si512();
    for (low, high) in low.chunks_mut(GROUP).zip(high.chunks_mut(GROUP)) {
        let x: [__m512i; 8] = load(low);
        let h = feed_forward(&keys, std::array::from_fn::<_, 8, _>(|i| sigma(x[i])));
        for (i, &h) in h.iter().enumerate() {
            let mask = words_of(low.len().saturating_sub(4 * i));
            sum = _mm512_mask_xor_epi64(sum, mask, sum, h);
        }
        store(low, h);
        store(high, std::array::from_fn::<_, 8, _>(|i| _mm512_xor_si512(x[i], h[i])));
    }
    let mut sums = [Block::ZERO; 4];
    store(&mut sums, [sum]);
    sums.into_iter().fold(Block::ZERO, |a, b| a ^ b)
}

#[target_feature(enable = "avx512f,avx512bw,vaes")]
fn hash_group(keys: [u128; RUNS], blocks: &mut [Block; RUN * RUNS]) {
    let expanded = expand_keys(keys);
    for (lane, run) in blocks.as_chunks_mut::<RUN>().0.iter_mut().enumerate() {
        let keys = std::array::from_fn(|r| broadcast(expanded[r][lane]));
        let x: [__m512i; 4] = load(run);
        store(run, feed_forward(&keys, std::array::from_fn::<_, 4, _>(|i| sigma(x[i]))));
    }
}

#[target_feature(enable = "avx512f,avx512bw,vaes")]
fn hash_pair_group(
    keys: [u128; RUNS],
    delta: Block,
    zeros: &mut [Block; RUN * RUNS],
    ones: &mut [Block; RUN * RUNS],
) {
    let expanded = expand_keys(keys);
    // σ is linear.
    let delta = sigma(broadcast(delta.0));
    let runs = zeros.as_chunks_mut::<RUN>().0.iter_mut().zip(ones.as_chunks_mut::<RUN>().0);
    for (lane, (zeros, ones)) in runs.enumerate() {
        let keys = std::array::from_fn(|r| broadcast(expanded[r][lane]));
        let x: [__m512i; 4] = load(zeros);
        let both = std::array::from_fn::<_, 8, _>(|i| {
            let s = sigma(x[i % 4]);
            if i < 4 { s } else { _mm512_xor_si512(s, delta) }
        });
        let [a, b, c, d, e, f, g, h] = feed_forward(&keys, both);
        store(zeros, [a, b, c, d]);
        store(ones, [e, f, g, h]);
    }
}
