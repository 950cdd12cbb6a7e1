//! Scales and magnitudes of all tensors, chosen before any width.
//!
//! A value of the graph can take two forms. The **raw** form is what a linear layer or a sum makes: wide, at
//! the sum of its operands' scales. The **reduced** form is what a linear layer reads: truncated so that the
//! largest magnitude takes `activation_bits` bits. Activations and the network's inputs come into being in
//! the reduced form. A raw value is reduced only where a linear layer reads it, or where that makes
//! comparisons cheaper (`early`). So a sum of two convolutions that goes into a ReLU is truncated once.
//!
//! Values that become parts of one tensor, or that pooling and moves pass on, have one reduced scale.

use veilflow_ir::plan::Ranges;
use veilflow_ir::{Function, Graph, Op, Reason};

use super::bits::argument_width;
use super::calibrate::Seen;
use super::fixed::{FixedLayer, half_unit, magnitude_of, to_integer};
use super::fixed_op::{FixedOp, Layer, node_error};
use super::limits::Limits;
use super::options::Options;
use super::possible;
use super::recurrence::Recurrence;
use super::rounding::Rounding;
use super::scales::{MAX_FUNCTION_SCALE, MIN_FUNCTION_SCALE, bounds, targets};
use super::step::{Form, Stage, Step};
use super::steps::steps;
use crate::error::Result;

/// Everything known before widths are chosen.
pub(super) struct Forms<'g> {
    pub(super) steps: Vec<Step<'g>>,
    /// The raw form of every graph value that has one.
    raw: Vec<Option<Form>>,
    /// The reduced form of every graph value that has one.
    reduced: Vec<Option<Form>>,
    /// The form in which each value comes into being.
    pub(super) native: Vec<Stage>,
    rounding: Rounding,
    /// The reduced scale of every graph value.
    targets: Vec<i32>,
    /// Where values are limited, if ranges are bounded.
    limits: Option<Limits>,
    /// For every value, whether its reduced form is limited to less than is possible.
    limited: Vec<bool>,
}

impl<'g> Forms<'g> {
    /// `seen` is what calibration saw of every graph value.
    pub(super) fn choose(graph: &'g Graph, seen: &[Seen], options: &Options) -> Result<Self> {
        let (mut steps, native) = steps(graph, options)?;
        let recurrence = Recurrence::find(graph, &steps);
        let bits = |precise: bool, bits: u32| if precise { bits.max(options.state_bits) } else { bits };
        for (step, &precise) in steps.iter_mut().zip(&recurrence.layers) {
            step.weight_bits = bits(precise, options.weight_bits);
        }
        let activation_bits: Vec<u32> =
            recurrence.precise.iter().map(|&precise| bits(precise, options.activation_bits)).collect();
        let margin = f64::from(options.margin_percent) / 100.0;
        let bounds = bounds(&steps, seen, margin);
        let targets = targets(graph, &steps, &native, &bounds, &activation_bits);
        let values = graph.values().len();
        let rounding = Rounding::choose(graph, &steps, &native, &targets);
        let (raw, reduced) = (vec![None; values], vec![None; values]);
        let limits =
            (options.ranges == Ranges::Bounded).then(|| Limits::new(graph, &steps, &recurrence.layers));
        let limited = vec![false; values];
        let targets_of = targets.clone();
        let mut forms = Self { steps, raw, reduced, native, rounding, targets: targets_of, limits, limited };
        for id in graph.inputs() {
            let i = id.index();
            let magnitude = magnitude_of(bounds[i], targets[i]);
            forms.reduced[i] = Some(Form { scale: targets[i], magnitude, non_negative: false });
        }
        for index in 0..forms.steps.len() {
            forms.reduce_inputs(index, &targets, &bounds);
            forms.make(graph, index, &targets, &bounds, margin, seen)?;
        }
        Ok(forms)
    }

    /// The form of a value. Panics if nothing needs it.
    pub(super) fn get(&self, value: usize, stage: Stage) -> Form {
        let form = match stage {
            Stage::Raw => self.raw[value],
            Stage::Reduced => self.reduced[value],
        };
        form.expect("forms are chosen for all reads")
    }

    /// How many bits more the native form of a value has than activations do.
    pub(super) fn excess(&self, value: usize) -> i32 {
        self.get(value, self.native[value]).scale - self.targets[value]
    }

    /// How many bits are dropped from the raw form to reach the reduced one. Negative if bits are added.
    pub(super) fn reduction(&self, value: usize) -> i32 {
        self.get(value, Stage::Raw).scale - self.get(value, Stage::Reduced).scale
    }

    /// Whether a form of a value comes with half a unit added for its truncation.
    pub(super) fn is_rounded(&self, value: usize, stage: Stage) -> bool {
        stage == self.native[value] && self.rounding.of(value).is_some()
    }

    /// The half unit that a value's native form comes with, at this scale of the form. 0 if it comes with
    /// none.
    pub(super) fn half_unit(&self, value: usize, scale: i32) -> i64 {
        self.rounding.of(value).map_or(0, |target| half_unit(scale - target))
    }

    /// The bits by which a form grows when half a unit is added for its truncation by `shift`. Calibrated
    /// ranges have room for it.
    pub(super) fn rounding_bits(&self, (value, stage): (usize, Stage), shift: i32) -> u32 {
        let adds = shift > 0 && !self.is_rounded(value, stage) && !self.get(value, stage).non_negative;
        u32::from(self.limits.is_some() && adds)
    }

    /// The width of a function's argument. One without fractional bits is brought to scale 0.
    pub(super) fn argument_width(&self, form: Form, function: Function) -> u32 {
        let form = at_scale_zero(form);
        if self.limits.is_some() { possible::argument_width(form, function) } else { argument_width(form) }
    }

    /// Whether the reduced form of a value is limited to less than is possible.
    pub(super) fn is_limited(&self, value: usize) -> bool {
        self.limited[value]
    }

    /// The reduced form of a value, `possible` unless it pays to limit it to the `calibrated` magnitude.
    fn limit(&mut self, value: usize, raw: Form, possible: Form, relu: bool, calibrated: u32) -> Form {
        let pays = |limits: &Limits| limits.pays(value, [raw, possible], relu, calibrated);
        if !self.limits.as_ref().is_some_and(pays) {
            return possible;
        }
        self.limited[value] = true;
        Form { magnitude: calibrated, ..possible }
    }

    fn reduce_inputs(&mut self, index: usize, targets: &[i32], bounds: &[f64]) {
        for (value, stage) in self.steps[index].reads.clone() {
            if stage == Stage::Reduced && self.reduced[value].is_none() {
                let raw = self.get(value, Stage::Raw);
                let more = self.rounding_bits((value, Stage::Raw), raw.scale - targets[value]);
                let raw = Form { magnitude: raw.magnitude + more, ..raw };
                let seen = magnitude_of(bounds[value], targets[value]);
                let reduced = self.limit(value, raw, rescaled(raw, targets[value]), false, seen);
                self.reduced[value] = Some(reduced);
            }
        }
    }

    fn make(
        &mut self,
        graph: &Graph,
        index: usize,
        targets: &[i32],
        bounds: &[f64],
        margin: f64,
        seen: &[Seen],
    ) -> Result<()> {
        let step = &self.steps[index];
        let output = step.node.output.index();
        let mut inputs: Vec<Form> = step.reads.iter().map(|&(v, stage)| self.get(v, stage)).collect();
        if let FixedOp::Relu | FixedOp::Clip { .. } = step.op {
            inputs[0].magnitude += self.rounding_bits(step.reads[0], inputs[0].scale - targets[output]);
        }
        let x = inputs[0];
        let mut fixed = None;
        let form = match &step.op {
            FixedOp::Linear(layer) => {
                let room = f64::from(seen[output].range()) * margin;
                let mean = &seen[step.reads[0].0].mean;
                let mean = (layer.channels() == Some(mean.len())).then_some(&mean[..]);
                let half = |scale| self.half_unit(output, scale);
                let (layer, form) = linear(layer, x, room, mean, half, step.weight_bits)
                    .map_err(|reason| node_error(step.node, reason))?;
                fixed = Some(layer);
                form
            }
            FixedOp::Sum { subtract } => {
                let scale = inputs[0].scale.max(inputs[1].scale);
                let non_negative = !subtract && inputs.iter().all(|f| f.non_negative);
                Form { scale, magnitude: magnitude_of(bounds[output], scale), non_negative }
            }
            FixedOp::Product => {
                let [x, y] = [inputs[0], inputs[1]];
                let scale = x.scale + y.scale;
                let magnitude = (x.magnitude + y.magnitude).min(magnitude_of(bounds[output], scale));
                Form { scale, magnitude, non_negative: x.non_negative && y.non_negative }
            }
            FixedOp::MatrixProduct => {
                let inner = graph.shape(step.node.inputs[0]).last().copied().unwrap_or(1);
                let scale = inputs[0].scale + inputs[1].scale;
                let possible = inputs[0].magnitude + inputs[1].magnitude + (inner as u64).ilog2() + 1;
                let magnitude = possible.min(magnitude_of(bounds[output], scale));
                Form { scale, magnitude, non_negative: false }
            }
            FixedOp::Positive => Form { scale: 0, magnitude: 1, non_negative: true },
            FixedOp::ArgMax { places } => {
                let magnitude = magnitude_of((places - 1) as f64, 0);
                Form { scale: 0, magnitude, non_negative: true }
            }
            FixedOp::Floor => {
                let dropped = x.scale.max(0).unsigned_abs();
                let magnitude = x.magnitude.saturating_sub(dropped).max(1);
                Form { scale: x.scale.min(0), magnitude, ..x }
            }
            FixedOp::Apply(function) => {
                let scale = targets[output].clamp(MIN_FUNCTION_SCALE, MAX_FUNCTION_SCALE);
                let magnitude = magnitude_of(bounds[output], scale);
                Form { scale, magnitude, non_negative: function.is_non_negative() }
            }
            FixedOp::ReduceSum { .. } => Form { magnitude: magnitude_of(bounds[output], x.scale), ..x },
            FixedOp::AddConstant(_) | FixedOp::SubtractFrom(_) => {
                let half = self.half_unit(output, x.scale) as f64;
                let magnitude = magnitude_of(bounds[output] * f64::from(x.scale).exp2() + half, 0);
                Form { magnitude, non_negative: false, ..x }
            }
            // All bits of the comparison below the sign are kept, so that a reader that needs a wider ring
            // knows the sign of every result, whatever calibration saw.
            FixedOp::Relu => Form { non_negative: true, ..rescaled(x, targets[output]) },
            FixedOp::Clip { max } => {
                let form = rescaled(x, targets[output]);
                let limit = clip_magnitude(*max, x.scale, targets[output]);
                Form { non_negative: true, magnitude: form.magnitude.min(limit), ..form }
            }
            FixedOp::AveragePool { .. } => {
                // Averages are smaller than what they average. Division at a finer scale keeps their
                // precision.
                let finer = (targets[output] - x.scale).max(0);
                let scale = x.scale + finer;
                Form { scale, magnitude: x.magnitude + finer as u32, ..x }
            }
            FixedOp::MaxPool(_) => x,
            FixedOp::Move => match step.node.op {
                Op::Pad { value, .. } => {
                    let border = to_integer(value, x.scale);
                    let non_negative = x.non_negative && border >= 0;
                    let border = magnitude_of(border.unsigned_abs() as f64, 0);
                    Form { magnitude: x.magnitude.max(border), non_negative, ..x }
                }
                _ => x,
            },
            FixedOp::Concat => {
                let scale = inputs.iter().map(|f| f.scale).max().unwrap_or_default();
                let magnitude = inputs.iter().map(|f| f.magnitude + (scale - f.scale) as u32).max();
                let non_negative = inputs.iter().all(|f| f.non_negative);
                Form { scale, magnitude: magnitude.unwrap_or_default(), non_negative }
            }
        };
        let (makes, mut form) = (step.makes, form);
        if self.limits.is_some() {
            let half = self.half_unit(output, form.scale);
            form.magnitude = possible::magnitude(graph, step, fixed.as_ref(), &inputs, form, half)?;
            if let FixedOp::Relu = step.op {
                let calibrated = magnitude_of(bounds[output], form.scale);
                form = self.limit(output, x, form, true, calibrated);
            }
        }
        self.steps[index].fixed = fixed;
        match makes {
            Stage::Raw => self.raw[output] = Some(form),
            Stage::Reduced => self.reduced[output] = Some(form),
        }
        Ok(())
    }
}

/// A form that a function can take, whose scale isn't negative.
fn at_scale_zero(form: Form) -> Form {
    if form.scale < 0 { rescaled(form, 0) } else { form }
}

/// A form at another scale, with as many bits more as it is finer.
fn rescaled(x: Form, scale: i32) -> Form {
    Form { scale, magnitude: (x.magnitude as i32 + scale - x.scale).max(0) as u32, ..x }
}

/// The magnitude after limiting to `max` at scale `from` and truncating to scale `to`.
fn clip_magnitude(max: f32, from: i32, to: i32) -> u32 {
    let limit = to_integer(max, from) as f64;
    magnitude_of((limit * f64::from(to - from).exp2()).floor(), 0)
}

/// Integer weights, and the form of the sums. Their magnitude is what calibration saw, with margin, or what
/// is possible if that is smaller.
fn linear(
    layer: &Layer,
    x: Form,
    seen: f64,
    mean: Option<&[f64]>,
    half_unit: impl Fn(i32) -> i64,
    weight_bits: u32,
) -> Result<(FixedLayer, Form), Reason> {
    let mut fixed = FixedLayer::quantise(layer, x.scale, weight_bits)?;
    if let Some(mean) = mean {
        fixed.correct(layer, x.scale, mean);
    }
    let scale = x.scale + fixed.weight_scale;
    let half = half_unit(scale);
    fixed.bias.iter_mut().for_each(|b| *b += half);
    let seen = magnitude_of(seen * f64::from(scale).exp2() + half as f64, 0);
    let possible = fixed.sums(x.range()).magnitude().max(1);
    Ok((fixed, Form { scale, magnitude: seen.min(possible), non_negative: false }))
}
