//! LSTM, GRU and RNN, unrolled into the steps of their cells.
//!
//! Everything that doesn't depend on the state is done for all steps at once: the product of the whole sequence with the
//! input's weights, biases added, is one matrix product a direction, of which every step reads its rows. Every step then
//! multiplies its state by the same constant, one product for all gates that can share it.

mod cells;

use veilflow_ir::{Function, Op, Shape, Tensor, ValueId};

use crate::lowering::{Lowering, Refusal};
use crate::scope::Binding;
use cells::{Cell, Gru, Lstm, Rnn, State};

pub(super) fn lstm(l: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    lower::<Lstm>(l)
}

pub(super) fn gru(l: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    lower::<Gru>(l)
}

pub(super) fn rnn(l: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    lower::<Rnn>(l)
}

/// What the three ops have in common: T steps over N sequences of I features, D directions, a state of H numbers.
struct Recurrence {
    steps: usize,
    batch: usize,
    hidden: usize,
    /// Rows of weights: H for each gate.
    rows: usize,
    /// Whether each direction runs from the last step to the first.
    reversed: Vec<bool>,
    /// Those of each direction in turn.
    activations: Vec<Op>,
    /// The batch is the first dimension of inputs and outputs.
    batch_first: bool,
    /// The sequence, [T·N, I].
    x: ValueId,
}

/// The words ONNX has for activations.
fn activation(name: &str) -> Result<Op, Refusal> {
    match name.to_ascii_lowercase().as_str() {
        "sigmoid" => Ok(Op::Apply { function: Function::Sigmoid }),
        "tanh" => Ok(Op::Apply { function: Function::Tanh }),
        "relu" => Ok(Op::Relu),
        _ => Err(format!("activation `{name}` isn't supported, only Sigmoid, Tanh and Relu").into()),
    }
}

impl Recurrence {
    fn read<C: Cell>(l: &mut Lowering<'_>) -> Result<Self, Refusal> {
        let batch_first = l.attributes.flag("layout")?;
        let reversed = match l.attributes.string("direction")?.as_deref() {
            None | Some("forward") => vec![false],
            Some("reverse") => vec![true],
            Some("bidirectional") => vec![false, true],
            Some(other) => return Err(format!("direction `{other}`").into()),
        };
        let directions = reversed.len();
        let names = l.attributes.strings("activations")?.unwrap_or_default();
        let activations = if names.is_empty() {
            C::ACTIVATIONS.repeat(directions).into_iter().map(activation).collect()
        } else {
            names.iter().map(|name| activation(name)).collect::<Result<Vec<Op>, _>>()
        }?;
        if activations.len() != C::ACTIVATIONS.len() * directions {
            return Err(format!("{} activations for {directions} directions", activations.len()).into());
        }
        let mut x = l.value(0)?;
        if batch_first {
            x = l.step("sequence", Op::Transpose { perm: vec![1, 0, 2] }, &[x])?;
        }
        let shape = l.shape(x).clone();
        let [steps, batch, features] = *shape else {
            return Err(format!("a sequence of shape {shape}, not three dimensions").into());
        };
        let recurrent = l.floats(2)?;
        let [_, rows, hidden] = **recurrent.shape() else {
            return Err(format!("recurrent weights of shape {}", recurrent.shape()).into());
        };
        if l.attributes.size("hidden_size")?.is_some_and(|size| size != hidden) {
            return Err(format!("`hidden_size` isn't the {hidden} of its recurrent weights").into());
        }
        if l.has_input(4) && l.integers(4)?.iter().any(|&length| length != steps as i64) {
            return Err(format!("sequences shorter than the {steps} steps aren't supported").into());
        }
        let x = l.step("rows", Op::Reshape { shape: Shape::new([steps * batch, features])? }, &[x])?;
        let read = Self { steps, batch, hidden, rows, reversed, activations, batch_first, x };
        read.expect(l, 1, [rows, features])?;
        read.expect(l, 2, [C::GATES * hidden, hidden])?;
        Ok(read)
    }

    fn directions(&self) -> usize {
        self.reversed.len()
    }

    /// Input `index`, which must hold a matrix of this size for each direction.
    fn expect(
        &self,
        l: &Lowering<'_>,
        index: usize,
        [rows, columns]: [usize; 2],
    ) -> Result<Vec<f32>, Refusal> {
        let tensor = l.floats(index)?;
        let expected = [self.directions(), rows, columns];
        if tensor.shape()[..] != expected {
            return Err(format!("input {index} has shape {}, not {expected:?}", tensor.shape()).into());
        }
        Ok(tensor.data().to_vec())
    }

    /// The part of input `index` for a direction, `count` numbers; none if it isn't given.
    fn vector(
        &self,
        l: &Lowering<'_>,
        index: usize,
        direction: usize,
        count: usize,
    ) -> Result<Option<Vec<f32>>, Refusal> {
        if !l.has_input(index) {
            return Ok(None);
        }
        let tensor = l.floats(index)?;
        if tensor.shape()[..] != [self.directions(), count] {
            let expected = [self.directions(), count];
            return Err(format!("input {index} has shape {}, not {expected:?}", tensor.shape()).into());
        }
        Ok(Some(tensor.data()[direction * count..][..count].to_vec()))
    }

    /// The biases of a direction: those added to the input's product, and those added to the state's.
    fn biases(&self, l: &Lowering<'_>, direction: usize) -> Result<[Vec<f32>; 2], Refusal> {
        let both = self.vector(l, 3, direction, 2 * self.rows)?.unwrap_or_else(|| vec![0.0; 2 * self.rows]);
        let (input, state) = both.split_at(self.rows);
        Ok([input.to_vec(), state.to_vec()])
    }

    /// Rows of a direction's weights in input `index` as a matrix to multiply by from the right.
    fn weights(
        &self,
        l: &mut Lowering<'_>,
        index: usize,
        direction: usize,
        rows: std::ops::Range<usize>,
        name: &str,
    ) -> Result<ValueId, Refusal> {
        let tensor = l.floats(index)?;
        let columns = tensor.shape()[2];
        let part = &tensor.data()[(direction * self.rows + rows.start) * columns..];
        let shape = Shape::new([columns, rows.len()])?;
        let transposed = Tensor::from_fn(shape, |i| part[i % rows.len() * columns + i / rows.len()]);
        l.constant(&format!("{name}{direction}"), transposed)
    }

    /// The whole sequence times the input's weights, plus a bias: [T·N, rows].
    fn project(&self, l: &mut Lowering<'_>, direction: usize, bias: Vec<f32>) -> Result<ValueId, Refusal> {
        let weights = self.weights(l, 1, direction, 0..self.rows, "input_weights")?;
        let bias = Tensor::new(Shape::new([self.rows])?, bias)?;
        let bias = l.constant(&format!("bias{direction}"), bias)?;
        l.step(&format!("projected{direction}"), Op::MatMul, &[self.x, weights, bias])
    }

    /// The initial state in input `index`, [N, H]; none where it is zero.
    fn initial(
        &self,
        l: &mut Lowering<'_>,
        index: usize,
        direction: usize,
    ) -> Result<Option<ValueId>, Refusal> {
        if !l.has_input(index) || l.is_constant(index) && l.floats(index)?.max_abs() == 0.0 {
            return Ok(None);
        }
        let mut all = l.operand(index)?;
        if self.batch_first {
            all = l.moved("initial", Op::Transpose { perm: vec![1, 0, 2] }, &[all])?;
        }
        let (shape, expected) = (l.operand_shape(&all)?, [self.directions(), self.batch, self.hidden]);
        if shape[..] != expected {
            return Err(format!("input {index} has shape {shape}, not {expected:?}").into());
        }
        let mut state = l.moved("initial", Op::Gather { axis: 0, indices: vec![direction] }, &[all])?;
        let shape = Shape::new([self.batch, self.hidden])?;
        state = l.moved("initial", Op::Reshape { shape }, &[state])?;
        l.materialised(&state).map(Some)
    }

    /// One step's rows of what was made for the whole sequence.
    fn rows_of(&self, l: &mut Lowering<'_>, all: ValueId, step: usize) -> Result<ValueId, Refusal> {
        let indices = (step * self.batch..(step + 1) * self.batch).collect();
        l.step("row", Op::Gather { axis: 0, indices }, &[all])
    }

    /// All hidden states, [T, D, N, H] in the order of time, or batch first.
    fn sequence(&self, l: &mut Lowering<'_>, hidden: &[Vec<ValueId>]) -> Result<Binding, Refusal> {
        let mut parts = Vec::with_capacity(hidden.len());
        for steps in hidden {
            let joined = l.step("states", Op::Concat { axis: 0 }, steps)?;
            let shape = Shape::new([self.steps, 1, self.batch, self.hidden])?;
            parts.push(l.step("states", Op::Reshape { shape }, &[joined])?);
        }
        if !self.batch_first {
            return l.last(Op::Concat { axis: 1 }, &parts);
        }
        let joined = l.step("states", Op::Concat { axis: 1 }, &parts)?;
        l.last(Op::Transpose { perm: vec![2, 0, 1, 3] }, &[joined])
    }

    /// One last state for each direction, [D, N, H], or batch first.
    fn last(&self, l: &mut Lowering<'_>, states: &[ValueId]) -> Result<Binding, Refusal> {
        let mut parts = Vec::with_capacity(states.len());
        for &state in states {
            let shape = Shape::new([1, self.batch, self.hidden])?;
            parts.push(l.step("last", Op::Reshape { shape }, &[state])?);
        }
        if !self.batch_first {
            return l.last(Op::Concat { axis: 0 }, &parts);
        }
        let joined = l.step("last", Op::Concat { axis: 0 }, &parts)?;
        l.last(Op::Transpose { perm: vec![1, 0, 2] }, &[joined])
    }
}

fn lower<C: Cell>(l: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let r = Recurrence::read::<C>(l)?;
    let options = C::options(l)?;
    let (mut hidden, mut last_hidden, mut last_cell) = (Vec::new(), Vec::new(), Vec::new());
    for (direction, &reversed) in r.reversed.iter().enumerate() {
        let cell = C::new(l, &r, direction, &options)?;
        let mut state = cell.initial(l, &r, direction)?;
        let mut states = Vec::with_capacity(r.steps);
        for i in 0..r.steps {
            let step = if reversed { r.steps - 1 - i } else { i };
            let next = cell.step(l, &r, step, state)?;
            states.push(next.hidden);
            state = State { hidden: Some(next.hidden), cell: next.cell };
            last_cell.truncate(direction);
            last_cell.extend(next.cell);
        }
        last_hidden.extend(states.last().copied());
        if reversed {
            states.reverse();
        }
        hidden.push(states);
    }
    let mut outputs = Vec::with_capacity(3);
    for index in 0..3 {
        l.at_output(index);
        outputs.push(match index {
            _ if !l.has_output(index) => Binding::Unreadable("it has no name".into()),
            0 => r.sequence(l, &hidden)?,
            1 => r.last(l, &last_hidden)?,
            _ if last_cell.is_empty() => return Err("has two outputs at most".into()),
            _ => r.last(l, &last_cell)?,
        });
    }
    Ok(outputs)
}

/// Columns of some gates, in this order, of a matrix with H columns for each gate.
fn gates(l: &mut Lowering<'_>, x: ValueId, hidden: usize, order: &[usize]) -> Result<ValueId, Refusal> {
    if l.shape(x)[1] == order.len() * hidden && order.is_sorted() {
        return Ok(x);
    }
    let indices = order.iter().flat_map(|g| g * hidden..(g + 1) * hidden).collect();
    l.step("gates", Op::Gather { axis: 1, indices }, &[x])
}
