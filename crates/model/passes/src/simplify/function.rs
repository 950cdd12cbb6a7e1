//! Functions that exporters spell out.

use veilflow_ir::{Function, Node, Op, ValueId};

use super::rewriter::Rewriter;
use crate::error::Result;

/// 1/√x.
pub(super) fn compose(
    rewriter: &mut Rewriter<'_>,
    node: &Node,
    inputs: &[ValueId],
    function: Function,
) -> Result<Option<ValueId>> {
    let Some(first) = rewriter.sole_producer(inputs[0]) else { return Ok(None) };
    let function = match (&first.op, function) {
        (Op::Apply { function: Function::Sqrt }, Function::Reciprocal)
        | (Op::Apply { function: Function::Reciprocal }, Function::Sqrt) => Function::ReciprocalSqrt,
        _ => return Ok(None),
    };
    rewriter.emit(&node.name, rewriter.old_name(node.output), Op::Apply { function }, &first.inputs).map(Some)
}

/// x · sigmoid(x).
pub(super) fn silu(rewriter: &mut Rewriter<'_>, node: &Node, inputs: &[ValueId]) -> Result<Option<ValueId>> {
    for (x, gate) in [(inputs[0], inputs[1]), (inputs[1], inputs[0])] {
        if let Some(first) = rewriter.sole_producer(gate)
            && first.op == (Op::Apply { function: Function::Sigmoid })
            && first.inputs[0] == x
        {
            let op = Op::Apply { function: Function::Silu };
            return rewriter.emit(&node.name, rewriter.old_name(node.output), op, &[x]).map(Some);
        }
    }
    Ok(None)
}
