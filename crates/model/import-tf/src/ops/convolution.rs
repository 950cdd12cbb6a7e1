//! Convolutions, and what goes with them: batch norms, resizing, blocks of pixels.

use veilflow_lowering::Setting::{Float, Int, Ints, Text};
use veilflow_lowering::{Binding, Lowered, Lowering, Refusal, Setting};

use super::pieces::{axis, channels_last, dims, list, part, reshape, spatial, to_back, to_front, transpose};

/// Where a filter's dimensions go for ONNX: outputs, inputs, then space.
fn filter(node: &mut Lowering<'_>, index: usize) -> Result<(Binding, Vec<usize>), Refusal> {
    let w = node.input(index)?;
    let shape = dims(node, &w)?;
    if shape.len() < 3 {
        return Err(format!("a filter of {} dimensions", shape.len()).into());
    }
    Ok((w, shape))
}

/// What a convolution's attributes say of its window.
struct Window {
    last: bool,
    strides: Vec<i64>,
    dilations: Vec<i64>,
    padding: String,
    explicit: Vec<i64>,
}

impl Window {
    fn read(node: &mut Lowering<'_>) -> Result<Self, Refusal> {
        let last = channels_last(node)?;
        let mut list = |name| node.attributes.ints(name).map(|list| spatial(&list.unwrap_or_default(), last));
        let (strides, dilations) = (list("strides")?, list("dilations")?);
        let explicit = node.attributes.ints("explicit_paddings")?.unwrap_or_default();
        let padding = node.attributes.string("padding")?.unwrap_or_default();
        Ok(Self { last, strides, dilations, padding, explicit })
    }

    /// How a forward convolution pads.
    fn padding(&self) -> Result<(&'static str, Setting<'static>), Refusal> {
        match self.padding.as_str() {
            "SAME" => Ok(("auto_pad", Text("SAME_UPPER"))),
            "VALID" => Ok(("auto_pad", Text("VALID"))),
            "EXPLICIT" => {
                let pairs: Vec<[i64; 2]> = self.explicit.as_chunks::<2>().0.to_vec();
                let inner =
                    if self.last { pairs.get(1..pairs.len().saturating_sub(1)) } else { pairs.get(2..) };
                let inner = inner.ok_or("too few explicit pads")?;
                Ok(("pads", Ints(inner.iter().map(|p| p[0]).chain(inner.iter().map(|p| p[1])).collect())))
            }
            other => Err(format!("padding `{other}` isn't supported").into()),
        }
    }
}

fn convolved(node: &mut Lowering<'_>, x: Binding, w: Binding, groups: usize, window: &Window) -> Lowered {
    let x = to_front(node, x, window.last)?;
    let mut settings =
        vec![("strides", Ints(window.strides.clone())), ("group", Int(groups as i64)), window.padding()?];
    if window.dilations.iter().any(|&d| d != 1) {
        settings.push(("dilations", Ints(window.dilations.clone())));
    }
    let y = node.call("Conv", &[x, w], settings)?;
    to_back(node, y, window.last)
}

pub(super) fn conv(node: &mut Lowering<'_>) -> Lowered {
    let window = Window::read(node)?;
    let x = node.input(0)?;
    let (w, shape) = filter(node, 1)?;
    let rank = shape.len();
    let channels =
        if window.last { dims(node, &x)?.last().copied() } else { dims(node, &x)?.get(1).copied() };
    let channels = channels.ok_or("an image without channels")?;
    let groups = channels.checked_div(shape[rank - 2]).filter(|g| g * shape[rank - 2] == channels);
    let groups = groups.ok_or_else(|| format!("{channels} channels for a filter of {}", shape[rank - 2]))?;
    let perm: Vec<usize> = [rank - 1, rank - 2].into_iter().chain(0..rank - 2).collect();
    let w = transpose(node, w, &perm)?;
    convolved(node, x, w, groups, &window)
}

pub(super) fn depthwise(node: &mut Lowering<'_>) -> Lowered {
    let window = Window::read(node)?;
    let x = node.input(0)?;
    let (w, shape) = filter(node, 1)?;
    let [height, width, channels, times] = shape[..] else {
        return Err("a filter of other dimensions".into());
    };
    let w = transpose(node, w, &[2, 3, 0, 1])?;
    let w = reshape(node, w, &[channels * times, 1, height, width])?;
    convolved(node, x, w, channels, &window)
}

/// The gradient of a convolution, which networks use as a transposed one.
pub(super) fn transposed(node: &mut Lowering<'_>) -> Lowered {
    let window = Window::read(node)?;
    let sizes = node.integers(0)?;
    let (w, shape) = filter(node, 1)?;
    let x = node.input(2)?;
    let rank = shape.len();
    let x = to_front(node, x, window.last)?;
    let from = dims(node, &x)?;
    let to = spatial(&sizes, window.last);
    if from.len() != rank || to.len() != rank - 2 || window.strides.len() != rank - 2 {
        return Err(format!("an output of {sizes:?} for a filter of {shape:?}").into());
    }
    if window.dilations.iter().any(|&d| d != 1) {
        return Err("dilation isn't supported here".into());
    }
    if window.strides.iter().chain(&to).any(|&size| !(0..=1 << 24).contains(&size)) {
        return Err(format!("an output of {sizes:?} by strides {:?}", window.strides).into());
    }
    let [mut before, mut after, mut extra] = [const { Vec::new() }; 3];
    for i in 0..rank - 2 {
        let full = (from[i + 2] as i64 - 1) * window.strides[i] + shape[i] as i64;
        let pad = match window.padding.as_str() {
            "SAME" => (full - to[i]).max(0),
            "VALID" => 0,
            other => return Err(format!("padding `{other}` isn't supported here").into()),
        };
        before.push(pad / 2);
        after.push(pad - pad / 2);
        extra.push(to[i] - (full - pad));
    }
    if extra.iter().any(|&e| e < 0) {
        return Err(format!("an output of {sizes:?} is smaller than its input makes it").into());
    }
    let perm: Vec<usize> = [rank - 1, rank - 2].into_iter().chain(0..rank - 2).collect();
    let w = transpose(node, w, &perm)?;
    let settings = vec![
        ("strides", Ints(window.strides.clone())),
        ("pads", Ints([before, after].concat())),
        ("output_padding", Ints(extra)),
    ];
    let y = node.call("ConvTranspose", &[x, w], settings)?;
    to_back(node, y, window.last)
}

pub(super) fn batch_norm(node: &mut Lowering<'_>) -> Lowered {
    let last = channels_last(node)?;
    let epsilon = node.attributes.float("epsilon")?.unwrap_or(1e-4);
    // The file leaves out what has its default, and that is training.
    if node.attributes.int("is_training")?.unwrap_or(1) != 0 {
        return Err("training mode isn't supported: export the model for inference".into());
    }
    node.attributes.ignore(&["exponential_avg_factor"]);
    let inputs = (0..5).map(|i| node.input(i)).collect::<Result<Vec<Binding>, _>>()?;
    let mut inputs = inputs.into_iter();
    let x = inputs.next().ok_or("no input")?;
    let x = to_front(node, x, last)?;
    let all: Vec<Binding> = std::iter::once(x).chain(inputs).collect();
    let y = node.call("BatchNormalization", &all, vec![("epsilon", Float(epsilon))])?;
    to_back(node, y, last)
}

fn resized(node: &mut Lowering<'_>, mode: &'static str) -> Lowered {
    let corners = node.attributes.flag("align_corners")?;
    let centres = node.attributes.flag("half_pixel_centers")?;
    let x = node.input(0)?;
    let sizes = node.integers(1)?;
    let x = to_front(node, x, true)?;
    let shape = dims(node, &x)?;
    if shape.len() != 4 || sizes.len() != 2 {
        return Err(format!("a size of {sizes:?} for an image of {shape:?}").into());
    }
    let nearest = mode == "nearest";
    let coordinates = match (corners, centres) {
        (true, _) => "align_corners",
        (_, true) if nearest => "tf_half_pixel_for_nn",
        (_, true) => "half_pixel",
        _ => "asymmetric",
    };
    let sizes = list(shape[..2].iter().map(|&d| d as i64).chain(sizes));
    let mut settings = vec![("mode", Text(mode)), ("coordinate_transformation_mode", Text(coordinates))];
    if nearest {
        settings.push(("nearest_mode", Text(if corners { "round_prefer_ceil" } else { "floor" })));
    }
    if mode == "cubic" {
        settings.push(("cubic_coeff_a", Float(-0.5)));
        settings.push(("exclude_outside", Int(i64::from(centres))));
    }
    let inputs = [Some(x), None, None, Some(sizes)];
    let y = node.call_many("Resize", &inputs, settings, 1)?.pop().ok_or("no output")?;
    to_back(node, y, true)
}

pub(super) fn resize_nearest(node: &mut Lowering<'_>) -> Lowered {
    resized(node, "nearest")
}

pub(super) fn resize_linear(node: &mut Lowering<'_>) -> Lowered {
    resized(node, "linear")
}

pub(super) fn resize_cubic(node: &mut Lowering<'_>) -> Lowered {
    resized(node, "cubic")
}

/// Means of whole blocks, where the sizes divide each other.
pub(super) fn resize_area(node: &mut Lowering<'_>) -> Lowered {
    node.attributes.ignore(&["align_corners"]);
    let x = node.input(0)?;
    let sizes = node.integers(1)?;
    let x = to_front(node, x, true)?;
    let shape = dims(node, &x)?;
    if shape.len() != 4 || sizes.len() != 2 {
        return Err(format!("a size of {sizes:?} for an image of {shape:?}").into());
    }
    let by = |i: usize| {
        let size = usize::try_from(sizes[i]).ok().filter(|&s| s > 0)?;
        (shape[i + 2] % size == 0).then(|| (shape[i + 2] / size) as i64)
    };
    let (Some(height), Some(width)) = (by(0), by(1)) else {
        return Err("an area that isn't a whole number of pixels".into());
    };
    let window = vec![("kernel_shape", Ints(vec![height, width])), ("strides", Ints(vec![height, width]))];
    let y = node.call("AveragePool", &[x], window)?;
    to_back(node, y, true)
}

fn blocks(node: &mut Lowering<'_>, op: &str) -> Lowered {
    let last = channels_last(node)?;
    let size = node.attributes.int("block_size")?.ok_or("no block size")?;
    let x = node.input(0)?;
    let x = to_front(node, x, last)?;
    let y = node.call(op, &[x], vec![("blocksize", Int(size))])?;
    to_back(node, y, last)
}

pub(super) fn depth_to_space(node: &mut Lowering<'_>) -> Lowered {
    blocks(node, "DepthToSpace")
}

pub(super) fn space_to_depth(node: &mut Lowering<'_>) -> Lowered {
    blocks(node, "SpaceToDepth")
}

/// The block sizes and the two sides of pads or crops.
fn block_inputs(node: &mut Lowering<'_>) -> Result<(Vec<usize>, Vec<[i64; 2]>), Refusal> {
    let sizes = node.integers(1)?.into_iter().map(usize::try_from).collect::<Result<Vec<usize>, _>>();
    let sizes = sizes.map_err(|_| "a negative block size")?;
    let sides = node.integers(2)?.as_chunks::<2>().0.to_vec();
    if sizes.is_empty() || sizes.contains(&0) || sides.len() != sizes.len() {
        return Err("blocks of other dimensions than their pads".into());
    }
    Ok((sizes, sides))
}

/// Every so many pixels become an image of their own, as dilated convolutions were once written.
pub(super) fn space_to_batch(node: &mut Lowering<'_>) -> Lowered {
    let x = node.input(0)?;
    let (sizes, pads) = block_inputs(node)?;
    let rank = dims(node, &x)?.len();
    let spatial = sizes.len();
    axis(spatial as i64, rank)?;
    let side = |k: usize| {
        let inner = pads.iter().map(move |p| p[k]);
        std::iter::once(0).chain(inner).chain(std::iter::repeat_n(0, rank - 1 - spatial))
    };
    let x = node.call("Pad", &[x, list(side(0).chain(side(1)).collect::<Vec<_>>())], vec![])?;
    let shape = dims(node, &x)?;
    if (0..spatial).any(|i| shape[i + 1] % sizes[i] != 0) {
        return Err(format!("blocks of {sizes:?} of an image of {shape:?}").into());
    }
    let mut split = vec![shape[0]];
    (0..spatial).for_each(|i| split.extend([shape[i + 1] / sizes[i], sizes[i]]));
    split.extend(&shape[spatial + 1..]);
    let y = reshape(node, x, &split)?;
    let perm: Vec<usize> = (0..spatial)
        .map(|i| 2 * i + 2)
        .chain([0])
        .chain((0..spatial).map(|i| 2 * i + 1))
        .chain(2 * spatial + 1..split.len())
        .collect();
    let y = transpose(node, y, &perm)?;
    let mut target = vec![shape[0] * sizes.iter().product::<usize>()];
    target.extend((0..spatial).map(|i| shape[i + 1] / sizes[i]));
    target.extend(&shape[spatial + 1..]);
    reshape(node, y, &target)
}

/// The inverse of [`space_to_batch`].
pub(super) fn batch_to_space(node: &mut Lowering<'_>) -> Lowered {
    let x = node.input(0)?;
    let (sizes, crops) = block_inputs(node)?;
    let shape = dims(node, &x)?;
    let (spatial, product) = (sizes.len(), sizes.iter().product::<usize>());
    axis(spatial as i64, shape.len())?;
    if !shape[0].is_multiple_of(product) {
        return Err(format!("blocks of {sizes:?} of a batch of {}", shape[0]).into());
    }
    let mut split = sizes.clone();
    split.push(shape[0] / product);
    split.extend(&shape[1..]);
    let y = reshape(node, x, &split)?;
    let mut perm = vec![spatial];
    (0..spatial).for_each(|i| perm.extend([spatial + 1 + i, i]));
    perm.extend(2 * spatial + 1..split.len());
    let y = transpose(node, y, &perm)?;
    let mut target = vec![shape[0] / product];
    target.extend((0..spatial).map(|i| shape[i + 1] * sizes[i]));
    target.extend(&shape[spatial + 1..]);
    let mut y = reshape(node, y, &target)?;
    for (i, crop) in crops.iter().enumerate() {
        if crop != &[0, 0] {
            y = part(node, y, i + 1, crop[0], target[i + 1] as i64 - crop[1])?;
        }
    }
    Ok(y)
}
