//! How long the operations take, kernel by kernel.

use std::time::{Duration, Instant};

use veilflow_prim::{Block, Prg};

use super::kernels::kernels;
use super::tables::{Ntt, Sums, Term};
use crate::modulus::ntt_primes;

/// What an operation on N = 4096 residues of one prime takes.
#[derive(Debug, Clone, Copy)]
pub struct KernelTime {
    /// The kernel.
    pub kernel: &'static str,
    /// The operation.
    pub operation: &'static str,
    /// The least time seen.
    pub best: Duration,
}

/// The least times of `repetitions` runs of every operation, with every kernel that the processor has.
pub fn kernel_times(repetitions: usize) -> Vec<KernelTime> {
    const N: usize = 4096;
    let q = ntt_primes(N, 1)[0];
    let mut out = Vec::new();
    for kernel in kernels() {
        let ntt = Ntt::with_kernel(q, N, kernel);
        let mut prg = Prg::from_seed(Block(9));
        let [mut a, b, c] = [(); 3].map(|()| (0..N).map(|_| prg.u64() % q).collect::<Vec<u64>>());
        let mut sums = [Sums::new(N), Sums::new(N)];
        ntt.multiply_accumulate(&mut sums, [&b, &c], &a);
        let filled = sums[0].clone();
        let w = ntt.modulus.shoup(b[7]);
        let buffer = [&b[..], &c].concat();
        let row: Vec<Term> = (0..64).map(|i| Term { start: i * 63, weight: c[i] }).collect();
        let mut time = |operation, f: &mut dyn FnMut()| {
            let run = |_| {
                let start = Instant::now();
                f();
                start.elapsed()
            };
            let best = (0..repetitions.max(1)).map(run).min().unwrap_or_default();
            out.push(KernelTime { kernel: kernel.name(), operation, best });
        };
        time("forward", &mut || ntt.forward(&mut a));
        time("inverse", &mut || ntt.inverse(&mut a));
        time("multiply-accumulate", &mut || {
            sums.iter_mut().for_each(Sums::clear);
            ntt.multiply_accumulate(&mut sums, [&b, &c], &a);
        });
        time("reduce", &mut || ntt.reduce(&filled, &mut a));
        time("multiply", &mut || ntt.multiply(&mut a, &b));
        time("scale", &mut || ntt.scale(&mut a, w));
        time("combine, 64 monomials", &mut || ntt.combine(&buffer, std::slice::from_ref(&row), &mut a));
    }
    out
}
