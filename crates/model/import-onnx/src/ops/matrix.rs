//! Matrix products.

use veilflow_ir::{Op, Shape, Tensor};

use crate::lowering::{Lowered, Lowering};

pub(super) fn matmul(node: &mut Lowering<'_>) -> Lowered {
    if !node.is_constant(1) {
        return Err(
            "its second input must be a constant: products of two private matrices aren't supported".into()
        );
    }
    let inputs = [node.value(0)?, node.value(1)?];
    node.last(Op::MatMul, &inputs)
}

/// α·A·B + β·C, where B is transposed if `transB`. It becomes a product by the scaled, transposed constant.
pub(super) fn gemm(node: &mut Lowering<'_>) -> Lowered {
    let alpha = node.attributes.float("alpha")?.unwrap_or(1.0);
    let beta = node.attributes.float("beta")?.unwrap_or(1.0);
    let transposed = node.attributes.flag("transB")?;
    if node.attributes.flag("transA")? {
        return Err("`transA` isn't supported".into());
    }
    let x = node.value(0)?;
    let source = node.floats(1)?;
    let [rows, columns] = **source.shape() else {
        return Err(format!("B has shape {}, not two dimensions", source.shape()).into());
    };
    let w = if transposed {
        let shape = Shape::new([columns, rows])?;
        let at = |i: usize| alpha * source.data()[(i % rows) * columns + i / rows];
        node.constant("weight", Tensor::from_fn(shape, at))?
    } else if alpha == 1.0 {
        node.value(1)?
    } else {
        node.constant("weight", source.map(|v| alpha * v))?
    };
    if !node.has_input(2) {
        return node.last(Op::MatMul, &[x, w]);
    }
    let bias = node.floats(2)?;
    let width = if transposed { rows } else { columns };
    let data = bias.data();
    if data.len() != 1 && (data.len() != width || bias.shape().last() != Some(&width)) {
        return Err(format!("C has shape {}, not one value or {width}", bias.shape()).into());
    }
    let spread = Tensor::from_fn(Shape::new([width])?, |i| beta * data[i % data.len()]);
    let b = node.constant("bias", spread)?;
    node.last(Op::MatMul, &[x, w, b])
}
