//! The float ops, each with the shape it infers.
//!
//! Activations are NCHW with a batch of one; weights come as constant inputs.

use super::Function;
use crate::{Shape, Window};

/// What a node computes. Shapes are in row-major order; `x`, `w`, `b` are its inputs in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// 2-D convolution of x `[1, groups·I, H, W]` with w `[O, I, kernel]` and, if present, bias b `[O]`; zero padding.
    Conv {
        /// The sliding window; its kernel is that of w.
        window: Window,
        /// The number of channel groups.
        groups: usize,
    },
    /// x `[…, K]` times w `[K, N]`, plus, if present, bias b `[N]`.
    MatMul,
    /// a + b, broadcast.
    Add,
    /// a − b, broadcast.
    Sub,
    /// a · b, broadcast.
    Mul,
    /// A function of every element.
    Apply {
        /// The function.
        function: Function,
    },
    /// (x − mean)/√(variance + ε) · scale + shift over channels; inputs x, scale, shift, mean, variance, each `[C]`.
    BatchNormalization {
        /// ε.
        epsilon: f32,
    },
    /// max(x, 0).
    Relu,
    /// x limited to `min..=max`; infinite bounds don't limit.
    Clip {
        /// The least value.
        min: f32,
        /// The largest value.
        max: f32,
    },
    /// The maximum over each window; padding is left out.
    MaxPool {
        /// The sliding window.
        window: Window,
    },
    /// The mean over each window.
    AveragePool {
        /// The sliding window.
        window: Window,
        /// Padding counts as zeros; otherwise it is left out of the mean.
        include_padding: bool,
    },
    /// The same elements, another shape.
    Reshape {
        /// The new shape.
        shape: Shape,
    },
    /// Dimension i of the output is dimension `perm[i]` of x.
    Transpose {
        /// A permutation of 0..rank.
        perm: Vec<usize>,
    },
    /// Inputs one after the other along an axis.
    Concat {
        /// The axis.
        axis: usize,
    },
    /// A border of one value, so many elements before and after along each dimension.
    Pad {
        /// Elements before, a dimension each.
        before: Vec<usize>,
        /// Elements after, a dimension each.
        after: Vec<usize>,
        /// The border's value.
        value: f32,
    },
    /// Slices of x along an axis: index i of the output's axis is index `indices[i]` of x's. Slicing and splitting too.
    Gather {
        /// The axis.
        axis: usize,
        /// Which slices, in order; some may be left out, some taken often.
        indices: Vec<usize>,
    },
    /// The sum over some axes, each of which stays with one element.
    ReduceSum {
        /// The axes, ascending.
        axes: Vec<usize>,
    },
    /// x itself.
    Identity,
}

impl Op {
    /// The op's name, as the text form and errors show it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Conv { .. } => "conv",
            Self::MatMul => "matmul",
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Apply { .. } => "apply",
            Self::BatchNormalization { .. } => "batch-normalization",
            Self::Relu => "relu",
            Self::Clip { .. } => "clip",
            Self::MaxPool { .. } => "max-pool",
            Self::AveragePool { .. } => "average-pool",
            Self::Reshape { .. } => "reshape",
            Self::Transpose { .. } => "transpose",
            Self::Concat { .. } => "concat",
            Self::Pad { .. } => "pad",
            Self::Gather { .. } => "gather",
            Self::ReduceSum { .. } => "reduce-sum",
            Self::Identity => "identity",
        }
    }

    /// The shape of the output, or which rule the inputs break.
    pub fn infer(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let (least, most) = self.arity();
        if inputs.len() < least || inputs.len() > most {
            return Err(format!("takes {least}..={most} inputs, not {}", inputs.len()));
        }
        match self {
            Self::Conv { window, groups } => conv(window, *groups, inputs),
            Self::MatMul => matmul(inputs),
            Self::Add | Self::Sub | Self::Mul => inputs[0]
                .broadcast(inputs[1])
                .ok_or_else(|| format!("shapes {} and {} don't broadcast", inputs[0], inputs[1])),
            Self::BatchNormalization { .. } => batch_normalization(inputs),
            Self::Clip { min, max } if min.is_nan() || max.is_nan() || min > max => {
                Err(format!("limits {min}..={max} are empty"))
            }
            Self::Apply { .. } | Self::Relu | Self::Clip { .. } | Self::Identity => Ok(inputs[0].clone()),
            Self::MaxPool { window } | Self::AveragePool { window, .. } => pool(window, inputs[0]),
            Self::Reshape { shape } if shape.elements() == inputs[0].elements() => Ok(shape.clone()),
            Self::Reshape { shape } => Err(format!("{} elements don't fill {shape}", inputs[0].elements())),
            Self::Transpose { perm } => transpose(perm, inputs[0]),
            Self::Concat { axis } => concat(*axis, inputs),
            Self::Pad { before, after, .. } => pad(before, after, inputs[0]),
            Self::Gather { axis, indices } => gather(*axis, indices, inputs[0]),
            Self::ReduceSum { axes } => reduce(axes, inputs[0]),
        }
    }

    /// The least and largest number of inputs.
    fn arity(&self) -> (usize, usize) {
        match self {
            Self::Conv { .. } | Self::MatMul => (2, 3),
            Self::Add | Self::Sub | Self::Mul => (2, 2),
            Self::BatchNormalization { .. } => (5, 5),
            Self::Concat { .. } => (1, usize::MAX),
            _ => (1, 1),
        }
    }
}

fn shape(dims: Vec<usize>) -> Result<Shape, String> {
    Shape::new(dims).map_err(|e| e.to_string())
}

/// Channels, height and width of a `[1, C, H, W]` activation.
fn nchw(x: &Shape) -> Result<(usize, [usize; 2]), String> {
    match **x {
        [1, c, h, w] => Ok((c, [h, w])),
        _ => Err(format!("needs an input of shape 1xCxHxW, not {x}")),
    }
}

fn conv(window: &Window, groups: usize, inputs: &[&Shape]) -> Result<Shape, String> {
    let (channels, size) = nchw(inputs[0])?;
    let w = inputs[1];
    let [out_channels, in_channels, kh, kw] = **w else {
        return Err(format!("needs weights of rank 4, not {w}"));
    };
    if window.kernel != [kh, kw] {
        return Err(format!("window {window} over weights of shape {w}"));
    }
    if groups == 0
        || in_channels.checked_mul(groups) != Some(channels)
        || !out_channels.is_multiple_of(groups)
    {
        return Err(format!("weights of shape {w} in {groups} groups don't fit {channels} channels"));
    }
    if let Some(bias) = inputs.get(2)
        && ***bias != [out_channels]
    {
        return Err(format!("bias of shape {bias} for {out_channels} channels"));
    }
    let [h, w] = window.output(size)?;
    shape(vec![1, out_channels, h, w])
}

fn matmul(inputs: &[&Shape]) -> Result<Shape, String> {
    let (x, w) = (inputs[0], inputs[1]);
    let [inner, columns] = **w else { return Err(format!("needs weights of rank 2, not {w}")) };
    if x.last() != Some(&inner) {
        return Err(format!("{x} times {w}"));
    }
    if let Some(bias) = inputs.get(2)
        && ***bias != [columns]
    {
        return Err(format!("bias of shape {bias} for {columns} columns"));
    }
    let mut dims = x.to_vec();
    dims[x.rank() - 1] = columns;
    shape(dims)
}

fn batch_normalization(inputs: &[&Shape]) -> Result<Shape, String> {
    let x = inputs[0];
    let channels = *x.get(1).ok_or_else(|| format!("needs a channel dimension, not {x}"))?;
    match inputs[1..].iter().find(|s| ****s != [channels]) {
        Some(s) => Err(format!("parameters of shape {s} for {channels} channels")),
        None => Ok(x.clone()),
    }
}

fn pool(window: &Window, x: &Shape) -> Result<Shape, String> {
    let (channels, size) = nchw(x)?;
    let output = window.output(size)?;
    if window.dilation != [1; 2] {
        return Err("dilated pooling isn't supported".into());
    }
    let result = shape(vec![1, channels, output[0], output[1]])?;
    for axis in 0..2 {
        if (0..output[axis]).any(|o| window.taps(axis, o, size[axis]).len() == 0) {
            return Err(format!("{window}: a window holds nothing but padding"));
        }
    }
    Ok(result)
}

fn transpose(perm: &[usize], x: &Shape) -> Result<Shape, String> {
    let mut sorted = perm.to_vec();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..x.rank()) {
        return Err(format!("{perm:?} is no permutation of the dimensions of {x}"));
    }
    shape(perm.iter().map(|&p| x[p]).collect())
}

fn concat(axis: usize, inputs: &[&Shape]) -> Result<Shape, String> {
    let mut dims = inputs[0].to_vec();
    if axis >= dims.len() {
        return Err(format!("axis {axis} of {}", inputs[0]));
    }
    for other in &inputs[1..] {
        let alike = other.rank() == dims.len() && (0..dims.len()).all(|i| i == axis || other[i] == dims[i]);
        if !alike {
            return Err(format!("shapes {} and {other} along axis {axis}", inputs[0]));
        }
        dims[axis] = dims[axis].saturating_add(other[axis]);
    }
    shape(dims)
}

fn pad(before: &[usize], after: &[usize], x: &Shape) -> Result<Shape, String> {
    if before.len() != x.rank() || after.len() != x.rank() {
        return Err(format!("{} and {} pads for the dimensions of {x}", before.len(), after.len()));
    }
    let border = before.iter().zip(after).map(|(b, a)| b.saturating_add(*a));
    shape(x.iter().zip(border).map(|(d, p)| d.saturating_add(p)).collect())
}

fn gather(axis: usize, indices: &[usize], x: &Shape) -> Result<Shape, String> {
    let mut dims = x.to_vec();
    let size = dims.get_mut(axis).ok_or_else(|| format!("axis {axis} of {x}"))?;
    if let Some(outside) = indices.iter().find(|&&i| i >= *size) {
        return Err(format!("index {outside} along axis {axis} of {x}"));
    }
    *size = indices.len();
    shape(dims)
}

fn reduce(axes: &[usize], x: &Shape) -> Result<Shape, String> {
    let ascending = axes.is_sorted_by(|a, b| a < b);
    if !ascending || axes.last().is_some_and(|&a| a >= x.rank()) {
        return Err(format!("axes {axes:?} of {x}"));
    }
    shape(x.iter().enumerate().map(|(i, &d)| if axes.contains(&i) { 1 } else { d }).collect())
}
