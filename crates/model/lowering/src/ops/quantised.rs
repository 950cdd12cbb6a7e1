//! Quantised tensors: integers that stand for (q − zero)·scale. Known ones become floats at import; private
//! ones are rounded and limited as the file says.

use veilflow_ir::{Op, ValueId};

use super::axis::axis;
use super::windows::Windows;
use crate::error::{Refusal, Result};
use crate::lowering::{Lowered, Lowering};
use crate::scope::Binding;
use crate::source::data_type;

fn made(built: Result<ValueId, Refusal>) -> Lowered {
    built.map(Binding::Value)
}

/// A parameter of a quantisation for an input of this shape: one number, one for each index of the axis, or
/// one for each block along it.
fn parameter(
    node: &mut Lowering<'_>,
    index: usize,
    like: ValueId,
    along: i64,
    block: usize,
) -> Result<ValueId, Refusal> {
    let p = node.value(index)?;
    let (shape, of) = (node.shape(like).clone(), node.shape(p).clone());
    if of.elements() == 1 {
        return node.reshaped(p, &[]);
    }
    let axis = axis(along, shape.rank(), false)?;
    if of.rank() == 1 {
        let mut dims = vec![1; shape.rank()];
        dims[axis] = of[0];
        return node.reshaped(p, &dims);
    }
    if block == 0 || of.rank() != shape.rank() {
        return Err(format!("a parameter of shape {of} for {shape}").into());
    }
    node.gathered(p, axis, (0..shape[axis]).map(|i| i / block).collect())
}

/// The limits of an integer type.
fn limits(kind: i32) -> Option<(f32, f32)> {
    match kind {
        data_type::UINT8 => Some((0.0, 255.0)),
        data_type::INT8 => Some((-128.0, 127.0)),
        data_type::UINT16 => Some((0.0, 65535.0)),
        data_type::INT16 => Some((-32768.0, 32767.0)),
        data_type::UINT4 => Some((0.0, 15.0)),
        data_type::INT4 => Some((-8.0, 7.0)),
        data_type::UINT2 => Some((0.0, 3.0)),
        data_type::INT2 => Some((-2.0, 1.0)),
        _ => None,
    }
}

/// x/scale + zero, rounded and limited to the type of the zero point.
pub(super) fn quantize(node: &mut Lowering<'_>) -> Lowered {
    let along = node.attributes.int("axis")?.unwrap_or(1);
    let block = node.attributes.size("block_size")?.unwrap_or(0);
    let given = node.attributes.int("output_dtype")?.unwrap_or(0);
    node.attributes.ignore(&["saturate", "precision"]);
    let kind = match i32::try_from(given).unwrap_or(0) {
        0 => node.kind(2).unwrap_or(data_type::UINT8),
        kind => kind,
    };
    let x = node.value(0)?;
    let (low, high) =
        limits(kind).ok_or_else(|| format!("quantisation to {} isn't supported", data_type::name(kind)))?;
    let scale = parameter(node, 1, x, along, block)?;
    let inverse = node.reciprocal(scale)?;
    let scaled = node.mul(x, inverse)?;
    let scaled = node.shifted(scaled, 0.5)?;
    let whole = node.floor(scaled)?;
    let zero = if node.has_input(2) { Some(parameter(node, 2, x, along, block)?) } else { None };
    let whole = match zero {
        Some(zero) => node.add(whole, zero)?,
        None => whole,
    };
    made(node.limited(whole, low, high))
}

/// (q − zero)·scale.
pub(super) fn dequantize(node: &mut Lowering<'_>) -> Lowered {
    let along = node.attributes.int("axis")?.unwrap_or(1);
    let block = node.attributes.size("block_size")?.unwrap_or(0);
    node.attributes.ignore(&["output_dtype"]);
    let q = node.value(0)?;
    let scale = parameter(node, 1, q, along, block)?;
    let centred = match node.has_input(2) {
        true => {
            let zero = parameter(node, 2, q, along, block)?;
            node.sub(q, zero)?
        }
        false => q,
    };
    node.last(Op::Mul, &[centred, scale])
}

/// Input `index` less the zero point in input `zero`.
fn centred(node: &mut Lowering<'_>, index: usize, zero: usize, along: i64) -> Result<ValueId, Refusal> {
    let x = node.value(index)?;
    if !node.has_input(zero) {
        return Ok(x);
    }
    let zero = parameter(node, zero, x, along, 0)?;
    node.sub(x, zero)
}

pub(super) fn matmul_integer(node: &mut Lowering<'_>) -> Lowered {
    let a = centred(node, 0, 2, -2)?;
    let b = centred(node, 1, 3, -1)?;
    made(node.matmul(a, b))
}

pub(super) fn conv_integer(node: &mut Lowering<'_>) -> Lowered {
    let x = centred(node, 0, 2, 1)?;
    let w = centred(node, 1, 3, 0)?;
    made(convolution(node, x, w))
}

fn convolution(node: &mut Lowering<'_>, x: ValueId, w: ValueId) -> Result<ValueId, Refusal> {
    let (.., room) = node.rooms(x)?;
    let kernel = node.shape(w).iter().skip(2).copied().collect();
    let windows = Windows::read(node, &room, Some(kernel))?;
    let groups = node.attributes.size("group")?.unwrap_or(1);
    node.convolved(x, w, &windows, groups)
}

/// y·scale, rounded about a zero point and limited to a type.
fn requantised(node: &mut Lowering<'_>, y: ValueId, scale: ValueId, zero: usize) -> Result<ValueId, Refusal> {
    let kind = node.kind(zero).unwrap_or(data_type::UINT8);
    let (low, high) = limits(kind).ok_or("an output of this type isn't supported")?;
    let scaled = node.mul(y, scale)?;
    let scaled = node.shifted(scaled, 0.5)?;
    let whole = node.floor(scaled)?;
    let offset = node.value(zero)?;
    let offset = node.reshaped(offset, &[])?;
    let whole = node.add(whole, offset)?;
    node.limited(whole, low, high)
}

/// The product of two scales, over a third.
fn ratio(node: &mut Lowering<'_>, a: ValueId, b: ValueId, y: usize) -> Result<ValueId, Refusal> {
    let y = node.value(y)?;
    let y = node.reshaped(y, &[])?;
    let inverse = node.reciprocal(y)?;
    let product = node.mul(a, b)?;
    node.mul(product, inverse)
}

pub(super) fn qlinear_matmul(node: &mut Lowering<'_>) -> Lowered {
    let (a, b) = (centred(node, 0, 2, -2)?, centred(node, 3, 5, -1)?);
    let (x, w) = (node.value(0)?, node.value(3)?);
    let (scale_a, scale_b) = (parameter(node, 1, x, -2, 0)?, parameter(node, 4, w, -1, 0)?);
    let product = node.matmul(a, b)?;
    let scale = ratio(node, scale_a, scale_b, 6)?;
    made(requantised(node, product, scale, 7))
}

pub(super) fn qlinear_conv(node: &mut Lowering<'_>) -> Lowered {
    let (x, w) = (centred(node, 0, 2, 1)?, centred(node, 3, 5, 0)?);
    let mut y = convolution(node, x, w)?;
    let over = [&[node.shape(y)[1]][..], &vec![1; node.shape(y).rank() - 2]].concat();
    if node.has_input(8) {
        let bias = node.value(8)?;
        let bias = node.reshaped(bias, &over)?;
        y = node.add(y, bias)?;
    }
    let (scale_x, scale_w) = (node.value(1)?, node.value(4)?);
    let scale_x = node.reshaped(scale_x, &[])?;
    let scale_w = if node.shape(scale_w).elements() == 1 {
        node.reshaped(scale_w, &[])?
    } else {
        node.reshaped(scale_w, &over)?
    };
    let scale = ratio(node, scale_x, scale_w, 6)?;
    made(requantised(node, y, scale, 7))
}

/// The smallest range of 8 bits that holds the input and 0, and the input in it.
pub(super) fn dynamic(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let x = node.value(0)?;
    let shape = node.shape(x).clone();
    let axes: Vec<usize> = (0..shape.rank()).collect();
    let (most, least) = (node.largest(x, &axes)?, node.smallest(x, &axes)?);
    let most = node.relu(most)?;
    let minus = node.negated(least)?;
    let below = node.relu(minus)?;
    let span = node.add(most, below)?;
    let span = node.reshaped(span, &[])?;
    let below = node.reshaped(below, &[])?;
    let inverse = node.function(veilflow_ir::Function::Reciprocal, span)?;
    let inverse = node.scaled(inverse, 255.0)?;
    let zero = node.mul(below, inverse)?;
    let zero = node.shifted(zero, 0.5)?;
    let zero = node.floor(zero)?;
    let scaled = node.mul(x, inverse)?;
    let scaled = node.shifted(scaled, 0.5)?;
    let whole = node.floor(scaled)?;
    let whole = node.add(whole, zero)?;
    let whole = node.limited(whole, 0.0, 255.0)?;
    let scale = node.scaled(span, 1.0 / 255.0)?;
    Ok([whole, scale, zero].map(Binding::Value).to_vec())
}
