//! Tensors of TensorFlow as those of the lowering layer.

use veilflow_ir::Reason;
use veilflow_lowering::source::{self, data_type};

use crate::proto;

/// The dimensions of a shape that is fixed.
pub(crate) fn dims(shape: Option<&proto::Shape>) -> Result<Vec<i64>, Reason> {
    let Some(shape) = shape else { return Ok(Vec::new()) };
    if shape.unknown_rank || shape.dim.iter().any(|d| d.size < 0) {
        return Err("its shape isn't fixed".into());
    }
    Ok(shape.dim.iter().map(|d| d.size).collect())
}

/// A tensor of these dimensions from raw bytes.
pub(crate) fn raw(name: &str, dtype: i32, dims: Vec<i64>, bytes: Vec<u8>) -> source::Tensor {
    source::Tensor {
        name: Some(name.to_owned()),
        dims,
        data_type: proto::element_type(dtype),
        raw_data: Some(bytes),
        ..source::Tensor::default()
    }
}

/// A constant. Fewer elements than its shape has stand for the last one again and again.
pub(crate) fn constant(tensor: &proto::Tensor) -> Result<source::Tensor, Reason> {
    let dims = dims(tensor.shape.as_ref())?;
    let kind = proto::element_type(tensor.dtype)
        .filter(|&kind| kind != data_type::STRING)
        .ok_or_else(|| format!("its elements have type {}, no numbers", tensor.dtype))?;
    if !tensor.content.is_empty() {
        return Ok(raw("", tensor.dtype, dims, tensor.content.clone()));
    }
    let count = dims.iter().try_fold(1i64, |n, &d| n.checked_mul(d)).and_then(|n| usize::try_from(n).ok());
    let count = count.filter(|&n| n <= veilflow_ir::MAX_ELEMENTS).ok_or("too many elements")?;
    let mut made = source::Tensor { dims, data_type: Some(kind), ..source::Tensor::default() };
    match kind {
        data_type::FLOAT => made.float_data = filled(&tensor.float, count, 0.0),
        data_type::DOUBLE => made.double_data = filled(&tensor.double, count, 0.0),
        data_type::INT64 => made.int64_data = filled(&tensor.int64, count, 0),
        data_type::BOOL => {
            let bits: Vec<i32> = tensor.bool.iter().map(|&b| i32::from(b)).collect();
            made.int32_data = filled(&bits, count, 0);
        }
        data_type::FLOAT16 | data_type::BFLOAT16 => made.int32_data = filled(&tensor.half, count, 0),
        data_type::UINT32 => {
            let values: Vec<u64> = tensor.uint32.iter().map(|&v| u64::from(v)).collect();
            made.uint64_data = filled(&values, count, 0);
        }
        data_type::UINT64 => made.uint64_data = filled(&tensor.uint64, count, 0),
        _ => made.int32_data = filled(&tensor.int, count, 0),
    }
    Ok(made)
}

fn filled<T: Copy>(values: &[T], count: usize, zero: T) -> Vec<T> {
    let last = values.last().copied().unwrap_or(zero);
    let given = values.iter().copied().take(count);
    given.chain(std::iter::repeat_n(last, count.saturating_sub(values.len()))).collect()
}
