//! Long short-term memory.

use veilflow_ir::{Op, Shape, Tensor, ValueId};

use super::cell::{Cell, Next, State, activations, plus_product, sums};
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
    f: Op,
    g: Op,
    h: Op,
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
    type Options = ();

    fn options(node: &mut Lowering<'_>) -> Result<(), Refusal> {
        match node.attributes.flag("input_forget")? {
            true => Err("`input_forget` isn't supported".into()),
            false => Ok(()),
        }
    }

    fn new(node: &mut Lowering<'_>, layer: &Recurrence, direction: usize, (): &()) -> Result<Self, Refusal> {
        let [input, state] = layer.biases(node, direction)?;
        let projected = layer.project(node, direction, sums(&input, &state))?;
        let recurrent = layer.weights(node, 2, direction, 0..layer.rows, "recurrent_weights")?;
        let peepholes = match layer.vector(node, 7, direction, 3 * layer.hidden)? {
            None => None,
            Some(p) => {
                let mut constant = |name: &str, data: Vec<f32>| {
                    node.constant(
                        &format!("{name}{direction}"),
                        Tensor::new(Shape::new([data.len()])?, data)?,
                    )
                };
                let [i, o, f] = [0, 1, 2].map(|gate| &p[gate * layer.hidden..][..layer.hidden]);
                let before = constant("peepholes_before", [i, f].concat())?;
                Some(Peepholes { before, after: constant("peepholes_after", o.to_vec())? })
            }
        };
        let [f, g, h] = activations(layer, direction);
        Ok(Self { projected, recurrent, peepholes, f, g, h })
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
        let row = layer.rows_of(node, self.projected, step)?;
        let sum = plus_product(node, row, state.hidden, self.recurrent)?;
        let candidate = gates(node, sum, layer.hidden, &[C])?;
        let candidate = node.step("candidate", self.g.clone(), &[candidate])?;
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
        let open = node.step("open", self.f.clone(), &[open])?;
        let gate = |node: &mut Lowering<'_>, g: usize| {
            let place = before.iter().position(|&b| b == g).unwrap_or_default();
            gates(node, open, layer.hidden, &[place])
        };
        let input = gate(node, I)?;
        let mut cell = node.step("new", Op::Mul, &[input, candidate])?;
        if let Some(old) = state.cell {
            let forget = gate(node, F)?;
            let kept = node.step("kept", Op::Mul, &[forget, old])?;
            cell = node.step("cell", Op::Add, &[kept, cell])?;
        }
        let output = match &self.peepholes {
            None => gate(node, O)?,
            Some(peepholes) => {
                let output = gates(node, sum, layer.hidden, &[O])?;
                let seen = node.step("seen", Op::Mul, &[cell, peepholes.after])?;
                let output = node.step("sum", Op::Add, &[output, seen])?;
                node.step("open", self.f.clone(), &[output])?
            }
        };
        let shown = node.step("shown", self.h.clone(), &[cell])?;
        Ok(Next { hidden: node.step("hidden", Op::Mul, &[output, shown])?, cell: Some(cell) })
    }
}
