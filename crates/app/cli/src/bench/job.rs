//! The operations of `veilflow bench op`: inputs from a public seed, the protocol, and what it must equal.

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use veilflow_correlation::{Cost, LinearRequest, Needs, Possession};
use veilflow_exec::SessionOptions;
use veilflow_net::Role;
use veilflow_online::{self as online, Party, RangeClaim, Tuning};
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::math::{Function, Norm};
use veilflow_spec::{self as spec, Conv2dShape, LinearShape, MatMulShape};

use super::RunOptions;
use super::function::FunctionJob;
use super::math::MathJob;

/// Operations that can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[value(rename_all = "kebab-case")]
pub(crate) enum Operation {
    /// max(x, 0).
    Relu,
    /// max(x, 0) shifted right by S, in K − S bits.
    ReluRescale,
    /// [x ≥ 0] as a shared bit.
    Drelu,
    /// Exact arithmetic shift by S in K bits, |x| < 2^K/3.
    Truncate,
    /// Sign extension from K to K + S bits, |x| < 2^K/3.
    Extend,
    /// The maximum of 9 elements; an instance is a window.
    Maxpool9,
    /// A shared bit times a shared element.
    Mux,
    /// A bit of one party times a bit of the other: one random OT each.
    And,
    /// 1 / (1 + e^−x).
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// The error function.
    Erf,
    /// x / (1 + e^−x).
    Silu,
    /// x·(1 + erf(x/√2)) / 2.
    Gelu,
    /// e^x for x ≤ 0.
    Exp,
    /// e^x as long as the result fits.
    ExpSigned,
    /// ln x for x > 0.
    Log,
    /// 1 / x for x > 0.
    Reciprocal,
    /// 1 / √x for x > 0.
    Rsqrt,
    /// √x for x ≥ 0.
    Sqrt,
    /// x / y for y > 0.
    Divide,
    /// Softmax; an instance is a row.
    Softmax,
    /// A row divided by its length; an instance is a row.
    L2Normalise,
    /// A row brought to mean zero and variance one; an instance is a row.
    LayerNorm,
    /// The index of the most significant one.
    MostSignificantIndex,
    /// A product of two shared matrices, K by K bits into 2K.
    MatmulShared,
    /// A convolution with private weights.
    Conv,
    /// A matrix product with private weights.
    Matmul,
}

impl Operation {
    /// The elementary function, if the operation is one.
    fn function(self) -> Option<Function> {
        Some(match self {
            Self::Sigmoid => Function::Sigmoid,
            Self::Tanh => Function::Tanh,
            Self::Erf => Function::Erf,
            Self::Silu => Function::Silu,
            Self::Gelu => Function::Gelu,
            Self::Exp => Function::Exp,
            Self::ExpSigned => Function::ExpSigned,
            Self::Log => Function::Log,
            Self::Reciprocal => Function::Reciprocal,
            Self::Rsqrt => Function::ReciprocalSqrt,
            Self::Sqrt => Function::Sqrt,
            _ => return None,
        })
    }
}

/// What to measure. Linear layers are given by their sizes, everything else by a count.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct Job {
    /// The operation.
    #[arg(long = "op")]
    pub(crate) op: Operation,
    /// Width of an element in bits.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) width: u32,
    /// Number of instances.
    #[arg(long, default_value_t = 1 << 14)]
    pub(crate) count: usize,
    /// relu-rescale, truncate: bits to drop (12 if not given); extend: bits to add (as many as there are, at most to
    /// 64).
    #[arg(long)]
    pub(crate) shift: Option<u32>,
    /// Functions: fractional bits of the argument.
    #[arg(long, default_value_t = 12)]
    pub(crate) scale_in: u32,
    /// Functions: fractional bits of the result.
    #[arg(long, default_value_t = 12)]
    pub(crate) scale_out: u32,
    /// softmax, l2-normalise, layer-norm: elements of a row.
    #[arg(long, default_value_t = 64)]
    row: usize,
    /// conv: rows and columns of the input.
    #[arg(long, default_value_t = 56)]
    size: usize,
    /// conv: input channels.
    #[arg(long, default_value_t = 64)]
    in_channels: usize,
    /// conv: output channels.
    #[arg(long, default_value_t = 64)]
    out_channels: usize,
    /// conv: rows and columns of the kernel.
    #[arg(long, default_value_t = 3)]
    kernel: usize,
    /// conv: steps between outputs.
    #[arg(long, default_value_t = 1)]
    stride: usize,
    /// matmul, matmul-shared: rows of the first factor.
    #[arg(long, default_value_t = 256)]
    rows: usize,
    /// matmul, matmul-shared: columns of the first factor.
    #[arg(long, default_value_t = 256)]
    inner: usize,
    /// matmul, matmul-shared: columns of the second factor.
    #[arg(long, default_value_t = 1)]
    cols: usize,
    /// conv, matmul: width of a weight in bits.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=32))]
    weight_bits: u32,
}

/// A party's share of a result.
#[derive(Clone)]
pub(crate) enum Output {
    Elements(RingVec),
    Bits(Bits),
}

impl Output {
    /// The share as elements, for sending and comparing.
    pub(crate) fn into_elements(self) -> RingVec {
        match self {
            Self::Elements(x) => x,
            Self::Bits(b) => RingVec::from_bits(Ring::new(1).expect("one bit is a width"), &b),
        }
    }

    fn join(self, other: Self) -> Result<Self> {
        Ok(match (self, other) {
            (Self::Elements(mut a), Self::Elements(b)) => {
                a.append(&b);
                Self::Elements(a)
            }
            (Self::Bits(mut a), Self::Bits(b)) => {
                a.append(&b);
                Self::Bits(a)
            }
            _ => bail!("parts of a result differ in kind"),
        })
    }
}

/// Inputs of a run, known to both parties: what is measured is the protocol, not a secret.
pub(crate) struct Inputs {
    x: RingVec,
    shares: [RingVec; 2],
    bits: Bits,
    bit_shares: [Bits; 2],
    weights: Vec<i64>,
}

impl Job {
    /// Checks the arguments that types cannot.
    pub(crate) fn validate(&self) -> Result<()> {
        let shift = self.shift();
        match self.op {
            Operation::ReluRescale | Operation::Truncate if shift == 0 || shift >= self.width => {
                bail!(
                    "--shift {shift} does not fit --width {}: it must be 1 to {}",
                    self.width,
                    self.width - 1
                )
            }
            Operation::Extend if shift == 0 || self.width + shift > 64 => {
                bail!("--width {} and --shift {shift} exceed 64 bits together", self.width)
            }
            _ => {}
        }
        if self.count == 0 || self.count > 1 << 26 {
            bail!("--count must be 1 to 2^26, not {}", self.count);
        }
        if let Some(request) = self.request()? {
            request.shape.validate().context("the sizes describe no layer")?;
        }
        if self.op == Operation::MatmulShared {
            LinearShape::MatMul(self.matrices()).validate().context("the sizes describe no product")?;
            if self.rows.saturating_mul(self.inner).saturating_mul(self.cols) > 1 << 24 {
                bail!("--rows, --inner and --cols make more than 2^24 products");
            }
        }
        if let Some(job) = self.math()?
            && self.times().saturating_mul(job.elements()) > 1 << 26
        {
            bail!("--count {} of {} elements each are more than 2^26", self.times(), job.elements());
        }
        Ok(())
    }

    fn shift(&self) -> u32 {
        self.shift.unwrap_or(match self.op {
            Operation::Extend => self.width.min(64 - self.width),
            _ => 12.min(self.width - 1),
        })
    }

    fn ring(&self) -> Ring {
        Ring::new(self.width).expect("the argument parser checked the width")
    }

    /// The layer, if the operation is one.
    pub(crate) fn request(&self) -> Result<Option<LinearRequest>> {
        let shape = match self.op {
            Operation::Conv => {
                if self.kernel == 0 || self.stride == 0 {
                    bail!("--kernel and --stride must be positive");
                }
                // "Same" padding as ONNX's SAME_UPPER: ⌈size / stride⌉ outputs, the odd one below and right.
                let out = self.size.div_ceil(self.stride);
                let total = ((out.max(1) - 1) * self.stride + self.kernel).saturating_sub(self.size);
                let (before, after) = (total / 2, total - total / 2);
                LinearShape::Conv2d(Conv2dShape {
                    in_channels: self.in_channels,
                    in_height: self.size,
                    in_width: self.size,
                    out_channels: self.out_channels,
                    kernel: [self.kernel; 2],
                    stride: [self.stride; 2],
                    pads: [before, before, after, after],
                    dilation: [1; 2],
                    groups: 1,
                })
            }
            Operation::Matmul => {
                LinearShape::MatMul(MatMulShape { rows: self.rows, inner: self.inner, columns: self.cols })
            }
            _ => return Ok(None),
        };
        Ok(Some(LinearRequest {
            layer: 0,
            holder: Role::P0,
            shape,
            ring: self.ring(),
            weight_bits: self.weight_bits,
        }))
    }

    /// The function or one of its parts, if the operation is one.
    fn math(&self) -> Result<Option<MathJob>> {
        let (width, scales) = (self.width, [self.scale_in, self.scale_out]);
        if let Some(function) = self.op.function() {
            return Ok(Some(MathJob::Function(FunctionJob::new(function, width, scales)?)));
        }
        Ok(Some(match self.op {
            Operation::Divide => MathJob::division(width, scales)?,
            Operation::Softmax => MathJob::softmax(width, scales, self.row)?,
            Operation::L2Normalise => MathJob::norm(Norm::L2, width, scales, self.row)?,
            Operation::LayerNorm => MathJob::norm(Norm::Layer, width, scales, self.row)?,
            Operation::MostSignificantIndex => MathJob::MostSignificant(self.ring()),
            Operation::MatmulShared => {
                if width > 32 {
                    bail!("--width {width} by as many bits exceeds 64 bits");
                }
                MathJob::MatMul(self.ring(), self.matrices())
            }
            _ => return Ok(None),
        }))
    }

    /// The scales of argument and result, of a function.
    pub(crate) fn scales(&self) -> Option<[u32; 2]> {
        let on_top = matches!(
            self.op,
            Operation::Divide | Operation::Softmax | Operation::L2Normalise | Operation::LayerNorm
        );
        (on_top || self.op.function().is_some()).then_some([self.scale_in, self.scale_out])
    }

    fn matrices(&self) -> MatMulShape {
        MatMulShape { rows: self.rows, inner: self.inner, columns: self.cols }
    }

    /// How often the operation is done.
    fn times(&self) -> usize {
        if self.op == Operation::MatmulShared { 1 } else { self.count }
    }

    /// The largest error of an elementary function, in units of the last place.
    pub(crate) fn max_ulp(&self) -> Result<Option<u64>> {
        let Some(MathJob::Function(job)) = self.math()? else { return Ok(None) };
        Ok(Some(job.max_ulp(&self.inputs()?.x)))
    }

    /// Instances of the operation; outputs, for a layer.
    pub(crate) fn instances(&self) -> usize {
        if self.op == Operation::MatmulShared {
            return self.rows * self.cols;
        }
        self.request().ok().flatten().map_or(self.count, |request| request.shape.out_len())
    }

    /// The declared cost on `n` instances, apart from a linear pair.
    pub(crate) fn cost(&self, n: usize, tuning: Tuning) -> Cost {
        let (k, s) = (self.width, self.shift());
        if let Ok(Some(job)) = self.math() {
            return job.cost(n, tuning);
        }
        match self.op {
            Operation::Relu => online::relu_cost(k, n, tuning),
            Operation::ReluRescale => online::relu_truncate_cost(k, s, n, tuning),
            Operation::Drelu => online::drelu_cost(k, n, tuning),
            Operation::Truncate => online::arithmetic_shift_cost(k, s, RangeClaim::Slack, n, tuning),
            Operation::Extend => online::sign_extend_cost(k, k + s, RangeClaim::Slack, n, tuning),
            Operation::Maxpool9 => online::max_of_cost(k, [(9, n)], tuning),
            Operation::Mux => online::multiplex_cost(k, n),
            Operation::And => online::and_private_cost(n),
            Operation::Conv | Operation::Matmul => {
                self.request().ok().flatten().map_or_else(Cost::default, |r| online::linear_cost(&r))
            }
            // Those above, of formats that are refused.
            _ => Cost::default(),
        }
    }

    /// The options of a session that runs the operation.
    pub(crate) fn session(&self, options: &RunOptions) -> SessionOptions {
        options.session(|tuning| self.cost(self.times(), tuning))
    }

    /// What the operation consumes.
    pub(crate) fn needs(&self, tuning: Tuning) -> Result<Needs> {
        Ok(Needs {
            demand: self.cost(self.times(), tuning).demand,
            linear: self.request()?.into_iter().collect(),
        })
    }

    /// Inputs from a seed both parties use, within the range the operation states.
    pub(crate) fn inputs(&self) -> Result<Inputs> {
        let mut prg = Prg::from_seed(Block(0x7665_696c));
        let ring = self.ring();
        let request = self.request()?;
        let len = match (&request, self.op) {
            (Some(request), _) => request.shape.in_len(),
            (None, Operation::Maxpool9) => 9 * self.count,
            // It works on bits; elements are not needed.
            (None, Operation::And) => 0,
            _ => self.times(),
        };
        let mut x = prg.ring_vec(ring, len);
        if matches!(self.op, Operation::Truncate | Operation::Extend) {
            let limit = ((1i128 << self.width) / 3).max(1);
            x = x.map(|v| (i128::from(ring.to_signed(v)) % limit) as u64);
        }
        if let Some(job) = self.math()? {
            x = job.arguments(&mut prg, ring, self.times());
        }
        let mask = prg.ring_vec(ring, x.len());
        let bits = prg.bits(self.times());
        let bit_mask = prg.bits(self.times());
        let weights = match &request {
            Some(request) => {
                let narrow = Ring::new(self.weight_bits)?;
                prg.ring_vec(narrow, request.shape.weight_len()).to_signed()
            }
            None => Vec::new(),
        };
        Ok(Inputs {
            shares: [mask.clone(), x.sub(&mask)],
            bit_shares: [bit_mask.clone(), bits.xor(&bit_mask)],
            x,
            bits,
            weights,
        })
    }

    /// The weights as `role` has them.
    pub(crate) fn weights<'a>(&self, inputs: &'a Inputs, role: Role) -> Possession<'a> {
        if role == Role::P0 { Possession::Mine(&inputs.weights) } else { Possession::Theirs }
    }

    /// The online phase.
    pub(crate) fn run(&self, party: &mut Party, inputs: &Inputs) -> Result<Output> {
        let role = party.role;
        let x = &inputs.shares[role.index()];
        if let Some(request) = self.request()? {
            let weights = self.weights(inputs, role);
            return Ok(Output::Elements(online::linear(party, &request, weights, x)?));
        }
        let (tuning, math, times) = (party.tuning, self.math()?, self.times());
        let parts = party.in_threads(
            times,
            |n| self.cost(n, tuning).demand,
            |party, range| {
                let per = x.len() / times;
                let x = x.slice(range.start * per, range.len() * per);
                self.run_part(
                    party,
                    math.as_ref(),
                    &x,
                    &inputs.bit_shares[role.index()].slice(range.start, range.len()),
                )
            },
        )?;
        let mut parts = parts.into_iter();
        let first = parts.next().context("a run has at least one part")?;
        parts.try_fold(first, Output::join)
    }

    fn run_part(
        &self,
        party: &mut Party,
        math: Option<&MathJob>,
        x: &RingVec,
        bits: &Bits,
    ) -> online::Result<Output> {
        let s = self.shift();
        if let Some(job) = math {
            return Ok(Output::Elements(job.run(party, x)?));
        }
        Ok(Output::Elements(match self.op {
            Operation::Drelu => return Ok(Output::Bits(online::drelu(party, x)?)),
            Operation::And => return Ok(Output::Bits(online::and_private(party, bits)?)),
            Operation::Relu => online::relu(party, x)?,
            Operation::ReluRescale => online::relu_truncate(party, x, s)?,
            Operation::Truncate => online::arithmetic_shift(party, x, s, RangeClaim::Slack)?,
            Operation::Extend => {
                online::sign_extend(party, x, Ring::new(self.width + s)?, RangeClaim::Slack)?
            }
            Operation::Maxpool9 => online::max_of(party, x, &windows(x.len() / 9))?,
            Operation::Mux => online::multiplex(party, bits, x)?,
            _ => unreachable!("layers are not split, math was handled above"),
        }))
    }

    /// What the result must equal, bits as elements.
    pub(crate) fn expected(&self, inputs: &Inputs) -> Result<RingVec> {
        let (x, s) = (&inputs.x, self.shift());
        if let Some(request) = self.request()? {
            return Ok(veilflow_kernel::linear(&request.shape, &inputs.weights, x));
        }
        if let Some(job) = self.math()? {
            return Ok(job.expected(x));
        }
        Ok(match self.op {
            Operation::Drelu => Output::Bits(spec::drelu(x)).into_elements(),
            Operation::And => Output::Bits(inputs.bit_shares[0].and(&inputs.bit_shares[1])).into_elements(),
            Operation::Relu => spec::relu(x),
            Operation::ReluRescale => spec::relu_truncate(x, s),
            Operation::Truncate => spec::arithmetic_shift(x, s),
            Operation::Extend => spec::sign_extend(x, Ring::new(self.width + s)?),
            Operation::Maxpool9 => spec::max_of(x, &windows(x.len() / 9)),
            Operation::Mux => spec::multiplex(&inputs.bits, x),
            _ => unreachable!("layers and math were handled above"),
        })
    }
}

fn windows(count: usize) -> Vec<Vec<usize>> {
    (0..count).map(|i| (9 * i..9 * i + 9).collect()).collect()
}
