//! The operations of `veilflow bench op` that come from the mathematical functions and their parts.

use anyhow::{Context, Result};
use veilflow_correlation::Cost;
use veilflow_math::{divide, divide_cost, normalise, normalise_cost, softmax, softmax_cost};
use veilflow_online::{self as online, Party, Tuning};
use veilflow_prim::Prg;
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::math::{self, Division, Fixed, Norm, Normalise, Softmax};
use veilflow_spec::{self as spec, MatMulShape};

use super::function::FunctionJob;

/// One operation on elements of one width.
pub(crate) enum MathJob {
    /// An elementary function.
    Function(FunctionJob),
    /// A quotient; an instance is a dividend, then a divisor.
    Divide(Division),
    /// An instance is a row.
    Softmax(Softmax),
    /// An instance is a row.
    Normalise(Normalise),
    /// The index of the most significant one.
    MostSignificant(Ring),
    /// A product of two shared matrices, one after the other; there is one instance.
    MatMul(Ring, MatMulShape),
}

/// Every other element, from `first` on.
fn alternate(x: &RingVec, first: usize) -> RingVec {
    x.gather((first..x.len()).step_by(2))
}

impl MathJob {
    /// A division with all operands of `width` bits, dividend and divisor of one scale.
    pub(crate) fn division(width: u32, [scale_in, scale_out]: [u32; 2]) -> Result<Self> {
        let input = Fixed { bits: width, scale: scale_in };
        let job = Division::new(input, input, Fixed { bits: width, scale: scale_out });
        Ok(Self::Divide(job.with_context(|| formats(width, [scale_in, scale_out]))?))
    }

    /// A softmax of rows of so many elements.
    pub(crate) fn softmax(width: u32, scales: [u32; 2], row: usize) -> Result<Self> {
        let [input, output] = scales.map(|scale| Fixed { bits: width, scale });
        Ok(Self::Softmax(Softmax::new(input, output, row).with_context(|| formats(width, scales))?))
    }

    /// A normalisation of rows of so many elements.
    pub(crate) fn norm(norm: Norm, width: u32, scales: [u32; 2], row: usize) -> Result<Self> {
        let [input, output] = scales.map(|scale| Fixed { bits: width, scale });
        let job = Normalise::new(norm, input, output, row, 0);
        Ok(Self::Normalise(job.with_context(|| formats(width, scales))?))
    }

    /// Elements of an instance.
    pub(crate) fn elements(&self) -> usize {
        match self {
            Self::Function(_) | Self::MostSignificant(_) => 1,
            Self::Divide(_) => 2,
            Self::Softmax(job) => job.width,
            Self::Normalise(job) => job.width,
            Self::MatMul(_, shape) => (shape.rows + shape.columns) * shape.inner,
        }
    }

    /// Inputs of `n` instances: of a function within its domain, else any.
    pub(crate) fn arguments(&self, prg: &mut Prg, ring: Ring, n: usize) -> RingVec {
        match self {
            Self::Function(job) => job.arguments(prg, n),
            _ => prg.ring_vec(ring, n * self.elements()),
        }
    }

    /// The declared cost of `n` instances.
    pub(crate) fn cost(&self, n: usize, tuning: Tuning) -> Cost {
        match self {
            Self::Function(job) => veilflow_math::apply_cost(&job.spline, n, tuning),
            Self::Divide(job) => divide_cost(job, n, tuning),
            Self::Softmax(job) => softmax_cost(job, n, tuning),
            Self::Normalise(job) => normalise_cost(job, n, tuning),
            Self::MostSignificant(ring) => {
                online::most_significant_index_cost(ring.bits(), ring.bits(), n, tuning)
            }
            Self::MatMul(ring, shape) => online::matmul_signed_cost([ring.bits(); 2], shape, tuning),
        }
    }

    /// Shares of the results.
    pub(crate) fn run(&self, party: &mut Party, x: &RingVec) -> online::Result<RingVec> {
        match self {
            Self::Function(job) => veilflow_math::apply(party, &job.spline, x),
            Self::Divide(job) => divide(party, job, &alternate(x, 0), &alternate(x, 1)),
            Self::Softmax(job) => softmax(party, job, x),
            Self::Normalise(job) => normalise(party, job, x),
            Self::MostSignificant(ring) => online::most_significant_index(party, x, *ring),
            Self::MatMul(_, shape) => {
                let [a, b] = matrices(x, shape);
                online::matmul_signed(party, &a, &b, shape)
            }
        }
    }

    /// What the results must equal.
    pub(crate) fn expected(&self, x: &RingVec) -> RingVec {
        match self {
            Self::Function(job) => math::apply(&job.spline, x),
            Self::Divide(job) => math::divide(job, &alternate(x, 0), &alternate(x, 1)),
            Self::Softmax(job) => math::softmax(job, x),
            Self::Normalise(job) => math::normalise(job, x),
            Self::MostSignificant(ring) => spec::most_significant_index(x, *ring),
            Self::MatMul(_, shape) => {
                let [a, b] = matrices(x, shape);
                spec::matmul_signed(&a, &b, shape)
            }
        }
    }
}

fn matrices(x: &RingVec, shape: &MatMulShape) -> [RingVec; 2] {
    let first = shape.rows * shape.inner;
    [x.slice(0, first), x.slice(first, x.len() - first)]
}

fn formats(width: u32, [scale_in, scale_out]: [u32; 2]) -> String {
    format!("--width {width} --scale-in {scale_in} --scale-out {scale_out}")
}
