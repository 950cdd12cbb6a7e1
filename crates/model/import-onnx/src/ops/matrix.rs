//! Matrix products.

use veilflow_ir::{Op, Shape, Tensor};

use super::Lowered;
use crate::lowering::Lowering;

pub(super) fn matmul(l: &mut Lowering<'_>) -> Lowered {
    if !l.is_constant(1) {
        return Err(
            "its second input must be a constant: products of two private matrices aren't supported".into()
        );
    }
    let inputs = [l.value(0)?, l.value(1)?];
    l.last(Op::MatMul, &inputs)
}

/// α·A·B + β·C with B transposed if `transB`: a product by the scaled, transposed constant.
pub(super) fn gemm(l: &mut Lowering<'_>) -> Lowered {
    let alpha = l.attributes.float("alpha")?.unwrap_or(1.0);
    let beta = l.attributes.float("beta")?.unwrap_or(1.0);
    let transposed = l.attributes.flag("transB")?;
    if l.attributes.flag("transA")? {
        return Err("`transA` isn't supported".into());
    }
    let x = l.value(0)?;
    let source = l.floats(1)?;
    let [rows, columns] = **source.shape() else {
        return Err(format!("B has shape {}, not two dimensions", source.shape()).into());
    };
    let w = if transposed {
        let shape = Shape::new([columns, rows])?;
        let at = |i: usize| alpha * source.data()[(i % rows) * columns + i / rows];
        l.constant("weight", Tensor::from_fn(shape, at))?
    } else if alpha == 1.0 {
        l.value(1)?
    } else {
        l.constant("weight", source.map(|v| alpha * v))?
    };
    if !l.has_input(2) {
        return l.last(Op::MatMul, &[x, w]);
    }
    let bias = l.floats(2)?;
    let width = if transposed { rows } else { columns };
    let data = bias.data();
    if data.len() != 1 && (data.len() != width || bias.shape().last() != Some(&width)) {
        return Err(format!("C has shape {}, not one value or {width}", bias.shape()).into());
    }
    let spread = Tensor::from_fn(Shape::new([width])?, |i| beta * data[i % data.len()]);
    let b = l.constant("bias", spread)?;
    l.last(Op::MatMul, &[x, w, b])
}
