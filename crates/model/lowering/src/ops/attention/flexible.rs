//! Attention with graphs of its own for scores and weights.

use veilflow_ir::{Op, ValueId};

use super::repeated;
use crate::lowering::{Lowered, Lowering};
use crate::scope::Binding;
use crate::source;

/// What a graph of one input makes of a value.
fn modified(node: &mut Lowering<'_>, body: &source::Graph, name: &str, x: ValueId) -> Lowered {
    let prefix = format!("{}.{name}.", node.name);
    let mut outputs = node.body(body, &prefix, [Binding::Value(x)])?;
    match (outputs.pop(), outputs.is_empty()) {
        (Some(binding @ (Binding::Value(_) | Binding::Masked(..))), true) => Ok(binding),
        _ => Err(format!("`{name}` must compute one private tensor").into()),
    }
}

/// weights·V, where weights = `prob_mod`(softmax(`score_mod`(scale·Q·Kᵀ))).
pub(in crate::ops) fn flexible(node: &mut Lowering<'_>) -> Lowered {
    let scale = node.attributes.float("scale")?;
    let (scores, weights) = (node.attributes.graph("score_mod")?, node.attributes.graph("prob_mod")?);
    node.attributes.ignore(&["softmax_precision"]);
    let (q, k, v) = (node.value(0)?, node.value(1)?, node.value(2)?);
    if [q, k, v].iter().any(|&x| node.shape(x).rank() != 4) {
        return Err("queries, keys and values must have four dimensions".into());
    }
    let (heads, shared, width) = (node.shape(q)[1], node.shape(k)[1], node.shape(q)[3]);
    if heads % shared != 0 || node.shape(v)[1] != shared {
        return Err(format!("{heads} heads of queries for {shared} of keys").into());
    }
    let (k, v) = (repeated(node, k, heads)?, repeated(node, v, heads)?);
    let q = node.scaled(q, scale.unwrap_or(1.0 / (width as f32).sqrt()))?;
    let k = node.flipped(k)?;
    let mut raw = Binding::Value(node.product(q, k)?);
    if let (Some(body), Binding::Value(x)) = (scores, &raw) {
        raw = modified(node, body, "score_mod", *x)?;
    }
    let mut y = match raw {
        Binding::Masked(x, keeps) => node.masked_softmax(x, 3, &keeps)?,
        Binding::Value(x) => node.softmax_over(x, &[3])?,
        _ => return Err("scores that can't be read".into()),
    };
    if let Some(body) = weights {
        let Binding::Value(x) = modified(node, body, "prob_mod", y)? else {
            return Err("infinite weights".into());
        };
        y = x;
    }
    let y = node.product(y, v)?;
    node.last(Op::Identity, &[y])
}
