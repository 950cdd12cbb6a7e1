//! Small things that several ops are made of.

use veilflow_lowering::Setting::{Int, Ints};
use veilflow_lowering::{Binding, Literal, Lowered, Lowering, Refusal};

/// The dimensions of what a name stands for.
pub(super) fn dims(node: &Lowering<'_>, x: &Binding) -> Result<Vec<usize>, Refusal> {
    match x {
        Binding::Value(id) | Binding::Softmax(id) | Binding::Masked(id, _) => Ok(node.shape(*id).to_vec()),
        Binding::Literal(literal) => Ok(literal.dims()),
        Binding::Indices { dims, .. } => Ok(dims.to_vec()),
        _ => Err("it reads what is no tensor".into()),
    }
}

/// Known integers in one dimension.
pub(super) fn list(values: impl IntoIterator<Item = i64>) -> Binding {
    Binding::Literal(Literal::list(values.into_iter().collect()))
}

/// A known number.
pub(super) fn number(value: f32) -> Lowered {
    Ok(Binding::Literal(Literal::floats(vec![], vec![value])?))
}

pub(super) fn reshape(node: &mut Lowering<'_>, x: Binding, dims: &[usize]) -> Lowered {
    let target = list(dims.iter().map(|&d| d as i64));
    node.call("Reshape", &[x, target], vec![])
}

pub(super) fn transpose(node: &mut Lowering<'_>, x: Binding, perm: &[usize]) -> Lowered {
    if perm.iter().copied().eq(0..perm.len()) {
        return Ok(x);
    }
    node.call("Transpose", &[x], vec![("perm", Ints(perm.iter().map(|&p| p as i64).collect()))])
}

/// An axis counted from the front.
pub(super) fn axis(given: i64, rank: usize) -> Result<usize, Refusal> {
    let from_front = if given < 0 { given + rank as i64 } else { given };
    let axis = usize::try_from(from_front).ok().filter(|&a| a < rank);
    axis.ok_or_else(|| format!("axis {given} of {rank} dimensions").into())
}

/// Input `index`, one known integer.
pub(super) fn integer(node: &mut Lowering<'_>, index: usize) -> Result<i64, Refusal> {
    node.integers(index)?.first().copied().ok_or_else(|| format!("input {index} is empty").into())
}

/// A slice of a list or an axis.
pub(super) fn part(node: &mut Lowering<'_>, x: Binding, along: usize, from: i64, to: i64) -> Lowered {
    node.call("Slice", &[x, list([from]), list([to]), list([along as i64])], vec![])
}

/// Tensors one after the other along a new first dimension.
pub(super) fn stacked(node: &mut Lowering<'_>, parts: &[Binding], along: usize) -> Lowered {
    let mut rows = Vec::with_capacity(parts.len());
    for part in parts {
        let mut shape = dims(node, part)?;
        if along > shape.len() {
            return Err(format!("axis {along} of {} dimensions", shape.len() + 1).into());
        }
        shape.insert(along, 1);
        rows.push(reshape(node, part.clone(), &shape)?);
    }
    node.call("Concat", &rows, vec![("axis", Int(along as i64))])
}

/// Whether channels come last.
pub(super) fn channels_last(node: &mut Lowering<'_>) -> Result<bool, Refusal> {
    match node.attributes.string("data_format")?.as_deref() {
        None | Some("" | "NHWC" | "NDHWC" | "NWC") => Ok(true),
        Some("NCHW" | "NCDHW") => Ok(false),
        Some(other) => Err(format!("data format `{other}` isn't supported").into()),
    }
}

/// An image with its channels brought to the front, if they come last.
pub(super) fn to_front(node: &mut Lowering<'_>, x: Binding, last: bool) -> Lowered {
    let rank = dims(node, &x)?.len();
    if !last || rank < 3 {
        return Ok(x);
    }
    let perm: Vec<usize> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
    transpose(node, x, &perm)
}

/// The inverse of [`to_front`].
pub(super) fn to_back(node: &mut Lowering<'_>, x: Binding, last: bool) -> Lowered {
    let rank = dims(node, &x)?.len();
    if !last || rank < 3 {
        return Ok(x);
    }
    let perm: Vec<usize> = std::iter::once(0).chain(2..rank).chain([1]).collect();
    transpose(node, x, &perm)
}

/// The spatial ones of numbers for every dimension.
pub(super) fn spatial(numbers: &[i64], last: bool) -> Vec<i64> {
    match (numbers.len(), last) {
        (0..=2, _) => numbers.to_vec(),
        (n, true) => numbers[1..n - 1].to_vec(),
        (_, false) => numbers[2..].to_vec(),
    }
}
