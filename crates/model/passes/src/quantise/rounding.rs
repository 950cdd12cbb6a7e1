//! Where the half unit is added that makes a truncation round to nearest instead of down: otherwise the errors of a
//! deep network add up. Added to a constant that is there anyway, it costs nothing.

use veilflow_ir::{Graph, Op};

use super::forms::{Kind, Step};
use super::roles::Role;

/// Half units ahead of truncations.
pub(super) struct Rounding {
    /// For every value: the scale to which all its readers truncate its native form, if it comes with half a unit of it.
    to: Vec<Option<i32>>,
}

impl Rounding {
    /// Lets biases and constants take the half units of all truncations they reach. `targets` are the reduced scales.
    pub(super) fn choose(graph: &Graph, steps: &[Step<'_>], native: &[Kind], targets: &[i32]) -> Self {
        let values = graph.values().len();
        let mut readers: Vec<Vec<(&Step<'_>, Kind)>> = vec![Vec::new(); values];
        for step in steps {
            step.reads.iter().for_each(|&(value, kind)| readers[value].push((step, kind)));
        }
        let is_output = |value: usize| graph.outputs().iter().any(|o| o.value.index() == value);
        let mut takes = vec![false; values];
        // The part of each sum that brings its half unit.
        let mut giver = vec![None; values];
        for step in steps {
            let passes = |&(value, kind): &(usize, Kind)| {
                takes[value] && kind == native[value] && readers[value].len() == 1 && !is_output(value)
            };
            let output = step.node.output.index();
            takes[output] = match step.role {
                Role::Linear(_) | Role::AddConstant(_) | Role::SubtractFrom(_) => true,
                Role::MaxPool(_) | Role::Move | Role::Concat => {
                    !matches!(step.node.op, Op::Pad { .. }) && step.reads.iter().all(passes)
                }
                Role::Sum { subtract } => {
                    let positive = if subtract { &step.reads[..1] } else { &step.reads[..] };
                    giver[output] = positive.iter().find(|read| passes(read)).map(|read| read.0);
                    giver[output].is_some()
                }
                Role::Relu
                | Role::Clip { .. }
                | Role::AveragePool { .. }
                | Role::Product
                | Role::Apply(_)
                | Role::ReduceSum { .. } => false,
            };
        }
        let mut to: Vec<Option<i32>> = vec![None; values];
        for value in (0..values).filter(|&v| takes[v] && !is_output(v)).rev() {
            let wanted = |&(reader, kind): &(&Step<'_>, Kind)| {
                let output = reader.node.output.index();
                match reader.role {
                    _ if kind != native[value] => Some(targets[value]),
                    Role::Relu | Role::Clip { .. } => Some(targets[output]),
                    Role::MaxPool(_) | Role::Move | Role::Concat => to[output],
                    Role::Sum { .. } if giver[output] == Some(value) => to[output],
                    _ => None,
                }
            };
            let first = readers[value].first().and_then(wanted);
            to[value] = first.filter(|_| readers[value].iter().all(|reader| wanted(reader) == first));
        }
        Self { to }
    }

    /// The scale whose half unit a value comes with.
    pub(super) fn of(&self, value: usize) -> Option<i32> {
        self.to[value]
    }
}
