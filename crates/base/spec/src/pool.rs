//! Pooling over two-dimensional windows.

use serde::{Deserialize, Serialize};
use veilflow_ring::RingVec;

use crate::average;

/// A pooling over `channels` planes of `in_height` × `in_width`, channel-major.
///
/// Window (i, j) covers rows i·stride − pad_top + 0..kernel_height and the like columns; positions outside
/// the plane are left out of it, and windows may be cut short at the bottom and right (ONNX `ceil_mode`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pool2dShape {
    /// Planes.
    pub channels: usize,
    /// Rows of an input plane.
    pub in_height: usize,
    /// Columns of an input plane.
    pub in_width: usize,
    /// Rows and columns of the window.
    pub kernel: [usize; 2],
    /// Steps down and across.
    pub stride: [usize; 2],
    /// Padding above and to the left.
    pub pad: [usize; 2],
    /// Rows of an output plane.
    pub out_height: usize,
    /// Columns of an output plane.
    pub out_width: usize,
}

impl Pool2dShape {
    /// Number of input elements.
    pub fn in_len(&self) -> usize {
        self.channels * self.in_height * self.in_width
    }

    /// Number of output elements.
    pub fn out_len(&self) -> usize {
        self.channels * self.out_height * self.out_width
    }

    /// Input rows that output row `i` covers.
    pub fn rows(&self, i: usize) -> std::ops::Range<usize> {
        let start = i * self.stride[0];
        start.saturating_sub(self.pad[0])
            ..(start + self.kernel[0]).saturating_sub(self.pad[0]).min(self.in_height)
    }

    /// Input columns that output column `j` covers.
    pub fn columns(&self, j: usize) -> std::ops::Range<usize> {
        let start = j * self.stride[1];
        start.saturating_sub(self.pad[1])
            ..(start + self.kernel[1]).saturating_sub(self.pad[1]).min(self.in_width)
    }

    /// The horizontal pass of a separable pooling: for each (channel, input row, output column) the covered
    /// inputs. Only rows that some window covers are needed, but all are listed so that indices stay plain.
    pub fn horizontal_windows(&self) -> Vec<Vec<usize>> {
        let mut out = Vec::with_capacity(self.channels * self.in_height * self.out_width);
        for c in 0..self.channels {
            for r in 0..self.in_height {
                let needed = self.is_needed(r);
                for j in 0..self.out_width {
                    let row = (c * self.in_height + r) * self.in_width;
                    // A row no window covers keeps one element: it costs no comparison and is never read.
                    let columns = self.columns(j);
                    let end = if needed { columns.end } else { columns.start + 1 };
                    out.push((columns.start..end).map(|k| row + k).collect());
                }
            }
        }
        out
    }

    /// Whether some window covers input row `r`.
    fn is_needed(&self, r: usize) -> bool {
        (0..self.out_height).any(|i| self.rows(i).contains(&r))
    }

    /// The sizes of [`Pool2dShape::horizontal_windows`] and how many there are of each, in no order.
    pub fn horizontal_sizes(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let rows = (0..self.in_height).filter(|&r| self.is_needed(r)).count();
        let needed = move |j| (self.columns(j).len(), self.channels * rows);
        let rest = (1, self.channels * (self.in_height - rows) * self.out_width);
        (0..self.out_width).map(needed).chain([rest])
    }

    /// The sizes of [`Pool2dShape::vertical_windows`] and how many there are of each, in no order.
    pub fn vertical_sizes(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.out_height).map(|i| (self.rows(i).len(), self.channels * self.out_width))
    }

    /// The vertical pass over the output of the horizontal one: for each output, the covered row maxima.
    pub fn vertical_windows(&self) -> Vec<Vec<usize>> {
        let mut out = Vec::with_capacity(self.out_len());
        for c in 0..self.channels {
            for i in 0..self.out_height {
                for j in 0..self.out_width {
                    let at = |r| (c * self.in_height + r) * self.out_width + j;
                    out.push(self.rows(i).map(at).collect());
                }
            }
        }
        out
    }

    /// Whether every window covers at least one input and none reaches past its bounds.
    pub fn is_valid(&self) -> bool {
        let positive = [self.channels, self.in_height, self.in_width, self.out_height, self.out_width];
        positive.into_iter().chain(self.kernel).chain(self.stride).all(|v| v > 0 && v < 1 << 24)
            && self.pad.iter().zip(&self.kernel).all(|(p, k)| p < k)
            && !self.rows(self.out_height - 1).is_empty()
            && !self.columns(self.out_width - 1).is_empty()
    }
}

/// The maximum of each list of elements, by the same tournament as [`crate::arg_max`]: neighbours meet, the
/// sign of their difference mod 2^ℓ decides. Panics if a list is empty.
pub fn max_of(x: &RingVec, windows: &[Vec<usize>]) -> RingVec {
    let ring = x.ring();
    let max = |a: u64, b: u64| if ring.msb(ring.sub(a, b)) { b } else { a };
    let values = windows.iter().map(|window| {
        let mut field: Vec<u64> = window.iter().map(|&i| x.values()[i]).collect();
        while field.len() > 1 {
            field = field.chunks(2).map(|p| if let [a, b] = p { max(*a, *b) } else { p[0] }).collect();
        }
        field[0]
    });
    RingVec::from_values(ring, values.collect())
}

/// The largest element of every window: rows first, then columns, so that overlapping windows share row
/// maxima. The true maximum whenever differences fit ℓ bits.
pub fn max_pool(x: &RingVec, shape: &Pool2dShape) -> RingVec {
    max_of(&max_of(x, &shape.horizontal_windows()), &shape.vertical_windows())
}

/// The average of every window: the sum mod 2^ℓ, then [`average`] by the number of positions divided by. That
/// number is the window's covered inputs, or the full kernel where `count_padding` says that padding counts
/// as zeros.
pub fn average_pool(x: &RingVec, shape: &Pool2dShape, count_padding: bool) -> RingVec {
    let mut out = Vec::with_capacity(shape.out_len());
    for c in 0..shape.channels {
        for i in 0..shape.out_height {
            for j in 0..shape.out_width {
                let mut sum = 0u64;
                for r in shape.rows(i) {
                    for k in shape.columns(j) {
                        let at = (c * shape.in_height + r) * shape.in_width + k;
                        sum = sum.wrapping_add(x.values()[at]);
                    }
                }
                let covered = shape.rows(i).len() * shape.columns(j).len();
                let d = if count_padding { shape.kernel[0] * shape.kernel[1] } else { covered };
                out.push(average(&RingVec::from_values(x.ring(), vec![sum]), d as u64).values()[0]);
            }
        }
    }
    RingVec::from_values(x.ring(), out)
}
