//! The steps of a network, before their numbers are chosen.

use veilflow_ir::Graph;

use super::early::truncated_early;
use super::fixed_op::FixedOp;
use super::options::Options;
use super::step::{Stage, Step};
use crate::error::Result;

/// The steps, and the form in which each graph value comes into being.
pub(super) fn steps<'g>(graph: &'g Graph, options: &Options) -> Result<(Vec<Step<'g>>, Vec<Stage>)> {
    let mut steps = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        let op = FixedOp::of(graph, node)?;
        steps.push(Step {
            node,
            op,
            reads: Vec::new(),
            makes: Stage::Raw,
            fixed: None,
            weight_bits: options.weight_bits,
        });
    }
    let early = truncated_early(graph, &steps, options);
    let mut native = vec![Stage::Reduced; graph.values().len()];
    // Raw values that are about as narrow as reduced ones: those that functions make, and sums of them.
    let mut narrow = vec![false; graph.values().len()];
    for step in &mut steps {
        let private = step.node.inputs.iter().filter(|&&id| graph.constant_of(id).is_none());
        let private: Vec<usize> = private.map(|id| id.index()).collect();
        let preferred = |v: usize| if early[v] && !narrow[v] { Stage::Reduced } else { native[v] };
        let stages: Vec<Stage> = match step.op {
            FixedOp::Linear(_) => vec![Stage::Reduced],
            // Parts of one tensor are all raw or all reduced.
            FixedOp::Concat if private.iter().any(|&v| preferred(v) == Stage::Reduced) => {
                vec![Stage::Reduced; private.len()]
            }
            _ => private.iter().map(|&v| preferred(v)).collect(),
        };
        step.makes = match step.op {
            FixedOp::Linear(_)
            | FixedOp::Sum { .. }
            | FixedOp::Product
            | FixedOp::MatrixProduct
            | FixedOp::Positive
            | FixedOp::Floor
            | FixedOp::ArgMax { .. }
            | FixedOp::Apply(_)
            | FixedOp::ReduceSum { .. } => Stage::Raw,
            FixedOp::Relu | FixedOp::Clip { .. } => Stage::Reduced,
            _ => stages[0],
        };
        let output = step.node.output.index();
        native[output] = step.makes;
        narrow[output] = match step.op {
            FixedOp::Apply(_) | FixedOp::Positive | FixedOp::Floor | FixedOp::ArgMax { .. } => true,
            FixedOp::Sum { .. }
            | FixedOp::AddConstant(_)
            | FixedOp::SubtractFrom(_)
            | FixedOp::Move
            | FixedOp::Concat => {
                private.iter().zip(&stages).all(|(&v, &stage)| stage == Stage::Reduced || narrow[v])
            }
            _ => false,
        };
        step.reads = private.into_iter().zip(stages).collect();
    }
    Ok((steps, native))
}
