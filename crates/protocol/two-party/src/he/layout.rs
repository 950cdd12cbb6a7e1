//! Tiles of a layer as negacyclic polynomial products, after Cheetah (USENIX Security 2022, §4).
//!
//! A tile of `rows` × `columns` outputs reads a window of each plane, laid out row by row with `pitch`
//! coefficients a row. Windows that are whole images have one zero padding between two rows, and between two
//! planes. k planes stand `block` coefficients apart in one input polynomial. The weights of M outputs stand
//! k blocks apart, their planes in reverse order, so output o of the product is at block o·k + k − 1. The
//! block is large enough that nothing else falls there, and N ≥ k·M·`block` lets the rest wrap around
//! harmlessly.

use std::ops::Range;

use super::geometry::{Geometry, Tap};

/// A tile's window in a polynomial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Rows and columns of outputs of a whole tile.
    pub(super) tile: [usize; 2],
    /// First row and column of the window, relative to the tile's first output.
    pub(super) first: [isize; 2],
    /// Rows and columns of the window.
    pub(super) window: [usize; 2],
    /// Coefficients from row to row, of windows and of outputs.
    pub(super) pitch: usize,
    /// Coefficients from plane to plane.
    pub(super) block: usize,
    /// How many coefficients before an output's own its taps read.
    before: usize,
    /// How many coefficients behind an output's own its taps read.
    behind: usize,
}

impl Layout {
    /// The layout of tiles of `tile` outputs.
    pub(super) fn new(geometry: &Geometry, tile: [usize; 2]) -> Self {
        let span = |i: usize| {
            let [least, most] = geometry.reach[i];
            let (first, end) = if tile[i] >= geometry.output[i] {
                // The only tile: its window starts and ends with the image.
                (least.max(0), (geometry.plane[i] as isize).min(tile[i] as isize + most))
            } else {
                (least, tile[i] as isize + most)
            };
            (first, (end - first).max(1) as usize)
        };
        let ((first_row, rows), (first_column, columns)) = (span(0), span(1));
        let first = [first_row, first_column];
        let [least, most] = [0, 1].map(|end| [geometry.reach[0][end], geometry.reach[1][end]]);
        // A row holds its window and the zeros left of it. It reaches the last column read, and holds its
        // outputs.
        let left = (first[1] - least[1]).max(0) as usize;
        let right = (tile[1] as isize + most[1] - first[1]).max(0) as usize;
        let pitch = (columns + left).max(right).max(tile[1]);
        // Weights stand at −behind..=before. A block holds all products of its own window, and all that its
        // outputs read.
        let exponent = |shift: [isize; 2]| (first[0] - shift[0]) * pitch as isize + first[1] - shift[1];
        let (behind, before) = (-exponent(most).min(0) as usize, exponent(least).max(0) as usize);
        let extent = |size: [usize; 2]| (size[0] - 1) * pitch + size[1];
        let block = (extent(tile) + behind).max(extent([rows, columns]) + before);
        Self { tile, first, window: [rows, columns], pitch, block, before, behind }
    }

    /// The coefficients that a tile of `size` outputs reads of a plane, relative to the plane's block.
    /// Negative ones wrap around.
    pub(super) fn reads(&self, size: [usize; 2]) -> Range<isize> {
        let end = (size[0] - 1) * self.pitch + size[1] + self.behind;
        -(self.before as isize)..end as isize
    }

    /// The first row (or column, for `axis` 1) that no window before it holds, of the window of the tile that
    /// starts with output `start`.
    pub(super) fn unseen(&self, axis: usize, start: usize) -> usize {
        if start == 0 { 0 } else { self.window[axis] - self.tile[axis] }
    }

    /// How many tiles the outputs take.
    pub(super) fn tiles(&self, geometry: &Geometry) -> usize {
        (0..2).map(|i| geometry.output[i].div_ceil(self.tile[i])).product()
    }

    /// The exponent of a tap's weight for plane `plane` of `planes` and output `output` of a polynomial.
    pub(super) fn exponent(&self, tap: &Tap, plane: usize, planes: usize, output: usize) -> isize {
        let rows = self.first[0] - tap.shift[0];
        let columns = self.first[1] - tap.shift[1];
        let base = (output * planes + planes - 1 - plane) * self.block;
        base as isize + rows * self.pitch as isize + columns
    }

    /// The coefficient of output (`row`, `column`) of a tile, for output `output` of a polynomial.
    pub(super) fn position(&self, [row, column]: [usize; 2], planes: usize, output: usize) -> usize {
        (output * planes + planes - 1) * self.block + row * self.pitch + column
    }
}
