//! Where bounded ranges limit a reduced form to the bits that calibration gives it.
//!
//! A form with more bits than that makes the rings of all that is computed from it wider, until a value is
//! limited: what compares elements there compares more bits of each. A limit takes comparisons of its own. So
//! it pays where few elements go into many, and less so where many go into few. The declared costs decide.

use veilflow_ir::{Function, Graph};
use veilflow_online::{Clip, Operation, Relu, ReluTruncate, TruncateReduce, Tuning};
use veilflow_ring::Ring;

use super::bits::{MAX_ARGUMENT_WIDTH, least};
use super::early::{WORTH_ITS_ROUNDS, bits};
use super::fixed_op::FixedOp;
use super::step::{Form, Stage, Step};

/// Costs are taken for so many elements, lest padding to bytes count.
const SAMPLE: usize = 1 << 12;

/// Two widths between which the cost of a comparison is nearly a straight line.
const NARROW: u32 = 16;
const WIDE: u32 = 32;

/// What wider rings cost, next to the comparisons alone: the layers between work in them too, and their
/// correlations are as wide. `docs/prices.md` says how flat the choice is.
const LAYERS: f64 = 1.7;

/// How many comparisons a limit takes, and so does what follows it.
const COMPARISONS: f64 = 2.0;

/// What wider forms cost.
pub(super) struct Limits {
    elements: Vec<f64>,
    /// For every value, how many comparisons are a bit wider if its reduced form is.
    comparisons: Vec<f64>,
    /// The bits on the wire of one of those bits.
    bit: f64,
    /// For every value, whether a layer of a recurrence reads it.
    state: Vec<bool>,
}

impl Limits {
    /// `recurrent` tells of every step whether it is a layer of a recurrence.
    pub(super) fn new(graph: &Graph, steps: &[Step<'_>], recurrent: &[bool]) -> Self {
        let elements: Vec<f64> = graph.values().iter().map(|v| v.shape.elements() as f64).collect();
        let relu = |width| cost(width, |ring| Ok(Relu::new(ring, Tuning::default())));
        let bit = (relu(WIDE) - relu(NARROW)) / f64::from(WIDE - NARROW);
        let comparisons = comparisons(steps, &elements);
        let mut state = vec![false; elements.len()];
        for (step, _) in steps.iter().zip(recurrent).filter(|(_, recurrent)| **recurrent) {
            step.reads.iter().for_each(|&(value, _)| state[value] = true);
        }
        Self { elements, comparisons, bit, state }
    }

    /// Whether it pays to limit the reduced form of a value to `calibrated` bits. It comes from `raw`, by a
    /// ReLU or by a truncation alone, and would have `form`'s magnitude.
    pub(super) fn pays(&self, value: usize, [raw, form]: [Form; 2], relu: bool, calibrated: u32) -> bool {
        // The offset of a signed value must not be larger than the value.
        if form.magnitude <= calibrated + 1 {
            return false;
        }
        // What one step of a recurrence lets through, all later ones add to.
        if self.state[value] || least(form) > MAX_ARGUMENT_WIDTH {
            return true;
        }
        let excess = f64::from(form.magnitude - calibrated);
        let later = LAYERS * excess * self.bit * self.comparisons[value];
        self.elements[value] * self.limit(raw, form, relu) < WORTH_ITS_ROUNDS * later
    }

    /// The bits that a limit adds for one element.
    fn limit(&self, raw: Form, form: Form, relu: bool) -> f64 {
        let (width, shift) = (least(raw), raw.scale - form.scale);
        let clip = |width| cost(width, |ring| Clip::new(ring, 1, ring, Tuning::default()));
        if !relu {
            return clip(least(form) + u32::from(!form.non_negative));
        }
        // The limit takes the place of the ReLU.
        match u32::try_from(shift) {
            Ok(shift @ 1..) => {
                let truncation = cost(width, |ring| TruncateReduce::new(ring, shift, Tuning::default()));
                let fused = cost(width, |ring| ReluTruncate::new(ring, shift, Tuning::default()));
                truncation + clip(least(form)) - fused
            }
            _ => clip(width) - cost(width, |ring| Ok(Relu::new(ring, Tuning::default()))),
        }
    }
}

/// For every value, how many comparisons are a bit wider if its reduced form is, up to where values are
/// limited again.
fn comparisons(steps: &[Step<'_>], elements: &[f64]) -> Vec<f64> {
    let (mut raw, mut reduced) = (vec![0.0; elements.len()], vec![0.0; elements.len()]);
    for step in steps.iter().rev() {
        let output = step.node.output.index();
        let after = match step.makes {
            Stage::Raw => raw[output] + f64::min(reduced[output], COMPARISONS * elements[output]),
            Stage::Reduced => reduced[output],
        };
        for &(value, stage) in &step.reads {
            let compared = elements[value];
            let wider = match &step.op {
                // What they make is limited in its turn.
                FixedOp::Relu | FixedOp::Clip { .. } => COMPARISONS * compared,
                FixedOp::Apply(Function::Sigmoid | Function::Tanh | Function::Erf) => compared,
                FixedOp::Apply(_) => compared + after,
                FixedOp::MaxPool(pool) => {
                    ((pool.kernel[0] * pool.kernel[1] - 1) as f64) * elements[output] + after
                }
                _ => after,
            };
            match stage {
                Stage::Raw => raw[value] += wider,
                Stage::Reduced => reduced[value] += wider,
            }
        }
    }
    reduced
}

/// The bits an element that an operation of this width takes.
fn cost<O: Operation>(width: u32, operation: impl Fn(Ring) -> veilflow_online::Result<O>) -> f64 {
    let cost = |ring| Ok(operation(ring)?.cost(SAMPLE));
    bits(Ring::new(width).map_err(Into::into).and_then(cost), SAMPLE)
}
