//! LSTM, GRU and RNN, unrolled into the steps of their cells.
//!
//! Everything that doesn't depend on the state is done for all steps at once. For each direction, one matrix
//! product multiplies the whole sequence by the input's weights and adds biases, and every step reads its
//! rows of it. Every step then multiplies its state by the same constant, in one product for all gates that
//! need it.

mod activation;
mod cell;
mod gru;
mod lstm;
mod recurrence;
mod rnn;

use crate::error::{Refusal, Result};
use crate::lowering::Lowering;
use crate::scope::Binding;
use cell::{Cell, State};
use gru::Gru;
use lstm::Lstm;
use recurrence::Recurrence;
use rnn::Rnn;

pub(super) fn lstm(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    lower::<Lstm>(node)
}

pub(super) fn gru(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    lower::<Gru>(node)
}

pub(super) fn rnn(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    lower::<Rnn>(node)
}

fn lower<C: Cell>(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let layer = Recurrence::read(node, C::GATES, C::ACTIVATIONS)?;
    let options = C::options(node)?;
    let (mut hidden, mut last_hidden, mut last_cell) = (Vec::new(), Vec::new(), Vec::new());
    for (direction, &reversed) in layer.reversed.iter().enumerate() {
        let cell = C::new(node, &layer, direction, &options)?;
        let mut state = cell.initial(node, &layer, direction)?;
        let mut states = Vec::with_capacity(layer.steps);
        for i in 0..layer.steps {
            let step = if reversed { layer.steps - 1 - i } else { i };
            let (old, old_cell) = (state.hidden, state.cell);
            let next = cell.step(node, &layer, step, state)?;
            states.push(layer.while_running(node, step, next.hidden, None)?);
            let hidden = layer.while_running(node, step, next.hidden, old)?;
            let kept = match next.cell {
                Some(new) => Some(layer.while_running(node, step, new, old_cell)?),
                None => None,
            };
            state = State { hidden: Some(hidden), cell: kept };
        }
        last_hidden.extend(state.hidden);
        last_cell.extend(state.cell);
        if reversed {
            states.reverse();
        }
        hidden.push(states);
    }
    let mut outputs = Vec::with_capacity(3);
    for index in 0..3 {
        node.at_output(index);
        outputs.push(match index {
            _ if !node.has_output(index) => Binding::Unreadable("it has no name".into()),
            0 => layer.sequence(node, &hidden)?,
            1 => layer.last(node, &last_hidden)?,
            _ if last_cell.is_empty() => return Err("has two outputs at most".into()),
            _ => layer.last(node, &last_cell)?,
        });
    }
    Ok(outputs)
}
