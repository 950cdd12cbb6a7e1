//! Convolutions, with their channels last.

use veilflow_lowering::Setting::{Int, Ints, Text};
use veilflow_lowering::{Binding, Lowered, Lowering, Refusal, Setting};

use super::dense::{Weights, dims, list, reshape};

fn transpose(node: &mut Lowering<'_>, x: Binding, perm: &[i64]) -> Lowered {
    node.call("Transpose", &[x], vec![("perm", Ints(perm.to_vec()))])
}

/// Channels to the front, or to the back.
fn to_front(node: &mut Lowering<'_>, x: Binding) -> Lowered {
    let rank = dims(node, &x)?.len() as i64;
    let perm: Vec<i64> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
    transpose(node, x, &perm)
}

fn to_back(node: &mut Lowering<'_>, x: Binding) -> Lowered {
    let rank = dims(node, &x)?.len() as i64;
    let perm: Vec<i64> = std::iter::once(0).chain(2..rank).chain([1]).collect();
    transpose(node, x, &perm)
}

/// What the attributes say of the window.
struct Window {
    strides: Vec<i64>,
    dilations: Vec<i64>,
    same: bool,
}

impl Window {
    fn read(node: &mut Lowering<'_>) -> Result<Self, Refusal> {
        let strides = node.attributes.ints("strides")?.unwrap_or_default();
        let dilations = node.attributes.ints("dilations")?.unwrap_or_default();
        let same = node.attributes.string("padding")?.as_deref() == Some("SAME");
        Ok(Self { strides, dilations, same })
    }

    fn settings(&self) -> Vec<(&'static str, Setting<'static>)> {
        let mut settings = vec![
            ("strides", Ints(self.strides.clone())),
            ("auto_pad", Text(if self.same { "SAME_UPPER" } else { "VALID" })),
        ];
        if self.dilations.iter().any(|&d| d != 1) {
            settings.push(("dilations", Ints(self.dilations.clone())));
        }
        settings
    }
}

/// A convolution by weights in ONNX's order.
fn convolved(
    node: &mut Lowering<'_>,
    w: Binding,
    bias: Option<Binding>,
    groups: usize,
    window: &Window,
) -> Lowered {
    let x = node.input(0)?;
    let x = to_front(node, x)?;
    let mut settings = window.settings();
    settings.push(("group", Int(groups as i64)));
    let outputs = dims(node, &w)?[0];
    let bias = match bias {
        Some(bias) if dims(node, &bias)? != [outputs] => {
            let outputs = list([outputs as i64]);
            Some(node.call("Expand", &[bias, outputs], vec![])?)
        }
        bias => bias,
    };
    let made = node.call_many("Conv", &[Some(x), Some(w), bias], settings, 1)?;
    let y = made.into_iter().next().ok_or("no output")?;
    to_back(node, y)
}

pub(super) fn conv(node: &mut Lowering<'_>) -> Lowered {
    let window = Window::read(node)?;
    let weights = Weights::read(node, 1, 2, true)?;
    let x = node.input(0)?;
    let (channels, shape) = (*dims(node, &x)?.last().unwrap_or(&0), dims(node, &weights.matrix)?);
    let [_, _, _, inputs] = shape[..] else { return Err("a filter of other dimensions".into()) };
    let groups = channels.checked_div(inputs).filter(|g| g * inputs == channels && *g > 0);
    let groups = groups.ok_or_else(|| format!("{channels} channels for a filter of {inputs}"))?;
    let w = transpose(node, weights.matrix.clone(), &[0, 3, 1, 2])?;
    let y = convolved(node, w, weights.bias.clone(), groups, &window)?;
    weights.finished(node, y)
}

pub(super) fn conv_3d(node: &mut Lowering<'_>) -> Lowered {
    let window = Window::read(node)?;
    let weights = Weights::read(node, 1, 2, true)?;
    let w = transpose(node, weights.matrix, &[4, 3, 0, 1, 2])?;
    convolved(node, w, weights.bias, 1, &window)
}

pub(super) fn depthwise(node: &mut Lowering<'_>) -> Lowered {
    let window = Window::read(node)?;
    let weights = Weights::read(node, 1, 2, true)?;
    let x = node.input(0)?;
    let channels = *dims(node, &x)?.last().unwrap_or(&0);
    let [1, height, width, outputs] = dims(node, &weights.matrix)?[..] else {
        return Err("a filter of other dimensions".into());
    };
    let w = transpose(node, weights.matrix.clone(), &[3, 0, 1, 2])?;
    let w = reshape(node, w, &[outputs, 1, height, width])?;
    let y = convolved(node, w, weights.bias.clone(), channels, &window)?;
    weights.finished(node, y)
}

/// The inverse of a strided convolution's shape; the output's dimensions are the first input.
pub(super) fn transposed(node: &mut Lowering<'_>) -> Lowered {
    let window = Window::read(node)?;
    let sizes = node.integers(0)?;
    let weights = Weights::read(node, 1, 3, true)?;
    let shape = dims(node, &weights.matrix)?;
    let x = node.input(2)?;
    let x = to_front(node, x)?;
    let from = dims(node, &x)?;
    let ([outputs, height, width, _], 4, 4, 2) = (&shape[..], sizes.len(), from.len(), window.strides.len())
    else {
        return Err("dimensions that don't fit".into());
    };
    if window.strides.iter().chain(&sizes).any(|&size| !(0..=1 << 24).contains(&size)) {
        return Err(format!("an output of {sizes:?} by strides {:?}", window.strides).into());
    }
    let [mut before, mut after, mut extra] = [const { Vec::new() }; 3];
    for (i, &kernel) in [*height, *width].iter().enumerate() {
        let full = (from[i + 2] as i64 - 1) * window.strides[i] + kernel as i64;
        let pad = if window.same { (full - sizes[i + 1]).max(0) } else { 0 };
        before.push(pad / 2);
        after.push(pad - pad / 2);
        extra.push((sizes[i + 1] - (full - pad)).max(0));
    }
    let bias = match weights.bias.clone() {
        Some(bias) => Some(node.call("Expand", &[bias, list([*outputs as i64])], vec![])?),
        None => None,
    };
    let w = transpose(node, weights.matrix.clone(), &[3, 0, 1, 2])?;
    let settings = vec![
        ("strides", Ints(window.strides.clone())),
        ("pads", Ints([before, after].concat())),
        ("output_padding", Ints(extra)),
    ];
    let made = node.call_many("ConvTranspose", &[Some(x), Some(w), bias], settings, 1)?;
    let y = made.into_iter().next().ok_or("no output")?;
    let y = to_back(node, y)?;
    weights.finished(node, y)
}
