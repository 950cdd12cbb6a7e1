//! A linear layer as stride-1 convolutions of planes.
//!
//! **Planes.** A convolution of stride (a, b) splits every input channel into a·b phases, subsampled images
//! of stride 1, and drops the phases that no tap reads: a 1×1 convolution of stride 2 keeps one phase of
//! four. A matrix product is a 1×1 convolution of images of one row. A tap of a phase reads plane\[r +
//! dy\]\[c + dx\] for output (r, c), with dy and dx of any sign.

use std::ops::Range;

use veilflow_spec::LinearShape;

/// A tap of the kernel: how far from the output it reads, and which weight of its channel it takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tap {
    pub(super) shift: [isize; 2],
    pub(super) weight: usize,
}

/// A residue class of input positions modulo the stride, with the taps that read it.
#[derive(Debug, Clone)]
pub(super) struct Phase {
    pub(super) offset: [usize; 2],
    pub(super) taps: Vec<Tap>,
}

/// A layer as planes and outputs.
#[derive(Debug, Clone)]
pub(super) struct Geometry {
    pub(super) channels: usize,
    input: [usize; 2],
    stride: [usize; 2],
    pub(super) phases: Vec<Phase>,
    /// The number of weights of one input channel in one output channel.
    taps: usize,
    pub(super) outputs: usize,
    groups: usize,
    /// Rows and columns of an output.
    pub(super) output: [usize; 2],
    /// Least and largest shift of a tap, down and across.
    pub(super) reach: [[isize; 2]; 2],
    /// Rows and columns of the largest plane.
    pub(super) plane: [usize; 2],
}

impl Geometry {
    pub(super) fn new(shape: &LinearShape) -> Self {
        let (channels, input, stride, kernel, pads, dilation, outputs, groups, output) = match shape {
            LinearShape::Conv2d(s) => (
                s.in_channels,
                [s.in_height, s.in_width],
                s.stride,
                s.kernel,
                [s.pads[0], s.pads[1]],
                s.dilation,
                s.out_channels,
                s.groups,
                [s.out_height(), s.out_width()],
            ),
            LinearShape::MatMul(s) => {
                let row = [1, s.columns];
                (s.inner, row, [1; 2], [1; 2], [0; 2], [1; 2], s.rows, 1, row)
            }
        };
        let mut phases: Vec<Phase> = Vec::new();
        for weight in 0..kernel[0] * kernel[1] {
            let at = [weight / kernel[1], weight % kernel[1]];
            let read = [0, 1].map(|i| (at[i] * dilation[i]) as isize - pads[i] as isize);
            let offset = [0, 1].map(|i| read[i].rem_euclid(stride[i] as isize) as usize);
            let shift = [0, 1].map(|i| read[i].div_euclid(stride[i] as isize));
            if offset[0] >= input[0] || offset[1] >= input[1] {
                continue; // A phase without a single position.
            }
            let tap = Tap { shift, weight };
            match phases.iter_mut().find(|phase| phase.offset == offset) {
                Some(phase) => phase.taps.push(tap),
                None => phases.push(Phase { offset, taps: vec![tap] }),
            }
        }
        let shifts = |i: usize| phases.iter().flat_map(|p| &p.taps).map(move |t| t.shift[i]);
        let reach = [0, 1].map(|i| [shifts(i).min().unwrap_or(0), shifts(i).max().unwrap_or(0)]);
        Self {
            channels,
            plane: [0, 1].map(|i| input[i].div_ceil(stride[i])),
            input,
            stride,
            taps: kernel[0] * kernel[1],
            outputs,
            groups,
            output,
            reach,
            phases,
        }
    }

    /// Number of planes: channel by channel, the phases of each.
    pub(super) fn planes(&self) -> usize {
        self.channels * self.phases.len()
    }

    /// Weights that one output reads, over all planes.
    pub(super) fn fan_in(&self) -> usize {
        self.channels / self.groups * self.phases.iter().map(|p| p.taps.len()).sum::<usize>()
    }

    pub(super) fn phase(&self, plane: usize) -> &Phase {
        &self.phases[plane % self.phases.len()]
    }

    fn group_of_plane(&self, plane: usize) -> usize {
        plane / (self.planes() / self.groups)
    }

    fn group_of_output(&self, output: usize) -> usize {
        output / (self.outputs / self.groups)
    }

    /// Whether some output of one range reads some plane of another. Neither range is empty. This is public,
    /// like the shape.
    pub(super) fn meet(&self, planes: &Range<usize>, outputs: &Range<usize>) -> bool {
        self.group_of_plane(planes.start) <= self.group_of_output(outputs.end - 1)
            && self.group_of_output(outputs.start) <= self.group_of_plane(planes.end - 1)
    }

    /// How many pairs of an input polynomial of `planes` planes and a product of `outputs` outputs meet.
    pub(super) fn meetings(&self, planes: usize, outputs: usize) -> usize {
        let [inputs, products] = [self.planes().div_ceil(planes), self.outputs.div_ceil(outputs)];
        if self.groups == 1 || inputs == 0 {
            return inputs * products;
        }
        // The input polynomials that hold a product's groups, product by product.
        let (group_planes, group_outputs) = (self.planes() / self.groups, self.outputs / self.groups);
        let met = |product: usize| {
            let last = ((product + 1) * outputs).min(self.outputs) - 1;
            let first_plane = product * outputs / group_outputs * group_planes;
            let last_plane = (last / group_outputs + 1) * group_planes - 1;
            last_plane / planes - first_plane / planes + 1
        };
        (0..products).map(met).sum()
    }

    /// Index of the first weight of `plane` in `output`, if the output reads the plane.
    pub(super) fn weights_at(&self, plane: usize, output: usize) -> Option<usize> {
        let group_in = self.channels / self.groups;
        let channel = plane / self.phases.len();
        let same = self.group_of_plane(plane) == self.group_of_output(output);
        same.then(|| (output * group_in + channel % group_in) * self.taps)
    }

    /// All input elements of the channels that some planes are part of.
    pub(super) fn elements(&self, planes: &Range<usize>) -> Range<usize> {
        let channels = planes.start / self.phases.len()..planes.end.div_ceil(self.phases.len());
        let size = self.input[0] * self.input[1];
        channels.start * size..channels.end * size
    }

    /// How many rows (or columns, for `axis` 1) a tile of `size` outputs reads at most, of a window that
    /// starts at `first`.
    pub(super) fn needed(&self, axis: usize, first: isize, size: usize) -> usize {
        usize::try_from(size as isize + self.reach[axis][1] - first).unwrap_or(0)
    }

    /// How many elements of a channel lie between the first and the last that some output reads, down and
    /// across.
    pub(super) fn read(&self) -> usize {
        let of_phase = |phase: &Phase| -> usize {
            let along = |i: usize| {
                let plane = (self.input[i] - phase.offset[i]).div_ceil(self.stride[i]) as isize;
                let [least, most] = self.reach[i];
                (plane.min(self.output[i] as isize + most) - least.max(0)).max(0) as usize
            };
            along(0) * along(1)
        };
        self.phases.iter().map(of_phase).sum()
    }

    /// Index of the input element at (`row`, `column`) of a plane; nothing where the plane ends.
    pub(super) fn input_at(&self, plane: usize, [row, column]: [isize; 2]) -> Option<usize> {
        let offset = self.phase(plane).offset;
        let r = usize::try_from(row).ok()?.checked_mul(self.stride[0])? + offset[0];
        let c = usize::try_from(column).ok()?.checked_mul(self.stride[1])? + offset[1];
        let channel = plane / self.phases.len();
        (r < self.input[0] && c < self.input[1]).then(|| (channel * self.input[0] + r) * self.input[1] + c)
    }
}
