//! Writes the plan, once forms and widths are chosen.

use std::collections::HashMap;
use std::sync::Arc;

use veilflow_ir::plan::{ConstantBounds, LayerBounds, PlanInput, PlanOutput, Reveal, Settings};
use veilflow_ir::{Graph, Op, Parameters, Plan, PlanOp, Shape, ValueId, Weights};
use veilflow_spec::{LinearShape, place_bits};

use super::bits::{factor_width, least};
use super::fixed::{FixedLayer, half_unit, to_integer};
use super::fixed_op::FixedOp;
use super::forms::Forms;
use super::options::{Options, Revealing};
use super::plan_writer::PlanWriter;
use super::step::{Form, Stage, Step};
use super::widths::{Widths, matrix_width, truncation_width};
use crate::error::{PassError, Result};

/// The network with all choices made, and the plan so far.
pub(super) struct Emitter<'a> {
    graph: &'a Graph,
    forms: &'a Forms<'a>,
    widths: &'a Widths,
    writer: PlanWriter,
    /// The plan's value for a form, at the width it came into being with.
    native: HashMap<(usize, Stage), usize>,
    /// The first node that read each constant of weights.
    owners: HashMap<ValueId, usize>,
}

impl<'a> Emitter<'a> {
    pub(super) fn new(
        graph: &'a Graph,
        forms: &'a Forms<'a>,
        widths: &'a Widths,
        preprocessing: &str,
        settings: Settings,
    ) -> Self {
        let writer = PlanWriter::new(graph.name(), preprocessing, settings);
        Self { graph, forms, widths, writer, native: HashMap::new(), owners: HashMap::new() }
    }

    /// The plan and its weights.
    pub(super) fn emit(mut self, options: &Options) -> Result<(Plan, Weights)> {
        for &id in self.graph.inputs() {
            let form = self.forms.get(id.index(), Stage::Reduced);
            let width = self.widths.demanded(id.index(), Stage::Reduced);
            let value = self.writer.value(self.graph.shape(id).clone(), form, width);
            let (name, one_hot) = (self.graph.value(id).name.clone(), self.graph.is_one_hot(id));
            self.writer.plan.inputs.push(PlanInput { name, value, one_hot });
            self.native.insert((id.index(), Stage::Reduced), value);
        }
        let forms = self.forms;
        for (index, step) in forms.steps.iter().enumerate() {
            self.writer.layer.clone_from(&step.node.name);
            let made = self.step(step, self.widths.steps[index]);
            self.native.insert((step.node.output.index(), step.makes), made);
        }
        for output in self.graph.outputs() {
            let (index, name) = (output.value.index(), self.graph.value(output.value).name.clone());
            self.writer.layer.clone_from(&name);
            let (value, softmax, reveal) = match options.reveal {
                Revealing::Scores => (self.scores(index), output.softmax, Reveal::Scores),
                Revealing::TopK(count) => {
                    let (value, of) = self.top_k(index, count, &name)?;
                    (value, false, Reveal::TopK { of })
                }
                Revealing::ArgMax => (self.arg_max(index), false, Reveal::ArgMax),
            };
            self.writer.plan.outputs.push(PlanOutput { name, value, softmax, reveal });
        }
        self.writer.finish(options)
    }

    /// The plan's value for a form of a graph value, at exactly `width`.
    fn read(&mut self, (value, stage): (usize, Stage), width: u32) -> usize {
        let native = self.native((value, stage));
        self.resize(native, (value, stage), width)
    }

    /// The same at the width with which it came into being.
    fn native(&mut self, (value, stage): (usize, Stage)) -> usize {
        match self.native.get(&(value, stage)) {
            Some(&native) => native,
            None => {
                let reduced = self.reduce(value);
                self.native.insert((value, stage), reduced);
                reduced
            }
        }
    }

    /// `x`, which stands for a form of a graph value, at exactly `width`.
    fn resize(&mut self, x: usize, (value, stage): (usize, Stage), width: u32) -> usize {
        let widest = self.widths.demanded(value, stage).max(width);
        self.writer.resize(x, width, widest)
    }

    /// The reduced form of a raw value.
    fn reduce(&mut self, value: usize) -> usize {
        let width = truncation_width(self.forms, self.widths, value);
        let raw = self.native[&(value, Stage::Raw)];
        let form = self.forms.get(value, Stage::Reduced);
        if self.forms.is_limited(value) {
            return self.limit(raw, value, form);
        }
        match self.forms.reduction(value) {
            shift @ 1.. => {
                // Where there is room to see that the sum leaves its range.
                let raw = self.round(raw, (value, Stage::Raw), shift);
                let raw = self.writer.resize(raw, width, width);
                let (shift, widest) = (shift as u32, self.widths.demanded(value, Stage::Reduced));
                if widest <= width - shift {
                    return self.writer.convert(PlanOp::TruncateReduce { shift }, raw, form, width - shift);
                }
                // One tree tells the carry and the wrap. Who reads fewer bits drops the rest.
                self.writer.convert(PlanOp::TruncateExtend { shift, to: widest }, raw, form, widest)
            }
            shift => {
                let raw = self.writer.resize(raw, width, width);
                self.writer.shift_left(raw, shift.unsigned_abs())
            }
        }
    }

    /// `x`, which stands for a form of a graph value, with half a unit added for the truncation by `shift` to
    /// come. Otherwise every truncation would round down, and the errors of a deep network add up.
    fn round(&mut self, x: usize, (value, stage): (usize, Stage), shift: i32) -> usize {
        let form = self.writer.form_of(x);
        // Adding a constant would lose the knowledge that a value is never negative, which is worth more.
        if self.forms.is_rounded(value, stage) || form.non_negative || shift <= 0 {
            return x;
        }
        let width = self.writer.plan.values[x].width;
        let magnitude = form.magnitude + self.forms.rounding_bits((value, stage), shift);
        // A small value is no more than the half unit.
        let magnitude = magnitude.max((shift as u32).min(width - 1));
        self.writer.add_constant(x, half_unit(shift), Form { magnitude, ..form })
    }

    /// The reduced form of a value, limited to what `form` has room for. A signed value is brought above zero
    /// for it: one constant takes the offset and the half unit, and another takes the offset away. The limit
    /// is where the value is narrowest. It is extended while it is known to be positive.
    fn limit(&mut self, raw: usize, value: usize, form: Form) -> usize {
        let shift = self.forms.reduction(value);
        let (left, shift) = (shift.min(0).unsigned_abs(), shift.max(0));
        let mut x = self.writer.shift_left(raw, left);
        let made = self.writer.form_of(x);
        let widest = self.widths.demanded(value, Stage::Reduced);
        if form.non_negative {
            return self.clip_at(x, form);
        }
        let half = if self.forms.is_rounded(value, Stage::Raw) { 0 } else { half_unit(shift) };
        let offset = 1 << form.magnitude;
        let above = Form { magnitude: made.magnitude + 1, ..made };
        x = self.writer.add_constant(x, (offset << shift) + half, above);
        x = self.clip_at(x, Form { magnitude: form.magnitude + 1, non_negative: true, ..form });
        let width = widest.max(self.writer.plan.values[x].width);
        x = self.writer.resize(x, width, width);
        self.writer.add_constant(x, -offset, form)
    }

    /// `x` at the scale of `form`, limited to 0..2^m by its magnitude m. It is truncated first, since a limit
    /// takes two comparisons.
    fn clip_at(&mut self, x: usize, form: Form) -> usize {
        let from = self.writer.form_of(x);
        let y = match from.scale - form.scale {
            shift @ 1.. => {
                let shift = shift as u32;
                let magnitude = from.magnitude.saturating_sub(shift);
                let width = self.writer.plan.values[x].width - shift;
                let coarse = Form { scale: form.scale, magnitude, ..from };
                self.writer.convert(PlanOp::TruncateReduce { shift }, x, coarse, width)
            }
            shift => self.writer.shift_left(x, shift.unsigned_abs()),
        };
        let limit = (1 << form.magnitude) - 1;
        self.writer.convert(PlanOp::Clip { limit }, y, form, form.magnitude + 1)
    }

    /// Emits a step that works at `width`, and returns the plan's value for its output.
    fn step(&mut self, step: &Step<'_>, width: u32) -> usize {
        let output = step.node.output;
        let shape = self.graph.shape(output).clone();
        let form = self.forms.get(output.index(), step.makes);
        let mut inputs = Vec::with_capacity(step.reads.len());
        for &(value, stage) in &step.reads {
            let read = self.forms.get(value, stage);
            let finer = if step.op.aligns() { form.scale - read.scale } else { 0 }.max(0) as u32;
            let at = match step.op {
                FixedOp::Product => factor_width(read),
                FixedOp::MatrixProduct => {
                    let factors = [0, 1].map(|i| self.forms.get(step.reads[i].0, step.reads[i].1));
                    matrix_width(factors, width)[inputs.len()]
                }
                FixedOp::Positive => least(read).max(2),
                FixedOp::ArgMax { .. } => least(read) + if read.non_negative { 0 } else { 1 },
                FixedOp::Apply(function) => {
                    // An argument has a scale of 0 at least.
                    let missing = read.scale.min(0).unsigned_abs();
                    let at = self.forms.argument_width(read, function);
                    let x = self.read((value, stage), at - missing);
                    inputs.push(self.writer.shift_left(x, missing));
                    continue;
                }
                _ => width - finer,
            };
            if let FixedOp::Relu | FixedOp::Clip { .. } = step.op {
                // The half unit is added where there is room to see that the sum leaves its range.
                let native = self.native((value, stage));
                let x = self.round(native, (value, stage), read.scale - form.scale);
                inputs.push(self.resize(x, (value, stage), at));
                continue;
            }
            let x = self.read((value, stage), at);
            let x = self.writer.shift_left(x, finer);
            inputs.push(if step.op.spreads() { self.writer.spread(x, &shape) } else { x });
        }
        let x = inputs[0];
        let op = match &step.op {
            FixedOp::Linear(_) => return self.linear(step, x, shape, form, width),
            FixedOp::Relu if self.forms.is_limited(output.index()) => return self.clip_at(x, form),
            FixedOp::Relu => return self.relu(x, form),
            FixedOp::Clip { max } => return self.clip(x, *max, form),
            FixedOp::Sum { subtract: true } => PlanOp::Sub,
            FixedOp::Sum { subtract: false } => PlanOp::Add,
            FixedOp::Product => PlanOp::Multiply { width },
            FixedOp::MatrixProduct => PlanOp::MatrixProduct { width },
            FixedOp::Positive => PlanOp::Positive { to: width },
            FixedOp::ArgMax { .. } => {
                let rows = Shape::new(&shape[..shape.rank() - 1]).expect("a part of a shape is one");
                let index = self.writer.node(PlanOp::ArgMax, inputs, rows, form, width);
                return self.writer.reshape(index, shape);
            }
            FixedOp::Floor => {
                let shift = self.writer.form_of(x).scale.max(0).unsigned_abs();
                if shift == 0 {
                    return x;
                }
                return self.writer.convert(PlanOp::TruncateReduce { shift }, x, form, width - shift);
            }
            FixedOp::Apply(function) => {
                PlanOp::Apply { function: *function, width, scale: form.scale.unsigned_abs() }
            }
            FixedOp::ReduceSum { axes } => PlanOp::ReduceSum { axes: axes.clone() },
            FixedOp::AddConstant(c) | FixedOp::SubtractFrom(c) => {
                let half = self.forms.half_unit(output.index(), form.scale);
                let integer = |&v: &f32| to_integer(v, form.scale).saturating_add(half);
                let bias: Vec<i64> = c.data().iter().map(integer).collect();
                let (constant, bounds) = (c.shape().clone(), Some(ConstantBounds::of(&bias)));
                self.writer.give(Parameters { weights: [].into(), bias });
                match step.op {
                    FixedOp::SubtractFrom(_) => PlanOp::SubtractFrom { constant, bounds },
                    _ => PlanOp::AddConstant { constant, bounds },
                }
            }
            FixedOp::MaxPool(pool) => PlanOp::MaxPool { pool: pool.clone() },
            FixedOp::AveragePool { pool, count_padding } => {
                PlanOp::AveragePool { pool: pool.clone(), count_padding: *count_padding }
            }
            FixedOp::Move | FixedOp::Concat => match &step.node.op {
                Op::Transpose { perm } => PlanOp::Transpose { perm: perm.clone() },
                Op::Concat { axis } => PlanOp::Concat { axis: *axis },
                Op::Gather { axis, indices } => PlanOp::Gather { axis: *axis, indices: indices.clone() },
                Op::Pad { before, after, value } => {
                    let value = to_integer(*value, form.scale);
                    PlanOp::Pad { before: before.clone(), after: after.clone(), value }
                }
                _ => PlanOp::Reshape,
            },
        };
        self.writer.node(op, inputs, shape, form, width)
    }

    /// Emits a linear layer, with the moves that bring its input and output into shape.
    fn linear(&mut self, step: &Step<'_>, x: usize, shape: Shape, form: Form, width: u32) -> usize {
        let fixed = step.fixed.as_ref().expect("forms made integer weights for every linear layer");
        let (inner_in, inner_out, transpose) = match &fixed.shape {
            LinearShape::Conv2d(s) => (
                vec![1, s.in_channels, s.in_height, s.in_width],
                vec![1, s.out_channels, s.out_height(), s.out_width()],
                false,
            ),
            LinearShape::MatMul(s) => (vec![s.columns, s.inner], vec![s.rows, s.columns], s.columns > 1),
        };
        let small = "parts of a checked shape stay within its limits";
        let mut x = self.writer.reshape(x, Shape::new(inner_in).expect(small));
        if transpose {
            x = self.writer.transpose(x);
        }
        let (weights_of, weights) = self.weights(step, fixed);
        let op = PlanOp::Linear {
            shape: fixed.shape.clone(),
            weight_bits: step.weight_bits,
            weight_scale: fixed.weight_scale,
            weights_of,
            bounds: LayerBounds::of(&weights, &fixed.bias),
        };
        self.writer.give(Parameters { weights, bias: fixed.bias.clone() });
        // One column is as good as one row.
        let inner_out = if !transpose && inner_out.len() == 2 { shape.to_vec() } else { inner_out };
        let mut y = self.writer.node(op, vec![x], Shape::new(inner_out).expect(small), form, width);
        if transpose {
            y = self.writer.transpose(y);
        }
        self.writer.reshape(y, shape)
    }

    /// The weights of the layer that comes next. If an earlier node read the same constant in the same way,
    /// they are that node's.
    fn weights(&mut self, step: &Step<'_>, fixed: &FixedLayer) -> (Option<usize>, Arc<[i64]>) {
        let constant = step.node.inputs[1];
        let of_node = |&node: &usize| (node, Arc::clone(&self.writer.parameters[&node].weights));
        let same = |(node, weights): &(usize, Arc<[i64]>)| {
            let op = &self.writer.plan.nodes[*node].op;
            weights[..] == fixed.weights[..]
                && matches!(op, PlanOp::Linear { shape, weight_bits, weight_scale, .. }
                    if shape.has_weights_like(&fixed.shape)
                    && (*weight_bits, *weight_scale) == (step.weight_bits, fixed.weight_scale))
        };
        match self.owners.get(&constant).map(of_node).filter(same) {
            Some((node, weights)) => (Some(node), weights),
            None => {
                self.owners.insert(constant, self.writer.plan.nodes.len());
                (None, fixed.weights.clone().into())
            }
        }
    }

    /// A ReLU of `x`, of which as many bits are dropped as its scale is finer than `form`'s.
    fn relu(&mut self, x: usize, form: Form) -> usize {
        let width = self.writer.plan.values[x].width;
        match self.writer.form_of(x).scale - form.scale {
            shift @ 1.. => {
                let shift = shift as u32;
                self.writer.convert(PlanOp::ReluTruncate { shift }, x, form, width - shift)
            }
            shift => {
                let finer = shift.unsigned_abs();
                let coarse = Form { scale: form.scale + shift, magnitude: form.magnitude - finer, ..form };
                let y = self.writer.convert(PlanOp::Relu, x, coarse, width);
                self.writer.shift_left(y, finer)
            }
        }
    }

    fn clip(&mut self, x: usize, max: f32, form: Form) -> usize {
        let Form { scale, magnitude, .. } = self.writer.form_of(x);
        let limit = to_integer(max, scale).unsigned_abs();
        let width = 65 - limit.leading_zeros();
        let clipped = Form { scale, magnitude: magnitude.min(width - 1), non_negative: true };
        let y = self.writer.convert(PlanOp::Clip { limit }, x, clipped, width);
        match scale - form.scale {
            shift @ 1.. => {
                let shift = shift as u32;
                let wide = width.max(shift + 1);
                let y = self.writer.resize(y, wide, wide);
                self.writer.convert(PlanOp::TruncateReduce { shift }, y, form, wide - shift)
            }
            shift => self.writer.shift_left(y, shift.unsigned_abs()),
        }
    }

    /// An output as it comes into being, with a bit to spare.
    fn output(&mut self, value: usize) -> usize {
        let native = self.native[&(value, self.forms.native[value])];
        let width = self.writer.form_of(native).magnitude + 2;
        self.writer.resize(native, width, width)
    }

    /// An output with no more bits than activations have. More would be an exact equation in the weights of
    /// the last layer.
    fn scores(&mut self, value: usize) -> usize {
        let shift = self.forms.excess(value);
        if shift < 1 {
            return self.output(value);
        }
        let native = self.native[&(value, self.forms.native[value])];
        let native = self.round(native, (value, self.forms.native[value]), shift);
        let (form, shift) = (self.writer.form_of(native), shift.unsigned_abs());
        let width = (form.magnitude + 2).max(shift + 1);
        let x = self.writer.resize(native, width, width);
        let (scale, magnitude) = (form.scale - shift as i32, form.magnitude.saturating_sub(shift));
        let form = Form { scale, magnitude, ..form };
        self.writer.convert(PlanOp::TruncateReduce { shift }, x, form, width - shift)
    }

    /// The largest scores with their places, and of how many.
    fn top_k(&mut self, value: usize, count: usize, name: &str) -> Result<(usize, usize)> {
        let x = self.scores(value);
        let shape = &self.writer.plan.values[x].shape;
        let of = shape.elements();
        if count == 0 || count > of || shape.iter().filter(|&&n| n > 1).count() > 1 {
            return Err(PassError::Reveal { output: name.to_owned(), shape: shape.clone(), count });
        }
        let small = "parts of a checked shape stay within its limits";
        let x = self.writer.reshape(x, Shape::new([of]).expect(small));
        let (form, width, bits) = (self.writer.form_of(x), self.writer.plan.values[x].width, place_bits(of));
        let form = Form { magnitude: form.magnitude + bits, ..form };
        let shape = Shape::new([count]).expect(small);
        Ok((self.writer.node(PlanOp::TopK { count }, vec![x], shape, form, width + bits), of))
    }

    /// The index of the largest element along the only dimension larger than 1, or else the last one.
    fn arg_max(&mut self, value: usize) -> usize {
        let x = self.output(value);
        let from = &self.writer.plan.values[x].shape;
        let (elements, small) = (from.elements(), "fewer elements than before");
        let x = match from.iter().filter(|&&n| n > 1).count() {
            1 => self.writer.reshape(x, Shape::new([elements]).expect(small)),
            _ => x,
        };
        let from = &self.writer.plan.values[x].shape;
        let rows = from[..from.rank().saturating_sub(1)].to_vec();
        let form = Form { scale: 0, magnitude: 31, non_negative: true };
        self.writer.node(PlanOp::ArgMax, vec![x], Shape::new(rows).expect(small), form, 32)
    }
}
