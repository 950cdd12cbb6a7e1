//! Multiplications and additions of constants, and the linear layers that absorb them.

use veilflow_ir::{IrError, Node, Op, Shape, Tensor, ValueId, Window, layout};

use super::layer::{Layer, per_index};
use super::rewriter::Rewriter;
use crate::error::{PassError, Result};

type Rewritten = Result<Option<ValueId>>;

/// y = (x − mean)/√(variance + ε) · scale + shift, as one multiplication and one addition for each channel.
pub(super) fn split_normalization(
    rewriter: &mut Rewriter<'_>,
    node: &Node,
    inputs: &[ValueId],
    epsilon: f32,
) -> Result<ValueId> {
    let parameter = |i: usize| rewriter.constant_of(inputs[i]).ok_or_else(|| not_constant(node));
    let [scale, shift, mean, variance] = [parameter(1)?, parameter(2)?, parameter(3)?, parameter(4)?];
    let factor =
        |c: usize| f64::from(scale.data()[c]) / (f64::from(variance.data()[c]) + f64::from(epsilon)).sqrt();
    let term = |c: usize| f64::from(shift.data()[c]) - f64::from(mean.data()[c]) * factor(c);
    // Aligned with the channels: [C, 1, …, 1] of one rank less than x.
    let mut dims = vec![1; rewriter.shape(inputs[0]).rank() - 1];
    dims[0] = scale.data().len();
    let shape = Shape::new(dims)?;
    let output = rewriter.old_name(node.output);
    let factors = rewriter
        .constant(&format!("{output}.scale"), Tensor::from_fn(shape.clone(), |c| factor(c) as f32))?;
    let terms = rewriter.constant(&format!("{output}.shift"), Tensor::from_fn(shape, |c| term(c) as f32))?;
    let scaled = rewriter.emit(&node.name, &format!("{output}.scaled"), Op::Mul, &[inputs[0], factors])?;
    rewriter.emit(&node.name, output, Op::Add, &[scaled, terms])
}

fn not_constant(node: &Node) -> PassError {
    let reason = "its parameters must be constants".into();
    IrError::Node { node: node.name.clone(), op: node.op.name(), reason }.into()
}

/// x − c = x + (−c), and c − x = x · (−1) + c.
pub(super) fn subtract(rewriter: &mut Rewriter<'_>, node: &Node, inputs: &[ValueId]) -> Rewritten {
    let output = rewriter.old_name(node.output);
    if let Some(c) = rewriter.constant_of(inputs[1]) {
        let negated = rewriter.constant(&format!("{output}.term"), c.map(|v| -v))?;
        return rewriter.emit(&node.name, output, Op::Add, &[inputs[0], negated]).map(Some);
    }
    if rewriter.constant_of(inputs[0]).is_some() {
        let minus =
            rewriter.constant(&format!("{output}.minus"), Tensor::from_fn(Shape::new([])?, |_| -1.0))?;
        let negated =
            rewriter.emit(&node.name, &format!("{output}.negated"), Op::Mul, &[inputs[1], minus])?;
        return rewriter.emit(&node.name, output, Op::Add, &[negated, inputs[0]]).map(Some);
    }
    Ok(None)
}

pub(super) fn multiply(rewriter: &mut Rewriter<'_>, node: &Node, inputs: &[ValueId]) -> Rewritten {
    by_constant(rewriter, node, inputs, 1.0, |a, b| a * b)
}

pub(super) fn add(rewriter: &mut Rewriter<'_>, node: &Node, inputs: &[ValueId]) -> Rewritten {
    by_constant(rewriter, node, inputs, 0.0, |a, b| a + b)
}

/// A product or sum with a constant c. It goes second, and goes away if it is neutral. Two in a row merge.
/// The linear layer before takes one that is the same over each of its output channels.
fn by_constant(
    rewriter: &mut Rewriter<'_>,
    node: &Node,
    inputs: &[ValueId],
    neutral: f32,
    combine: fn(f32, f32) -> f32,
) -> Rewritten {
    let output = rewriter.old_name(node.output);
    let &[x, second] = inputs else { return Ok(None) };
    if rewriter.constant_of(x).is_some() {
        return rewriter.emit(&node.name, output, node.op.clone(), &[second, x]).map(Some);
    }
    let Some(c) = rewriter.constant_of(second) else { return Ok(None) };
    if rewriter.shape(x) != rewriter.old_shape(node.output) {
        return Ok(None);
    }
    if c.data().iter().all(|&v| v == neutral) {
        return Ok(Some(x));
    }
    let Some(first) = rewriter.sole_producer(x) else { return Ok(None) };
    match &first.op {
        op if *op == node.op => {
            let Some(before) = rewriter.constant_of(first.inputs[1]) else { return Ok(None) };
            let merged = rewriter.constant(&format!("{output}.constant"), merged(&before, &c, combine)?)?;
            rewriter.emit(&node.name, output, op.clone(), &[first.inputs[0], merged]).map(Some)
        }
        // Factors come first, so that one factor and one term are left.
        Op::Add if node.op == Op::Mul => {
            let Some(term) = rewriter.constant_of(first.inputs[1]) else { return Ok(None) };
            if rewriter.shape(first.inputs[0]) != rewriter.shape(x) {
                return Ok(None);
            }
            let scaled = merged(&term, &c, |a, b| a * b)?;
            let scaled = rewriter.constant(&format!("{output}.term"), scaled)?;
            let x = rewriter.emit(
                &node.name,
                &format!("{output}.scaled"),
                Op::Mul,
                &[first.inputs[0], second],
            )?;
            rewriter.emit(&first.name, output, Op::Add, &[x, scaled]).map(Some)
        }
        Op::Conv { .. } | Op::MatMul => {
            let Some(mut layer) = Layer::new(rewriter, first) else { return Ok(None) };
            let Some(channels) = per_index(&c, rewriter.shape(x), layer.channel_axis(rewriter.shape(x)))
            else {
                return Ok(None);
            };
            match node.op {
                Op::Mul => layer.scale_outputs(&channels),
                _ => layer.shift_outputs(&channels),
            }
            layer.emit(rewriter, output).map(Some)
        }
        _ => Ok(None),
    }
}

/// `combine` of two constants that one tensor is combined with in turn.
fn merged(a: &Tensor, b: &Tensor, combine: fn(f32, f32) -> f32) -> Result<Tensor> {
    let shape = a.shape().broadcast(b.shape()).expect("both broadcast to the shape of one tensor");
    let [a, b] = [a, b].map(|t| layout::broadcast(t.data(), t.shape(), &shape));
    Ok(Tensor::new(shape, a.into_iter().zip(b).map(|(a, b)| combine(a, b)).collect())?)
}

/// A convolution takes the multiplication, addition or zero padding before it.
pub(super) fn absorb_into_conv(
    rewriter: &mut Rewriter<'_>,
    node: &Node,
    inputs: &[ValueId],
    window: &Window,
    groups: usize,
) -> Rewritten {
    let Some(before) = rewriter.sole_producer(inputs[0]) else { return Ok(None) };
    let source = before.inputs[0];
    if let Op::Pad { before, after, value: 0.0 } = &before.op
        && let ([0, 0, top, left], [0, 0, bottom, right]) = (&before[..], &after[..])
    {
        let mut window = *window;
        window.pad_before = [window.pad_before[0] + top, window.pad_before[1] + left];
        window.pad_after = [window.pad_after[0] + bottom, window.pad_after[1] + right];
        let inputs: Vec<ValueId> = [source].into_iter().chain(inputs[1..].iter().copied()).collect();
        return rewriter
            .emit(&node.name, rewriter.old_name(node.output), Op::Conv { window, groups }, &inputs)
            .map(Some);
    }
    let padded = (window.pad_before, window.pad_after) != ([0; 2], [0; 2]);
    absorb(rewriter, node, inputs, &before, padded)
}

pub(super) fn absorb_into_matmul(rewriter: &mut Rewriter<'_>, node: &Node, inputs: &[ValueId]) -> Rewritten {
    let Some(before) = rewriter.sole_producer(inputs[0]) else { return Ok(None) };
    absorb(rewriter, node, inputs, &before, false)
}

/// W(c·x) and W(x + c). The latter is left alone where padding adds zeros, to which c would have to be added
/// too.
fn absorb(
    rewriter: &mut Rewriter<'_>,
    node: &Node,
    inputs: &[ValueId],
    before: &Node,
    padded: bool,
) -> Rewritten {
    let multiplies = match before.op {
        Op::Mul => true,
        Op::Add if !padded => false,
        _ => return Ok(None),
    };
    let source = before.inputs[0];
    let Some(c) = rewriter.constant_of(before.inputs[1]) else { return Ok(None) };
    if rewriter.shape(source) != rewriter.shape(inputs[0]) {
        return Ok(None);
    }
    let here = Node { inputs: inputs.to_vec(), ..node.clone() };
    let Some(mut layer) = Layer::new(rewriter, here) else { return Ok(None) };
    let Some(channels) = per_index(&c, rewriter.shape(source), layer.channel_axis(rewriter.shape(source)))
    else {
        return Ok(None);
    };
    if multiplies {
        layer.scale_inputs(&channels);
    } else {
        layer.shift_inputs(&channels);
    }
    layer.node.inputs[0] = source;
    layer.emit(rewriter, rewriter.old_name(node.output)).map(Some)
}

/// The mean of disjoint windows of a convolution's outputs is a convolution of a larger kernel and stride. It
/// has fewer outputs and no division, and is taken where it needs no more multiplications.
pub(super) fn average_into_conv(
    rewriter: &mut Rewriter<'_>,
    node: &Node,
    inputs: &[ValueId],
    pool: &Window,
) -> Rewritten {
    let Some(first) = rewriter.sole_producer(inputs[0]) else { return Ok(None) };
    let Op::Conv { window, .. } = &first.op else { return Ok(None) };
    let kernel = [0, 1].map(|i| window.kernel[i] + (pool.kernel[i] - 1) * window.stride[i]);
    let area = |sides: [usize; 2]| sides[0] * sides[1];
    if pool.stride != pool.kernel
        || (pool.pad_before, pool.pad_after, window.dilation) != ([0; 2], [0; 2], [1; 2])
        || area(kernel) > area(window.kernel) * area(pool.stride)
    {
        return Ok(None);
    }
    let stride = [0, 1].map(|i| window.stride[i] * pool.stride[i]);
    let window = Window { kernel, stride, ..*window };
    let output = rewriter.old_name(node.output);
    let Some(layer) = Layer::new(rewriter, first) else { return Ok(None) };
    layer.averaged(pool.kernel, window)?.emit(rewriter, output).map(Some)
}
