//! Float tensors.

use std::fmt;

use crate::Shape;
use crate::error::{IrError, Result};

/// A dense `f32` tensor in row-major order.
///
/// It may hold weights, so `Debug` prints its shape only.
#[derive(Clone, PartialEq)]
pub struct Tensor {
    shape: Shape,
    data: Vec<f32>,
}

impl Tensor {
    /// A tensor of `shape` with these elements.
    ///
    /// # Errors
    /// [`IrError::Length`] if their number is not the shape's.
    pub fn new(shape: Shape, data: Vec<f32>) -> Result<Self> {
        if data.len() != shape.elements() {
            let (expected, actual) = (shape.elements(), data.len());
            return Err(IrError::Length { shape: shape.to_string(), expected, actual });
        }
        Ok(Self { shape, data })
    }

    /// A tensor whose element at row-major index i is `f(i)`.
    pub fn from_fn(shape: Shape, f: impl FnMut(usize) -> f32) -> Self {
        let data = (0..shape.elements()).map(f).collect();
        Self { shape, data }
    }

    /// The shape.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The elements in row-major order.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// The elements, by value.
    pub fn into_data(self) -> Vec<f32> {
        self.data
    }

    /// The same elements under another shape.
    ///
    /// # Errors
    /// [`IrError::Length`] if the shape has another number of elements.
    pub fn reshape(self, shape: Shape) -> Result<Self> {
        Self::new(shape, self.data)
    }

    /// `f` of every element.
    pub fn map(&self, f: impl Fn(f32) -> f32) -> Self {
        Self { shape: self.shape.clone(), data: self.data.iter().map(|&x| f(x)).collect() }
    }

    /// The largest absolute value; 0 if all are zero, infinite if one is not a finite number.
    pub fn max_abs(&self) -> f32 {
        self.data.iter().fold(0.0, |m, x| if x.is_finite() { x.abs().max(m) } else { f32::INFINITY })
    }

    /// The row-major index of the largest element, the first of equals.
    pub fn argmax(&self) -> usize {
        let mut best = 0;
        for (i, x) in self.data.iter().enumerate() {
            if *x > self.data[best] {
                best = i;
            }
        }
        best
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({})", self.shape)
    }
}
