//! Tensors whose value is known at import.

use std::sync::Arc;

use veilflow_ir::{IrError, Op, Reason, Shape, Tensor, layout};

use crate::proto::{self, data_type};

/// A tensor known at import.
#[derive(Clone)]
pub(crate) enum Literal {
    /// Numbers: weights and the like.
    Floats(Arc<Tensor>),
    /// Shapes, axes, pads; truth values, as 0 and 1.
    Integers(Arc<Integers>),
}

/// A tensor of integers in row-major order. It may be empty, as the shape of a scalar is.
pub(crate) struct Integers {
    pub(crate) dims: Vec<usize>,
    pub(crate) values: Vec<i64>,
}

impl Literal {
    /// Integers in one dimension.
    pub(crate) fn list(values: Vec<i64>) -> Self {
        Self::Integers(Arc::new(Integers { dims: vec![values.len()], values }))
    }

    /// The shape, unless the tensor is empty.
    pub(crate) fn shape(&self) -> Result<Shape, IrError> {
        match self {
            Self::Floats(tensor) => Ok(tensor.shape().clone()),
            Self::Integers(integers) => Shape::new(integers.dims.clone()),
        }
    }

    /// What `op` makes of literals, if it only moves elements and they are all floats or all integers. It
    /// must have inferred `output` from their shapes.
    pub(crate) fn moved(op: &Op, inputs: &[(&Self, &Shape)], output: &Shape) -> Option<Self> {
        let floats: Option<Vec<_>> = inputs
            .iter()
            .map(|(l, s)| if let Self::Floats(t) = l { Some((t.data(), *s)) } else { None })
            .collect();
        if let Some(parts) = floats {
            let tensor = Tensor::new(output.clone(), layout::moved(op, &parts)?).ok()?;
            return Some(Self::Floats(Arc::new(tensor)));
        }
        let integers: Option<Vec<_>> = inputs
            .iter()
            .map(|(l, s)| if let Self::Integers(t) = l { Some((&t.values[..], *s)) } else { None })
            .collect();
        let values = layout::moved(op, &integers?)?;
        Some(Self::Integers(Arc::new(Integers { dims: output.to_vec(), values })))
    }

    /// Decodes a tensor, or says why it can't be used.
    pub(crate) fn decode(tensor: proto::Tensor) -> Result<Self, Reason> {
        let location = tensor.data_location.unwrap_or_default();
        if location == data_type::EXTERNAL || !tensor.external_data.is_empty() {
            let file = tensor.external_data.iter().find(|p| p.key.as_deref() == Some("location"));
            let file = file.and_then(|p| p.value.as_deref()).unwrap_or("another file");
            return Err(format!("its data is external, in `{file}`; save the model as one file").into());
        }
        // Integers may be empty, as the shape of a scalar is. Floats may not.
        let dims: Result<Vec<usize>, _> = tensor.dims.iter().map(|&d| usize::try_from(d)).collect();
        let dims = dims.map_err(|_| format!("negative dimension in {:?}", tensor.dims))?;
        let kind = tensor.data_type.unwrap_or_default();
        let raw = tensor.raw_data.as_deref();
        if matches!(kind, data_type::INT32 | data_type::INT64 | data_type::BOOL) {
            let values = match (kind, raw) {
                (data_type::BOOL, Some(raw)) => raw.iter().map(|&b| i64::from(b != 0)).collect(),
                (data_type::INT64, Some(raw)) => fixed(raw, i64::from_le_bytes)?,
                (_, Some(raw)) => fixed(raw, |b| i64::from(i32::from_le_bytes(b)))?,
                (data_type::INT64, None) => tensor.int64_data,
                (_, None) => tensor.int32_data.into_iter().map(i64::from).collect(),
            };
            let expected = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
            if expected != Some(values.len()) {
                return Err(format!("{} values for dimensions {dims:?}", values.len()).into());
            }
            return Ok(Self::Integers(Arc::new(Integers { dims, values })));
        }
        let shape = Shape::new(dims)?;
        let values = match (kind, raw) {
            (data_type::FLOAT, Some(raw)) => fixed(raw, f32::from_le_bytes)?,
            (data_type::FLOAT, None) => tensor.float_data,
            (data_type::DOUBLE, Some(raw)) => fixed(raw, |b| f64::from_le_bytes(b) as f32)?,
            (data_type::DOUBLE, None) => tensor.double_data.into_iter().map(|v| v as f32).collect(),
            (other, _) => {
                return Err(format!("type {} isn't supported, use float", data_type::name(other)).into());
            }
        };
        let tensor = Tensor::new(shape, values)?;
        match tensor.max_abs().is_finite() {
            true => Ok(Self::Floats(Arc::new(tensor))),
            false => Err("an element is infinite or not a number".into()),
        }
    }
}

/// Little-endian elements of `N` bytes each.
fn fixed<const N: usize, T>(raw: &[u8], decode: impl Fn([u8; N]) -> T) -> Result<Vec<T>, Reason> {
    let (chunks, rest) = raw.as_chunks::<N>();
    if !rest.is_empty() {
        return Err(format!("{} bytes of raw data, no multiple of {N}", raw.len()).into());
    }
    Ok(chunks.iter().map(|&b| decode(b)).collect())
}
