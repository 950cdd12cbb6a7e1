//! The operations of [`Ntt`] on AVX-512 IFMA: eight residues a register, products of 52 bits.
//!
//! Everything here has a twin in `scalar` with the same results; the tests hold the two together.

#![allow(unsafe_code)]

mod field;
mod sums;
mod transform;

use super::tables::{Kernel, Ntt, Sums, Term};
use super::vector::vector_kernel;
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

vector_kernel!(Ifma, "AVX-512 IFMA");

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma")]
fn run<R>(f: impl FnOnce() -> R) -> R {
    f()
}
