//! Static shapes.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::error::{IrError, Result};

/// The most elements one tensor may have: 2^28, a gigabyte of `f32`.
pub const MAX_ELEMENTS: usize = 1 << 28;

/// The most dimensions one tensor may have.
pub const MAX_RANK: usize = 8;

/// The dimensions of a tensor, outermost first; printed as `1x3x224x224`.
///
/// Invariants: at most [`MAX_RANK`] dimensions, each at least 1, with a product of at most [`MAX_ELEMENTS`].
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub struct Shape(Vec<usize>);

impl Shape {
    /// Checks the dimensions.
    ///
    /// # Errors
    /// [`IrError::Shape`] if an invariant doesn't hold.
    pub fn new(dims: impl Into<Vec<usize>>) -> Result<Self> {
        let dims = dims.into();
        let refuse = |dims: &[usize], reason| {
            let shown: Vec<String> = dims.iter().take(MAX_RANK + 1).map(usize::to_string).collect();
            Err(IrError::Shape { dims: shown.join("x"), reason })
        };
        if dims.len() > MAX_RANK {
            return refuse(&dims, "more than 8 dimensions");
        }
        if dims.contains(&0) {
            return refuse(&dims, "an empty dimension");
        }
        let elements = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        if elements.is_none_or(|n| n > MAX_ELEMENTS) {
            return refuse(&dims, "more than 2^28 elements");
        }
        Ok(Self(dims))
    }

    /// The product of the dimensions; 1 for a scalar.
    pub fn elements(&self) -> usize {
        self.0.iter().product()
    }

    /// The number of dimensions.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Elements from one index of `axis` to the next, in row-major order: the product of the dimensions after
    /// it.
    pub fn stride(&self, axis: usize) -> usize {
        self.0[axis + 1..].iter().product()
    }

    /// The shape both broadcast to (the rule of NumPy and ONNX): aligned at the last dimension, a 1
    /// stretches.
    pub fn broadcast(&self, other: &Self) -> Option<Self> {
        let rank = self.rank().max(other.rank());
        let at = |s: &Self, i: usize| if i + s.rank() < rank { 1 } else { s[i + s.rank() - rank] };
        let dims: Option<Vec<usize>> = (0..rank)
            .map(|i| match (at(self, i), at(other, i)) {
                (a, b) if a == b || b == 1 => Some(a),
                (1, b) => Some(b),
                _ => None,
            })
            .collect();
        Self::new(dims?).ok()
    }
}

impl Deref for Shape {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("scalar");
        }
        for (i, d) in self.0.iter().enumerate() {
            write!(f, "{}{d}", if i == 0 { "" } else { "x" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<Vec<usize>> for Shape {
    type Error = IrError;

    fn try_from(dims: Vec<usize>) -> Result<Self> {
        Self::new(dims)
    }
}

impl From<Shape> for Vec<usize> {
    fn from(shape: Shape) -> Self {
        shape.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_no_tensor_may_have() {
        for dims in [vec![2, 0], vec![1; 9], vec![usize::MAX, 2], vec![1 << 14, 1 << 14, 2]] {
            assert!(matches!(Shape::new(dims), Err(IrError::Shape { .. })));
        }
        assert_eq!(Shape::new(vec![]).unwrap().elements(), 1);
        assert_eq!(Shape::new([1 << 14, 1 << 14]).unwrap().elements(), MAX_ELEMENTS);
    }

    #[test]
    fn broadcasts_as_numpy_does() {
        let shape = |dims: &[usize]| Shape::new(dims).unwrap();
        assert_eq!(shape(&[2, 3, 4]).broadcast(&shape(&[3, 1])), Some(shape(&[2, 3, 4])));
        assert_eq!(shape(&[1, 4]).broadcast(&shape(&[5, 1])), Some(shape(&[5, 4])));
        assert_eq!(shape(&[]).broadcast(&shape(&[7])), Some(shape(&[7])));
        assert_eq!(shape(&[2]).broadcast(&shape(&[3])), None);
    }

    #[test]
    fn strides_are_row_major() {
        let shape = Shape::new([2, 3, 4]).unwrap();
        assert_eq!([shape.stride(0), shape.stride(1), shape.stride(2)], [12, 4, 1]);
    }
}
