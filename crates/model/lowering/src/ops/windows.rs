//! What slides over the room behind the channels: windows of any number of dimensions, for convolution and
//! pooling. One dimension is an image of height 1. More than two are taken apart.

use veilflow_ir::{Op, ValueId, Window};

use crate::error::{Refusal, Result};
use crate::lowering::Lowering;

/// Kernel, stride, dilation and padding along each dimension of the room.
#[derive(Clone)]
pub(super) struct Windows {
    pub(super) kernel: Vec<usize>,
    pub(super) stride: Vec<usize>,
    pub(super) dilation: Vec<usize>,
    pub(super) before: Vec<usize>,
    pub(super) after: Vec<usize>,
}

impl Windows {
    /// The windows that a node's attributes describe, over a room of these sizes. Their padding is in
    /// numbers.
    pub(super) fn read(
        node: &mut Lowering<'_>,
        room: &[usize],
        kernel: Option<Vec<usize>>,
    ) -> Result<Self, Refusal> {
        let rank = room.len();
        let list = |node: &mut Lowering<'_>, name: &str, default: Option<Vec<usize>>, count: usize| match node
            .attributes
            .sizes(name)?
            .or(default)
        {
            Some(sizes) if sizes.len() == count => Ok(sizes),
            Some(sizes) => {
                Err(Refusal::from(format!("attribute `{name}` has {} entries, not {count}", sizes.len())))
            }
            None => Err(format!("attribute `{name}` is missing").into()),
        };
        let kernel = list(node, "kernel_shape", kernel, rank)?;
        let stride = list(node, "strides", Some(vec![1; rank]), rank)?;
        let dilation = list(node, "dilations", Some(vec![1; rank]), rank)?;
        if kernel.iter().chain(&stride).chain(&dilation).any(|&v| v == 0 || v > 1 << 20) {
            return Err("a kernel, stride or dilation of 0, or beyond 2^20".into());
        }
        let pads = list(node, "pads", Some(vec![0; 2 * rank]), 2 * rank)?;
        if pads.iter().any(|&p| p > 1 << 20) {
            return Err("padding beyond 2^20".into());
        }
        let (before, after) = (pads[..rank].to_vec(), pads[rank..].to_vec());
        let mut windows = Self { kernel, stride, dilation, before, after };
        match node.attributes.string("auto_pad")?.as_deref() {
            None | Some("NOTSET" | "") => {}
            Some("VALID") => (windows.before, windows.after) = (vec![0; rank], vec![0; rank]),
            Some(same @ ("SAME_UPPER" | "SAME_LOWER")) => windows.pad_same(room, same == "SAME_UPPER"),
            Some(other) => return Err(format!("auto_pad `{other}` isn't supported").into()),
        }
        Ok(windows)
    }

    /// Elements from the first to the last that a window covers along a dimension.
    pub(super) fn extent(&self, i: usize) -> usize {
        (self.kernel[i] - 1) * self.dilation[i] + 1
    }

    /// Pads so that the output has ⌈input/stride⌉ elements along each side. If the padding is odd, the
    /// larger part goes to the end if `upper`, else to the beginning.
    fn pad_same(&mut self, room: &[usize], upper: bool) {
        for (i, &size) in room.iter().enumerate() {
            let last = (size.div_ceil(self.stride[i]) - 1) * self.stride[i];
            let total = (last + self.extent(i)).saturating_sub(size);
            let (less, more) = (total / 2, total - total / 2);
            (self.before[i], self.after[i]) = if upper { (less, more) } else { (more, less) };
        }
    }

    /// The number of windows along each dimension of a room.
    pub(super) fn output(&self, room: &[usize]) -> Result<Vec<usize>, Refusal> {
        let along = |i: usize| {
            let padded = room[i] + self.before[i] + self.after[i];
            let rest = padded.checked_sub(self.extent(i));
            rest.map(|rest| rest / self.stride[i] + 1)
        };
        let sizes = (0..room.len()).map(along).collect::<Option<Vec<usize>>>();
        sizes.ok_or_else(|| format!("its windows are larger than the padded input {room:?}").into())
    }

    /// With `ceil_mode`, a last window may reach past the padding. More padding at the end says the same.
    pub(super) fn reach_past(&mut self, room: &[usize]) -> Result<Vec<usize>, Refusal> {
        let floor = self.output(room)?;
        let mut extra = vec![0; room.len()];
        for i in 0..room.len() {
            let padded = room[i] + self.before[i] + self.after[i];
            let start = floor[i] * self.stride[i];
            // There is one more window, unless the floor has taken all or the window would begin in the
            // padding at the end.
            if !(padded - self.extent(i)).is_multiple_of(self.stride[i]) && start < room[i] + self.before[i] {
                extra[i] = start + self.extent(i) - padded;
                self.after[i] += extra[i];
            }
        }
        Ok(extra)
    }

    /// The windows of two dimensions, a first one being added if there is one only.
    pub(super) fn planar(&self) -> Option<Window> {
        let two = |v: &[usize], fill: usize| match *v {
            [b] => Some([fill, b]),
            [a, b] => Some([a, b]),
            _ => None,
        };
        let mut window = Window::new(two(&self.kernel, 1)?);
        window.stride = two(&self.stride, 1)?;
        window.dilation = two(&self.dilation, 1)?;
        window.pad_before = two(&self.before, 0)?;
        window.pad_after = two(&self.after, 0)?;
        Some(window)
    }

    /// The windows along dimension `i` alone.
    pub(super) fn along(&self, range: std::ops::Range<usize>) -> Self {
        let part = |v: &[usize]| v[range.clone()].to_vec();
        Self {
            kernel: part(&self.kernel),
            stride: part(&self.stride),
            dilation: part(&self.dilation),
            before: part(&self.before),
            after: part(&self.after),
        }
    }

    /// For each window, and each place in it, the row-major index in the room, or `None` in the padding.
    pub(super) fn taps(
        &self,
        node: &mut Lowering<'_>,
        room: &[usize],
    ) -> Result<Vec<Vec<Option<usize>>>, Refusal> {
        let output = self.output(room)?;
        let count: usize = self.kernel.iter().product();
        let all = output.iter().product::<usize>().checked_mul(count).ok_or("too many windows")?;
        node.draft.spend_elements(all)?;
        let mut windows = vec![vec![Some(0usize)]];
        for i in 0..room.len() {
            let mut next = Vec::with_capacity(windows.len() * output[i]);
            for window in &windows {
                for o in 0..output[i] {
                    let place = |k: usize| {
                        (o * self.stride[i] + k * self.dilation[i])
                            .checked_sub(self.before[i])
                            .filter(|&at| at < room[i])
                    };
                    let places: Vec<Option<usize>> = (0..self.kernel[i]).map(place).collect();
                    let each = window.iter().flat_map(|base| {
                        places.iter().map(move |place| Some((*base)? * room[i] + (*place)?))
                    });
                    next.push(each.collect());
                }
            }
            windows = next;
        }
        Ok(windows)
    }
}

impl Lowering<'_> {
    /// The batch, channels and room of an input.
    pub(super) fn rooms(&self, x: ValueId) -> Result<(usize, usize, Vec<usize>), Refusal> {
        match **self.shape(x) {
            [batch, channels, ref room @ ..] if !room.is_empty() => Ok((batch, channels, room.to_vec())),
            _ => Err(format!("input of shape {}, without room behind its channels", self.shape(x)).into()),
        }
    }

    /// A convolution over any room, of any batch, by known or private weights.
    pub(super) fn convolved(
        &mut self,
        x: ValueId,
        w: ValueId,
        windows: &Windows,
        groups: usize,
    ) -> Result<ValueId, Refusal> {
        let (batch, channels, room) = self.rooms(x)?;
        let weights = self.shape(w).clone();
        let fits = weights.rank() == room.len() + 2
            && groups > 0
            && weights[1].checked_mul(groups) == Some(channels)
            && weights[0].is_multiple_of(groups)
            && weights[2..] == windows.kernel[..];
        if !fits {
            return Err(
                format!("weights of shape {weights} in {groups} groups over {}", self.shape(x)).into()
            );
        }
        let output = windows.output(&room)?;
        if batch > 1 {
            let mut parts = Vec::with_capacity(batch);
            for i in 0..batch {
                let part = self.sliced(x, 0, i..i + 1)?;
                parts.push(self.convolved(part, w, windows, groups)?);
            }
            return self.concatenated(&parts, 0);
        }
        if !self.is_known(w) {
            return self.multiplied_windows(x, w, windows, groups);
        }
        let made = if let Some(window) = windows.planar() {
            let flat = |dims: &[usize]| if dims.len() == 1 { vec![1, dims[0]] } else { dims.to_vec() };
            let x = self.reshaped(x, &[&[1, channels][..], &flat(&room)].concat())?;
            let w = self.reshaped(w, &[&weights[..2], &flat(&weights[2..])].concat())?;
            self.step("conv", Op::Conv { window, groups }, &[x, w])?
        } else {
            self.convolved_slices(x, w, windows, groups)?
        };
        self.reshaped(made, &[&[1, weights[0]][..], &output].concat())
    }

    /// A convolution over a room of three or more dimensions: the slices along the first that a window reads
    /// become channels.
    fn convolved_slices(
        &mut self,
        x: ValueId,
        w: ValueId,
        windows: &Windows,
        groups: usize,
    ) -> Result<ValueId, Refusal> {
        let (_, channels, room) = self.rooms(x)?;
        let weights = self.shape(w).clone();
        let (depth, rest) = (windows.along(0..1), windows.along(1..room.len()));
        let output = depth.output(&room[..1])?[0];
        let rank = room.len() + 2;
        let (mut before, mut after) = (vec![0; rank], vec![0; rank]);
        (before[2], after[2]) = (windows.before[0], windows.after[0]);
        let padded = self.step("padded", Op::Pad { before, after, value: 0.0 }, &[x])?;
        let slice = [&[1, channels * windows.kernel[0]][..], &room[1..]].concat();
        let flat = [&[weights[0], weights[1] * windows.kernel[0]][..], &weights[3..]].concat();
        let w = self.reshaped(w, &flat)?;
        let mut parts = Vec::with_capacity(output);
        for o in 0..output {
            let first = o * windows.stride[0];
            let indices = (0..windows.kernel[0]).map(|k| first + k * windows.dilation[0]).collect();
            let taken = self.gathered(padded, 2, indices)?;
            let taken = self.reshaped(taken, &slice)?;
            let made = self.convolved(taken, w, &rest, groups)?;
            let dims = [&self.shape(made)[..2], &[1], &self.shape(made)[2..]].concat();
            parts.push(self.reshaped(made, &dims)?);
        }
        self.concatenated(&parts, 2)
    }

    /// A convolution by private weights: windows become columns of a matrix.
    fn multiplied_windows(
        &mut self,
        x: ValueId,
        w: ValueId,
        windows: &Windows,
        groups: usize,
    ) -> Result<ValueId, Refusal> {
        let (_, channels, room) = self.rooms(x)?;
        let (weights, output) = (self.shape(w).clone(), windows.output(&room)?);
        let (taps, places) = (windows.kernel.iter().product::<usize>(), output.iter().product::<usize>());
        let columns = self.unrolled(x, windows, 0.0)?;
        let columns = self.reshaped(columns, &[groups, channels / groups, places, taps])?;
        let columns = self.transposed(columns, &[0, 1, 3, 2])?;
        let columns = self.reshaped(columns, &[groups, channels / groups * taps, places])?;
        let rows = self.reshaped(w, &[groups, weights[0] / groups, weights[1] * taps])?;
        let made = self.product(rows, columns)?;
        self.reshaped(made, &[&[1, weights[0]][..], &output].concat())
    }

    /// The elements of every window, as `[batch, channels, windows, places]`; `border` in the padding.
    pub(super) fn unrolled(
        &mut self,
        x: ValueId,
        windows: &Windows,
        border: f32,
    ) -> Result<ValueId, Refusal> {
        let (batch, channels, room) = self.rooms(x)?;
        let taps = windows.taps(self, &room)?;
        let size: usize = room.iter().product();
        let (count, places) = (taps.len(), windows.kernel.iter().product::<usize>());
        let flat = self.reshaped(x, &[batch, channels, size])?;
        let has_border = taps.iter().flatten().any(Option::is_none);
        let flat = if has_border {
            let (before, after) = (vec![0; 3], vec![0, 0, 1]);
            self.step("bordered", Op::Pad { before, after, value: border }, &[flat])?
        } else {
            flat
        };
        let indices = taps.into_iter().flatten().map(|tap| tap.unwrap_or(size)).collect();
        let taken = self.gathered(flat, 2, indices)?;
        self.reshaped(taken, &[batch, channels, count, places])
    }

    /// A pooling of two or fewer dimensions by an op of the graph.
    pub(super) fn pooled_plane(
        &mut self,
        x: ValueId,
        windows: &Windows,
        op: impl FnOnce(Window) -> Op,
    ) -> Result<ValueId, Refusal> {
        let (batch, channels, room) = self.rooms(x)?;
        let output = windows.output(&room)?;
        let window = windows.planar().ok_or("too many dimensions")?;
        let plane = if room.len() == 1 { vec![1, room[0]] } else { room };
        let x = self.reshaped(x, &[&[1, batch * channels][..], &plane].concat())?;
        let pooled = self.step("pooled", op(window), &[x])?;
        self.reshaped(pooled, &[&[batch, channels][..], &output].concat())
    }
}
