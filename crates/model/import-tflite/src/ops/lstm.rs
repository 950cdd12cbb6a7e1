//! The fused LSTM.

use veilflow_lowering::Setting::{Float, Int, Ints};
use veilflow_lowering::{Binding, Literal, Lowered, Lowering, Refusal};

use super::dense::{dims, reshape};

/// The inputs of one kind for each gate, in TFLite's order: input, forget, cell, output.
fn gates(node: &mut Lowering<'_>, first: usize) -> Result<Vec<Binding>, Refusal> {
    (first..first + 4).map(|i| node.input(i)).collect()
}

/// In ONNX's order, one after the other, with a direction in front.
fn stacked(node: &mut Lowering<'_>, parts: &[Binding]) -> Lowered {
    let [input, forget, cell, output] = parts else { return Err("four gates".into()) };
    let parts = [input, output, forget, cell].map(Clone::clone);
    let joined = node.call("Concat", &parts, vec![("axis", Int(0))])?;
    let shape = [&[1], &dims(node, &joined)?[..]].concat();
    reshape(node, joined, &shape)
}

pub(super) fn unidirectional(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let activation = node.attributes.int("activation")?.unwrap_or(4);
    let clip = node.attributes.float("cell_clip")?.unwrap_or(0.0);
    node.attributes.ignore(&["projection_clip"]);
    let time_major = node.attributes.flag("time_major")?;
    if activation != 4 {
        return Err("activations other than TANH aren't supported".into());
    }
    if (16..18).chain(20..24).any(|i| node.has_input(i)) {
        return Err("projections and layer norms aren't supported".into());
    }
    if !node.has_input(1) || !node.has_input(5) {
        return Err("coupled gates aren't supported".into());
    }
    let mut x = node.input(0)?;
    if !time_major {
        x = node.call("Transpose", &[x], vec![("perm", Ints(vec![1, 0, 2]))])?;
    }
    let [steps, batch, _] = dims(node, &x)?[..] else { return Err("a sequence of other dimensions".into()) };
    let (w, r, b) = (gates(node, 1)?, gates(node, 5)?, gates(node, 12)?);
    let hidden = *dims(node, &r[0])?.last().ok_or("weights without dimensions")?;
    let (w, r) = (stacked(node, &w)?, stacked(node, &r)?);
    let b = stacked(node, &b)?;
    let zeros = Binding::Literal(Literal::floats(vec![1, 4 * hidden], vec![0.0; 4 * hidden])?);
    let b = node.call("Concat", &[b, zeros], vec![("axis", Int(1))])?;
    let mut inputs = vec![Some(x), Some(w), Some(r), Some(b), None, None, None];
    if node.has_input(9) {
        let [i, f, o] = [node.input(9)?, node.input(10)?, node.input(11)?];
        let joined = node.call("Concat", &[i, o, f], vec![("axis", Int(0))])?;
        inputs.push(Some(reshape(node, joined, &[1, 3 * hidden])?));
    }
    let settings = vec![("hidden_size", Int(hidden as i64)), ("cell_clip", Float(clip))];
    let y = node.call_many("LSTM", &inputs, settings, 1)?.into_iter().next().ok_or("no output")?;
    let y = reshape(node, y, &[steps, batch, hidden])?;
    if time_major {
        return Ok(vec![y]);
    }
    let perm = Ints(vec![1, 0, 2]);
    Ok(vec![node.call("Transpose", &[y], vec![("perm", perm)])?])
}
