//! Tables of one prime, and the operations over them as every kernel implements them.

use std::fmt;

use crate::modulus::{Modulus, Shoup};

/// Tables of one prime.
#[derive(Debug)]
pub(crate) struct Ntt {
    pub(crate) modulus: Modulus,
    pub(super) degree: usize,
    /// ψ^bitrev(i), ψ a primitive 2N-th root of unity.
    pub(super) roots: Roots,
    /// ψ^−bitrev(i).
    pub(super) inverse_roots: Roots,
    /// N^−1 mod q.
    pub(super) inverse_degree: Shoup,
    /// 1, 2^52 and 2^104 mod q: what the limbs of an accumulator stand for.
    pub(super) limbs: [Shoup; 3],
    pub(super) kernel: &'static dyn Kernel,
}

/// An implementation of the operations of [`Ntt`]. Their descriptions are there, and what they demand is
/// checked there.
pub(super) trait Kernel: fmt::Debug + Send + Sync {
    fn name(&self) -> &'static str;
    fn forward(&self, ntt: &Ntt, values: &mut [u64]);
    fn inverse(&self, ntt: &Ntt, values: &mut [u64]);
    fn multiply_accumulate(&self, sums: &mut [Sums; 2], factors: [&[u64]; 2], w: &[u64]);
    fn reduce(&self, ntt: &Ntt, sums: &Sums, out: &mut [u64]);
    fn scale(&self, ntt: &Ntt, values: &mut [u64], w: Shoup);
    fn multiply(&self, ntt: &Ntt, values: &mut [u64], w: &[u64]);
    fn combine(&self, ntt: &Ntt, buffer: &[u64], rows: &[Vec<Term>], out: &mut [u64]);
}

/// Multipliers in two arrays, as vector loads want them.
#[derive(Debug, Default)]
pub(super) struct Roots {
    pub(super) values: Vec<u64>,
    pub(super) quotients: Vec<u64>,
}

impl Roots {
    fn new(modulus: Modulus, root: u64, degree: usize) -> Self {
        let mut powers = vec![1u64; degree];
        for i in 1..degree {
            powers[i] = modulus.mul_slow(powers[i - 1], root);
        }
        let log = degree.trailing_zeros();
        let shoup = |i: usize| modulus.shoup(powers[i.reverse_bits() >> (usize::BITS - log)]);
        let (values, quotients) = (0..degree).map(shoup).map(|s| (s.value, s.quotient)).unzip();
        Self { values, quotients }
    }

    pub(super) fn at(&self, i: usize) -> Shoup {
        Shoup { value: self.values[i], quotient: self.quotients[i] }
    }
}

/// How many products may be summed in a [`Sums`] before it must be reduced. Limbs grow by less than 2^52
/// each.
pub(crate) const MAX_TERMS: usize = 1 << 10;

/// A vector of sums of products a·b, with a, b < 2^52, that are not reduced yet. The meaning of the two limbs
/// is the kernel's own, but a reduced value is a low limb for every kernel.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sums {
    pub(super) low: Vec<u64>,
    pub(super) high: Vec<u64>,
}

impl Sums {
    pub(crate) fn new(len: usize) -> Self {
        Self { low: vec![0; len], high: vec![0; len] }
    }

    pub(crate) fn clear(&mut self) {
        self.low.fill(0);
        self.high.fill(0);
    }

    /// Reduces in place, to the size of one product.
    pub(crate) fn fold(&mut self, ntt: &Ntt) {
        let mut reduced = vec![0; self.low.len()];
        ntt.reduce(self, &mut reduced);
        self.low = reduced;
        self.high.fill(0);
    }
}

/// A term of [`Ntt::combine`]: `weight` times the vector that starts at `start` of a common buffer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Term {
    pub(crate) start: usize,
    pub(crate) weight: u64,
}

/// The least degree of a transform, which is what the vector kernels go through at a time.
pub(super) const MIN_DEGREE: usize = 64;

impl Ntt {
    /// As [`new`](Self::new) for a given kernel.
    pub(super) fn with_kernel(q: u64, degree: usize, kernel: &'static dyn Kernel) -> Self {
        assert!(degree.is_power_of_two() && degree >= MIN_DEGREE && q % (2 * degree as u64) == 1);
        let modulus = Modulus::new(q);
        let order = 2 * degree as u64;
        let is_primitive = |root: &u64| modulus.pow(*root, degree as u64) == q - 1;
        let root = (2..).map(|g| modulus.pow(g, (q - 1) / order)).find(is_primitive).expect("q is prime");
        let two_52 = (1 << 52) % q;
        Self {
            modulus,
            degree,
            roots: Roots::new(modulus, root, degree),
            inverse_roots: Roots::new(modulus, modulus.inverse(root), degree),
            inverse_degree: modulus.shoup(modulus.inverse(degree as u64)),
            limbs: [1, two_52, modulus.mul_slow(two_52, two_52)].map(|v| modulus.shoup(v)),
            kernel,
        }
    }

    /// The transform of reduced coefficients, reduced. The order of the points is the same in every
    /// implementation.
    pub(crate) fn forward(&self, values: &mut [u64]) {
        assert_eq!(values.len(), self.degree);
        self.kernel.forward(self, values);
    }

    /// The inverse of [`Ntt::forward`].
    pub(crate) fn inverse(&self, values: &mut [u64]) {
        assert_eq!(values.len(), self.degree);
        self.kernel.inverse(self, values);
    }

    /// Adds w·a and w·b, point by point, to two sums. At most [`MAX_TERMS`] times between reductions.
    pub(crate) fn multiply_accumulate(&self, sums: &mut [Sums; 2], [a, b]: [&[u64]; 2], w: &[u64]) {
        self.kernel.multiply_accumulate(sums, [a, b], w);
    }

    /// The sums mod q.
    pub(crate) fn reduce(&self, sums: &Sums, out: &mut [u64]) {
        self.kernel.reduce(self, sums, out);
    }

    /// values·w for one factor w and values below 2^52.
    pub(crate) fn scale(&self, values: &mut [u64], w: Shoup) {
        assert!(values.len().is_multiple_of(8), "not whole registers");
        self.kernel.scale(self, values, w);
    }

    /// values·w, point by point, for reduced factors.
    pub(crate) fn multiply(&self, values: &mut [u64], w: &[u64]) {
        assert_eq!(values.len(), w.len());
        self.kernel.multiply(self, values, w);
    }

    /// Fills the rows of `out`, of N elements each. Element i of a row is Σ weight·buffer\[start + i\] mod q
    /// over the row's terms, for reduced weights and a reduced buffer. Panics if a term exceeds the buffer.
    pub(crate) fn combine(&self, buffer: &[u64], rows: &[Vec<Term>], out: &mut [u64]) {
        assert_eq!(out.len(), rows.len() * self.degree);
        let fits = |t: &Term| t.start.checked_add(self.degree).is_some_and(|end| end <= buffer.len());
        assert!(rows.iter().flatten().all(fits), "a term exceeds the buffer");
        self.kernel.combine(self, buffer, rows, out);
    }
}
