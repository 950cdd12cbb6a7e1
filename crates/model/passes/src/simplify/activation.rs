//! Activations that limit values from below and above.

use veilflow_ir::{Node, Op, ValueId};

use super::rewriter::Rewriter;
use crate::error::Result;

/// The limits of an activation.
fn limits(op: &Op) -> Option<(f32, f32)> {
    match *op {
        Op::Relu => Some((0.0, f32::INFINITY)),
        Op::Clip { min, max } => Some((min, max)),
        _ => None,
    }
}

/// The plainest op with these limits.
fn activation(min: f32, max: f32) -> Op {
    match (min, max) {
        (0.0, f32::INFINITY) => Op::Relu,
        (f32::NEG_INFINITY, f32::INFINITY) => Op::Identity,
        _ => Op::Clip { min, max },
    }
}

/// One of two activations in a row suffices. Limiting to a range and then to another that meets it is
/// limiting to the part that they have in common.
pub(super) fn merge(
    rewriter: &mut Rewriter<'_>,
    node: &Node,
    inputs: &[ValueId],
    min: f32,
    max: f32,
) -> Result<Option<ValueId>> {
    let output = rewriter.old_name(node.output);
    if let Some(first) = rewriter.producer(inputs[0])
        && let Some((low, high)) = limits(&first.op)
        && low.max(min) <= high.min(max)
    {
        return rewriter
            .emit(&node.name, output, activation(low.max(min), high.min(max)), &first.inputs)
            .map(Some);
    }
    let plainest = activation(min, max);
    if plainest == node.op { Ok(None) } else { rewriter.emit(&node.name, output, plainest, inputs).map(Some) }
}

/// Monotone functions commute with the maximum: pool(f(x)) = f(pool(x)). It holds too if x is a concatenation
/// of parts that all went through f.
pub(super) fn pool_first(
    rewriter: &mut Rewriter<'_>,
    node: &Node,
    inputs: &[ValueId],
) -> Result<Option<ValueId>> {
    let output = rewriter.old_name(node.output);
    let Some(first) = rewriter.sole_producer(inputs[0]) else { return Ok(None) };
    let (activation, source) = match &first.op {
        op if limits(op).is_some() => (first.clone(), first.inputs[0]),
        Op::Concat { .. } => {
            let parts: Option<Vec<Node>> =
                first.inputs.iter().map(|&id| rewriter.sole_producer(id)).collect();
            let Some(parts) = parts else { return Ok(None) };
            if limits(&parts[0].op).is_none() || parts.iter().any(|p| p.op != parts[0].op) {
                return Ok(None);
            }
            let sources: Vec<ValueId> = parts.iter().map(|p| p.inputs[0]).collect();
            (
                parts[0].clone(),
                rewriter.emit(&first.name, &format!("{output}.parts"), first.op.clone(), &sources)?,
            )
        }
        _ => return Ok(None),
    };
    let pooled = rewriter.emit(&node.name, &format!("{output}.max"), node.op.clone(), &[source])?;
    rewriter.emit(&activation.name, output, activation.op, &[pooled]).map(Some)
}
