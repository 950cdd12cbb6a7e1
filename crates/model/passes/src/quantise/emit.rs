//! Writes the plan, once forms and widths are chosen.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use veilflow_ir::plan::{PlanInput, PlanOutput, Settings};
use veilflow_ir::{
    Extension, Graph, Op, Parameters, Plan, PlanNode, PlanOp, PlanValue, Shape, ValueId, Weights,
};
use veilflow_spec::LinearShape;

use super::fixed::{FixedLayer, half_unit, magnitude_of, to_integer};
use super::fixed_op::FixedOp;
use super::forms::{Form, Forms, Stage, Step};
use super::widths::{Widths, argument_width, factor_width, least, truncation_width};
use crate::Error;

/// The plan so far.
pub(super) struct Emitter<'a> {
    graph: &'a Graph,
    forms: &'a Forms<'a>,
    widths: &'a Widths,
    plan: Plan,
    parameters: BTreeMap<usize, Parameters>,
    /// The plan's value for a form, at the width it came into being with.
    native: HashMap<(usize, Stage), usize>,
    /// Plan values brought to another width.
    resized: HashMap<(usize, u32), usize>,
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
        let plan = Plan {
            name: graph.name().to_owned(),
            preprocessing: preprocessing.to_owned(),
            settings,
            values: Vec::new(),
            inputs: Vec::new(),
            nodes: Vec::new(),
            outputs: Vec::new(),
        };
        let (parameters, native, resized, owners) = Default::default();
        Self { graph, forms, widths, plan, parameters, native, resized, owners }
    }

    /// The plan and its weights; `arg_max` reveals only the index of the largest output.
    pub(super) fn emit(mut self, arg_max: bool) -> Result<(Plan, Weights), Error> {
        for &id in self.graph.inputs() {
            let form = self.forms.get(id.index(), Stage::Reduced);
            let width = self.widths.demanded(id.index(), Stage::Reduced);
            let value = self.value(self.graph.shape(id).clone(), form, width);
            self.plan.inputs.push(PlanInput { name: self.graph.value(id).name.clone(), value });
            self.native.insert((id.index(), Stage::Reduced), value);
        }
        let forms = self.forms;
        for (index, step) in forms.steps.iter().enumerate() {
            let made = self.step(step, self.widths.steps[index]);
            self.native.insert((step.node.output.index(), step.makes), made);
        }
        for output in self.graph.outputs() {
            let (index, name) = (output.value.index(), self.graph.value(output.value).name.clone());
            let native = self.native[&(index, self.forms.native[index])];
            let width = self.plan.values[native].magnitude + 2;
            let (value, softmax) = if arg_max {
                let x = self.resize(native, width, width, &name);
                (self.arg_max(x, &name), false)
            } else {
                (native, output.softmax)
            };
            self.plan.outputs.push(PlanOutput { name, value, softmax });
        }
        self.plan.verify()?;
        let weights = Weights::new(&self.plan, self.parameters)?;
        Ok((self.plan, weights))
    }

    fn value(&mut self, shape: Shape, form: Form, width: u32) -> usize {
        let Form { scale, magnitude, non_negative } = form;
        self.plan.values.push(PlanValue { shape, width, scale, magnitude, non_negative });
        self.plan.values.len() - 1
    }

    fn node(
        &mut self,
        layer: &str,
        op: PlanOp,
        inputs: Vec<usize>,
        shape: Shape,
        form: Form,
        width: u32,
    ) -> usize {
        let output = self.value(shape, form, width);
        self.plan.nodes.push(PlanNode { layer: layer.to_owned(), op, inputs, output });
        output
    }

    /// A node whose output is its input with another form or width.
    fn convert(&mut self, layer: &str, op: PlanOp, x: usize, form: Form, width: u32) -> usize {
        let shape = self.plan.values[x].shape.clone();
        self.node(layer, op, vec![x], shape, form, width)
    }

    fn form_of(&self, x: usize) -> Form {
        let v = &self.plan.values[x];
        Form { scale: v.scale, magnitude: v.magnitude, non_negative: v.non_negative }
    }

    /// A value at exactly `width`; widened, if it must be, to `widest` at once.
    fn resize(&mut self, x: usize, width: u32, widest: u32, layer: &str) -> usize {
        let (form, have) = (self.form_of(x), self.plan.values[x].width);
        if have == width {
            return x;
        }
        if let Some(&done) = self.resized.get(&(x, width)) {
            return done;
        }
        let resized = if have > width {
            self.convert(layer, PlanOp::Narrow { to: width }, x, form, width)
        } else if width < widest {
            let wide = self.resize(x, widest, widest, layer);
            self.convert(layer, PlanOp::Narrow { to: width }, wide, form, width)
        } else {
            let sign = match form {
                Form { non_negative: true, .. } => Extension::NonNegative,
                Form { magnitude, .. } if magnitude + 2 <= have => Extension::SignedWithSlack,
                _ => Extension::Signed,
            };
            self.convert(layer, PlanOp::Extend { to: width, sign }, x, form, width)
        };
        self.resized.insert((x, width), resized);
        resized
    }

    fn shift_left(&mut self, layer: &str, x: usize, by: u32) -> usize {
        if by == 0 {
            return x;
        }
        let (form, width) = (self.form_of(x), self.plan.values[x].width);
        let form = Form { scale: form.scale + by as i32, magnitude: form.magnitude + by, ..form };
        self.convert(layer, PlanOp::ShiftLeft { by }, x, form, width + by)
    }

    /// The plan's value for a form of a graph value, at exactly `width`.
    fn read(&mut self, (value, kind): (usize, Stage), width: u32, layer: &str) -> usize {
        let native = match self.native.get(&(value, kind)) {
            Some(&native) => native,
            None => {
                let reduced = self.reduce(value, layer);
                self.native.insert((value, kind), reduced);
                reduced
            }
        };
        let widest = self.widths.demanded(value, kind).max(width);
        self.resize(native, width, widest, layer)
    }

    /// The reduced form of a raw value.
    fn reduce(&mut self, value: usize, layer: &str) -> usize {
        let width = truncation_width(self.forms, self.widths, value);
        let raw = self.native[&(value, Stage::Raw)];
        let raw = self.resize(raw, width, width, layer);
        let form = self.forms.get(value, Stage::Reduced);
        match self.forms.reduction(value) {
            shift @ 1.. => {
                let raw = self.round(layer, raw, (value, Stage::Raw), shift);
                let shift = shift as u32;
                self.convert(layer, PlanOp::TruncateReduce { shift }, raw, form, width - shift)
            }
            shift => self.shift_left(layer, raw, shift.unsigned_abs()),
        }
    }

    /// `x`, which stands for a form of a graph value, with half a unit added for the truncation by `shift` to come. Otherwise every
    /// truncation would round down, and the errors of a deep network add up.
    fn round(&mut self, layer: &str, x: usize, (value, kind): (usize, Stage), shift: i32) -> usize {
        let form = self.form_of(x);
        // Adding a constant would lose the knowledge that a value is never negative, which is worth more.
        if self.forms.is_rounded(value, kind) || form.non_negative || shift <= 0 {
            return x;
        }
        let parameters = Parameters { weights: [].into(), bias: vec![half_unit(shift)] };
        self.parameters.insert(self.plan.nodes.len(), parameters);
        let constant = Shape::new([]).expect("a scalar is a shape");
        self.convert(layer, PlanOp::AddConstant { constant }, x, form, self.plan.values[x].width)
    }

    /// Emits a step that works at `width`; the plan's value for its output.
    fn step(&mut self, step: &Step<'_>, width: u32) -> usize {
        let layer = step.node.name.as_str();
        let output = step.node.output;
        let shape = self.graph.shape(output).clone();
        let form = self.forms.get(output.index(), step.makes);
        let mut inputs = Vec::with_capacity(step.reads.len());
        for &(value, kind) in &step.reads {
            let read = self.forms.get(value, kind);
            let finer = if step.role.aligns() { form.scale - read.scale } else { 0 }.max(0) as u32;
            let at = match step.role {
                FixedOp::Product => factor_width(read),
                FixedOp::Apply(_) => argument_width(read),
                _ => width - finer,
            };
            let x = self.read((value, kind), at, layer);
            let x = self.shift_left(layer, x, finer);
            inputs.push(if step.role.spreads() { self.spread(layer, x, &shape) } else { x });
        }
        let x = inputs[0];
        match &step.role {
            FixedOp::Linear(_) => self.linear(step, x, shape, form, width),
            FixedOp::Sum { subtract } => {
                let op = if *subtract { PlanOp::Sub } else { PlanOp::Add };
                self.node(layer, op, inputs, shape, form, width)
            }
            FixedOp::Product => self.node(layer, PlanOp::Multiply { width }, inputs, shape, form, width),
            FixedOp::Apply(function) => {
                let op = PlanOp::Apply { function: *function, width, scale: form.scale.unsigned_abs() };
                self.node(layer, op, inputs, shape, form, width)
            }
            FixedOp::ReduceSum { axes } => {
                self.node(layer, PlanOp::ReduceSum { axes: axes.clone() }, inputs, shape, form, width)
            }
            FixedOp::AddConstant(c) | FixedOp::SubtractFrom(c) => {
                let half = self.forms.half_unit(output.index(), form.scale);
                let bias = c.data().iter().map(|&v| to_integer(v, form.scale) + half).collect();
                self.parameters.insert(self.plan.nodes.len(), Parameters { weights: [].into(), bias });
                let constant = c.shape().clone();
                let op = match step.role {
                    FixedOp::SubtractFrom(_) => PlanOp::SubtractFrom { constant },
                    _ => PlanOp::AddConstant { constant },
                };
                self.node(layer, op, inputs, shape, form, width)
            }
            FixedOp::Relu | FixedOp::Clip { .. } => {
                let shift = self.plan.values[x].scale - form.scale;
                let x = self.round(layer, x, step.reads[0], shift);
                match step.role {
                    FixedOp::Clip { max } => self.clip(layer, x, max, form, width),
                    _ => self.relu(layer, x, form, width),
                }
            }
            FixedOp::MaxPool(pool) => {
                self.node(layer, PlanOp::MaxPool { pool: pool.clone() }, inputs, shape, form, width)
            }
            FixedOp::AveragePool { pool, count_padding } => {
                let op = PlanOp::AveragePool { pool: pool.clone(), count_padding: *count_padding };
                self.node(layer, op, inputs, shape, form, width)
            }
            FixedOp::Move | FixedOp::Concat => {
                let op = match &step.node.op {
                    Op::Transpose { perm } => PlanOp::Transpose { perm: perm.clone() },
                    Op::Concat { axis } => PlanOp::Concat { axis: *axis },
                    Op::Gather { axis, indices } => PlanOp::Gather { axis: *axis, indices: indices.clone() },
                    Op::Pad { before, after, value } => {
                        let value = to_integer(*value, form.scale);
                        PlanOp::Pad { before: before.clone(), after: after.clone(), value }
                    }
                    _ => PlanOp::Reshape,
                };
                self.node(layer, op, inputs, shape, form, width)
            }
        }
    }

    /// A linear layer, with what its input and output must be reshaped from and to.
    fn linear(&mut self, step: &Step<'_>, x: usize, shape: Shape, form: Form, width: u32) -> usize {
        let layer = step.node.name.as_str();
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
        let mut x = self.reshape(layer, x, Shape::new(inner_in).expect(small));
        if transpose {
            x = self.transpose(layer, x);
        }
        let (weights_of, weights) = self.weights(step, fixed);
        let op = PlanOp::Linear {
            shape: fixed.shape.clone(),
            weight_bits: step.weight_bits,
            weight_scale: fixed.weight_scale,
            weights_of,
        };
        self.parameters.insert(self.plan.nodes.len(), Parameters { weights, bias: fixed.bias.clone() });
        // One column is as good as one row.
        let inner_out = if !transpose && inner_out.len() == 2 { shape.to_vec() } else { inner_out };
        let mut y = self.node(layer, op, vec![x], Shape::new(inner_out).expect(small), form, width);
        if transpose {
            y = self.transpose(layer, y);
        }
        self.reshape(layer, y, shape)
    }

    /// The weights of a layer about to be written; those of an earlier node if it reads the same constant alike.
    fn weights(&mut self, step: &Step<'_>, fixed: &FixedLayer) -> (Option<usize>, Arc<[i64]>) {
        let constant = step.node.inputs[1];
        let of_node = |&node: &usize| (node, Arc::clone(&self.parameters[&node].weights));
        let same = |(node, weights): &(usize, Arc<[i64]>)| {
            let op = &self.plan.nodes[*node].op;
            weights[..] == fixed.weights[..]
                && matches!(op, PlanOp::Linear { shape, weight_bits, weight_scale, .. }
                    if shape.has_weights_like(&fixed.shape)
                    && (*weight_bits, *weight_scale) == (step.weight_bits, fixed.weight_scale))
        };
        match self.owners.get(&constant).map(of_node).filter(same) {
            Some((node, weights)) => (Some(node), weights),
            None => {
                self.owners.insert(constant, self.plan.nodes.len());
                (None, fixed.weights.clone().into())
            }
        }
    }

    /// Repeats elements until a value has `shape`, which it broadcasts to.
    fn spread(&mut self, layer: &str, x: usize, shape: &Shape) -> usize {
        let from = self.plan.values[x].shape.clone();
        let mut dims = vec![1; shape.rank() - from.rank()];
        dims.extend_from_slice(&from);
        let small = "between a shape and one it broadcasts to";
        let mut x = self.reshape(layer, x, Shape::new(dims.clone()).expect(small));
        for axis in 0..shape.rank() {
            if dims[axis] != shape[axis] {
                dims[axis] = shape[axis];
                let op = PlanOp::Gather { axis, indices: vec![0; shape[axis]] };
                let (form, width) = (self.form_of(x), self.plan.values[x].width);
                x = self.node(layer, op, vec![x], Shape::new(dims.clone()).expect(small), form, width);
            }
        }
        x
    }

    fn reshape(&mut self, layer: &str, x: usize, shape: Shape) -> usize {
        if self.plan.values[x].shape == shape {
            return x;
        }
        let (form, width) = (self.form_of(x), self.plan.values[x].width);
        self.node(layer, PlanOp::Reshape, vec![x], shape, form, width)
    }

    /// Exchanges the dimensions of a matrix.
    fn transpose(&mut self, layer: &str, x: usize) -> usize {
        let (form, width) = (self.form_of(x), self.plan.values[x].width);
        let from = &self.plan.values[x].shape;
        let shape = Shape::new([from[1], from[0]]).expect("as many elements as before");
        self.node(layer, PlanOp::Transpose { perm: vec![1, 0] }, vec![x], shape, form, width)
    }

    fn relu(&mut self, layer: &str, x: usize, form: Form, width: u32) -> usize {
        match self.plan.values[x].scale - form.scale {
            shift @ 1.. => {
                let op = PlanOp::ReluTruncate { shift: shift as u32, compare_bits: width };
                let y = self.convert(layer, op, x, form, width - shift as u32);
                self.resize(y, least(form), least(form), layer)
            }
            shift => {
                let finer = shift.unsigned_abs();
                let coarse = Form { scale: form.scale + shift, magnitude: form.magnitude - finer, ..form };
                let y = self.convert(layer, PlanOp::Relu { compare_bits: width }, x, coarse, width);
                let y = self.resize(y, least(coarse), least(coarse), layer);
                self.shift_left(layer, y, finer)
            }
        }
    }

    fn clip(&mut self, layer: &str, x: usize, max: f32, form: Form, width: u32) -> usize {
        let Form { scale, magnitude, .. } = self.form_of(x);
        let limit = to_integer(max, scale).unsigned_abs();
        let magnitude = magnitude_of(limit as f64, 0).min(magnitude);
        let clipped = Form { scale, magnitude, non_negative: true };
        let y = self.convert(layer, PlanOp::Clip { limit, compare_bits: width }, x, clipped, width);
        match scale - form.scale {
            shift @ 1.. => {
                let shift = shift as u32;
                let least = least(clipped).max(shift + 1);
                let y = self.resize(y, least, least, layer);
                self.convert(layer, PlanOp::TruncateReduce { shift }, y, form, least - shift)
            }
            shift => {
                let y = self.resize(y, least(clipped), least(clipped), layer);
                self.shift_left(layer, y, shift.unsigned_abs())
            }
        }
    }

    fn arg_max(&mut self, x: usize, layer: &str) -> usize {
        let from = &self.plan.values[x].shape;
        let rows = from[..from.rank().saturating_sub(1)].to_vec();
        let shape = Shape::new(rows).expect("fewer elements than before");
        let form = Form { scale: 0, magnitude: 31, non_negative: true };
        self.node(layer, PlanOp::ArgMax, vec![x], shape, form, 32)
    }
}
