//! Which raw values are truncated before they are compared.
//!
//! A comparison costs bits in proportion to its width. So a raw value is better truncated first if it is
//! compared more than once: by overlapping pooling windows, by a clip (twice), or by the many activations
//! that read one value of a densely connected block. A single ReLU truncates in the same tree as it compares,
//! and after a pooling that shrinks its input enough there are fewer elements to truncate. Truncation is
//! monotone, so it commutes with maxima and limits: the choice changes the cost, and never the result. The
//! declared costs of the protocols decide.

use veilflow_correlation::Cost;
use veilflow_ir::Graph;
use veilflow_online::{Clip, MaxPool, Operation, Relu, ReluTruncate, Result, TruncateReduce, Tuning};
use veilflow_ring::Ring;

use super::fixed_op::FixedOp;
use super::options::Options;
use super::step::Step;

/// A truncation or a limit of its own takes rounds that a fused one doesn't, so it must save a tenth of the
/// bits.
pub(super) const WORTH_ITS_ROUNDS: f64 = 0.9;

/// Costs are taken for so many elements, lest padding to bytes count.
const SAMPLE: usize = 1 << 12;

/// The bits on the wire, for one element, of everything that compares a value.
#[derive(Clone, Copy, Default)]
struct Load {
    /// The bits if the value is raw.
    raw: f64,
    /// The bits if it has been truncated.
    reduced: f64,
}

/// The declared costs at the widths that the options make likely. The widths in use are known only later.
struct Costs {
    raw_bits: u32,
    reduced_bits: u32,
}

impl Costs {
    fn of(options: &Options) -> Self {
        // A sum of products, and an activation with its sign. One more bit is for the growth of sums, or for
        // differences.
        Self {
            raw_bits: options.activation_bits + options.weight_bits + 1,
            reduced_bits: options.activation_bits + 2,
        }
    }

    fn shift(&self) -> u32 {
        self.raw_bits - self.reduced_bits
    }

    /// Bits an element at both widths.
    fn both(&self, cost: impl Fn(Ring) -> Result<Cost>, elements: usize) -> Load {
        let bits = |width| bits(Ring::new(width).map_err(Into::into).and_then(&cost), elements);
        Load { raw: bits(self.raw_bits), reduced: bits(self.reduced_bits) }
    }

    /// Bits an element of an operation on raw values that drops their low bits.
    fn dropping<O: Operation>(&self, operation: impl Fn(Ring, u32, Tuning) -> Result<O>) -> f64 {
        let cost = |ring| Ok(operation(ring, self.shift(), Tuning::default())?.cost(SAMPLE));
        bits(Ring::new(self.raw_bits).map_err(Into::into).and_then(cost), SAMPLE)
    }

    fn truncation(&self) -> f64 {
        self.dropping(TruncateReduce::new)
    }

    fn relu(&self) -> Load {
        let plain = self.both(|ring| Ok(Relu::new(ring, Tuning::default()).cost(SAMPLE)), SAMPLE);
        Load { raw: self.dropping(ReluTruncate::new), ..plain }
    }

    fn clip(&self) -> Load {
        // What a clip costs does not depend on its limit.
        // A limit takes the bits of an activation.
        let clip = |ring: Ring| Ok(Clip::new(ring, 1, ring, Tuning::default())?.cost(SAMPLE));
        let plain = self.both(clip, SAMPLE);
        Load { raw: plain.raw + self.truncation(), ..plain }
    }
}

/// Bits an element. Widths without a protocol cost nothing: the plan's verifier refuses them.
pub(super) fn bits(cost: Result<Cost>, elements: usize) -> f64 {
    let bytes = cost.map_or(0, |cost| cost.volume().bytes.iter().sum::<u64>());
    8.0 * bytes as f64 / elements as f64
}

/// For every value, whether those who compare it should read its reduced form if it is raw.
pub(super) fn truncated_early(graph: &Graph, steps: &[Step<'_>], options: &Options) -> Vec<bool> {
    let costs = Costs::of(options);
    let (relu, clip, truncation) = (costs.relu(), costs.clip(), costs.truncation());
    let mut loads = vec![Load::default(); graph.values().len()];
    let mut early = vec![false; graph.values().len()];
    // Whether a reader passes a value on to be truncated. Then truncating the value itself takes no more
    // rounds.
    let mut truncated_later = vec![false; graph.values().len()];
    for step in steps.iter().rev() {
        let output = step.node.output.index();
        let mut after = loads[output];
        // All readers of `output` have been visited. It is truncated early if one of them needs that, or if
        // it pays.
        let worth = if truncated_later[output] { 1.0 } else { WORTH_ITS_ROUNDS };
        early[output] |= truncation + after.reduced < worth * after.raw;
        if early[output] {
            after.raw = truncation + after.reduced;
        }
        let load = match &step.op {
            FixedOp::Relu => relu,
            FixedOp::Clip { .. } => clip,
            FixedOp::MaxPool(pool) => {
                let (inputs, shrink) = (pool.in_len(), pool.out_len() as f64 / pool.in_len() as f64);
                let cost = |ring| Ok(MaxPool::new(ring, pool, Tuning::default())?.cost());
                let pooling = costs.both(cost, inputs);
                Load {
                    raw: pooling.raw + shrink * after.raw,
                    reduced: pooling.reduced + shrink * after.reduced,
                }
            }
            FixedOp::AddConstant(_) | FixedOp::Move | FixedOp::Concat => after,
            FixedOp::Linear(_) | FixedOp::Product | FixedOp::MatrixProduct | FixedOp::Apply(_) => {
                step.node.inputs.iter().for_each(|id| early[id.index()] = true);
                continue;
            }
            // Signs, whole parts and places are those of the exact value.
            FixedOp::Positive | FixedOp::Floor | FixedOp::ArgMax { .. } => continue,
            FixedOp::Sum { .. }
            | FixedOp::SubtractFrom(_)
            | FixedOp::ReduceSum { .. }
            | FixedOp::AveragePool { .. } => {
                continue;
            }
        };
        for id in step.node.inputs.iter().filter(|&&id| graph.constant_of(id).is_none()) {
            loads[id.index()].raw += load.raw;
            loads[id.index()].reduced += load.reduced;
            truncated_later[id.index()] |=
                early[output] && matches!(step.op, FixedOp::AddConstant(_) | FixedOp::Move | FixedOp::Concat);
        }
    }
    early
}
