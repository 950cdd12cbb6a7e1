//! Scan, unrolled: its body is imported once for each step.
//!
//! What doesn't depend on the state comes out as one matrix product a step; simplification joins those of all steps.

use prost::Message;
use veilflow_ir::{Op, Shape};

use super::axis;
use crate::lowering::{Lowering, Operand, Refusal};
use crate::proto;
use crate::scope::Binding;

/// A sequence that the loop reads or writes.
struct Sequence {
    axis: i64,
    reversed: bool,
}

/// The axes and directions of `count` sequences, from two attributes.
fn sequences(l: &mut Lowering<'_>, which: &str, count: usize) -> Result<Vec<Sequence>, Refusal> {
    let mut list = |what: &str| -> Result<Vec<i64>, Refusal> {
        let name = format!("scan_{which}_{what}");
        match l.attributes.ints(&name)?.unwrap_or_default() {
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
fn names(values: &[proto::ValueInfo]) -> Vec<&str> {
    values.iter().map(|v| v.name.as_deref().unwrap_or_default()).collect()
}

pub(super) fn scan(l: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let body = l.attributes.graph("body")?.ok_or("attribute `body` is missing")?;
    let scanned = l.attributes.size("num_scan_inputs")?.ok_or("attribute `num_scan_inputs` is missing")?;
    let (inputs, outputs) = (names(&body.input), names(&body.output));
    let states = l.input_count().checked_sub(scanned).ok_or("fewer inputs than `num_scan_inputs`")?;
    if scanned == 0 || inputs.len() != l.input_count() || outputs.len() < states {
        let counts = (inputs.len(), outputs.len(), l.input_count());
        return Err(format!(
            "a body of {} inputs and {} outputs for {} inputs",
            counts.0, counts.1, counts.2
        )
        .into());
    }
    let sequences_in = sequences(l, "input", scanned)?;
    let sequences_out = sequences(l, "output", outputs.len() - states)?;

    let mut steps = None;
    let mut sources = Vec::with_capacity(scanned);
    for (i, Sequence { axis: along, reversed }) in sequences_in.iter().enumerate() {
        let x = l.operand(states + i)?;
        let shape = l.operand_shape(&x)?;
        let axis = axis(*along, shape.rank(), false)?;
        if steps.replace(shape[axis]).is_some_and(|steps| steps != shape[axis]) {
            return Err("its sequences differ in length".into());
        }
        sources.push((x, shape, axis, *reversed));
    }
    let steps = steps.unwrap_or_default();
    let mut state = (0..states).map(|i| l.operand(i).map(Binding::from)).collect::<Result<Vec<_>, _>>()?;
    let mut written: Vec<Vec<Operand>> = vec![Vec::new(); sequences_out.len()];

    // Constants of the body are the same in every step: a scope around that of the step.
    let (constants, nodes): (Vec<&proto::Node>, Vec<&proto::Node>) =
        body.node.iter().partition(|node| node.op_type.as_deref() == Some("Constant"));
    l.importer.scopes.enter();
    // Decoded again for every step of a loop around this one.
    let bytes: usize = body.initializer.iter().map(Message::encoded_len).sum();
    l.importer.spend_elements(bytes / 4)?;
    l.importer.define_initializers(body.initializer.iter().cloned())?;
    for (index, node) in constants.into_iter().enumerate() {
        l.importer.import_node(&format!("{}.", l.name), index, node)?;
    }
    for step in 0..steps {
        let mut slices = Vec::with_capacity(scanned);
        for (x, shape, axis, reversed) in &sources {
            let at = if *reversed { steps - 1 - step } else { step };
            let op = Op::Gather { axis: *axis, indices: vec![at] };
            let slice = l.moved("slice", op, std::slice::from_ref(x))?;
            let rest = Shape::new([&shape[..*axis], &shape[axis + 1..]].concat())?;
            slices.push(l.moved("slice", Op::Reshape { shape: rest }, &[slice])?.into());
        }
        l.importer.scopes.enter();
        for (name, binding) in inputs.iter().zip(state.drain(..).chain(slices)) {
            if !l.importer.scopes.define(name, binding) {
                return Err(format!("two inputs of the body are called `{name}`").into());
            }
        }
        let prefix = format!("{}.{step}.", l.name);
        for (index, node) in nodes.iter().enumerate() {
            l.importer.import_node(&prefix, index, node)?;
        }
        for (i, name) in outputs.iter().enumerate() {
            let binding = l.importer.scopes.get(name);
            let operand = match binding {
                Some(Binding::Value(id)) => Operand::Value(*id),
                Some(Binding::Literal(literal)) => Operand::Literal(literal.clone()),
                _ => return Err(format!("its body doesn't compute `{name}`").into()),
            };
            match i.checked_sub(states) {
                None => state.push(operand.into()),
                Some(sequence) => written[sequence].push(operand),
            }
        }
        l.importer.scopes.leave();
    }
    l.importer.scopes.leave();

    let mut results = state;
    for (i, (mut parts, Sequence { axis: along, reversed })) in
        written.into_iter().zip(sequences_out).enumerate()
    {
        l.at_output(states + i);
        if reversed {
            parts.reverse();
        }
        results.push(stacked(l, &parts, along)?.into());
    }
    Ok(results)
}

/// The parts along a new axis.
fn stacked(l: &mut Lowering<'_>, parts: &[Operand], along: i64) -> Result<Operand, Refusal> {
    let mut rows = Vec::with_capacity(parts.len());
    let mut at = 0;
    for part in parts {
        let mut dims = l.operand_shape(part)?.to_vec();
        at = axis(along, dims.len() + 1, false)?;
        dims.insert(at, 1);
        rows.push(l.moved("part", Op::Reshape { shape: Shape::new(dims)? }, std::slice::from_ref(part))?);
    }
    l.moved("", Op::Concat { axis: at }, &rows)
}
