//! The operations of [`Ntt`] on AVX2 and FMA: four residues a register, products in double precision.
//!
//! AVX2 multiplies no integers longer than 32 bits, but a fused multiply-add rounds once. So the product of
//! two integers has the upper half h, which is a·b rounded, and the lower half a·b − h, exactly. Residues are
//! therefore doubles with integer values, as in "Modular SIMD arithmetic in Mathemagix" (van der Hoeven,
//! Lecerf, Quintin, ACM TOMS 43, 2016), here of either sign and reduced lazily. From the first level of a
//! transform to the last they stay doubles, in the memory of the words.
//!
//! Module `field` and each butterfly say why nothing is rounded that must be exact. All of it assumes
//! rounding to nearest, as all Rust code may. No operand is ever subnormal, so time does not depend on the
//! values.
//!
//! Everything here has a twin in `scalar` with the same results; the tests hold the two together.

#![allow(unsafe_code)]

mod field;
mod sums;
#[cfg(test)]
mod tests;
mod transform;

use super::tables::{Kernel, Ntt, Sums, Term};
use super::vector::vector_kernel;
use crate::modulus::Shoup;

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

vector_kernel!(Avx2, "AVX2");

#[target_feature(enable = "avx2,fma")]
fn run<R>(f: impl FnOnce() -> R) -> R {
    f()
}
