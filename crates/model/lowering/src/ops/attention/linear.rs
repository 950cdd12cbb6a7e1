//! Attention whose scores aren't normalised: a recurrence over a state of keys times values.

use veilflow_ir::{Op, ValueId};

use super::{by_heads, repeated};
use crate::error::{Refusal, Result};
use crate::lowering::Lowering;
use crate::scope::Binding;

/// Position `at` of `[batch, heads, length, width]`, as `[batch, heads, rows, columns]`.
fn position(
    node: &mut Lowering<'_>,
    x: ValueId,
    at: usize,
    [rows, columns]: [usize; 2],
) -> Result<ValueId, Refusal> {
    let slice = node.sliced(x, 2, at..at + 1)?;
    let dims = [node.shape(slice)[0], node.shape(slice)[1], rows, columns];
    node.reshaped(slice, &dims)
}

/// S = decay·S + k ⊗ β·(v − Sᵀ·k) and o = scale · qᵀ·S for each position; what a rule leaves out is 1 or 0.
pub(in crate::ops) fn linear(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let (heads, shared) = (node.attributes.size("q_num_heads")?, node.attributes.size("kv_num_heads")?);
    let scale = node.attributes.float("scale")?.filter(|&s| s != 0.0);
    let rule = node.attributes.string("update_rule")?.unwrap_or_else(|| "gated_delta".into());
    node.attributes.ignore(&["chunk_size"]);
    let (gated, corrected) = match rule.as_str() {
        "linear" => (false, false),
        "gated" => (true, false),
        "delta" => (false, true),
        "gated_delta" => (true, true),
        other => return Err(format!("rule `{other}` isn't supported").into()),
    };
    let (Some(heads), Some(shared)) = (heads, shared) else {
        return Err("the numbers of heads are missing".into());
    };
    if shared == 0 || heads % shared != 0 {
        return Err(format!("{heads} heads of queries for {shared} of keys").into());
    }
    let (q, k, v) =
        (by_heads(node, 0, Some(heads))?, by_heads(node, 1, Some(shared))?, by_heads(node, 2, Some(shared))?);
    let &[batch, _, length, width] = &node.shape(q).to_vec()[..] else { return Err("no heads".into()) };
    let depth = node.shape(v)[3];
    let q = node.scaled(q, scale.unwrap_or(1.0 / (width as f32).sqrt()))?;
    let decay = if gated {
        let decay = node.value(4)?;
        let per_head = node.shape(decay).last() == Some(&shared);
        let decay = by_heads(node, 4, Some(shared))?;
        Some((node.exp(decay)?, if per_head { 1 } else { width }))
    } else {
        None
    };
    let beta = if corrected {
        let beta = node.value(5)?;
        let heads = *node.shape(beta).last().unwrap_or(&1);
        Some(by_heads(node, 5, Some(heads))?)
    } else {
        None
    };
    let mut state = if node.has_input(3) { Some(node.value(3)?) } else { None };
    let mut outputs = Vec::with_capacity(length);
    for at in 0..length {
        let query = position(node, q, at, [1, width])?;
        let key = position(node, k, at, [width, 1])?;
        let mut value = position(node, v, at, [1, depth])?;
        if let (Some((decay, rows)), Some(old)) = (decay, state) {
            let decay = position(node, decay, at, [rows, 1])?;
            state = Some(node.mul(decay, old)?);
        }
        if let Some(beta) = beta {
            if let Some(state) = state {
                let key = node.flipped(key)?;
                let retrieved = node.product(key, state)?;
                value = node.sub(value, retrieved)?;
            }
            let beta = position(node, beta, at, [1, 1])?;
            value = node.mul(beta, value)?;
        }
        // An outer product is a product by element.
        let written = node.mul(key, value)?;
        let new = match state {
            Some(old) => node.add(old, written)?,
            None => written,
        };
        state = Some(new);
        let read = repeated(node, new, heads)?;
        outputs.push(node.product(query, read)?);
    }
    node.at_output(0);
    let y = node.concatenated(&outputs, 2)?;
    let y = node.transposed(y, &[0, 2, 1, 3])?;
    let y = node.reshaped(y, &[batch, length, heads * depth])?;
    let state = state.ok_or("no positions")?;
    node.at_output(1);
    let state = node.step("state", Op::Identity, &[state])?;
    Ok(vec![Binding::Value(y), Binding::Value(state)])
}
