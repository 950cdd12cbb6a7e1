//! The discrete Fourier transform, by a known matrix.

use std::f64::consts::TAU;

use veilflow_ir::{MAX_ELEMENTS, Op, ValueId};

use super::axis::axis;
use crate::error::{Refusal, Result};
use crate::lowering::{Lowered, Lowering};

/// Which transform: lengths before and after, the transform's own length, and how numbers are stored.
struct Transform {
    length: usize,
    from: usize,
    to: usize,
    inverse: bool,
    /// Whether elements are pairs of a real and an imaginary part.
    complex_in: bool,
    complex_out: bool,
}

impl Transform {
    /// What part `i` of input `n` adds to part `o` of output `k`.
    fn weight(&self, n: usize, i: usize, k: usize, o: usize) -> f64 {
        if n >= self.length {
            return 0.0;
        }
        let turn = (n * k % self.length) as f64 / self.length as f64 * TAU;
        let (re, im) = (turn.cos(), if self.inverse { turn.sin() } else { -turn.sin() });
        let scale = if self.inverse { 1.0 / self.length as f64 } else { 1.0 };
        // Half of a symmetric spectrum stands for the whole: what has a mirror image counts twice.
        let halved = self.inverse && !self.complex_out && self.complex_in;
        let mirrored = halved && n > 0 && 2 * n != self.length;
        let times = if mirrored { 2.0 } else { 1.0 };
        scale * times * [[re, im], [-im, re]][i][o]
    }
}

/// x along `axis`, whose last dimension is 1 or 2 parts of each number.
fn transformed(node: &mut Lowering<'_>, x: ValueId, axis: usize, by: &Transform) -> Result<ValueId, Refusal> {
    let rank = node.shape(x).rank();
    let mut perm: Vec<usize> = (0..rank - 1).filter(|&i| i != axis).collect();
    perm.extend([axis, rank - 1]);
    let rows = node.transposed(x, &perm)?;
    let dims = node.shape(rows).to_vec();
    let (i, o) = (dims[rank - 1], if by.complex_out { 2 } else { 1 });
    let outer = &dims[..rank - 2];
    let rows = node.reshaped(rows, &[outer, &[by.from * i]].concat())?;
    let columns = by.to * o;
    let weights = node.table(&[by.from * i, columns], |at| {
        let (row, column) = (at / columns, at % columns);
        by.weight(row / i, row % i, column / o, column % o) as f32
    })?;
    let product = node.matmul(rows, weights)?;
    let product = node.reshaped(product, &[outer, &[by.to, o]].concat())?;
    let mut inverse = vec![0; rank];
    perm.iter().enumerate().for_each(|(i, &p)| inverse[p] = i);
    node.transposed(product, &inverse)
}

pub(super) fn dft(node: &mut Lowering<'_>) -> Lowered {
    let (inverse, onesided) = (node.attributes.flag("inverse")?, node.attributes.flag("onesided")?);
    let old = node.opset() < 20;
    let given = match node.attributes.int("axis")? {
        Some(axis) => axis,
        None if !old && node.has_input(2) => *node.integers(2)?.first().ok_or("its axis is missing")?,
        None => {
            if old {
                1
            } else {
                -2
            }
        }
    };
    let x = node.value(0)?;
    let shape = node.shape(x).clone();
    let rank = shape.rank();
    let axis = axis(given, rank, false)?;
    if axis + 1 == rank || !matches!(shape[rank - 1], 1 | 2) {
        return Err(format!(
            "a transform of {shape} along dimension {axis}: the last one holds 1 or 2 parts"
        )
        .into());
    }
    let (from, complex_in) = (shape[axis], shape[rank - 1] == 2);
    let back = inverse && onesided;
    let length = if node.has_input(1) {
        node.integers(1)?.first().and_then(|&n| usize::try_from(n).ok())
    } else {
        Some(if back { 2 * (from - 1) } else { from })
    };
    let length = length.filter(|&n| (1..=MAX_ELEMENTS).contains(&n)).ok_or("a length of 0, or too long")?;
    let to = if onesided && !inverse { length / 2 + 1 } else { length };
    let by = Transform { length, from, to, inverse, complex_in, complex_out: !back };
    let y = transformed(node, x, axis, &by)?;
    node.last(Op::Identity, &[y])
}

/// The transform of overlapping frames of a signal `[batch, length, 1 or 2]`: `[batch, frames, places, 2]`.
pub(super) fn stft(node: &mut Lowering<'_>) -> Lowered {
    let onesided = node.attributes.int("onesided")?.unwrap_or(1) != 0;
    let known = |node: &mut Lowering<'_>, index| -> Result<usize, Refusal> {
        let number = node.integers(index)?.first().and_then(|&n| usize::try_from(n).ok());
        number.filter(|&n| n > 0).ok_or_else(|| "a step or length of 0".into())
    };
    let hop = known(node, 1)?;
    let window = if node.has_input(2) { Some(node.value(2)?) } else { None };
    let length = match window {
        _ if node.has_input(3) => known(node, 3)?,
        Some(window) => node.shape(window).elements(),
        None => return Err("neither a window nor the length of a frame".into()),
    };
    let mut x = node.value(0)?;
    if node.shape(x).rank() == 2 {
        let dims = [node.shape(x), &[1][..]].concat();
        x = node.reshaped(x, &dims)?;
    }
    let [batch, samples, parts] = *node.shape(x).clone() else { return Err("takes signals".into()) };
    if length > samples || parts > 2 {
        return Err(format!("frames of {length} of {samples} samples of {parts} parts").into());
    }
    let frames = (samples - length) / hop + 1;
    node.draft.spend_elements(frames.saturating_mul(length))?;
    let indices: Vec<usize> = (0..frames * length).map(|i| i / length * hop + i % length).collect();
    let taken = node.gathered(x, 1, indices)?;
    let mut taken = node.reshaped(taken, &[batch, frames, length, parts])?;
    if let Some(window) = window {
        if node.shape(window).elements() != length {
            return Err(format!("a window of {} for frames of {length}", node.shape(window)).into());
        }
        let window = node.reshaped(window, &[length, 1])?;
        taken = node.mul(taken, window)?;
    }
    let to = if onesided { length / 2 + 1 } else { length };
    let complex_in = parts == 2;
    let by = Transform { length, from: length, to, inverse: false, complex_in, complex_out: true };
    let y = transformed(node, taken, 2, &by)?;
    node.last(Op::Identity, &[y])
}
