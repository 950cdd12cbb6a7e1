//! Operators whose attributes are TFLite's own.

use veilflow_lowering::Setting::Int;
use veilflow_lowering::{Binding, Literal, Lowered, Lowering};

use super::dense::list;

fn number(value: f32) -> Lowered {
    Ok(Binding::Literal(Literal::floats(vec![], vec![value])?))
}

pub(super) fn concatenation(node: &mut Lowering<'_>) -> Lowered {
    let along = node.attributes.int("axis")?.unwrap_or(0);
    let parts = (0..node.input_count()).map(|i| node.input(i)).collect::<Result<Vec<Binding>, _>>()?;
    node.call("Concat", &parts, vec![("axis", Int(along))])
}

pub(super) fn gather(node: &mut Lowering<'_>) -> Lowered {
    let along = node.attributes.int("axis")?.unwrap_or(0);
    if node.attributes.int("batch_dims")?.unwrap_or(0) != 0 {
        return Err("`batch_dims` other than 0 isn't supported".into());
    }
    let inputs = [node.input(0)?, node.input(1)?];
    node.call("Gather", &inputs, vec![("axis", Int(along))])
}

/// Rows of a table, which is the second input.
pub(super) fn embedding(node: &mut Lowering<'_>) -> Lowered {
    let inputs = [node.input(1)?, node.input(0)?];
    node.call("Gather", &inputs, vec![])
}

pub(super) fn l2_normalization(node: &mut Lowering<'_>) -> Lowered {
    let x = node.input(0)?;
    node.call("LpNormalization", &[x], vec![("axis", Int(-1)), ("p", Int(2))])
}

fn clipped(node: &mut Lowering<'_>, low: f32, high: f32) -> Lowered {
    let inputs = [node.input(0)?, number(low)?, number(high)?];
    node.call("Clip", &inputs, vec![])
}

pub(super) fn relu_n1_to_1(node: &mut Lowering<'_>) -> Lowered {
    clipped(node, -1.0, 1.0)
}

pub(super) fn relu_0_to_1(node: &mut Lowering<'_>) -> Lowered {
    clipped(node, 0.0, 1.0)
}

/// Dimensions are the second input, or an attribute. An open batch is what is left.
pub(super) fn reshape(node: &mut Lowering<'_>) -> Lowered {
    let given = node.attributes.ints("shape")?;
    let x = node.input(0)?;
    let dims = if node.has_input(1) { node.input(1)? } else { list(given.ok_or("its shape is missing")?) };
    node.call("Reshape", &[x, dims], vec![])
}

pub(super) fn softmax(node: &mut Lowering<'_>) -> Lowered {
    let beta = node.attributes.float("beta")?.unwrap_or(1.0);
    let mut x = node.input(0)?;
    if beta != 1.0 {
        let beta = number(beta)?;
        x = node.call("Mul", &[x, beta], vec![])?;
    }
    node.call("Softmax", &[x], vec![("axis", Int(-1))])
}
