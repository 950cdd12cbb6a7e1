//! Losses, for models that output them. Targets are known.

use veilflow_ir::{Op, ValueId};

use crate::error::{Refusal, Result};
use crate::lowering::{Lowered, Lowering};
use crate::scope::Binding;

/// −w[t]·x[t] for the target t of each place; their sum, or their mean by weight.
fn picked(node: &mut Lowering<'_>, x: ValueId) -> Lowered {
    let reduction = node.attributes.string("reduction")?.unwrap_or_else(|| "mean".into());
    let ignored = node.attributes.int("ignore_index")?;
    let shape = node.shape(x).clone();
    let [batch, classes, ref room @ ..] = shape[..] else {
        return Err(format!("scores of shape {shape}").into());
    };
    let targets = node.integers(1)?;
    let places: usize = room.iter().product();
    if targets.len() != batch * places {
        return Err(format!("{} targets for scores of shape {shape}", targets.len()).into());
    }
    node.draft.spend_elements(targets.len())?;
    let counts: Vec<bool> = targets.iter().map(|&t| Some(t) != ignored).collect();
    let mut chosen = Vec::with_capacity(targets.len());
    for (&target, &counts) in targets.iter().zip(&counts) {
        let target = if counts { usize::try_from(target).ok().filter(|&t| t < classes) } else { Some(0) };
        chosen.push(target.ok_or("a target beyond the classes")?);
    }
    let flat = node.reshaped(x, &[shape.elements()])?;
    let at = |i: usize| (i / places * classes + chosen[i]) * places + i % places;
    let scores = node.gathered(flat, 0, (0..targets.len()).map(at).collect())?;
    let ones = node.table(&[targets.len()], |i| f32::from(u8::from(counts[i])))?;
    let weights = if node.has_input(2) {
        let weights = node.value(2)?;
        let weights = node.gathered(weights, 0, chosen.clone())?;
        node.mul(weights, ones)?
    } else {
        ones
    };
    let plain = !node.has_input(2) && counts.iter().all(|&c| c);
    let losses = if plain { scores } else { node.mul(scores, weights)? };
    let losses = node.negated(losses)?;
    let result = match reduction.as_str() {
        "none" => node.reshaped(losses, &[&[batch][..], room].concat())?,
        "sum" | "mean" => {
            let sum = node.summed(losses, &[0])?;
            let sum = node.reshaped(sum, &[])?;
            if reduction == "sum" {
                sum
            } else {
                let total = node.summed(weights, &[0])?;
                let total = node.reshaped(total, &[])?;
                let inverse = node.reciprocal(total)?;
                node.mul(sum, inverse)?
            }
        }
        other => return Err(format!("reduction `{other}` isn't supported").into()),
    };
    node.last(Op::Identity, &[result])
}

pub(super) fn negative_log(node: &mut Lowering<'_>) -> Lowered {
    let x = node.value(0)?;
    picked(node, x)
}

/// Also the logarithms of the probabilities.
pub(super) fn cross_entropy(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let x = node.value(0)?;
    let logs = node.log_softmax_over(x, &[1])?;
    let loss = picked(node, logs)?;
    Ok(vec![loss, Binding::Value(logs)])
}
