//! Matrix products, and weights that take scales in.

use veilflow_lowering::Setting::Ints;
use veilflow_lowering::{Binding, Literal, Lowered, Lowering, Refusal};

use super::rounding::{AWAY, Rounding, twice_rounded};

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

/// Weights and a bias, with the node's scales taken in: what comes out is in units of the output.
pub(super) struct Weights {
    pub(super) matrix: Binding,
    pub(super) bias: Option<Binding>,
    rounding: Option<Rounding>,
    /// What two roundings move for each channel, where sums may be negative.
    moved: Option<Vec<f32>>,
}

impl Weights {
    /// Inputs `w` and `b` of the node. TFLite's convolutions round twice.
    pub(super) fn read(node: &mut Lowering<'_>, w: usize, b: usize, twice: bool) -> Result<Self, Refusal> {
        let from = node.attributes.float("in_scale")?;
        let scales = node.attributes.floats("weight_scales")?.unwrap_or_default();
        let rounding = Rounding::read(node)?;
        let matrix = node.input(w)?;
        let bias = if node.has_input(b) { Some(node.input(b)?) } else { None };
        let (Some(from), Some(rounding)) = (from, rounding) else {
            return Ok(Self { matrix, bias, rounding, moved: None });
        };
        let away = if twice { 1.0 } else { AWAY };
        let moved: Vec<f32> = match twice {
            true => scales.iter().map(|s| twice_rounded(from * s / rounding.scale)).collect(),
            false => vec![0.0],
        };
        let (factor, unit) = (away * from / rounding.scale, away / rounding.scale);
        let two_sided = twice && !rounding.is_non_negative();
        let known = |x: &Binding| match x {
            Binding::Literal(Literal::Floats(x)) => Ok(x.clone()),
            _ => Err(Refusal::from("weights must be known")),
        };
        let w = known(&matrix)?;
        let values = w.data().iter().map(|&v| v * factor).collect();
        let matrix = Binding::Literal(Literal::floats(w.shape().to_vec(), values)?);
        let terms = bias.as_ref().map(known).transpose()?;
        let count = terms.as_ref().map_or(moved.len(), |terms| terms.data().len());
        let term = |c: usize| terms.as_ref().map_or(0.0, |terms| terms.data()[c] * unit);
        let up = |c: usize| 0.5 + moved[if moved.len() == count { c } else { 0 }];
        let each = |c: usize| if two_sided { term(c) } else { term(c) + up(c) };
        let bias = Some(Binding::Literal(Literal::floats(vec![count], (0..count).map(each).collect())?));
        Ok(Self { matrix, bias, rounding: Some(rounding), moved: two_sided.then_some(moved) })
    }

    /// The sums as the output has them: rounded, if the node rounds. Channels come last.
    pub(super) fn finished(&self, node: &mut Lowering<'_>, sums: Binding) -> Lowered {
        match (self.rounding, &self.moved) {
            (None, _) => Ok(sums),
            (Some(rounding), None) => rounding.of_shifted(node, sums),
            (Some(rounding), Some(moved)) => rounding.two_sided(node, sums, moved),
        }
    }
}

/// x·Wᵀ + b, of the elements of x in rows.
pub(super) fn fully_connected(node: &mut Lowering<'_>) -> Lowered {
    let keeps = node.attributes.flag("keep_num_dims")?;
    let x = node.input(0)?;
    let weights = Weights::read(node, 1, 2, false)?;
    let w = weights.matrix.clone();
    let from = dims(node, &x)?;
    let [outputs, inputs] = dims(node, &w)?[..] else { return Err("weights that are no matrix".into()) };
    let count: usize = from.iter().product();
    if inputs == 0 || !count.is_multiple_of(inputs) {
        return Err(format!("{count} elements in rows of {inputs}").into());
    }
    let rows = reshape(node, x, &[count / inputs, inputs])?;
    let w = node.call("Transpose", &[w], vec![("perm", Ints(vec![1, 0]))])?;
    let mut y = node.call("MatMul", &[rows, w], vec![])?;
    if let Some(bias) = weights.bias.clone() {
        y = node.call("Add", &[y, bias], vec![])?;
    }
    y = weights.finished(node, y)?;
    match (keeps, from.split_last()) {
        (true, Some((&last, outer))) if last == inputs => reshape(node, y, &[outer, &[outputs]].concat()),
        _ => Ok(y),
    }
}
