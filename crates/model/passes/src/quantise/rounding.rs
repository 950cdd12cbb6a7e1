//! Where half a unit is added before a truncation, so that it rounds to nearest instead of down. Otherwise
//! the errors of a deep network add up. Added to a constant that is there anyway, it costs nothing.

use veilflow_ir::{Graph, Op};

use super::fixed_op::FixedOp;
use super::step::{Stage, Step};

/// Half units ahead of truncations.
pub(super) struct Rounding {
    /// For every value whose native form comes with half a unit: the scale of that unit, to which all readers
    /// truncate.
    to: Vec<Option<i32>>,
}

impl Rounding {
    /// Lets biases and constants take the half units of all truncations that they reach. `targets` has the
    /// reduced scales.
    pub(super) fn choose(graph: &Graph, steps: &[Step<'_>], native: &[Stage], targets: &[i32]) -> Self {
        let values = graph.values().len();
        let mut readers: Vec<Vec<(&Step<'_>, Stage)>> = vec![Vec::new(); values];
        for step in steps {
            step.reads.iter().for_each(|&(value, stage)| readers[value].push((step, stage)));
        }
        let is_output = |value: usize| graph.outputs().iter().any(|o| o.value.index() == value);
        let mut takes = vec![false; values];
        // The operand of each sum that brings its half unit.
        let mut giver = vec![None; values];
        for step in steps {
            let passes = |&(value, stage): &(usize, Stage)| {
                takes[value] && stage == native[value] && readers[value].len() == 1 && !is_output(value)
            };
            let output = step.node.output.index();
            takes[output] = match step.op {
                FixedOp::Linear(_) | FixedOp::AddConstant(_) | FixedOp::SubtractFrom(_) => true,
                FixedOp::MaxPool(_) | FixedOp::Move | FixedOp::Concat => {
                    !matches!(step.node.op, Op::Pad { .. }) && step.reads.iter().all(passes)
                }
                FixedOp::Sum { subtract } => {
                    let positive = if subtract { &step.reads[..1] } else { &step.reads[..] };
                    giver[output] = positive.iter().find(|read| passes(read)).map(|read| read.0);
                    giver[output].is_some()
                }
                FixedOp::Relu
                | FixedOp::Clip { .. }
                | FixedOp::AveragePool { .. }
                | FixedOp::Product
                | FixedOp::MatrixProduct
                | FixedOp::Positive
                | FixedOp::Floor
                | FixedOp::ArgMax { .. }
                | FixedOp::Apply(_)
                | FixedOp::ReduceSum { .. } => false,
            };
        }
        let mut to: Vec<Option<i32>> = vec![None; values];
        for value in (0..values).filter(|&v| takes[v]).rev() {
            let wanted = |&(reader, stage): &(&Step<'_>, Stage)| {
                let output = reader.node.output.index();
                match reader.op {
                    _ if stage != native[value] => Some(targets[value]),
                    FixedOp::Relu | FixedOp::Clip { .. } => Some(targets[output]),
                    FixedOp::MaxPool(_) | FixedOp::Move | FixedOp::Concat => to[output],
                    FixedOp::Sum { .. } if giver[output] == Some(value) => to[output],
                    _ => None,
                }
            };
            // Outputs are cut to their reduced scale. Of a largest one the index is the same with half a
            // unit.
            let revealed = is_output(value).then_some(Some(targets[value]));
            let mut all = readers[value].iter().map(wanted).chain(revealed);
            let first = all.next().flatten();
            to[value] = first.filter(|_| all.all(|next| next == first));
        }
        Self { to }
    }

    /// The scale whose half unit a value comes with, if it comes with one.
    pub(super) fn of(&self, value: usize) -> Option<i32> {
        self.to[value]
    }
}
