//! The negacyclic number-theoretic transform modulo one prime, and sums of products.
//!
//! A polynomial of Z_q\[X\]/(X^N + 1) is multiplied point by point after [`Ntt::forward`]. Butterflies follow
//! Longa and Naehrig (ePrint 2016/504) with Harvey's lazy reductions. Every operation has a safe scalar form
//! (module `scalar`) and twins on AVX-512 IFMA (module `ifma`) and on AVX2 (module `avx2`), the only `unsafe`
//! code of the crate. The processor decides which one a table uses, and all give the same residues.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod ifma;
mod kernels;
mod scalar;
mod tables;
#[cfg(test)]
mod tests;
mod times;
#[cfg(target_arch = "x86_64")]
mod vector;

pub(crate) use kernels::vectorised;
pub(crate) use tables::{MAX_TERMS, Ntt, Sums, Term};
pub use times::{KernelTime, kernel_times};
