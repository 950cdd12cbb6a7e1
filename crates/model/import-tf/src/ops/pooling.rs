//! Pools.

use veilflow_lowering::Setting::{Float, Int, Ints, Text};
use veilflow_lowering::{Lowered, Lowering};

use super::pieces::{channels_last, spatial, to_back, to_front};

fn pooled(node: &mut Lowering<'_>, op: &str) -> Lowered {
    let last = channels_last(node)?;
    let padding = node.attributes.string("padding")?.unwrap_or_default();
    node.attributes.ignore(&["explicit_paddings"]);
    let x = node.input(0)?;
    // The second version of a max-pool takes its window as inputs.
    let (size, strides) = match node.attributes.ints("ksize")? {
        Some(size) => (size, node.attributes.ints("strides")?.unwrap_or_default()),
        None => (node.integers(1)?, node.integers(2)?),
    };
    let mode = match padding.as_str() {
        "SAME" => "SAME_UPPER",
        "VALID" => "VALID",
        other => return Err(format!("padding `{other}` isn't supported").into()),
    };
    let x = to_front(node, x, last)?;
    let settings = vec![
        ("kernel_shape", Ints(spatial(&size, last))),
        ("strides", Ints(spatial(&strides, last))),
        ("auto_pad", Text(mode)),
    ];
    let y = node.call(op, &[x], settings)?;
    to_back(node, y, last)
}

pub(super) fn max(node: &mut Lowering<'_>) -> Lowered {
    pooled(node, "MaxPool")
}

pub(super) fn average(node: &mut Lowering<'_>) -> Lowered {
    pooled(node, "AveragePool")
}

pub(super) fn local_response(node: &mut Lowering<'_>) -> Lowered {
    let radius = node.attributes.int("depth_radius")?.unwrap_or(5);
    let bias = node.attributes.float("bias")?.unwrap_or(1.0);
    let alpha = node.attributes.float("alpha")?.unwrap_or(1.0);
    let beta = node.attributes.float("beta")?.unwrap_or(0.5);
    let x = node.input(0)?;
    let x = to_front(node, x, true)?;
    if !(0..=1 << 16).contains(&radius) {
        return Err(format!("a radius of {radius}").into());
    }
    let size = 2 * radius + 1;
    let settings = vec![
        ("size", Int(size)),
        ("bias", Float(bias)),
        ("alpha", Float(alpha * size as f32)),
        ("beta", Float(beta)),
    ];
    let y = node.call("LRN", &[x], settings)?;
    to_back(node, y, true)
}
