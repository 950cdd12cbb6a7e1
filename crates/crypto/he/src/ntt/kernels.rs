//! Which kernel the processor runs.

#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, ifma::Ifma};
use super::{
    scalar::Scalar,
    tables::{Kernel, Ntt},
};

impl Ntt {
    /// Tables for `degree`, a power of two from [`MIN_DEGREE`](super::tables::MIN_DEGREE), and a prime that
    /// is 1 mod 2·`degree`.
    pub(crate) fn new(q: u64, degree: usize) -> Self {
        Self::with_kernel(q, degree, kernels().next().expect("the scalar kernel runs anywhere"))
    }
}

/// The kernels that the processor runs, the fastest first.
pub(super) fn kernels() -> impl Iterator<Item = &'static dyn Kernel> {
    #[cfg(target_arch = "x86_64")]
    let vector = [
        Ifma::detect().map(|kernel| kernel as &dyn Kernel),
        Avx2::detect().map(|kernel| kernel as &dyn Kernel),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let vector: [Option<&dyn Kernel>; 0] = [];
    vector.into_iter().flatten().chain([&Scalar as &dyn Kernel])
}

/// Runs `f`, compiled for the vector instructions of the processor where the compiler inlines it.
pub(crate) fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if let Some(ifma) = Ifma::detect() {
        return ifma.run(f);
    } else if let Some(avx2) = Avx2::detect() {
        return avx2.run(f);
    }
    f()
}
