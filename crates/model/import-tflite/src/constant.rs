//! Constants: quantised ones as the real numbers that they stand for.

use veilflow_ir::Reason;
use veilflow_lowering::source::{self, data_type};

use crate::schema::{Tensor, kind};

/// A constant without its name.
pub(crate) fn constant(tensor: &Tensor, data: &[u8]) -> Result<source::Tensor, Reason> {
    if tensor.sparse {
        return Err(format!(
            "weights `{}` are sparse, which isn't supported: convert the model to dense ones",
            tensor.name
        )
        .into());
    }
    let dims: Vec<i64> = tensor.shape.iter().map(|&d| i64::from(d)).collect();
    if dims.iter().any(|&d| d < 0) {
        return Err(format!("constant `{}` has an open dimension", tensor.name).into());
    }
    let kind = kind::onnx(tensor.kind)
        .ok_or_else(|| format!("constant `{}` has elements that are no numbers", tensor.name))?;
    if tensor.scales.is_empty() || matches!(tensor.kind, kind::FLOAT32 | kind::FLOAT16) {
        let raw_data = Some(data.to_vec());
        return Ok(source::Tensor { dims, data_type: Some(kind), raw_data, ..source::Tensor::default() });
    }
    let integers: Vec<i64> = match tensor.kind {
        kind::INT8 => data.iter().map(|&b| i64::from(b.cast_signed())).collect(),
        kind::UINT8 => data.iter().map(|&b| i64::from(b)).collect(),
        kind::INT16 => data.as_chunks().0.iter().map(|&b| i64::from(i16::from_le_bytes(b))).collect(),
        kind::INT32 => data.as_chunks().0.iter().map(|&b| i64::from(i32::from_le_bytes(b))).collect(),
        kind::INT64 => data.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect(),
        kind::INT4 => {
            let signed = |nibble: u8| i64::from((nibble << 4).cast_signed() >> 4);
            data.iter().flat_map(|b| [signed(b & 15), signed(b >> 4)]).collect()
        }
        _ => return Err(format!("constant `{}` has a type that can't be quantised", tensor.name).into()),
    };
    let count = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(usize::try_from(d).ok()?));
    let count = count
        .filter(|&n| n <= integers.len())
        .ok_or_else(|| format!("constant `{}` has {} elements for {dims:?}", tensor.name, integers.len()))?;
    let along = dims.get(tensor.along).and_then(|&d| usize::try_from(d).ok()).unwrap_or(1);
    let inner = dims.iter().skip(tensor.along.saturating_add(1));
    let stride = inner.fold(1usize, |n, &d| n.saturating_mul(d as usize));
    let channels = tensor.scales.len();
    if channels > 1 && channels != along {
        return Err(format!("constant `{}` has {channels} scales for {dims:?}", tensor.name).into());
    }
    let value = |i: usize| {
        let channel = if channels > 1 { i / stride.max(1) % along } else { 0 };
        let zero = tensor.zeros.get(channel).or(tensor.zeros.first()).copied().unwrap_or(0);
        (f64::from(tensor.scales[channel]) * (integers[i] as f64 - zero as f64)) as f32
    };
    let float_data = (0..count).map(value).collect();
    Ok(source::Tensor { dims, data_type: Some(data_type::FLOAT), float_data, ..source::Tensor::default() })
}
