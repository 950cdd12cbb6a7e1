//! Which scores of attention count.

use veilflow_ir::ValueId;

use super::super::arithmetic::masked;
use crate::error::{Refusal, Result};
use crate::literal::Literal;
use crate::lowering::Lowering;
use crate::scope::Binding;

/// Which keys each query sees by its place, beside what the mask in input 3 says.
pub(super) struct Places {
    /// Queries see no later keys.
    pub(super) causal: bool,
    /// How many keys to the left and right of its own a query sees.
    pub(super) window: [Option<usize>; 2],
    /// Keys before the first query's own.
    pub(super) past: usize,
    /// How many keys of each of the batch count, where the rest is padding.
    pub(super) lengths: Option<Vec<i64>>,
}

impl Places {
    /// Marks what doesn't count among scores of `[batch, heads, length, total]`.
    pub(super) fn mark(&self, keeps: &mut [bool], [batch, length, total]: [usize; 3]) -> Result<(), Refusal> {
        if self.lengths.as_ref().is_some_and(|lengths| lengths.len() != batch) {
            return Err(format!("lengths for another batch than {batch}").into());
        }
        let per = keeps.len() / batch;
        for (i, keep) in keeps.iter_mut().enumerate() {
            let (key, query) = ((i % total) as i64, (i / total % length) as i64);
            let valid = self.lengths.as_ref().map(|lengths| lengths[i / per]);
            // Where the cache lies outside, its valid keys end with the queries' own.
            let offset = valid.map_or(self.past as i64, |valid| valid.saturating_sub(length as i64));
            let own = query.saturating_add(offset);
            let within = |bound: Option<usize>, distance: i64| bound.is_none_or(|b| distance <= b as i64);
            *keep &= valid.is_none_or(|valid| key < valid)
                && (!self.causal || key <= own)
                && within(self.window[0], own.saturating_sub(key))
                && within(self.window[1], key.saturating_sub(own));
        }
        Ok(())
    }
}

/// Scores plus the mask in input 3: truth values that are known leave scores out, numbers are added.
pub(super) fn with_mask(
    node: &mut Lowering<'_>,
    scores: ValueId,
    total: usize,
    keeps: &mut [bool],
) -> Result<ValueId, Refusal> {
    let shape = node.shape(scores).clone();
    match node.literal(3) {
        Some(Literal::Integers(bits)) => {
            let mut bits = (bits.dims.clone(), bits.values.clone());
            pad_mask(&mut bits.0, &mut bits.1, total, 0);
            let bits = crate::numbers::stretch(&bits.1, &bits.0, &shape);
            keeps.iter_mut().zip(bits).for_each(|(keep, bit)| *keep &= bit != 0);
            Ok(scores)
        }
        Some(Literal::Floats(mask)) => {
            let (mut dims, mut values) = (mask.shape().to_vec(), mask.data().to_vec());
            pad_mask(&mut dims, &mut values, total, f32::NEG_INFINITY);
            let mask = veilflow_ir::Tensor::new(veilflow_ir::Shape::new(dims)?, values)?;
            let Binding::Masked(scores, by_mask) = masked(node, scores, &mask)? else { return Ok(scores) };
            keeps.iter_mut().zip(by_mask.iter()).for_each(|(keep, &also)| *keep &= also);
            Ok(scores)
        }
        None => {
            let mut mask = node.value(3)?;
            let dims = node.shape(mask).to_vec();
            if let Some(&last) = dims.last().filter(|&&last| last < total && last > 1) {
                // What the mask doesn't reach is left out.
                keeps.iter_mut().enumerate().for_each(|(i, keep)| *keep &= i % total < last);
                let padding = [&dims[..dims.len() - 1], &[total - last]].concat();
                let zeros = node.table(&padding, |_| 0.0)?;
                mask = node.concatenated(&[mask, zeros], dims.len() - 1)?;
            }
            node.add(scores, mask)
        }
    }
}

/// A mask that is shorter than the keys leaves the rest out.
fn pad_mask<T: Copy>(dims: &mut [usize], values: &mut Vec<T>, total: usize, fill: T) {
    let Some(last) = dims.last_mut().filter(|last| **last > 0 && **last < total) else { return };
    let missing = total - *last;
    let rows = values.chunks(*last).map(|row| [row, &vec![fill; missing]].concat());
    *values = rows.collect::<Vec<_>>().concat();
    *last = total;
}
