//! A vocabulary for lowerings: small expressions that several ops are made of.

use veilflow_ir::{Function, Op, Shape, Tensor, ValueId, Window};

use crate::error::{Refusal, Result};
use crate::limits::MAX_VISITS;
use crate::lowering::Lowering;

type Built = Result<ValueId, Refusal>;

impl Lowering<'_> {
    /// An op on the way to the output.
    fn part(&mut self, op: Op, inputs: &[ValueId]) -> Built {
        self.step("part", op, inputs)
    }

    /// A constant of one number.
    pub fn number(&mut self, value: f32) -> Built {
        self.constant("number", Tensor::from_fn(Shape::new([])?, |_| value))
    }

    /// A constant of these dimensions.
    pub fn table(&mut self, dims: &[usize], f: impl FnMut(usize) -> f32) -> Built {
        let shape = Shape::new(dims)?;
        self.draft.spend_elements(shape.elements())?;
        self.constant("table", Tensor::from_fn(shape, f))
    }

    /// a + b.
    pub fn add(&mut self, a: ValueId, b: ValueId) -> Built {
        self.part(Op::Add, &[a, b])
    }

    /// a − b.
    pub fn sub(&mut self, a: ValueId, b: ValueId) -> Built {
        self.part(Op::Sub, &[a, b])
    }

    /// a · b.
    pub fn mul(&mut self, a: ValueId, b: ValueId) -> Built {
        self.part(Op::Mul, &[a, b])
    }

    /// x · factor.
    pub fn scaled(&mut self, x: ValueId, factor: f32) -> Built {
        if factor == 1.0 {
            return Ok(x);
        }
        let factor = self.number(factor)?;
        self.mul(x, factor)
    }

    /// x + term.
    pub fn shifted(&mut self, x: ValueId, term: f32) -> Built {
        if term == 0.0 {
            return Ok(x);
        }
        let term = self.number(term)?;
        self.add(x, term)
    }

    /// c − x.
    pub fn less_from(&mut self, c: f32, x: ValueId) -> Built {
        let c = self.number(c)?;
        self.sub(c, x)
    }

    /// −x.
    pub fn negated(&mut self, x: ValueId) -> Built {
        self.scaled(x, -1.0)
    }

    /// max(x, 0).
    pub fn relu(&mut self, x: ValueId) -> Built {
        self.part(Op::Relu, &[x])
    }

    /// |x|: one comparison.
    pub fn magnitude(&mut self, x: ValueId) -> Built {
        let positive = self.relu(x)?;
        let twice = self.add(positive, positive)?;
        self.sub(twice, x)
    }

    /// The larger of a and b.
    pub fn larger(&mut self, a: ValueId, b: ValueId) -> Built {
        let difference = self.sub(a, b)?;
        let positive = self.relu(difference)?;
        self.add(b, positive)
    }

    /// The smaller of a and b.
    pub fn smaller(&mut self, a: ValueId, b: ValueId) -> Built {
        let difference = self.sub(a, b)?;
        let positive = self.relu(difference)?;
        self.sub(a, positive)
    }

    /// x limited to `low..=high`. Limits beyond 10^30 count as none: exporters write the largest float.
    pub fn limited(&mut self, x: ValueId, low: f32, high: f32) -> Built {
        const NONE: f32 = 1e30;
        let min = if low > -NONE { low } else { f32::NEG_INFINITY };
        let max = if high < NONE { high } else { f32::INFINITY };
        self.part(Op::Clip { min, max }, &[x])
    }

    /// 1 where x > 0, else 0.
    pub fn positive(&mut self, x: ValueId) -> Built {
        self.part(Op::Positive, &[x])
    }

    /// 1 − x, which of truth values is the other one.
    pub fn inverted(&mut self, x: ValueId) -> Built {
        self.less_from(1.0, x)
    }

    /// ⌊x⌋.
    pub fn floor(&mut self, x: ValueId) -> Built {
        self.part(Op::Floor, &[x])
    }

    /// x without its fraction. Both parts are compared: one less x would miss 0 by what it was rounded.
    pub fn truncated(&mut self, x: ValueId) -> Built {
        let minus = self.negated(x)?;
        let (positive, below) = (self.relu(x)?, self.relu(minus)?);
        let (up, down) = (self.floor(positive)?, self.floor(below)?);
        self.sub(up, down)
    }

    /// `chosen` where `condition` is 1, `other` where it is 0.
    pub fn select(&mut self, condition: ValueId, chosen: ValueId, other: ValueId) -> Built {
        let difference = self.sub(chosen, other)?;
        let moved = self.mul(condition, difference)?;
        self.add(other, moved)
    }

    /// A function of every element.
    pub fn function(&mut self, function: Function, x: ValueId) -> Built {
        self.part(Op::Apply { function }, &[x])
    }

    /// 1/x for any x but 0.
    pub fn reciprocal(&mut self, x: ValueId) -> Built {
        if self.is_known(x) || self.is_non_negative(x) {
            return self.function(Function::Reciprocal, x);
        }
        // The function takes positive arguments, and the sign is that of x.
        let bit = self.positive(x)?;
        let twice = self.add(bit, bit)?;
        let sign = self.shifted(twice, -1.0)?;
        let magnitude = self.mul(sign, x)?;
        let inverse = self.function(Function::Reciprocal, magnitude)?;
        self.mul(sign, inverse)
    }

    /// e^x.
    pub fn exp(&mut self, x: ValueId) -> Built {
        self.function(Function::ExpSigned, x)
    }

    /// The same elements under other dimensions.
    pub fn reshaped(&mut self, x: ValueId, dims: &[usize]) -> Built {
        if self.shape(x)[..] == *dims {
            return Ok(x);
        }
        let shape = Shape::new(dims)?;
        self.part(Op::Reshape { shape }, &[x])
    }

    /// Dimension i of the result is dimension `perm[i]` of x.
    pub fn transposed(&mut self, x: ValueId, perm: &[usize]) -> Built {
        if perm.iter().copied().eq(0..perm.len()) {
            return Ok(x);
        }
        self.part(Op::Transpose { perm: perm.to_vec() }, &[x])
    }

    /// Slices of x.
    pub fn gathered(&mut self, x: ValueId, axis: usize, indices: Vec<usize>) -> Built {
        self.draft.spend_elements(indices.len())?;
        self.part(Op::Gather { axis, indices }, &[x])
    }

    /// Slices `range` of x.
    pub fn sliced(&mut self, x: ValueId, axis: usize, range: std::ops::Range<usize>) -> Built {
        if range == (0..self.shape(x)[axis]) {
            return Ok(x);
        }
        self.gathered(x, axis, range.collect())
    }

    /// Values one after the other.
    pub fn concatenated(&mut self, parts: &[ValueId], axis: usize) -> Built {
        match parts {
            [only] => Ok(*only),
            _ => self.part(Op::Concat { axis }, parts),
        }
    }

    /// x stretched to a shape that it broadcasts to.
    pub fn stretched(&mut self, x: ValueId, dims: &[usize]) -> Built {
        let rank = self.shape(x).rank();
        let mut from = vec![1; dims.len() - rank];
        from.extend_from_slice(self.shape(x));
        let mut x = self.reshaped(x, &from)?;
        for axis in 0..dims.len() {
            if from[axis] != dims[axis] {
                x = self.gathered(x, axis, vec![0; dims[axis]])?;
            }
        }
        Ok(x)
    }

    /// Sums over some axes, each of which is left with one element.
    pub fn summed(&mut self, x: ValueId, axes: &[usize]) -> Built {
        self.part(Op::ReduceSum { axes: axes.to_vec() }, &[x])
    }

    /// What a pooling makes of each row of x, where rows run over `axes`. They are left with one element
    /// each.
    fn pooled(&mut self, x: ValueId, axes: &[usize], op: impl FnOnce(Window) -> Op) -> Built {
        let shape = self.shape(x).clone();
        let kept: Vec<usize> = (0..shape.rank()).filter(|i| !axes.contains(i)).collect();
        let perm: Vec<usize> = kept.iter().chain(axes).copied().collect();
        let count: usize = axes.iter().map(|&a| shape[a]).product();
        let rows = self.transposed(x, &perm)?;
        let rows = self.reshaped(rows, &[1, 1, shape.elements() / count, count])?;
        let mut window = Window::new([1, count]);
        window.stride = [1, 1];
        let pooled = self.part(op(window), &[rows])?;
        let dims: Vec<usize> =
            shape.iter().enumerate().map(|(i, &d)| if axes.contains(&i) { 1 } else { d }).collect();
        self.reshaped(pooled, &dims)
    }

    /// The largest elements over some axes, each of which is left with one element.
    pub fn largest(&mut self, x: ValueId, axes: &[usize]) -> Built {
        self.pooled(x, axes, |window| Op::MaxPool { window })
    }

    /// The smallest elements over some axes, each of which is left with one element.
    pub fn smallest(&mut self, x: ValueId, axes: &[usize]) -> Built {
        let x = self.negated(x)?;
        let largest = self.largest(x, axes)?;
        self.negated(largest)
    }

    /// Means over some axes, each of which is left with one element.
    pub fn averaged(&mut self, x: ValueId, axes: &[usize]) -> Built {
        let count: usize = axes.iter().map(|&a| self.shape(x)[a]).product();
        if count == 1 {
            return self.part(Op::Identity, &[x]);
        }
        if let [1, _, height, width] = **self.shape(x)
            && axes == [2, 3]
        {
            let window = Window::new([height, width]);
            return self.part(Op::AveragePool { window, include_padding: false }, &[x]);
        }
        self.pooled(x, axes, |window| Op::AveragePool { window, include_padding: false })
    }

    /// exp(x)/Σ exp(x) over some axes.
    pub fn softmax_over(&mut self, x: ValueId, axes: &[usize]) -> Built {
        let (powers, sums) = self.powers(x, axes)?;
        let inverse = self.function(Function::Reciprocal, sums)?;
        self.mul(powers, inverse)
    }

    /// x with another element of the row along an axis in the place of each that doesn't count.
    pub fn filled(&mut self, x: ValueId, axis: usize, keeps: &[bool]) -> Built {
        let shape = self.shape(x).clone();
        let (size, stride, count) = (shape[axis], shape.stride(axis), shape.elements());
        self.draft.spend_elements(count)?;
        let source = |i: usize| {
            if keeps[i] {
                return i;
            }
            let first = i - i / stride % size * stride;
            (0..size).map(|k| first + k * stride).find(|&at| keeps[at]).unwrap_or(i)
        };
        let flat = self.reshaped(x, &[count])?;
        let filled = self.gathered(flat, 0, (0..count).map(source).collect())?;
        self.reshaped(filled, &shape)
    }

    /// x with zeros in the place of elements that don't count.
    pub fn zeroed(&mut self, x: ValueId, keeps: &[bool]) -> Built {
        let shape = self.shape(x).clone();
        let count = shape.elements();
        self.draft.spend_elements(count)?;
        let flat = self.reshaped(x, &[count])?;
        let zero = self.table(&[1], |_| 0.0)?;
        let both = self.concatenated(&[flat, zero], 0)?;
        let kept = self.gathered(both, 0, (0..count).map(|i| if keeps[i] { i } else { count }).collect())?;
        self.reshaped(kept, &shape)
    }

    /// As [`softmax_over`](Self::softmax_over) one axis, of the elements that count. Others are 0, and so is
    /// a row of which none counts.
    pub fn masked_softmax(&mut self, x: ValueId, axis: usize, keeps: &[bool]) -> Built {
        let shape = self.shape(x).clone();
        let (size, stride, count) = (shape[axis], shape.stride(axis), shape.elements());
        let filled = self.filled(x, axis, keeps)?;
        let largest = self.largest(filled, &[axis])?;
        let below = self.sub(filled, largest)?;
        let powers = self.exp(below)?;
        let kept = self.zeroed(powers, keeps)?;
        // The sum of an empty row may be anything that has a reciprocal.
        let row = |i: usize| i / stride / size * stride + i % stride;
        let mut empty = vec![1.0f32; count / size];
        (0..count).filter(|&i| keeps[i]).for_each(|i| empty[row(i)] = 0.0);
        let mut sums = self.summed(kept, &[axis])?;
        if empty.contains(&1.0) {
            let dims = self.shape(sums).to_vec();
            let ones = self.table(&dims, |i| empty[i])?;
            sums = self.add(sums, ones)?;
        }
        let inverse = self.function(Function::Reciprocal, sums)?;
        self.mul(kept, inverse)
    }

    /// exp(x − max) over some axes, and its sums.
    fn powers(&mut self, x: ValueId, axes: &[usize]) -> Result<(ValueId, ValueId), Refusal> {
        let largest = self.largest(x, axes)?;
        let below = self.sub(x, largest)?;
        let powers = self.exp(below)?;
        let sums = self.summed(powers, axes)?;
        Ok((powers, sums))
    }

    /// ln(exp(x)/Σ exp(x)) over some axes.
    pub fn log_softmax_over(&mut self, x: ValueId, axes: &[usize]) -> Built {
        let largest = self.largest(x, axes)?;
        let below = self.sub(x, largest)?;
        let powers = self.exp(below)?;
        let sums = self.summed(powers, axes)?;
        let log = self.function(Function::Log, sums)?;
        self.sub(below, log)
    }

    /// Whether the structure of the graph shows that no element is negative.
    pub fn is_non_negative(&self, x: ValueId) -> bool {
        self.shows_non_negative(x, &mut { MAX_VISITS })
    }

    fn shows_non_negative(&self, x: ValueId, left: &mut usize) -> bool {
        if let Some(constant) = self.draft.graph.constant_of(x) {
            return constant.data().iter().all(|&v| v >= 0.0);
        }
        let Some(node) = self.draft.maker(x).filter(|_| *left > 0) else { return false };
        *left -= 1;
        let mut input = |i: usize| self.shows_non_negative(node.inputs[i], left);
        match &node.op {
            Op::Relu | Op::Positive => true,
            Op::Apply { function } => function.is_non_negative(),
            Op::Clip { min, .. } => *min >= 0.0,
            Op::Mul => node.inputs[0] == node.inputs[1] || (input(0) && input(1)),
            Op::Add => input(0) && input(1),
            Op::ReduceSum { .. }
            | Op::Reshape { .. }
            | Op::Transpose { .. }
            | Op::Gather { .. }
            | Op::MaxPool { .. }
            | Op::AveragePool { .. }
            | Op::Floor
            | Op::Identity => input(0),
            Op::Concat { .. } => (0..node.inputs.len()).all(input),
            _ => false,
        }
    }
}
