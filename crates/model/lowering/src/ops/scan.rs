//! Scan, unrolled: its body is imported once for each step.
//!
//! What doesn't depend on the state comes out as one matrix product a step; simplification joins those of all
//! steps.

use prost::Message;
use veilflow_ir::{Op, Shape};

use super::axis::axis;
use crate::error::{Refusal, Result};
use crate::lowering::{Lowering, Operand};
use crate::node::import_node;
use crate::scope::Binding;
use crate::source;

/// A sequence that the loop reads or writes.
struct Sequence {
    axis: i64,
    reversed: bool,
}

/// A sequence that the loop reads, step by step.
struct Source {
    elements: Operand,
    shape: Shape,
    axis: usize,
    reversed: bool,
}

/// A loop: states come first among the inputs and outputs of its body, then sequences.
struct Loop<'a> {
    body: &'a source::Graph,
    states: usize,
    sources: Vec<Source>,
    written: Vec<Sequence>,
    steps: usize,
}

pub(super) fn scan(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let scan = Loop::read(node)?;
    let (states, mut outputs) = (scan.states, vec![Vec::new(); scan.written.len()]);
    let mut state = (0..states).map(|i| node.operand(i)).collect::<Result<Vec<_>, _>>()?;
    // Constants of the body are the same in every step: a scope around that of the step.
    let (constants, nodes): (Vec<&source::Node>, Vec<&source::Node>) =
        scan.body.node.iter().partition(|inner| inner.op_type.as_deref() == Some("Constant"));
    node.draft.scopes.enter();
    scan.define_constants(node, &constants)?;
    for step in 0..scan.steps {
        let slices = scan.sources.iter().map(|source| source.slice(node, step, scan.steps));
        let slices = slices.collect::<Result<Vec<_>, _>>()?;
        state = scan.run(node, step, &nodes, state.into_iter().chain(slices))?;
        outputs.iter_mut().zip(state.drain(states..)).for_each(|(parts, part)| parts.push(part));
    }
    node.draft.scopes.leave();

    let mut results: Vec<Binding> = state.into_iter().map(Binding::from).collect();
    for (i, (mut parts, sequence)) in outputs.into_iter().zip(scan.written).enumerate() {
        node.at_output(states + i);
        if sequence.reversed {
            parts.reverse();
        }
        results.push(stacked(node, &parts, sequence.axis)?.into());
    }
    Ok(results)
}

impl<'a> Loop<'a> {
    fn read(node: &mut Lowering<'a>) -> Result<Self, Refusal> {
        let body = node.attributes.graph("body")?.ok_or("attribute `body` is missing")?;
        let scanned = node.attributes.size("num_scan_inputs")?;
        let scanned = scanned.ok_or("attribute `num_scan_inputs` is missing")?;
        let (given, inputs, outputs) = (node.input_count(), body.input.len(), body.output.len());
        let states = given.checked_sub(scanned).ok_or("fewer inputs than `num_scan_inputs`")?;
        if scanned == 0 || inputs != given || outputs < states {
            return Err(format!("a body of {inputs} inputs and {outputs} outputs for {given} inputs").into());
        }
        let read = sequences(node, "input", scanned)?;
        let written = sequences(node, "output", outputs - states)?;
        let sources = read.into_iter().enumerate().map(|(i, sequence)| {
            let elements = node.operand(states + i)?;
            let shape = node.operand_shape(&elements)?;
            let axis = axis(sequence.axis, shape.rank(), false)?;
            if axis == 0 {
                node.expect_steps(states + i)?;
            }
            Ok(Source { elements, shape, axis, reversed: sequence.reversed })
        });
        let sources = sources.collect::<Result<Vec<Source>, Refusal>>()?;
        let mut lengths = sources.iter().map(|source| source.shape[source.axis]);
        let steps = lengths.next().unwrap_or_default();
        if lengths.any(|length| length != steps) {
            return Err("its sequences differ in length".into());
        }
        Ok(Self { body, states, sources, written, steps })
    }

    /// Defines what no step changes, in the innermost scope.
    fn define_constants(&self, node: &mut Lowering<'_>, constants: &[&source::Node]) -> Result<(), Refusal> {
        // Decoded again for every step of a loop around this one.
        let bytes: usize = self.body.initializer.iter().map(Message::encoded_len).sum();
        node.draft.spend_elements(bytes / 4)?;
        node.draft.define_initializers(self.body.initializer.iter().cloned())?;
        let prefix = format!("{}.", node.name);
        for (index, inner) in constants.iter().enumerate() {
            import_node(node.draft, node.ops, &prefix, index, inner)?;
        }
        Ok(())
    }

    /// Imports one step's nodes in a scope of their own; what the body outputs.
    fn run(
        &self,
        node: &mut Lowering<'_>,
        step: usize,
        nodes: &[&source::Node],
        inputs: impl Iterator<Item = Operand>,
    ) -> Result<Vec<Operand>, Refusal> {
        node.draft.scopes.enter();
        for (name, input) in names(&self.body.input).zip(inputs) {
            if !node.draft.scopes.define(name, input.into()) {
                return Err(format!("two inputs of the body are called `{name}`").into());
            }
        }
        let prefix = format!("{}.{step}.", node.name);
        for (index, inner) in nodes.iter().enumerate() {
            import_node(node.draft, node.ops, &prefix, index, inner)?;
        }
        let output = |name: &str| match node.draft.scopes.get(name) {
            Some(Binding::Value(id)) => Ok(Operand::Value(*id)),
            Some(Binding::Literal(literal)) => Ok(Operand::Literal(literal.clone())),
            _ => Err(Refusal::from(format!("its body doesn't compute `{name}`"))),
        };
        let outputs = names(&self.body.output).map(output).collect();
        node.draft.scopes.leave();
        outputs
    }
}

impl Source {
    /// What step `step` of `steps` reads: one slice, without the dimension of the steps.
    fn slice(&self, node: &mut Lowering<'_>, step: usize, steps: usize) -> Result<Operand, Refusal> {
        let at = if self.reversed { steps - 1 - step } else { step };
        let op = Op::Gather { axis: self.axis, indices: vec![at] };
        let slice = node.moved("slice", op, std::slice::from_ref(&self.elements))?;
        let rest = Shape::new([&self.shape[..self.axis], &self.shape[self.axis + 1..]].concat())?;
        node.moved("slice", Op::Reshape { shape: rest }, &[slice])
    }
}

/// The axes and directions of `count` sequences, from two attributes.
fn sequences(node: &mut Lowering<'_>, which: &str, count: usize) -> Result<Vec<Sequence>, Refusal> {
    let mut list = |what: &str| -> Result<Vec<i64>, Refusal> {
        let name = format!("scan_{which}_{what}");
        match node.attributes.ints(&name)?.unwrap_or_default() {
            given if given.is_empty() => Ok(vec![0; count]),
            given if given.len() == count => Ok(given),
            given => Err(format!("attribute `{name}` has {} entries instead of {count}", given.len()).into()),
        }
    };
    let (axes, directions) = (list("axes")?, list("directions")?);
    let all = axes.into_iter().zip(directions);
    Ok(all.map(|(axis, direction)| Sequence { axis, reversed: direction != 0 }).collect())
}

/// What the body calls its inputs or outputs.
fn names(values: &[source::ValueInfo]) -> impl Iterator<Item = &str> {
    values.iter().map(|value| value.name.as_deref().unwrap_or_default())
}

/// The parts along a new axis.
pub(super) fn stacked(node: &mut Lowering<'_>, parts: &[Operand], along: i64) -> Result<Operand, Refusal> {
    let mut rows = Vec::with_capacity(parts.len());
    let mut at = 0;
    for part in parts {
        let mut dims = node.operand_shape(part)?.to_vec();
        at = axis(along, dims.len() + 1, false)?;
        dims.insert(at, 1);
        let op = Op::Reshape { shape: Shape::new(dims)? };
        rows.push(node.moved("part", op, std::slice::from_ref(part))?);
    }
    node.moved("", Op::Concat { axis: at }, &rows)
}
