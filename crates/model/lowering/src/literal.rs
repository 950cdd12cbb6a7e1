//! Tensors whose value is known at import.

use std::path::Path;
use std::sync::Arc;

use veilflow_ir::{IrError, Op, Reason, Shape, Tensor, layout};

use crate::source::{self, data_type};
use crate::{encoding, external};

/// A tensor known at import.
#[derive(Debug, Clone)]
pub enum Literal {
    /// Numbers: weights and the like.
    Floats(Arc<Tensor>),
    /// Shapes, axes, pads; truth values, as 0 and 1.
    Integers(Arc<Integers>),
}

/// A tensor of integers in row-major order. It may be empty, as the shape of a scalar is.
#[derive(Debug)]
pub struct Integers {
    /// The dimensions. One may be 0.
    pub dims: Vec<usize>,
    /// The elements.
    pub values: Vec<i64>,
}

impl Literal {
    /// Integers in one dimension.
    pub fn list(values: Vec<i64>) -> Self {
        Self::Integers(Arc::new(Integers { dims: vec![values.len()], values }))
    }

    /// Integers under dimensions.
    pub fn integers(dims: Vec<usize>, values: Vec<i64>) -> Self {
        Self::Integers(Arc::new(Integers { dims, values }))
    }

    /// Floats under dimensions. None of them counts as integers.
    pub fn floats(dims: Vec<usize>, values: Vec<f32>) -> Result<Self, IrError> {
        if values.is_empty() {
            return Ok(Self::integers(dims, Vec::new()));
        }
        Ok(Self::Floats(Arc::new(Tensor::new(Shape::new(dims)?, values)?)))
    }

    /// The shape, unless the tensor is empty.
    pub fn shape(&self) -> Result<Shape, IrError> {
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

    /// Numbers between commas: integers unless one has a point or an exponent. One number is a scalar.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(',').map(str::trim).collect();
        let dims = if words.len() == 1 && !text.contains(',') { vec![] } else { vec![words.len()] };
        let integers: Option<Vec<i64>> = words
            .iter()
            .map(|word| match *word {
                "true" => Some(1),
                "false" => Some(0),
                word => word.parse().ok(),
            })
            .collect();
        if let Some(values) = integers {
            return Some(Self::Integers(Arc::new(Integers { dims, values })));
        }
        let floats: Option<Vec<f32>> = words.iter().map(|word| word.parse().ok()).collect();
        let tensor = Tensor::new(Shape::new(dims).ok()?, floats?).ok()?;
        Some(Self::Floats(Arc::new(tensor)))
    }

    /// The dimensions. One may be 0.
    pub fn dims(&self) -> Vec<usize> {
        match self {
            Self::Floats(tensor) => tensor.shape().to_vec(),
            Self::Integers(integers) => integers.dims.clone(),
        }
    }

    /// The number of elements.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Floats(tensor) => tensor.data().len(),
            Self::Integers(integers) => integers.values.len(),
        }
    }

    /// The numbers in `f64`.
    pub fn numbers(&self) -> Vec<f64> {
        match self {
            Self::Floats(tensor) => tensor.data().iter().map(|&v| f64::from(v)).collect(),
            Self::Integers(integers) => integers.values.iter().map(|&v| v as f64).collect(),
        }
    }

    /// The numbers as floats.
    pub fn to_tensor(&self) -> Result<Tensor, IrError> {
        match self {
            Self::Floats(tensor) => Ok(tensor.as_ref().clone()),
            Self::Integers(integers) => {
                let values = integers.values.iter().map(|&v| v as f32).collect();
                Tensor::new(Shape::new(integers.dims.clone())?, values)
            }
        }
    }

    /// Decodes a tensor, or says why it can't be used. External data lies in `folder`. An empty tensor counts
    /// as one of integers, whatever its type.
    pub fn decode(tensor: source::Tensor, folder: Option<&Path>) -> Result<Self, Reason> {
        let external = tensor.data_location == Some(data_type::EXTERNAL) || !tensor.external_data.is_empty();
        let bytes = if external { Some(external::read(&tensor.external_data, folder)?) } else { None };
        let raw = bytes.as_deref().or(tensor.raw_data.as_deref());
        let dims: Result<Vec<usize>, _> = tensor.dims.iter().map(|&d| usize::try_from(d)).collect();
        let dims = dims.map_err(|_| format!("negative dimension in {:?}", tensor.dims))?;
        let expected = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        let expected = expected.ok_or_else(|| format!("dimensions {dims:?} are too large"))?;
        let kind = tensor.data_type.unwrap_or_default();
        if expected == 0 {
            return Ok(Self::Integers(Arc::new(Integers { dims, values: Vec::new() })));
        }
        if let Some(values) = encoding::integers(kind, raw, &tensor, expected)? {
            if expected != values.len() {
                return Err(format!("{} values for dimensions {dims:?}", values.len()).into());
            }
            return Ok(Self::Integers(Arc::new(Integers { dims, values })));
        }
        let values = encoding::floats(kind, raw, &tensor, expected)?;
        Ok(Self::Floats(Arc::new(Tensor::new(Shape::new(dims)?, values)?)))
    }
}
