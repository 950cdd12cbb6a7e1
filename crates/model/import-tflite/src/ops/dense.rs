//! Matrix products, and weights that take scales in.

use veilflow_lowering::Setting::Ints;
use veilflow_lowering::{Binding, Literal, Lowered, Lowering, Refusal};

use super::rounding::{AWAY, Rounding};

/// The dimensions of what a name stands for.
pub(super) fn dims(node: &Lowering<'_>, x: &Binding) -> Result<Vec<usize>, Refusal> {
    match x {
        Binding::Value(id) | Binding::Softmax(id) => Ok(node.shape(*id).to_vec()),
        Binding::Literal(literal) => Ok(literal.dims()),
        Binding::Indices { dims, .. } => Ok(dims.to_vec()),
        _ => Err("it reads what is no tensor".into()),
    }
}

/// Known integers in one dimension.
pub(super) fn list(values: impl IntoIterator<Item = i64>) -> Binding {
    Binding::Literal(Literal::list(values.into_iter().collect()))
}

pub(super) fn reshape(node: &mut Lowering<'_>, x: Binding, dims: &[usize]) -> Lowered {
    node.call("Reshape", &[x, list(dims.iter().map(|&d| d as i64))], vec![])
}

/// Weights and a bias, with the node's scales taken in: what comes out is in units of the output, a half added,
/// if the node rounds.
pub(super) fn weights(
    node: &mut Lowering<'_>,
    w: usize,
    b: usize,
) -> Result<(Binding, Option<Binding>, Option<Rounding>), Refusal> {
    let from = node.attributes.float("in_scale")?;
    let rounding = Rounding::read(node)?;
    let mut weights = node.input(w)?;
    let mut bias = if node.has_input(b) { Some(node.input(b)?) } else { None };
    if let (Some(from), Some(rounding)) = (from, rounding) {
        let (factor, unit) = (AWAY * from / rounding.scale, AWAY / rounding.scale);
        let scaled = |x: &Binding, factor: f32, term: f32| -> Lowered {
            let Binding::Literal(Literal::Floats(x)) = x else { return Err("weights must be known".into()) };
            let values = x.data().iter().map(|&v| v * factor + term).collect();
            Ok(Binding::Literal(Literal::floats(x.shape().to_vec(), values)?))
        };
        weights = scaled(&weights, factor, 0.0)?;
        let zero = Binding::Literal(Literal::floats(vec![1], vec![0.0])?);
        bias = Some(scaled(bias.as_ref().unwrap_or(&zero), unit, 0.5)?);
    }
    Ok((weights, bias, rounding))
}

/// x·Wᵀ + b, of the elements of x in rows.
pub(super) fn fully_connected(node: &mut Lowering<'_>) -> Lowered {
    let keeps = node.attributes.flag("keep_num_dims")?;
    let x = node.input(0)?;
    let (w, bias, rounding) = weights(node, 1, 2)?;
    let from = dims(node, &x)?;
    let [outputs, inputs] = dims(node, &w)?[..] else { return Err("weights that are no matrix".into()) };
    let count: usize = from.iter().product();
    if inputs == 0 || count % inputs != 0 {
        return Err(format!("{count} elements in rows of {inputs}").into());
    }
    let rows = reshape(node, x, &[count / inputs, inputs])?;
    let w = node.call("Transpose", &[w], vec![("perm", Ints(vec![1, 0]))])?;
    let mut y = node.call("MatMul", &[rows, w], vec![])?;
    if let Some(bias) = bias {
        y = node.call("Add", &[y, bias], vec![])?;
    }
    if let Some(rounding) = rounding {
        y = rounding.of_shifted(node, y)?;
    }
    match (keeps, from.split_last()) {
        (true, Some((&last, outer))) if last == inputs => reshape(node, y, &[outer, &[outputs]].concat()),
        _ => Ok(y),
    }
}
