//! What LSTM, GRU and RNN have in common: inputs, weights, and how states become outputs.

use std::ops::Range;
use std::slice;

use veilflow_ir::{Op, Shape, ValueId};

use super::activation::{Activation, Numbers};
use crate::error::{Refusal, Result};
use crate::literal::Literal;
use crate::lowering::{Lowered, Lowering, Operand};

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
    pub(super) activations: Vec<Activation>,
    /// Whether the batch is the first dimension of inputs and outputs.
    pub(super) batch_first: bool,
    /// The sequence, [T·N, I].
    x: ValueId,
    /// How many steps each sequence has, if some have fewer.
    lengths: Option<Vec<usize>>,
    /// What limits the arguments of activations, on both sides.
    clip: Option<f32>,
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
        let defaults = || default_activations.repeat(directions).into_iter().map(str::to_owned).collect();
        let names: Vec<String> = if names.is_empty() { defaults() } else { names };
        let mut numbers = Numbers::read(node)?;
        let activations = names.iter().map(|name| Activation::named(name, &mut numbers));
        let activations = activations.collect::<Result<Vec<Activation>, _>>()?;
        let clip = node.attributes.float("clip")?.filter(|&c| c > 0.0);
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
        let recurrent = node.operand(2)?;
        let recurrent = node.operand_shape(&recurrent)?;
        let [_, rows, hidden] = *recurrent else {
            return Err(format!("recurrent weights of shape {recurrent}").into());
        };
        if node.attributes.size("hidden_size")?.is_some_and(|size| size != hidden) {
            return Err(format!("`hidden_size` isn't the {hidden} of its recurrent weights").into());
        }
        let mut lengths = None;
        if node.has_input(4) {
            let given = node.integers(4)?.into_iter().map(usize::try_from).collect::<Result<Vec<usize>, _>>();
            let given = given.map_err(|_| "a negative length")?;
            if given.len() != batch || given.iter().any(|&length| length > steps) {
                return Err(format!("lengths {given:?} of {batch} sequences of {steps} steps").into());
            }
            lengths = given.iter().any(|&length| length < steps).then_some(given);
        }
        let x = node.step("rows", Op::Reshape { shape: Shape::new([steps * batch, features])? }, &[x])?;
        let read = Self { steps, batch, hidden, rows, reversed, activations, batch_first, x, lengths, clip };
        read.expect(node, 1, [rows, features])?;
        read.expect(node, 2, [gates * hidden, hidden])?;
        Ok(read)
    }

    pub(super) fn directions(&self) -> usize {
        self.reversed.len()
    }

    /// Refuses input `index` unless it holds a matrix of this size for each direction.
    fn expect(
        &self,
        node: &mut Lowering<'_>,
        index: usize,
        [rows, columns]: [usize; 2],
    ) -> Result<(), Refusal> {
        let operand = node.operand(index)?;
        let (shape, expected) = (node.operand_shape(&operand)?, [self.directions(), rows, columns]);
        if shape[..] != expected {
            return Err(format!("input {index} has shape {shape}, not {expected:?}").into());
        }
        Ok(())
    }

    /// The `count` numbers of input `index` for a direction, if it is given.
    pub(super) fn vector(
        &self,
        node: &mut Lowering<'_>,
        index: usize,
        direction: usize,
        count: usize,
    ) -> Result<Option<Operand>, Refusal> {
        if !node.has_input(index) {
            return Ok(None);
        }
        let operand = node.operand(index)?;
        let (shape, expected) = (node.operand_shape(&operand)?, [self.directions(), count]);
        if shape[..] != expected {
            return Err(format!("input {index} has shape {shape}, not {expected:?}").into());
        }
        let row = node.moved("vector", Op::Gather { axis: 0, indices: vec![direction] }, &[operand])?;
        node.moved("vector", Op::Reshape { shape: Shape::new([count])? }, &[row]).map(Some)
    }

    /// The biases of a direction: those of the input's product, then those of the state's.
    pub(super) fn biases(&self, node: &mut Lowering<'_>, direction: usize) -> Result<[Operand; 2], Refusal> {
        let zeros = || Literal::floats(vec![2 * self.rows], vec![0.0; 2 * self.rows]);
        let both = match self.vector(node, 3, direction, 2 * self.rows)? {
            Some(both) => both,
            None => Operand::Literal(zeros()?),
        };
        let input = node.moved("bias", rows_of(0..self.rows), slice::from_ref(&both))?;
        let state = node.moved("bias", rows_of(self.rows..2 * self.rows), &[both])?;
        Ok([input, state])
    }

    /// Rows of a direction's weights in input `index`, transposed to stand on the right of a product.
    pub(super) fn weights(
        &self,
        node: &mut Lowering<'_>,
        index: usize,
        direction: usize,
        rows: Range<usize>,
    ) -> Result<ValueId, Refusal> {
        let all = node.operand(index)?;
        let [_, count, columns] = *node.operand_shape(&all)? else {
            return Err("weights of another shape".into());
        };
        let one = node.moved("weights", Op::Gather { axis: 0, indices: vec![direction] }, &[all])?;
        let shape = Shape::new([count, columns])?;
        let one = node.moved("weights", Op::Reshape { shape }, &[one])?;
        let part = node.moved("weights", rows_of(rows), &[one])?;
        let part = node.moved("weights", Op::Transpose { perm: vec![1, 0] }, &[part])?;
        node.materialised(&part)
    }

    /// The whole sequence times the input's weights, plus a bias: [T·N, rows].
    pub(super) fn project(
        &self,
        node: &mut Lowering<'_>,
        direction: usize,
        bias: Operand,
    ) -> Result<ValueId, Refusal> {
        let weights = self.weights(node, 1, direction, 0..self.rows)?;
        let bias = node.materialised(&bias)?;
        self.product(node, self.x, weights, bias)
    }

    /// x times weights plus a bias: a layer if both are known.
    pub(super) fn product(
        &self,
        node: &mut Lowering<'_>,
        x: ValueId,
        weights: ValueId,
        bias: ValueId,
    ) -> Result<ValueId, Refusal> {
        if node.is_known(weights) && node.is_known(bias) {
            return node.step("projected", Op::MatMul, &[x, weights, bias]);
        }
        let product = node.product(x, weights)?;
        node.add(product, bias)
    }

    /// The argument of an activation, limited if the node says so.
    pub(super) fn limited(&self, node: &mut Lowering<'_>, x: ValueId) -> Result<ValueId, Refusal> {
        self.clip.map_or(Ok(x), |clip| node.limited(x, -clip, clip))
    }

    /// `new` in the rows of sequences that have this step, `old` (zero if there is none) in others.
    pub(super) fn while_running(
        &self,
        node: &mut Lowering<'_>,
        step: usize,
        new: ValueId,
        old: Option<ValueId>,
    ) -> Result<ValueId, Refusal> {
        let Some(lengths) = self.lengths.as_ref().filter(|l| l.iter().any(|&length| length <= step)) else {
            return Ok(new);
        };
        let old = match old {
            Some(old) => old,
            None => node.table(&[self.batch, self.hidden], |_| 0.0)?,
        };
        let both = node.concatenated(&[new, old], 0)?;
        let row = |i: usize| if step < lengths[i] { i } else { self.batch + i };
        node.gathered(both, 0, (0..self.batch).map(row).collect())
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
    pub(super) fn step_of(
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

/// Rows of a matrix, or elements of a vector.
pub(super) fn rows_of(rows: Range<usize>) -> Op {
    Op::Gather { axis: 0, indices: rows.collect() }
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
