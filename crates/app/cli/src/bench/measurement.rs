//! A job's inputs from a public seed, its run, and what the result must equal.

use anyhow::{Context, Result, bail};
use veilflow_correlation::{Cost, Needs, Possession};
use veilflow_exec::SessionOptions;
use veilflow_net::Role;
use veilflow_online::{Linear, Party, Tuning};
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::LinearShape;

use super::case::Case;
use super::function::FunctionJob;
use super::job::{Job, Operation};
use crate::options::RunOptions;

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
        if let Some(case) = self.case(Tuning::default())?
            && self.times().saturating_mul(case.elements()) > 1 << 26
        {
            bail!("--count {} of {} elements each are more than 2^26", self.times(), case.elements());
        }
        Ok(())
    }

    /// The operation with its protocol, unless it is a layer.
    fn case(&self, tuning: Tuning) -> Result<Option<Case>> {
        match self.op {
            Operation::Conv | Operation::Matmul => Ok(None),
            _ => Ok(Some(Case::new(self, tuning)?)),
        }
    }

    /// The largest error of an elementary function, in units of the last place.
    pub(crate) fn max_ulp(&self) -> Result<Option<u64>> {
        let Some(function) = self.op.function() else { return Ok(None) };
        let job = FunctionJob::new(function, self.width, [self.scale_in, self.scale_out])?;
        Ok(Some(job.max_ulp(&self.inputs()?.x)))
    }

    /// The declared cost, apart from a linear pair. Formats that are refused cost nothing.
    fn cost(&self, tuning: Tuning) -> Cost {
        if let Ok(Some(request)) = self.request() {
            return Linear::new(request).cost();
        }
        self.case(tuning).ok().flatten().map_or_else(Cost::default, |case| case.cost(self.times()))
    }

    /// The options of a session that runs the operation.
    pub(crate) fn session(&self, options: &RunOptions) -> SessionOptions {
        options.session(|tuning| self.cost(tuning))
    }

    /// What the operation consumes.
    pub(crate) fn needs(&self, tuning: Tuning) -> Result<Needs> {
        Ok(Needs { demand: self.cost(tuning).demand, linear: self.request()?.into_iter().collect() })
    }

    /// Inputs from a seed that both parties use, within the range that the operation states.
    pub(crate) fn inputs(&self) -> Result<Inputs> {
        let mut prg = Prg::from_seed(Block(0x7665_696c));
        let (ring, times) = (self.ring(), self.times());
        let request = self.request()?;
        let x = match (&request, self.case(Tuning::default())?) {
            (Some(request), _) => prg.ring_vec(ring, request.shape.in_len()),
            (None, Some(case)) => case.arguments(&mut prg, ring, times),
            (None, None) => RingVec::zeros(ring, 0),
        };
        let mask = prg.ring_vec(ring, x.len());
        let bits = prg.bits(times);
        let bit_mask = prg.bits(times);
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

    /// The online phase: this party's share of the result, bits as elements.
    pub(crate) fn run(&self, party: &mut Party, inputs: &Inputs, tuning: Tuning) -> Result<RingVec> {
        let role = party.role;
        let (x, bits) = (&inputs.shares[role.index()], &inputs.bit_shares[role.index()]);
        if let Some(request) = self.request()? {
            return Ok(Linear::new(request).run(party, self.weights(inputs, role), x)?);
        }
        let case = self.case(tuning)?.context("the operation is not known")?;
        let times = self.times();
        let parts = party.in_threads(
            times,
            |n| case.cost(n).demand,
            |party, range| {
                let per = x.len() / times;
                let x = x.slice(range.start * per, range.len() * per);
                case.run(party, &x, &bits.slice(range.start, range.len()))
            },
        )?;
        let mut parts = parts.into_iter();
        let mut joined = parts.next().context("a run has at least one part")?;
        parts.for_each(|part| joined.append(&part));
        Ok(joined)
    }

    /// What the result must equal.
    pub(crate) fn expected(&self, inputs: &Inputs) -> Result<RingVec> {
        if let Some(request) = self.request()? {
            return Ok(veilflow_kernel::linear(&request.shape, &inputs.weights, &inputs.x));
        }
        let case = self.case(Tuning::default())?.context("the operation is not known")?;
        Ok(case.expected(&inputs.x, &inputs.bits, &inputs.bit_shares))
    }
}
