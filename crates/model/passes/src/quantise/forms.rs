//! Scales and magnitudes of all tensors, chosen before any width.
//!
//! A value of the graph can take two forms. **Raw** is what a linear layer or a sum makes: at the sum of its operands'
//! scales, wide. **Reduced** is what a linear layer reads: truncated so that the largest magnitude takes
//! `activation_bits` bits. Activations, and the network's inputs, have the reduced form by themselves. A raw value is
//! reduced only if a linear layer reads it, so a sum of two convolutions that goes into a ReLU is truncated once.
//!
//! Values that become parts of one tensor, or that pooling and moves pass on, share one reduced scale.

use veilflow_ir::{Graph, Node, Op};

use super::Options;
use super::fixed::{FixedLayer, half_unit, magnitude_of, scale_for, to_integer};
use super::roles::{Layer, Role, node_error};
use crate::Error;

/// Which form of a value a node reads or makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Raw,
    Reduced,
}

/// One form of a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) scale: i32,
    /// Integers lie in −2^m..2^m.
    pub(super) magnitude: u32,
    pub(super) non_negative: bool,
}

/// A step of the network in fixed point.
pub(super) struct Step<'g> {
    pub(super) node: &'g Node,
    pub(super) role: Role,
    /// The private inputs, as indices of graph values, each with the form it is read in.
    pub(super) reads: Vec<(usize, Kind)>,
    /// The form of the output.
    pub(super) makes: Kind,
    /// The integer weights of a linear layer.
    pub(super) fixed: Option<FixedLayer>,
}

/// Everything known before widths are chosen.
pub(super) struct Forms<'g> {
    pub(super) steps: Vec<Step<'g>>,
    /// By index of graph value; none for constants and unused forms.
    raw: Vec<Option<Form>>,
    reduced: Vec<Option<Form>>,
    /// The form in which each value comes into being.
    pub(super) native: Vec<Kind>,
    /// The scale to which each value is truncated by all its readers, if a linear layer makes it and they agree: half a
    /// unit of that scale goes into the layer's bias, so that truncation rounds to nearest.
    rounded_to: Vec<Option<i32>>,
}

impl<'g> Forms<'g> {
    /// `ranges` holds the largest magnitude of every graph value seen in calibration.
    pub(super) fn choose(graph: &'g Graph, ranges: &[f32], options: &Options) -> Result<Self, Error> {
        let steps = steps(graph)?;
        let native = native(graph, &steps);
        let margin = f64::from(options.margin_percent) / 100.0;
        let bounds = bounds(graph, &steps, ranges, margin);
        let targets = targets(graph, &steps, &bounds, options.activation_bits);
        let values = graph.values().len();
        let rounded_to = rounded_to(graph, &steps, &targets);
        let (raw, reduced) = (vec![None; values], vec![None; values]);
        let mut forms = Self { steps, raw, reduced, native, rounded_to };
        for id in graph.inputs() {
            let i = id.index();
            let magnitude = magnitude_of(bounds[i], targets[i]);
            forms.reduced[i] = Some(Form { scale: targets[i], magnitude, non_negative: false });
        }
        for index in 0..forms.steps.len() {
            forms.reduce_inputs(index, &targets, &bounds);
            forms.make(index, &targets, &bounds, margin, ranges, options)?;
        }
        Ok(forms)
    }

    /// The form of a value. Panics if nothing needs it.
    pub(super) fn get(&self, value: usize, kind: Kind) -> Form {
        let form = match kind {
            Kind::Raw => self.raw[value],
            Kind::Reduced => self.reduced[value],
        };
        form.expect("forms are chosen for all reads")
    }

    /// Bits to drop from the raw form to reach the reduced one; negative if bits are added.
    pub(super) fn reduction(&self, value: usize) -> i32 {
        self.get(value, Kind::Raw).scale - self.get(value, Kind::Reduced).scale
    }

    /// Whether a raw value comes with half a unit added for its truncation.
    pub(super) fn is_rounded(&self, value: usize) -> bool {
        self.rounded_to[value].is_some()
    }

    fn reduce_inputs(&mut self, index: usize, targets: &[i32], bounds: &[f64]) {
        for &(value, kind) in &self.steps[index].reads {
            if kind == Kind::Reduced && self.reduced[value].is_none() {
                let raw = self.get(value, Kind::Raw);
                let seen = magnitude_of(bounds[value], targets[value]);
                self.reduced[value] = Some(rescaled(raw, targets[value], seen));
            }
        }
    }

    fn make(
        &mut self,
        index: usize,
        targets: &[i32],
        bounds: &[f64],
        margin: f64,
        ranges: &[f32],
        options: &Options,
    ) -> Result<(), Error> {
        let step = &self.steps[index];
        let output = step.node.output.index();
        let inputs: Vec<Form> = step.reads.iter().map(|&(v, kind)| self.get(v, kind)).collect();
        let x = inputs[0];
        let mut fixed = None;
        let form = match &step.role {
            Role::Linear(layer) => {
                let seen = f64::from(ranges[output]) * margin;
                let (layer, form) = linear(layer, x, seen, self.rounded_to[output], options)
                    .map_err(|reason| node_error(step.node, reason))?;
                fixed = Some(layer);
                form
            }
            Role::Sum { subtract } => {
                let scale = inputs[0].scale.max(inputs[1].scale);
                let non_negative = !subtract && inputs.iter().all(|f| f.non_negative);
                Form { scale, magnitude: magnitude_of(bounds[output], scale), non_negative }
            }
            Role::AddConstant(_) => {
                Form { magnitude: magnitude_of(bounds[output], x.scale), non_negative: false, ..x }
            }
            Role::Relu | Role::Clip { .. } => {
                let seen = match step.role {
                    Role::Clip { max } => clip_magnitude(max, x.scale, targets[output]),
                    _ => magnitude_of(bounds[output], targets[output]),
                };
                Form { non_negative: true, ..rescaled(x, targets[output], seen) }
            }
            Role::AveragePool { .. } => {
                Form { magnitude: magnitude_of(bounds[output], x.scale).min(x.magnitude), ..x }
            }
            Role::MaxPool(_) => x,
            Role::Move => match step.node.op {
                Op::Pad { value, .. } => {
                    let border = to_integer(value, x.scale);
                    let non_negative = x.non_negative && border >= 0;
                    let border = magnitude_of(border.unsigned_abs() as f64, 0);
                    Form { magnitude: x.magnitude.max(border), non_negative, ..x }
                }
                _ => x,
            },
            Role::Concat => {
                let scale = inputs.iter().map(|f| f.scale).max().unwrap_or_default();
                let magnitude = inputs.iter().map(|f| f.magnitude + (scale - f.scale) as u32).max();
                let non_negative = inputs.iter().all(|f| f.non_negative);
                Form { scale, magnitude: magnitude.unwrap_or_default(), non_negative }
            }
        };
        let makes = step.makes;
        self.steps[index].fixed = fixed;
        match makes {
            Kind::Raw => self.raw[output] = Some(form),
            Kind::Reduced => self.reduced[output] = Some(form),
        }
        Ok(())
    }
}

/// A form at another scale: with fewer bits no larger than `seen`, with more bits exactly as much larger.
fn rescaled(x: Form, scale: i32, seen: u32) -> Form {
    let exact = (x.magnitude as i32 + scale - x.scale).max(0) as u32;
    Form { scale, magnitude: if scale < x.scale { exact.min(seen) } else { exact }, ..x }
}

/// The magnitude after limiting to `max` at scale `from` and truncating to scale `to`.
fn clip_magnitude(max: f32, from: i32, to: i32) -> u32 {
    let limit = to_integer(max, from) as f64;
    magnitude_of((limit * f64::from(to - from).exp2()).floor(), 0)
}

/// Integer weights, and the form of the sums: the smaller of what calibration saw, with margin, and what is possible.
fn linear(
    layer: &Layer,
    x: Form,
    seen: f64,
    rounded_to: Option<i32>,
    options: &Options,
) -> Result<(FixedLayer, Form), String> {
    let mut fixed = FixedLayer::quantise(layer, x.scale, options.weight_bits)?;
    let scale = x.scale + fixed.weight_scale;
    let half = rounded_to.map_or(0, |target| half_unit(scale - target));
    fixed.bias.iter_mut().for_each(|b| *b += half);
    let seen = magnitude_of(seen * f64::from(scale).exp2() + half as f64, 0);
    let possible = magnitude_of(fixed.largest_sum(x.magnitude, x.non_negative), 0);
    Ok((fixed, Form { scale, magnitude: seen.min(possible), non_negative: false }))
}

fn steps(graph: &Graph) -> Result<Vec<Step<'_>>, Error> {
    let mut feeds_linear = vec![false; graph.values().len()];
    let mut steps = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        let role = Role::of(graph, node)?;
        if let Role::Linear(_) = role {
            feeds_linear[node.inputs[0].index()] = true;
        }
        steps.push(Step { node, role, reads: Vec::new(), makes: Kind::Raw, fixed: None });
    }
    let mut native = vec![Kind::Reduced; graph.values().len()];
    for step in &mut steps {
        let private = step.node.inputs.iter().filter(|&&id| graph.constant_of(id).is_none());
        let private: Vec<usize> = private.map(|id| id.index()).collect();
        let prefer_reduced = |v: usize| if feeds_linear[v] { Kind::Reduced } else { native[v] };
        let kinds: Vec<Kind> = match step.role {
            Role::Linear(_) => vec![Kind::Reduced],
            Role::Relu | Role::Clip { .. } => vec![native[private[0]]],
            // Parts of one tensor are all raw or all reduced.
            Role::Concat if private.iter().any(|&v| native[v] == Kind::Reduced) => {
                vec![Kind::Reduced; private.len()]
            }
            Role::Concat => vec![Kind::Raw; private.len()],
            _ => private.iter().map(|&v| prefer_reduced(v)).collect(),
        };
        step.makes = match step.role {
            Role::Linear(_) | Role::Sum { .. } => Kind::Raw,
            Role::Relu | Role::Clip { .. } => Kind::Reduced,
            _ => kinds[0],
        };
        native[step.node.output.index()] = step.makes;
        step.reads = private.into_iter().zip(kinds).collect();
    }
    Ok(steps)
}

/// See [`Forms::rounded_to`].
fn rounded_to(graph: &Graph, steps: &[Step<'_>], targets: &[i32]) -> Vec<Option<i32>> {
    let mut readers: Vec<Vec<(&Step<'_>, Kind)>> = vec![Vec::new(); graph.values().len()];
    for step in steps {
        step.reads.iter().for_each(|&(value, kind)| readers[value].push((step, kind)));
    }
    let mut rounded_to = vec![None; graph.values().len()];
    for step in steps.iter().filter(|s| matches!(s.role, Role::Linear(_))) {
        let value = step.node.output.index();
        let is_output = graph.outputs().iter().any(|o| o.value.index() == value);
        rounded_to[value] = match readers[value][..] {
            _ if is_output => None,
            [(reader, Kind::Raw)] if matches!(reader.role, Role::Relu | Role::Clip { .. }) => {
                Some(targets[reader.node.output.index()])
            }
            _ if readers[value].iter().all(|(_, kind)| *kind == Kind::Reduced) => Some(targets[value]),
            _ => None,
        };
    }
    rounded_to
}

fn native(graph: &Graph, steps: &[Step<'_>]) -> Vec<Kind> {
    let mut native = vec![Kind::Reduced; graph.values().len()];
    steps.iter().for_each(|s| native[s.node.output.index()] = s.makes);
    native
}

/// For every value, a bound on its magnitude: what calibration saw, with margin, or less where that is certain.
fn bounds(graph: &Graph, steps: &[Step<'_>], ranges: &[f32], margin: f64) -> Vec<f64> {
    let mut bounds: Vec<f64> = ranges.iter().map(|&r| f64::from(r) * margin).collect();
    for step in steps {
        let output = step.node.output.index();
        let inputs = step.reads.iter().map(|&(v, _)| bounds[v]);
        let certain = match step.role {
            Role::Clip { max } => f64::from(max),
            Role::Sum { .. } => inputs.sum(),
            Role::Relu | Role::MaxPool(_) | Role::AveragePool { .. } | Role::Concat => {
                inputs.fold(0.0, f64::max)
            }
            _ => f64::INFINITY,
        };
        bounds[output] = bounds[output].min(certain);
    }
    debug_assert_eq!(bounds.len(), graph.values().len());
    bounds
}

/// The reduced scale of every value: the finest that leaves room for all values it is shared with.
fn targets(graph: &Graph, steps: &[Step<'_>], bounds: &[f64], activation_bits: u32) -> Vec<i32> {
    let mut class: Vec<usize> = (0..graph.values().len()).collect();
    for step in steps {
        let passes_on = matches!(
            step.role,
            Role::MaxPool(_) | Role::AveragePool { .. } | Role::Move | Role::Concat | Role::AddConstant(_)
        );
        if passes_on && step.makes == Kind::Reduced {
            let output = find(&mut class, step.node.output.index());
            for &(input, _) in &step.reads {
                let input = find(&mut class, input);
                class[input] = output;
            }
        }
    }
    let roots: Vec<usize> = (0..class.len()).map(|v| find(&mut class, v)).collect();
    let mut targets = vec![i32::MAX; class.len()];
    for (value, &root) in roots.iter().enumerate() {
        targets[root] = targets[root].min(scale_for(bounds[value], activation_bits));
    }
    roots.into_iter().map(|root| targets[root]).collect()
}

/// The representative of a class, with path halving.
fn find(class: &mut [usize], mut value: usize) -> usize {
    while class[value] != value {
        class[value] = class[class[value]];
        value = class[value];
    }
    value
}
