//! What LSTM, GRU and RNN have in common: inputs, weights, and how states become outputs.

use veilflow_ir::{Function, Op, Shape, Tensor, ValueId};

use crate::error::{Refusal, Result};
use crate::lowering::{Lowered, Lowering};

/// What the three ops have in common: T steps over N sequences of I features, D directions, a state of H
/// numbers.
pub(super) struct Recurrence {
    pub(super) steps: usize,
    pub(super) batch: usize,
    pub(super) hidden: usize,
    /// The rows of weights: H for each gate.
    pub(super) rows: usize,
    /// Whether each direction runs from the last step to the first.
    pub(super) reversed: Vec<bool>,
    /// The activations of each direction in turn.
    pub(super) activations: Vec<Op>,
    /// Whether the batch is the first dimension of inputs and outputs.
    pub(super) batch_first: bool,
    /// The sequence, [T·N, I].
    pub(super) x: ValueId,
}

/// An activation by the name that ONNX has for it.
fn activation(name: &str) -> Result<Op, Refusal> {
    match name.to_ascii_lowercase().as_str() {
        "sigmoid" => Ok(Op::Apply { function: Function::Sigmoid }),
        "tanh" => Ok(Op::Apply { function: Function::Tanh }),
        "relu" => Ok(Op::Relu),
        _ => Err(format!("activation `{name}` isn't supported, only Sigmoid, Tanh and Relu").into()),
    }
}

impl Recurrence {
    /// Reads the node, whose cell has so many gates, and these activations if the node names none.
    pub(super) fn read(
        node: &mut Lowering<'_>,
        gates: usize,
        default_activations: &[&str],
    ) -> Result<Self, Refusal> {
        let batch_first = node.attributes.flag("layout")?;
        let reversed = match node.attributes.string("direction")?.as_deref() {
            None | Some("forward") => vec![false],
            Some("reverse") => vec![true],
            Some("bidirectional") => vec![false, true],
            Some(other) => return Err(format!("direction `{other}`").into()),
        };
        let directions = reversed.len();
        let names = node.attributes.strings("activations")?.unwrap_or_default();
        let activations = if names.is_empty() {
            default_activations.repeat(directions).into_iter().map(activation).collect()
        } else {
            names.iter().map(|name| activation(name)).collect::<Result<Vec<Op>, _>>()
        }?;
        if activations.len() != default_activations.len() * directions {
            return Err(format!("{} activations for {directions} directions", activations.len()).into());
        }
        let mut x = node.value(0)?;
        if batch_first {
            x = node.step("sequence", Op::Transpose { perm: vec![1, 0, 2] }, &[x])?;
        } else {
            node.expect_steps(0)?;
        }
        let shape = node.shape(x).clone();
        let [steps, batch, features] = *shape else {
            return Err(format!("a sequence of shape {shape}, not three dimensions").into());
        };
        let recurrent = node.floats(2)?;
        let [_, rows, hidden] = **recurrent.shape() else {
            return Err(format!("recurrent weights of shape {}", recurrent.shape()).into());
        };
        if node.attributes.size("hidden_size")?.is_some_and(|size| size != hidden) {
            return Err(format!("`hidden_size` isn't the {hidden} of its recurrent weights").into());
        }
        if node.has_input(4) && node.integers(4)?.iter().any(|&length| length != steps as i64) {
            return Err(format!("sequences shorter than the {steps} steps aren't supported").into());
        }
        let x = node.step("rows", Op::Reshape { shape: Shape::new([steps * batch, features])? }, &[x])?;
        let read = Self { steps, batch, hidden, rows, reversed, activations, batch_first, x };
        read.expect(node, 1, [rows, features])?;
        read.expect(node, 2, [gates * hidden, hidden])?;
        Ok(read)
    }

    pub(super) fn directions(&self) -> usize {
        self.reversed.len()
    }

    /// Input `index`, which must hold a matrix of this size for each direction.
    pub(super) fn expect(
        &self,
        node: &mut Lowering<'_>,
        index: usize,
        [rows, columns]: [usize; 2],
    ) -> Result<Vec<f32>, Refusal> {
        let tensor = node.floats(index)?;
        let expected = [self.directions(), rows, columns];
        if tensor.shape()[..] != expected {
            return Err(format!("input {index} has shape {}, not {expected:?}", tensor.shape()).into());
        }
        Ok(tensor.data().to_vec())
    }

    /// The `count` numbers of input `index` for a direction, if it is given.
    pub(super) fn vector(
        &self,
        node: &mut Lowering<'_>,
        index: usize,
        direction: usize,
        count: usize,
    ) -> Result<Option<Vec<f32>>, Refusal> {
        if !node.has_input(index) {
            return Ok(None);
        }
        let tensor = node.floats(index)?;
        if tensor.shape()[..] != [self.directions(), count] {
            let expected = [self.directions(), count];
            return Err(format!("input {index} has shape {}, not {expected:?}", tensor.shape()).into());
        }
        Ok(Some(tensor.data()[direction * count..][..count].to_vec()))
    }

    /// The biases of a direction: those of the input's product, then those of the state's.
    pub(super) fn biases(&self, node: &mut Lowering<'_>, direction: usize) -> Result<[Vec<f32>; 2], Refusal> {
        let both =
            self.vector(node, 3, direction, 2 * self.rows)?.unwrap_or_else(|| vec![0.0; 2 * self.rows]);
        let (input, state) = both.split_at(self.rows);
        Ok([input.to_vec(), state.to_vec()])
    }

    /// Rows of a direction's weights in input `index`, transposed to stand on the right of a product.
    pub(super) fn weights(
        &self,
        node: &mut Lowering<'_>,
        index: usize,
        direction: usize,
        rows: std::ops::Range<usize>,
        name: &str,
    ) -> Result<ValueId, Refusal> {
        let tensor = node.floats(index)?;
        let columns = tensor.shape()[2];
        let part = &tensor.data()[(direction * self.rows + rows.start) * columns..];
        let shape = Shape::new([columns, rows.len()])?;
        let transposed = Tensor::from_fn(shape, |i| part[i % rows.len() * columns + i / rows.len()]);
        node.constant(&format!("{name}{direction}"), transposed)
    }

    /// The whole sequence times the input's weights, plus a bias: [T·N, rows].
    pub(super) fn project(
        &self,
        node: &mut Lowering<'_>,
        direction: usize,
        bias: Vec<f32>,
    ) -> Result<ValueId, Refusal> {
        let weights = self.weights(node, 1, direction, 0..self.rows, "input_weights")?;
        let bias = Tensor::new(Shape::new([self.rows])?, bias)?;
        let bias = node.constant(&format!("bias{direction}"), bias)?;
        node.step(&format!("projected{direction}"), Op::MatMul, &[self.x, weights, bias])
    }

    /// The initial state in input `index`, [N, H], unless it is zero.
    pub(super) fn initial(
        &self,
        node: &mut Lowering<'_>,
        index: usize,
        direction: usize,
    ) -> Result<Option<ValueId>, Refusal> {
        if !node.has_input(index) || node.is_constant(index) && node.floats(index)?.max_abs() == 0.0 {
            return Ok(None);
        }
        let mut all = node.operand(index)?;
        if self.batch_first {
            all = node.moved("initial", Op::Transpose { perm: vec![1, 0, 2] }, &[all])?;
        }
        let (shape, expected) = (node.operand_shape(&all)?, [self.directions(), self.batch, self.hidden]);
        if shape[..] != expected {
            return Err(format!("input {index} has shape {shape}, not {expected:?}").into());
        }
        let mut state = node.moved("initial", Op::Gather { axis: 0, indices: vec![direction] }, &[all])?;
        let shape = Shape::new([self.batch, self.hidden])?;
        state = node.moved("initial", Op::Reshape { shape }, &[state])?;
        node.materialised(&state).map(Some)
    }

    /// The rows of one step, of a value that has those of all steps.
    pub(super) fn rows_of(
        &self,
        node: &mut Lowering<'_>,
        all: ValueId,
        step: usize,
    ) -> Result<ValueId, Refusal> {
        let indices = (step * self.batch..(step + 1) * self.batch).collect();
        node.step("row", Op::Gather { axis: 0, indices }, &[all])
    }

    /// All hidden states in the order of time, [T, D, N, H] or batch first.
    pub(super) fn sequence(&self, node: &mut Lowering<'_>, hidden: &[Vec<ValueId>]) -> Lowered {
        let mut parts = Vec::with_capacity(hidden.len());
        for steps in hidden {
            let joined = node.step("states", Op::Concat { axis: 0 }, steps)?;
            let shape = Shape::new([self.steps, 1, self.batch, self.hidden])?;
            parts.push(node.step("states", Op::Reshape { shape }, &[joined])?);
        }
        if !self.batch_first {
            return node.last(Op::Concat { axis: 1 }, &parts);
        }
        let joined = node.step("states", Op::Concat { axis: 1 }, &parts)?;
        node.last(Op::Transpose { perm: vec![2, 0, 1, 3] }, &[joined])
    }

    /// One last state for each direction, [D, N, H], or batch first.
    pub(super) fn last(&self, node: &mut Lowering<'_>, states: &[ValueId]) -> Lowered {
        let mut parts = Vec::with_capacity(states.len());
        for &state in states {
            let shape = Shape::new([1, self.batch, self.hidden])?;
            parts.push(node.step("last", Op::Reshape { shape }, &[state])?);
        }
        if !self.batch_first {
            return node.last(Op::Concat { axis: 0 }, &parts);
        }
        let joined = node.step("last", Op::Concat { axis: 0 }, &parts)?;
        node.last(Op::Transpose { perm: vec![1, 0, 2] }, &[joined])
    }
}

/// Columns of some gates, in this order, of a matrix with H columns for each gate.
pub(super) fn gates(
    node: &mut Lowering<'_>,
    x: ValueId,
    hidden: usize,
    order: &[usize],
) -> Result<ValueId, Refusal> {
    if node.shape(x)[1] == order.len() * hidden && order.is_sorted() {
        return Ok(x);
    }
    let indices = order.iter().flat_map(|g| g * hidden..(g + 1) * hidden).collect();
    node.step("gates", Op::Gather { axis: 1, indices }, &[x])
}
