//! Long short-term memory.

use std::slice;

use veilflow_ir::{Op, ValueId};

use super::activation::Activation;
use super::cell::{Cell, Next, State, activations, plus_product};
use super::recurrence::{Recurrence, gates};
use crate::error::{Refusal, Result};
use crate::lowering::Lowering;

/// Gates i, o, f and c of X·W + H·R + b. With peepholes p, p*C is added to i and f, and p*C' to o.
///
/// C' = f(f)*C + f(i)*g(c), H' = f(o)*h(C').
pub(super) struct Lstm {
    projected: ValueId,
    recurrent: ValueId,
    peepholes: Option<Peepholes>,
    f: Activation,
    g: Activation,
    h: Activation,
    options: Options,
}

/// What the attributes say that only this op has.
#[derive(Clone, Copy)]
pub(super) struct Options {
    /// Whether what isn't let in is what is kept.
    coupled: bool,
    /// What limits the cell's state on both sides, as TFLite has it.
    cell_clip: Option<f32>,
}

/// The weights with which a cell's state enters its gates.
struct Peepholes {
    /// The weights of i and f, [2·H], for the state before the step.
    before: ValueId,
    /// The weights of o, [H], for the state after it.
    after: ValueId,
}

impl Cell for Lstm {
    const GATES: usize = 4;
    const ACTIVATIONS: &'static [&'static str] = &["Sigmoid", "Tanh", "Tanh"];
    type Options = Options;

    fn options(node: &mut Lowering<'_>) -> Result<Options, Refusal> {
        let coupled = node.attributes.flag("input_forget")?;
        Ok(Options { coupled, cell_clip: node.attributes.float("cell_clip")?.filter(|&clip| clip > 0.0) })
    }

    fn new(
        node: &mut Lowering<'_>,
        layer: &Recurrence,
        direction: usize,
        options: &Options,
    ) -> Result<Self, Refusal> {
        let [input, state] = layer.biases(node, direction)?;
        let bias = node.plus(input, state)?;
        let projected = layer.project(node, direction, bias)?;
        let recurrent = layer.weights(node, 2, direction, 0..layer.rows)?;
        let peepholes = match layer.vector(node, 7, direction, 3 * layer.hidden)? {
            None => None,
            Some(p) => {
                let mut part = |gates: &[usize]| {
                    let indices =
                        gates.iter().flat_map(|g| g * layer.hidden..(g + 1) * layer.hidden).collect();
                    let op = Op::Gather { axis: 0, indices };
                    let part = node.moved("peepholes", op, slice::from_ref(&p))?;
                    node.materialised(&part)
                };
                Some(Peepholes { before: part(&[0, 2])?, after: part(&[1])? })
            }
        };
        let [f, g, h] = activations(layer, direction);
        Ok(Self { projected, recurrent, peepholes, f, g, h, options: *options })
    }

    fn initial(
        &self,
        node: &mut Lowering<'_>,
        layer: &Recurrence,
        direction: usize,
    ) -> Result<State, Refusal> {
        Ok(State { hidden: layer.initial(node, 5, direction)?, cell: layer.initial(node, 6, direction)? })
    }

    fn step(
        &self,
        node: &mut Lowering<'_>,
        layer: &Recurrence,
        step: usize,
        state: State,
    ) -> Result<Next, Refusal> {
        const I: usize = 0;
        const O: usize = 1;
        const F: usize = 2;
        const C: usize = 3;
        let row = layer.step_of(node, self.projected, step)?;
        let sum = plus_product(node, row, state.hidden, self.recurrent)?;
        let candidate = gates(node, sum, layer.hidden, &[C])?;
        let candidate = layer.limited(node, candidate)?;
        let candidate = self.g.apply(node, "candidate", candidate)?;
        // The gates that can be opened before C' is known. Gate f is needed only if there is something to
        // forget.
        let before: &[usize] = match (&self.peepholes, state.cell) {
            (None, Some(_)) => &[I, O, F],
            (None, None) => &[I, O],
            (Some(_), Some(_)) => &[I, F],
            (Some(_), None) => &[I],
        };
        let mut open = gates(node, sum, layer.hidden, before)?;
        if let (Some(peepholes), Some(cell)) = (&self.peepholes, state.cell) {
            let twice = gates(node, cell, layer.hidden, &[0, 0])?;
            let seen = node.step("seen", Op::Mul, &[twice, peepholes.before])?;
            open = node.step("sum", Op::Add, &[open, seen])?;
        }
        let open = layer.limited(node, open)?;
        let open = self.f.apply(node, "open", open)?;
        let gate = |node: &mut Lowering<'_>, g: usize| {
            let place = before.iter().position(|&b| b == g).unwrap_or_default();
            gates(node, open, layer.hidden, &[place])
        };
        let input = gate(node, I)?;
        let mut cell = node.step("new", Op::Mul, &[input, candidate])?;
        if let Some(old) = state.cell {
            let forget = if self.options.coupled { node.inverted(input)? } else { gate(node, F)? };
            let kept = node.step("kept", Op::Mul, &[forget, old])?;
            cell = node.step("cell", Op::Add, &[kept, cell])?;
        }
        if let Some(clip) = self.options.cell_clip {
            cell = node.limited(cell, -clip, clip)?;
        }
        let output = match &self.peepholes {
            None => gate(node, O)?,
            Some(peepholes) => {
                let output = gates(node, sum, layer.hidden, &[O])?;
                let seen = node.step("seen", Op::Mul, &[cell, peepholes.after])?;
                let output = node.step("sum", Op::Add, &[output, seen])?;
                let output = layer.limited(node, output)?;
                self.f.apply(node, "open", output)?
            }
        };
        let shown = self.h.apply(node, "shown", cell)?;
        Ok(Next { hidden: node.step("hidden", Op::Mul, &[output, shown])?, cell: Some(cell) })
    }
}
