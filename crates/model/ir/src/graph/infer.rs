//! The shape of each op's output, by those of its inputs.

use super::op::Op;
use crate::error::{Reason, refuse};
use crate::shape::Shape;
use crate::window::Window;

impl Op {
    /// The shape of the output.
    ///
    /// # Errors
    /// The rule that the inputs break.
    pub fn infer(&self, inputs: &[&Shape]) -> Result<Shape, Reason> {
        let (least, most) = self.arity();
        if inputs.len() < least || inputs.len() > most {
            return refuse(format!("takes {least}..={most} inputs, not {}", inputs.len()));
        }
        match self {
            Self::Conv { window, groups } => conv(window, *groups, inputs),
            Self::MatMul => matmul(inputs),
            Self::MatrixProduct => matrix_product(inputs),
            Self::Add | Self::Sub | Self::Mul => match inputs[0].broadcast(inputs[1]) {
                Some(shape) => Ok(shape),
                None => refuse(format!("shapes {} and {} don't broadcast", inputs[0], inputs[1])),
            },
            Self::BatchNormalization { .. } => batch_normalization(inputs),
            Self::Clip { min, max } if min.is_nan() || max.is_nan() || min > max => {
                refuse(format!("limits {min}..={max} are empty"))
            }
            Self::Apply { .. }
            | Self::Relu
            | Self::Clip { .. }
            | Self::Positive
            | Self::Floor
            | Self::Identity => Ok(inputs[0].clone()),
            Self::ArgMax => match inputs[0].rank() {
                0 => refuse("needs a dimension"),
                rank => reduce(&[rank - 1], inputs[0]),
            },
            Self::MaxPool { window } | Self::AveragePool { window, .. } => pool(window, inputs[0]),
            Self::Reshape { shape } if shape.elements() == inputs[0].elements() => Ok(shape.clone()),
            Self::Reshape { shape } => {
                refuse(format!("{} elements don't fill {shape}", inputs[0].elements()))
            }
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
            Self::Add | Self::Sub | Self::Mul | Self::MatrixProduct => (2, 2),
            Self::BatchNormalization { .. } => (5, 5),
            Self::Concat { .. } => (1, usize::MAX),
            _ => (1, 1),
        }
    }
}

fn shape(dims: Vec<usize>) -> Result<Shape, Reason> {
    Ok(Shape::new(dims)?)
}

/// Channels, height and width of a `[1, C, H, W]` activation.
fn nchw(x: &Shape) -> Result<(usize, [usize; 2]), Reason> {
    match **x {
        [1, c, h, w] => Ok((c, [h, w])),
        _ => refuse(format!("needs an input of shape 1xCxHxW, not {x}")),
    }
}

fn conv(window: &Window, groups: usize, inputs: &[&Shape]) -> Result<Shape, Reason> {
    let (channels, size) = nchw(inputs[0])?;
    let w = inputs[1];
    let [out_channels, in_channels, kh, kw] = **w else {
        return refuse(format!("needs weights of rank 4, not {w}"));
    };
    if window.kernel != [kh, kw] {
        return refuse(format!("window {window} over weights of shape {w}"));
    }
    if groups == 0
        || in_channels.checked_mul(groups) != Some(channels)
        || !out_channels.is_multiple_of(groups)
    {
        return refuse(format!("weights of shape {w} in {groups} groups don't fit {channels} channels"));
    }
    if let Some(bias) = inputs.get(2)
        && ***bias != [out_channels]
    {
        return refuse(format!("bias of shape {bias} for {out_channels} channels"));
    }
    let [h, w] = window.output(size)?;
    shape(vec![1, out_channels, h, w])
}

fn matmul(inputs: &[&Shape]) -> Result<Shape, Reason> {
    let (x, w) = (inputs[0], inputs[1]);
    let [inner, columns] = **w else { return refuse(format!("needs weights of rank 2, not {w}")) };
    if x.last() != Some(&inner) {
        return refuse(format!("{x} times {w}"));
    }
    if let Some(bias) = inputs.get(2)
        && ***bias != [columns]
    {
        return refuse(format!("bias of shape {bias} for {columns} columns"));
    }
    let mut dims = x.to_vec();
    dims[x.rank() - 1] = columns;
    shape(dims)
}

fn matrix_product(inputs: &[&Shape]) -> Result<Shape, Reason> {
    match (&**inputs[0], &**inputs[1]) {
        (&[stack, rows, inner], &[stack_b, inner_b, columns]) if stack == stack_b && inner == inner_b => {
            shape(vec![stack, rows, columns])
        }
        _ => refuse(format!("a stack of matrices of shape {} times {}", inputs[0], inputs[1])),
    }
}

fn batch_normalization(inputs: &[&Shape]) -> Result<Shape, Reason> {
    let x = inputs[0];
    let channels = *x.get(1).ok_or_else(|| format!("needs a channel dimension, not {x}"))?;
    match inputs[1..].iter().find(|s| ****s != [channels]) {
        Some(s) => refuse(format!("parameters of shape {s} for {channels} channels")),
        None => Ok(x.clone()),
    }
}

fn pool(window: &Window, x: &Shape) -> Result<Shape, Reason> {
    let (channels, size) = nchw(x)?;
    let output = window.output(size)?;
    if window.dilation != [1; 2] {
        return refuse("dilated pooling isn't supported");
    }
    let result = shape(vec![1, channels, output[0], output[1]])?;
    for axis in 0..2 {
        if (0..output[axis]).any(|o| window.taps(axis, o, size[axis]).len() == 0) {
            return refuse(format!("{window}: a window holds nothing but padding"));
        }
    }
    Ok(result)
}

fn transpose(perm: &[usize], x: &Shape) -> Result<Shape, Reason> {
    let mut sorted = perm.to_vec();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..x.rank()) {
        return refuse(format!("{perm:?} is no permutation of the dimensions of {x}"));
    }
    shape(perm.iter().map(|&p| x[p]).collect())
}

fn concat(axis: usize, inputs: &[&Shape]) -> Result<Shape, Reason> {
    let mut dims = inputs[0].to_vec();
    if axis >= dims.len() {
        return refuse(format!("axis {axis} of {}", inputs[0]));
    }
    for other in &inputs[1..] {
        let alike = other.rank() == dims.len() && (0..dims.len()).all(|i| i == axis || other[i] == dims[i]);
        if !alike {
            return refuse(format!("shapes {} and {other} along axis {axis}", inputs[0]));
        }
        dims[axis] = dims[axis].saturating_add(other[axis]);
    }
    shape(dims)
}

fn pad(before: &[usize], after: &[usize], x: &Shape) -> Result<Shape, Reason> {
    if before.len() != x.rank() || after.len() != x.rank() {
        return refuse(format!("{} and {} pads for the dimensions of {x}", before.len(), after.len()));
    }
    let border = before.iter().zip(after).map(|(b, a)| b.saturating_add(*a));
    shape(x.iter().zip(border).map(|(d, p)| d.saturating_add(p)).collect())
}

fn gather(axis: usize, indices: &[usize], x: &Shape) -> Result<Shape, Reason> {
    let mut dims = x.to_vec();
    let size = dims.get_mut(axis).ok_or_else(|| format!("axis {axis} of {x}"))?;
    if let Some(outside) = indices.iter().find(|&&i| i >= *size) {
        return refuse(format!("index {outside} along axis {axis} of {x}"));
    }
    *size = indices.len();
    shape(dims)
}

fn reduce(axes: &[usize], x: &Shape) -> Result<Shape, Reason> {
    let ascending = axes.is_sorted_by(|a, b| a < b);
    if !ascending || axes.last().is_some_and(|&a| a >= x.rank()) {
        return refuse(format!("axes {axes:?} of {x}"));
    }
    shape(x.iter().enumerate().map(|(i, &d)| if axes.contains(&i) { 1 } else { d }).collect())
}
