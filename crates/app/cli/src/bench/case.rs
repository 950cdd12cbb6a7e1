//! The operations of `veilflow bench op`, each with its protocol, its inputs and what it must return.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use veilflow_correlation::Cost;
use veilflow_math::{Apply, Divide, NormaliseRows, SoftmaxRows};
use veilflow_online::{
    Drelu, IsPositive, MatMul, MaxOf, MostSignificantIndex, Multiplex, Operation as Protocol, Party,
    RangeClaim, Relu, ReluTruncate, SignExtend, TruncateExtend, Tuning, and_private, and_private_cost,
};
use veilflow_prim::Prg;
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec as spec;
use veilflow_spec::math::{self, Division, Fixed, Norm, Normalise, Softmax};

use super::function::FunctionJob;
use super::job::{Job, Operation};

type Run = Box<dyn Fn(&mut Party, &RingVec, &Bits) -> veilflow_online::Result<RingVec> + Send + Sync>;
type Expected = Box<dyn Fn(&RingVec, &Bits, &[Bits; 2]) -> RingVec + Send + Sync>;
type Arguments = Box<dyn Fn(&mut Prg, Ring, usize) -> RingVec + Send + Sync>;

/// An operation of which each instance takes so many elements, and a bit.
pub(crate) struct Case {
    elements: usize,
    cost: Box<dyn Fn(usize) -> Cost + Send + Sync>,
    run: Run,
    expected: Expected,
    /// Inputs of so many instances, where not every element is one.
    arguments: Option<Arguments>,
}

/// One operation in two hands: one asks for its cost, the other runs it.
fn both<T>(operation: T) -> [Arc<T>; 2] {
    let operation = Arc::new(operation);
    [operation.clone(), operation]
}

/// Bits as elements, for sending and comparing.
fn as_elements(bits: &Bits) -> RingVec {
    RingVec::from_bits(Ring::new(1).expect("one bit is a width"), bits)
}

/// Every other element, from `first` on.
fn alternate(x: &RingVec, first: usize) -> RingVec {
    x.gather((first..x.len()).step_by(2))
}

/// Nine elements after nine.
fn windows(count: usize) -> Vec<Vec<usize>> {
    (0..count).map(|i| (9 * i..9 * i + 9).collect()).collect()
}

/// Elements below a third of the ring in magnitude.
fn with_slack(prg: &mut Prg, ring: Ring, n: usize) -> RingVec {
    let limit = ((1i128 << ring.bits()) / 3).max(1);
    prg.ring_vec(ring, n).map(|v| (i128::from(ring.to_signed(v)) % limit) as u64)
}

impl Case {
    fn elements_to_elements(
        operation: impl Protocol + 'static,
        expected: impl Fn(&RingVec) -> RingVec + Send + Sync + 'static,
    ) -> Self {
        let [operation, priced] = both(operation);
        Self::rows(1, move |n| priced.cost(n), move |party, x| operation.run(party, x), expected)
    }

    /// Instances of so many elements.
    fn rows(
        elements: usize,
        cost: impl Fn(usize) -> Cost + Send + Sync + 'static,
        run: impl Fn(&mut Party, &RingVec) -> veilflow_online::Result<RingVec> + Send + Sync + 'static,
        expected: impl Fn(&RingVec) -> RingVec + Send + Sync + 'static,
    ) -> Self {
        Self {
            elements,
            cost: Box::new(cost),
            run: Box::new(move |party, x, _| run(party, x)),
            expected: Box::new(move |x, _, _| expected(x)),
            arguments: None,
        }
    }

    fn with_arguments(
        self,
        arguments: impl Fn(&mut Prg, Ring, usize) -> RingVec + Send + Sync + 'static,
    ) -> Self {
        Self { arguments: Some(Box::new(arguments)), ..self }
    }

    /// The operation of `job` with its protocol. Errors on formats that have none, and on layers.
    pub(crate) fn new(job: &Job, tuning: Tuning) -> Result<Self> {
        let (ring, shift, width) = (job.ring(), job.shift(), job.width);
        let scales = [job.scale_in, job.scale_out];
        let formats = || format!("--width {width} --scale-in {} --scale-out {}", scales[0], scales[1]);
        let [input, output] = scales.map(|scale| Fixed { bits: width, scale });
        if let Some(function) = job.op.function() {
            return Self::function(FunctionJob::new(function, width, scales)?, tuning);
        }
        Ok(match job.op {
            Operation::Relu => Self::elements_to_elements(Relu::new(ring, tuning), spec::relu),
            Operation::ReluRescale => {
                let relu = ReluTruncate::new(ring, shift, tuning)?;
                Self::elements_to_elements(relu, move |x| spec::relu_truncate(x, shift))
            }
            Operation::Truncate => {
                let truncate = TruncateExtend::new(ring, shift, ring, RangeClaim::Slack, tuning)?;
                Self::elements_to_elements(truncate, move |x| spec::truncate_extend(x, shift, ring))
                    .with_arguments(with_slack)
            }
            Operation::Extend => {
                let out = Ring::new(width + shift)?;
                let extend = SignExtend::new(ring, out, RangeClaim::Slack, tuning)?;
                Self::elements_to_elements(extend, move |x| spec::sign_extend(x, out))
                    .with_arguments(with_slack)
            }
            Operation::MostSignificantIndex => {
                let index = MostSignificantIndex::new(ring, ring, tuning);
                Self::elements_to_elements(index, move |x| spec::most_significant_index(x, ring))
            }
            Operation::Drelu => {
                let [drelu, priced] = both(Drelu::new(width, tuning));
                Self::rows(
                    1,
                    move |n| priced.cost(n),
                    move |party, x| Ok(as_elements(&drelu.run(party, x)?)),
                    |x| as_elements(&spec::drelu(x)),
                )
            }
            Operation::IsPositive => {
                let positive = IsPositive::new(ring, ring, tuning);
                Self::elements_to_elements(positive, move |x| spec::is_positive(x, ring))
            }
            Operation::Maxpool9 => {
                let [max, priced] = both(MaxOf::new(ring, tuning));
                Self::rows(
                    9,
                    move |n| priced.cost([(9, n)]),
                    move |party, x| max.run(party, x, &windows(x.len() / 9)),
                    |x| spec::max_of(x, &windows(x.len() / 9)),
                )
            }
            Operation::Mux => {
                let multiplex = Multiplex::new(ring);
                Self {
                    elements: 1,
                    cost: Box::new(move |n| multiplex.cost(n)),
                    run: Box::new(move |party, x, bits| multiplex.run(party, bits, x)),
                    expected: Box::new(|x, bits, _| spec::multiplex(bits, x)),
                    arguments: None,
                }
            }
            // It works on the parties' bits alone.
            Operation::And => Self {
                elements: 0,
                cost: Box::new(and_private_cost),
                run: Box::new(|party, _, bits| Ok(as_elements(&and_private(party, bits)?))),
                expected: Box::new(|_, _, [a, b]| as_elements(&a.and(b))),
                arguments: None,
            },
            Operation::Divide => {
                let division = Division::new(input, input, output).with_context(formats)?;
                let [divide, priced] = both(Divide::new(&division, tuning)?);
                Self::rows(
                    2,
                    move |n| priced.cost(n),
                    move |party, x| divide.run(party, &alternate(x, 0), &alternate(x, 1)),
                    move |x| math::divide(&division, &alternate(x, 0), &alternate(x, 1)),
                )
            }
            Operation::Softmax => {
                let softmax = Softmax::new(input, output, job.row).with_context(formats)?;
                let [rows, priced] = both(SoftmaxRows::new(&softmax, tuning)?);
                Self::rows(
                    job.row,
                    move |n| priced.cost(n),
                    move |party, x| rows.run(party, x),
                    move |x| math::softmax(&softmax, x),
                )
            }
            Operation::L2Normalise => {
                Self::norm(Norm::L2, [input, output], job.row, tuning).with_context(formats)?
            }
            Operation::LayerNorm => {
                Self::norm(Norm::Layer, [input, output], job.row, tuning).with_context(formats)?
            }
            Operation::MatmulShared => {
                if width > 32 {
                    bail!("--width {width} by as many bits exceeds 64 bits");
                }
                let shape = job.matrices();
                let [product, priced] = both(MatMul::new([ring; 2], &shape, tuning)?);
                let first = shape.rows * shape.inner;
                let matrices = move |x: &RingVec| [x.slice(0, first), x.slice(first, x.len() - first)];
                Self::rows(
                    (shape.rows + shape.columns) * shape.inner,
                    move |_| priced.cost(),
                    move |party, x| {
                        let [a, b] = matrices(x);
                        product.run(party, &a, &b)
                    },
                    move |x| {
                        let [a, b] = matrices(x);
                        spec::matmul_signed(&a, &b, &shape)
                    },
                )
            }
            op => bail!("{op:?} is not measured by count"),
        })
    }

    fn function(job: FunctionJob, tuning: Tuning) -> Result<Self> {
        let (apply, spline) = (Apply::new(&job.spline, tuning)?, job.spline.clone());
        Ok(Self::elements_to_elements(apply, move |x| math::apply(&spline, x))
            .with_arguments(move |prg, _, n| job.arguments(prg, n)))
    }

    fn norm(norm: Norm, [input, output]: [Fixed; 2], row: usize, tuning: Tuning) -> Result<Self> {
        let job = Normalise::new(norm, input, output, row, 0)?;
        let [rows, priced] = both(NormaliseRows::new(&job, tuning)?);
        Ok(Self::rows(
            row,
            move |n| priced.cost(n),
            move |party, x| rows.run(party, x),
            move |x| math::normalise(&job, x),
        ))
    }

    /// Elements of an instance.
    pub(crate) fn elements(&self) -> usize {
        self.elements
    }

    /// Inputs of `n` instances.
    pub(crate) fn arguments(&self, prg: &mut Prg, ring: Ring, n: usize) -> RingVec {
        match &self.arguments {
            Some(arguments) => arguments(prg, ring, n),
            None => prg.ring_vec(ring, n * self.elements),
        }
    }

    /// The declared cost of `n` instances.
    pub(crate) fn cost(&self, n: usize) -> Cost {
        (self.cost)(n)
    }

    /// Shares of the results, bits as elements.
    pub(crate) fn run(
        &self,
        party: &mut Party,
        x: &RingVec,
        bits: &Bits,
    ) -> veilflow_online::Result<RingVec> {
        (self.run)(party, x, bits)
    }

    /// What the results must equal.
    pub(crate) fn expected(&self, x: &RingVec, bits: &Bits, bit_shares: &[Bits; 2]) -> RingVec {
        (self.expected)(x, bits, bit_shares)
    }
}
