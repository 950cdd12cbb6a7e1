//! Rewrites a float graph into an equal one that is cheaper to run securely.
//!
//! - Identities go, constants are folded, moves of elements merge, and what no output needs is dropped.
//! - Batch normalisation becomes a multiplication and an addition. They sink into the neighbouring
//!   convolution or matrix product, through a ReLU if they stand before one.
//! - Zero padding sinks into the convolution behind it, and the mean of disjoint windows into the convolution
//!   before it.
//! - What acts on every element goes before a transposition, so that layers on either side of it meet.
//! - An activation moves behind the max pooling that follows it, where fewer elements are compared.
//! - In unrolled loops, equal constants and nodes become one, ops that do the same to rows without waiting
//!   for each other become one, and (1 − z)·c + z·h takes one product instead of two.
//!
//! In exact arithmetic the result equals the original on every input.

mod activation;
mod affine;
mod batch;
mod deduplicate;
mod function;
mod gate;
mod layer;
mod legalise;
mod normalisation;
mod rewriter;
mod structure;

use std::sync::Arc;

use veilflow_ir::{Graph, Node, Op, Tensor, ValueId};

use crate::error::Result;
use crate::float;
pub(crate) use legalise::legalise;
use rewriter::Rewriter;

/// The simplified graph, to which no rule applies any more. Factors pass over an activation only once no
/// layer before it can take them.
///
/// # Errors
/// [`PassError::Ir`](crate::PassError::Ir) if `graph` doesn't verify.
pub fn simplify(graph: &Graph) -> Result<Graph> {
    graph.verify()?;
    let mut current = graph.clone();
    for pass_factors in [false, true] {
        let mut changed = true;
        while changed {
            (current, changed) = settle(current, pass_factors)?;
        }
    }
    Ok(current)
}

/// Applies the rules until none fits, then joins what has become alike. Also returns whether there was any of
/// that.
fn settle(mut current: Graph, pass_factors: bool) -> Result<(Graph, bool)> {
    let mut changed = true;
    while changed {
        (current, changed) = sweep(&current, pass_factors)?;
    }
    let (current, merged) = deduplicate::deduplicate(&current)?;
    let (current, joined) = batch::batch(&current)?;
    Ok((current, merged || joined))
}

/// Copies what outputs need, and rewrites each node once. Every rule removes a node, or moves one strictly
/// closer to where another rule removes it or none applies, so sweeps come to an end.
fn sweep(graph: &Graph, pass_factors: bool) -> Result<(Graph, bool)> {
    let mut rewriter = Rewriter::new(graph)?;
    for node in graph.nodes() {
        if !rewriter.is_live(node.output) {
            rewriter.note_change();
            continue;
        }
        let inputs = rewriter.inputs(node)?;
        let mut replacement = rewrite(&mut rewriter, node, &inputs)?;
        if replacement.is_none() && pass_factors {
            replacement = pass_factor(&mut rewriter, node, &inputs)?;
        }
        match replacement {
            Some(replacement) => rewriter.replace(node.output, replacement),
            None => _ = rewriter.keep(node, &inputs)?,
        }
    }
    rewriter.finish()
}

/// What the first fitting rule makes of a node, if one fits. `inputs` are the node's, in the new graph.
fn rewrite(rewriter: &mut Rewriter<'_>, node: &Node, inputs: &[ValueId]) -> Result<Option<ValueId>> {
    if let Some(folded) = fold_constant(rewriter, node, inputs)? {
        return Ok(Some(folded));
    }
    if let Some(moved) = structure::sink_transpose(rewriter, node, inputs)? {
        return Ok(Some(moved));
    }
    match &node.op {
        Op::Identity => Ok(Some(inputs[0])),
        Op::BatchNormalization { epsilon } => {
            affine::split_normalization(rewriter, node, inputs, *epsilon).map(Some)
        }
        Op::Sub => affine::subtract(rewriter, node, inputs),
        Op::Mul => match function::silu(rewriter, node, inputs)? {
            None => affine::multiply(rewriter, node, inputs),
            silu => Ok(silu),
        },
        Op::Add => match gate::interpolate(rewriter, node, inputs)? {
            None => affine::add(rewriter, node, inputs),
            gate => Ok(gate),
        },
        Op::Apply { function } => function::compose(rewriter, node, inputs, *function),
        Op::Conv { window, groups } => affine::absorb_into_conv(rewriter, node, inputs, window, *groups),
        Op::MatMul => affine::absorb_into_matmul(rewriter, node, inputs),
        Op::Relu => activation::merge(rewriter, node, inputs, 0.0, f32::INFINITY),
        Op::Clip { min, max } => activation::merge(rewriter, node, inputs, *min, *max),
        Op::MaxPool { .. } => activation::pool_first(rewriter, node, inputs),
        Op::Reshape { shape } => structure::reshape(rewriter, node, inputs, shape),
        Op::Transpose { perm } => structure::transpose(rewriter, node, inputs, perm),
        Op::Pad { before, after, .. } if before.iter().chain(after).all(|&p| p == 0) => Ok(Some(inputs[0])),
        Op::Concat { .. } if inputs.len() == 1 => Ok(Some(inputs[0])),
        Op::AveragePool { window, .. } => affine::average_into_conv(rewriter, node, inputs, window),
        Op::Pad { .. } | Op::Concat { .. } | Op::MatrixProduct | Op::Positive | Op::Floor | Op::ArgMax => {
            Ok(None)
        }
        Op::Gather { axis, indices } => structure::gather(rewriter, node, inputs, *axis, indices),
        Op::ReduceSum { axes } if axes.iter().all(|&a| rewriter.shape(inputs[0])[a] == 1) => {
            Ok(Some(inputs[0]))
        }
        Op::ReduceSum { .. } => Ok(None),
    }
}

/// Lets factors move towards the next linear layer.
fn pass_factor(rewriter: &mut Rewriter<'_>, node: &Node, inputs: &[ValueId]) -> Result<Option<ValueId>> {
    match &node.op {
        Op::Relu => normalisation::pass_relu(rewriter, node, inputs),
        Op::Reshape { .. } => normalisation::pass_on(rewriter, node, inputs),
        Op::AveragePool { .. } => normalisation::pass_on(rewriter, node, inputs),
        _ => Ok(None),
    }
}

fn fold_constant(rewriter: &mut Rewriter<'_>, node: &Node, inputs: &[ValueId]) -> Result<Option<ValueId>> {
    let constants: Option<Vec<Arc<Tensor>>> = inputs.iter().map(|&id| rewriter.constant_of(id)).collect();
    let Some(constants) = constants else { return Ok(None) };
    let views: Vec<&Tensor> = constants.iter().map(Arc::as_ref).collect();
    let result = float::evaluate(&node.op, &views, rewriter.old_shape(node.output));
    rewriter.constant(rewriter.old_name(node.output), result).map(Some)
}

#[cfg(test)]
mod tests;
