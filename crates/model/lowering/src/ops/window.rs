//! Convolution and pooling.

use veilflow_ir::{Function, Op, ValueId};

use super::arithmetic::power;
use super::windows::Windows;
use crate::error::{Refusal, Result};
use crate::lowering::{Lowered, Lowering};
use crate::scope::Binding;

fn made(built: Result<ValueId, Refusal>) -> Lowered {
    built.map(Binding::Value)
}

fn groups(node: &mut Lowering<'_>) -> Result<usize, Refusal> {
    let groups = node.attributes.int("group")?.unwrap_or(1);
    usize::try_from(groups).map_err(|_| format!("{groups} groups").into())
}

/// x plus a bias over its channels, if input `index` is given.
fn biased(node: &mut Lowering<'_>, x: ValueId, index: usize) -> Lowered {
    if !node.has_input(index) {
        return node.last(Op::Identity, &[x]);
    }
    let bias = node.value(index)?;
    let dims = [&[node.shape(x)[1]][..], &vec![1; node.shape(x).rank() - 2]].concat();
    let bias = node.reshaped(bias, &dims)?;
    node.last(Op::Add, &[x, bias])
}

pub(super) fn conv(node: &mut Lowering<'_>) -> Lowered {
    let (x, w) = (node.value(0)?, node.value(1)?);
    let (batch, _, room) = node.rooms(x)?;
    let weights = node.shape(w).clone();
    if weights.rank() != room.len() + 2 {
        return Err(format!("weights of shape {weights} over an input of {}", node.shape(x)).into());
    }
    let windows = Windows::read(node, &room, Some(weights[2..].to_vec()))?;
    let groups = groups(node)?;
    // The usual case is one op, bias and all.
    let bias = if node.has_input(2) { Some(node.value(2)?) } else { None };
    let plain = batch == 1 && room.len() == 2 && bias.is_none_or(|b| node.is_known(b)) && node.is_known(w);
    if let (true, Some(window)) = (plain, windows.planar()) {
        let inputs: Vec<ValueId> = [x, w].into_iter().chain(bias).collect();
        return node.last(Op::Conv { window, groups }, &inputs);
    }
    let x = node.convolved(x, w, &windows, groups)?;
    biased(node, x, 2)
}

/// A depthwise convolution along time that reads a state before the first element; then the new state.
pub(super) fn causal(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let activation = node.attributes.string("activation")?.unwrap_or_default();
    let (x, w) = (node.value(0)?, node.value(1)?);
    let (&[batch, channels, _], &[outputs, 1, kernel]) =
        (&node.shape(x).to_vec()[..], &node.shape(w).to_vec()[..])
    else {
        return Err("an input or kernel of other dimensions".into());
    };
    if outputs != channels || kernel == 0 {
        return Err(format!("a kernel of {outputs} channels over {channels}").into());
    }
    let state = if node.has_input(3) { Some(node.value(3)?) } else { None };
    let joined = match state {
        _ if kernel == 1 => x,
        Some(state) => node.concatenated(&[state, x], 2)?,
        None => {
            let (before, after) = (vec![0, 0, kernel - 1], vec![0; 3]);
            node.step("padded", Op::Pad { before, after, value: 0.0 }, &[x])?
        }
    };
    let windows =
        Windows { kernel: vec![kernel], stride: vec![1], dilation: vec![1], before: vec![0], after: vec![0] };
    let y = node.convolved(joined, w, &windows, channels)?;
    let Binding::Value(y) = biased(node, y, 2)? else { return Err("no result".into()) };
    let y = match activation.as_str() {
        "" | "none" => y,
        "silu" | "swish" => node.function(Function::Silu, y)?,
        other => return Err(format!("activation `{other}` isn't supported").into()),
    };
    let length = node.shape(joined)[2];
    let rest = if kernel > 1 && batch > 0 {
        Binding::Value(node.sliced(joined, 2, length + 1 - kernel..length)?)
    } else {
        Binding::Unreadable("the state is empty".into())
    };
    Ok(vec![Binding::Value(y), rest])
}

/// The transposed convolution, phase by phase: output s·q + r along a dimension of stride s takes the taps
/// r, r + s, … of the kernel. So all phases are the channels of one plain convolution, and are then woven.
pub(super) fn conv_transpose(node: &mut Lowering<'_>) -> Lowered {
    let (x, w) = (node.value(0)?, node.value(1)?);
    let (batch, channels, room) = node.rooms(x)?;
    let weights = node.shape(w).clone();
    let (rank, groups) = (room.len(), groups(node)?);
    if weights.rank() != rank + 2 || weights[0] != channels || groups == 0 || channels % groups != 0 {
        return Err(format!("weights of shape {weights} in {groups} groups over {}", node.shape(x)).into());
    }
    let more = node.attributes.sizes("output_padding")?.unwrap_or_else(|| vec![0; rank]);
    let wanted = node.attributes.sizes("output_shape")?;
    let same = node.attributes.text("auto_pad")?;
    let windows = Windows::read(node, &room, Some(weights[2..].to_vec()))?;
    if more.len() != rank || wanted.as_ref().is_some_and(|w| w.len() != rank) {
        return Err("`output_padding` or `output_shape` of another rank".into());
    }
    // How much of the full result is cut off in front, and how much is kept.
    let (mut cut, mut kept) = (windows.before.clone(), Vec::with_capacity(rank));
    for i in 0..rank {
        let full = windows.stride[i] * (room[i] - 1) + windows.extent(i) + more[i];
        let target = match (&wanted, same.as_deref()) {
            (Some(wanted), _) => Some(wanted[i]),
            (None, Some("SAME_UPPER" | "SAME_LOWER")) => Some(room[i] * windows.stride[i]),
            _ => None,
        };
        match target {
            Some(size) => {
                // ONNX puts the larger half in front unless SAME_UPPER is named.
                let total = full.saturating_sub(size);
                let upper = same.as_deref() == Some("SAME_UPPER");
                cut[i] = if upper { total / 2 } else { total - total / 2 };
                kept.push(size);
            }
            None => {
                let size = full.checked_sub(windows.before[i] + windows.after[i]);
                kept.push(size.filter(|&s| s > 0).ok_or("its padding leaves nothing")?);
            }
        }
    }
    let (stride, outputs) = (windows.stride.clone(), weights[1]);
    let (w, taps) = phases(node, w, &windows, groups)?;
    let inner = Windows {
        kernel: taps.clone(),
        stride: vec![1; rank],
        dilation: vec![1; rank],
        before: taps.iter().map(|t| t - 1).collect(),
        after: taps.iter().map(|t| t - 1).collect(),
    };
    let made = node.convolved(x, w, &inner, groups)?;
    // Phases stand behind the channels; they are woven into the room.
    let sizes: Vec<usize> = (0..rank).map(|i| room[i] + taps[i] - 1).collect();
    let split = [&[batch, groups * outputs][..], &stride, &sizes].concat();
    let made = node.reshaped(made, &split)?;
    let mut perm = vec![0, 1];
    (0..rank).for_each(|i| perm.extend([2 + rank + i, 2 + i]));
    let made = node.transposed(made, &perm)?;
    let woven: Vec<usize> = (0..rank).map(|i| sizes[i] * stride[i]).collect();
    let mut made = node.reshaped(made, &[&[batch, groups * outputs][..], &woven].concat())?;
    for i in 0..rank {
        let short = (cut[i] + kept[i]).saturating_sub(woven[i]);
        if short > 0 {
            let (before, mut after) = (vec![0; rank + 2], vec![0; rank + 2]);
            after[2 + i] = short;
            made = node.step("widened", Op::Pad { before, after, value: 0.0 }, &[made])?;
        }
        made = node.sliced(made, 2 + i, cut[i]..cut[i] + kept[i])?;
    }
    biased(node, made, 2)
}

/// The kernel of each phase as the weights of output channels, and how many taps it has.
fn phases(
    node: &mut Lowering<'_>,
    w: ValueId,
    windows: &Windows,
    groups: usize,
) -> Result<(ValueId, Vec<usize>), Refusal> {
    let shape = node.shape(w).clone();
    let (rank, channels, outputs) = (windows.kernel.len(), shape[0] / groups, shape[1]);
    let mut w = w;
    for i in 0..rank {
        // Taps further apart are a longer kernel with zeros between them.
        let size = windows.kernel[i];
        if windows.dilation[i] > 1 && size > 1 {
            let zeros = node.scaled(w, 0.0)?;
            let both = node.concatenated(&[w, zeros], 2 + i)?;
            let tap =
                |k: usize| if k.is_multiple_of(windows.dilation[i]) { k / windows.dilation[i] } else { size };
            w = node.gathered(both, 2 + i, (0..windows.extent(i)).map(tap).collect())?;
        }
    }
    let taps: Vec<usize> = (0..rank).map(|i| windows.extent(i).div_ceil(windows.stride[i])).collect();
    let (before, mut after) = (vec![0; rank + 2], vec![0; rank + 2]);
    (0..rank).for_each(|i| after[2 + i] = taps[i] * windows.stride[i] - windows.extent(i));
    if after.iter().any(|&a| a > 0) {
        w = node.step("lengthened", Op::Pad { before, after, value: 0.0 }, &[w])?;
    }
    let mut all = Vec::with_capacity(groups);
    for group in 0..groups {
        let part = node.sliced(w, 0, group * channels..(group + 1) * channels)?;
        let mut dims = vec![channels, outputs];
        (0..rank).for_each(|i| dims.extend([taps[i], windows.stride[i]]));
        let part = node.reshaped(part, &dims)?;
        let mut perm = vec![1];
        perm.extend((0..rank).map(|i| 3 + 2 * i));
        perm.push(0);
        perm.extend((0..rank).map(|i| 2 + 2 * i));
        let part = node.transposed(part, &perm)?;
        let count = outputs * windows.stride.iter().product::<usize>();
        let mut part = node.reshaped(part, &[&[count, channels][..], &taps].concat())?;
        for (i, &count) in taps.iter().enumerate() {
            if count > 1 {
                part = node.gathered(part, 2 + i, (0..count).rev().collect())?;
            }
        }
        all.push(part);
    }
    Ok((node.concatenated(&all, 0)?, taps))
}

pub(super) fn max_pool(node: &mut Lowering<'_>) -> Lowered {
    node.attributes.ignore(&["storage_order"]);
    let x = node.value(0)?;
    let (batch, channels, room) = node.rooms(x)?;
    let mut windows = Windows::read(node, &room, None)?;
    if node.attributes.flag("ceil_mode")? {
        windows.reach_past(&room)?;
    }
    if room.len() <= 2 && windows.dilation.iter().all(|&d| d == 1) {
        return made(node.pooled_plane(x, &windows, |window| Op::MaxPool { window }));
    }
    // Padding counts for nothing: another element of the window stands in its place.
    let output = windows.output(&room)?;
    let taps = windows.taps(node, &room)?;
    let places: usize = windows.kernel.iter().product();
    let mut indices = Vec::with_capacity(taps.len() * places);
    for window in &taps {
        let first = window.iter().flatten().next().ok_or("a window holds nothing but padding")?;
        indices.extend(window.iter().map(|tap| tap.unwrap_or(*first)));
    }
    let flat = node.reshaped(x, &[batch, channels, room.iter().product()])?;
    let taken = node.gathered(flat, 2, indices)?;
    let taken = node.reshaped(taken, &[batch, channels, taps.len(), places])?;
    let largest = node.largest(taken, &[3])?;
    made(node.reshaped(largest, &[&[batch, channels][..], &output].concat()))
}

pub(super) fn average_pool(node: &mut Lowering<'_>) -> Lowered {
    let x = node.value(0)?;
    let (batch, channels, room) = node.rooms(x)?;
    let mut windows = Windows::read(node, &room, None)?;
    let include = node.attributes.flag("count_include_pad")?;
    let ceil = node.attributes.flag("ceil_mode")?;
    let extra = if ceil { windows.reach_past(&room)? } else { vec![0; room.len()] };
    let padded = windows.before.iter().chain(&windows.after).any(|&p| p > 0);
    // Without padding both readings mean the same, and one form serves them.
    let include_padding = include && padded;
    let plain = windows.dilation.iter().all(|&d| d == 1) && (!include || extra.iter().all(|&e| e == 0));
    if room.len() <= 2 && plain {
        return made(node.pooled_plane(x, &windows, |window| Op::AveragePool { window, include_padding }));
    }
    let output = windows.output(&room)?;
    // What a last window reaches past the padding counts for nothing, padding counts if it is included.
    let limits: Vec<usize> = (0..room.len()).map(|i| room[i] + windows.after[i] - extra[i]).collect();
    let counted = |window: usize| {
        let (mut rest, mut count) = (window, 1);
        for i in (0..room.len()).rev() {
            let o = rest % output[i];
            rest /= output[i];
            let inside = (0..windows.kernel[i]).filter(|k| {
                let at =
                    (o * windows.stride[i] + k * windows.dilation[i]) as isize - windows.before[i] as isize;
                if include { at < limits[i] as isize } else { (0..room[i] as isize).contains(&at) }
            });
            count *= inside.count();
        }
        count.max(1)
    };
    let taken = node.unrolled(x, &windows, 0.0)?;
    let count: usize = output.iter().product();
    let counts: Vec<usize> = (0..count).map(counted).collect();
    let averaged = if counts.iter().all(|&c| c == windows.kernel.iter().product::<usize>()) {
        node.averaged(taken, &[3])?
    } else {
        let sums = node.summed(taken, &[3])?;
        let sums = node.reshaped(sums, &[batch, channels, count])?;
        let shares = node.table(&[count], |i| 1.0 / counts[i] as f32)?;
        node.mul(sums, shares)?
    };
    made(node.reshaped(averaged, &[&[batch, channels][..], &output].concat()))
}

/// The p-norm of each window.
pub(super) fn lp_pool(node: &mut Lowering<'_>) -> Lowered {
    let p = node.attributes.int("p")?.unwrap_or(2);
    let x = node.value(0)?;
    let (batch, channels, room) = node.rooms(x)?;
    let mut windows = Windows::read(node, &room, None)?;
    if node.attributes.flag("ceil_mode")? {
        windows.reach_past(&room)?;
    }
    let output = windows.output(&room)?;
    let taken = node.unrolled(x, &windows, 0.0)?;
    let norms = norms(node, taken, p)?;
    made(node.reshaped(norms, &[&[batch, channels][..], &output].concat()))
}

/// The p-norms of the elements along the last dimension.
fn norms(node: &mut Lowering<'_>, x: ValueId, p: i64) -> Result<ValueId, Refusal> {
    let last = node.shape(x).rank() - 1;
    let powers = match p {
        1 => node.magnitude(x)?,
        2 | 4 => power(node, x, p as f32)?,
        3..=16 => {
            let magnitudes = node.magnitude(x)?;
            power(node, magnitudes, p as f32)?
        }
        p => return Err(format!("p = {p} isn't supported").into()),
    };
    let sums = node.summed(powers, &[last])?;
    match p {
        1 => Ok(sums),
        2 => node.function(Function::Sqrt, sums),
        p => power(node, sums, 1.0 / p as f32),
    }
}

/// What `make` makes of the whole room, as a batch of rows.
fn global(
    node: &mut Lowering<'_>,
    make: impl FnOnce(&mut Lowering<'_>, ValueId, &[usize]) -> Result<ValueId, Refusal>,
) -> Lowered {
    let x = node.value(0)?;
    let (.., room) = node.rooms(x)?;
    let axes: Vec<usize> = (2..2 + room.len()).collect();
    made(make(node, x, &axes))
}

pub(super) fn global_average_pool(node: &mut Lowering<'_>) -> Lowered {
    global(node, |node, x, axes| node.averaged(x, axes))
}

pub(super) fn global_max_pool(node: &mut Lowering<'_>) -> Lowered {
    global(node, |node, x, axes| match **node.shape(x) {
        [1, _, height, width] => {
            let window = veilflow_ir::Window::new([height, width]);
            node.step("largest", Op::MaxPool { window }, &[x])
        }
        _ => node.largest(x, axes),
    })
}

pub(super) fn global_lp_pool(node: &mut Lowering<'_>) -> Lowered {
    let p = node.attributes.int("p")?.unwrap_or(2);
    global(node, |node, x, _| {
        let (batch, channels, room) = node.rooms(x)?;
        let rows = node.reshaped(x, &[batch, channels, room.iter().product()])?;
        let norms = norms(node, rows, p)?;
        node.reshaped(norms, &[&[batch, channels][..], &vec![1; room.len()]].concat())
    })
}
