//! Convolution and pooling.

use veilflow_ir::{Op, Window};

use crate::error::{Refusal, Result};
use crate::lowering::{Lowered, Lowering};

/// Height and width of input 0.
fn input_size(node: &mut Lowering<'_>) -> Result<[usize; 2], Refusal> {
    let x = node.value(0)?;
    match **node.shape(x) {
        [_, _, h, w] => Ok([h, w]),
        _ => Err(format!("input of shape {}; only 2-D images (1xCxHxW) are supported", node.shape(x)).into()),
    }
}

/// The window that the attributes describe, with its padding in numbers.
fn window(node: &mut Lowering<'_>, kernel: Option<[usize; 2]>) -> Result<Window, Refusal> {
    let size = input_size(node)?;
    let declared = node.attributes.array("kernel_shape")?;
    let kernel = declared.or(kernel).ok_or("attribute `kernel_shape` is missing")?;
    let mut window = Window::new(kernel);
    window.stride = node.attributes.array("strides")?.unwrap_or([1; 2]);
    window.dilation = node.attributes.array("dilations")?.unwrap_or([1; 2]);
    let pads: Option<[usize; 4]> = node.attributes.array("pads")?;
    let auto_pad = node.attributes.string("auto_pad")?;
    match auto_pad.as_deref() {
        None | Some("NOTSET" | "") => {
            let [top, left, bottom, right] = pads.unwrap_or_default();
            window.pad_before = [top, left];
            window.pad_after = [bottom, right];
        }
        Some("VALID") => {}
        Some(same @ ("SAME_UPPER" | "SAME_LOWER")) => pad_same(&mut window, size, same == "SAME_UPPER")?,
        Some(other) => return Err(format!("auto_pad `{other}` isn't supported").into()),
    }
    Ok(window)
}

/// Pads so that the output has ⌈input/stride⌉ elements along each side. If the padding is odd, the larger
/// part goes to the end if `upper`, else to the beginning.
fn pad_same(window: &mut Window, size: [usize; 2], upper: bool) -> Result<(), Refusal> {
    // With so much padding every kernel fits, so this passes exactly if the parameters are usable.
    let probe = Window { pad_after: window.kernel.map(|k| k.min(1 << 20)), dilation: [1; 2], ..*window };
    probe.output(size)?;
    for (axis, size) in size.into_iter().enumerate() {
        let last = (size.div_ceil(window.stride[axis]) - 1) * window.stride[axis];
        let extent = (window.kernel[axis] - 1).saturating_mul(window.dilation[axis]).saturating_add(1);
        let total = last.saturating_add(extent).saturating_sub(size);
        let (less, more) = (total / 2, total - total / 2);
        (window.pad_before[axis], window.pad_after[axis]) = if upper { (less, more) } else { (more, less) };
    }
    Ok(())
}

pub(super) fn conv(node: &mut Lowering<'_>) -> Lowered {
    if !node.is_constant(1) || (node.has_input(2) && !node.is_constant(2)) {
        return Err("its weights and bias must be constants".into());
    }
    let weights = node.floats(1)?;
    let [_, _, kh, kw] = **weights.shape() else {
        return Err(format!("weights of shape {}; only 2-D convolution is supported", weights.shape()).into());
    };
    let groups = node.attributes.int("group")?.unwrap_or(1);
    let groups = usize::try_from(groups).map_err(|_| format!("{groups} groups"))?;
    let window = window(node, Some([kh, kw]))?;
    let mut inputs = vec![node.value(0)?, node.value(1)?];
    if node.has_input(2) {
        inputs.push(node.value(2)?);
    }
    node.last(Op::Conv { window, groups }, &inputs)
}

/// With `ceil_mode`, a last window may reach past the padding. More padding at the end says the same; returns
/// how much.
fn apply_ceil_mode(node: &mut Lowering<'_>, window: &mut Window) -> Result<[usize; 2], Refusal> {
    let size = input_size(node)?;
    let mut extra = [0; 2];
    let floor = window.output(size)?;
    if !node.attributes.flag("ceil_mode")? {
        return Ok(extra);
    }
    for axis in 0..2 {
        let padded = size[axis] + window.pad_before[axis] + window.pad_after[axis];
        let start = floor[axis] * window.stride[axis];
        let rest = padded - window.extent(axis);
        // There is one more window, unless the floor has taken all or the window would begin in the padding
        // at the end.
        if !rest.is_multiple_of(window.stride[axis]) && start < size[axis] + window.pad_before[axis] {
            extra[axis] = start + window.extent(axis) - padded;
            window.pad_after[axis] += extra[axis];
        }
    }
    Ok(extra)
}

pub(super) fn max_pool(node: &mut Lowering<'_>) -> Lowered {
    node.attributes.ignore(&["storage_order"]);
    let mut window = window(node, None)?;
    apply_ceil_mode(node, &mut window)?;
    let x = node.value(0)?;
    node.last(Op::MaxPool { window }, &[x])
}

pub(super) fn average_pool(node: &mut Lowering<'_>) -> Lowered {
    let mut window = window(node, None)?;
    let include_padding = node.attributes.flag("count_include_pad")?;
    let extra = apply_ceil_mode(node, &mut window)?;
    if include_padding && extra != [0; 2] {
        return Err(
            "`ceil_mode` with `count_include_pad` isn't supported here: a window reaches past the padding"
                .into(),
        );
    }
    // Without padding both readings mean the same, and one form serves them.
    let include_padding = include_padding && (window.pad_before, window.pad_after) != ([0; 2], [0; 2]);
    let x = node.value(0)?;
    node.last(Op::AveragePool { window, include_padding }, &[x])
}

pub(super) fn global_average_pool(node: &mut Lowering<'_>) -> Lowered {
    let window = Window::new(input_size(node)?);
    let x = node.value(0)?;
    node.last(Op::AveragePool { window, include_padding: false }, &[x])
}

pub(super) fn global_max_pool(node: &mut Lowering<'_>) -> Lowered {
    let window = Window::new(input_size(node)?);
    let x = node.value(0)?;
    node.last(Op::MaxPool { window }, &[x])
}
