//! The sliding window of convolution and pooling, over height and width.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Reason, refuse};

/// A bound on every parameter of a window, so that no arithmetic on them can overflow.
const MAX_PARAMETER: usize = 1 << 20;

/// A window sliding over the last two dimensions (height, width).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Taps along height and width.
    pub kernel: [usize; 2],
    /// Distance between neighbouring outputs, in input elements.
    pub stride: [usize; 2],
    /// Padding before the first element: top, left.
    pub pad_before: [usize; 2],
    /// Padding after the last element: bottom, right.
    pub pad_after: [usize; 2],
    /// Distance between neighbouring taps, in input elements.
    pub dilation: [usize; 2],
}

impl Window {
    /// A window of `kernel` taps, stride 1, no padding, no dilation.
    pub fn new(kernel: [usize; 2]) -> Self {
        Self { kernel, stride: [1; 2], pad_before: [0; 2], pad_after: [0; 2], dilation: [1; 2] }
    }

    /// Input elements from the first tap to the last, inclusive.
    pub fn extent(&self, axis: usize) -> usize {
        (self.kernel[axis] - 1) * self.dilation[axis] + 1
    }

    /// Height and width of the output for an input of this height and width. The other methods expect a
    /// window and an input that passed here.
    ///
    /// # Errors
    /// What is wrong with the window.
    pub fn output(&self, input: [usize; 2]) -> Result<[usize; 2], Reason> {
        let positive = [self.kernel, self.stride, self.dilation];
        if positive.iter().flatten().any(|&p| p == 0) {
            return refuse("kernel, stride and dilation must be at least 1");
        }
        let all = [self.kernel, self.stride, self.dilation, self.pad_before, self.pad_after, input];
        if all.iter().flatten().any(|&p| p > MAX_PARAMETER) {
            return refuse(format!("a window parameter or input side above {MAX_PARAMETER}"));
        }
        let mut output = [0; 2];
        for axis in 0..2 {
            let padded = input[axis] + self.pad_before[axis] + self.pad_after[axis];
            let room = padded
                .checked_sub(self.extent(axis))
                .ok_or_else(|| format!("window of {} over {padded} padded elements", self.extent(axis)))?;
            output[axis] = room / self.stride[axis] + 1;
        }
        Ok(output)
    }

    /// The input indices that output index `o` reads along `axis`, padding left out.
    pub fn taps(&self, axis: usize, o: usize, input: usize) -> impl ExactSizeIterator<Item = usize> + use<> {
        let (start, dilation, pad) = (o * self.stride[axis], self.dilation[axis], self.pad_before[axis]);
        let first = pad.saturating_sub(start).div_ceil(dilation);
        let end = (pad + input).saturating_sub(start).div_ceil(dilation).min(self.kernel[axis]);
        (first.min(end)..end).map(move |t| start + t * dilation - pad)
    }

    /// How many elements each output reads, padding left out. Outputs are in row-major order.
    pub fn counts(&self, input: [usize; 2], output: [usize; 2]) -> Vec<usize> {
        let along = |axis: usize| -> Vec<usize> {
            (0..output[axis]).map(|o| self.taps(axis, o, input[axis]).len()).collect()
        };
        let (rows, columns) = (along(0), along(1));
        rows.iter().flat_map(|r| columns.iter().map(move |c| r * c)).collect()
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kernel={}x{}", self.kernel[0], self.kernel[1])?;
        if self.stride != [1; 2] {
            write!(f, " stride={}x{}", self.stride[0], self.stride[1])?;
        }
        if (self.pad_before, self.pad_after) != ([0; 2], [0; 2]) {
            let ([top, left], [bottom, right]) = (self.pad_before, self.pad_after);
            write!(f, " pads={top},{left},{bottom},{right}")?;
        }
        if self.dilation != [1; 2] {
            write!(f, " dilation={}x{}", self.dilation[0], self.dilation[1])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_follows_the_usual_formula() {
        let window = Window { stride: [2; 2], pad_before: [0; 2], pad_after: [1; 2], ..Window::new([3, 3]) };
        assert_eq!(window.output([224, 224]), Ok([112, 112]));
        let dilated = Window { dilation: [2, 3], ..Window::new([3, 2]) };
        assert_eq!(dilated.output([5, 4]), Ok([1, 1]));
        assert!(dilated.output([4, 4]).is_err());
        assert!(Window { stride: [0, 1], ..Window::new([1, 1]) }.output([4, 4]).is_err());
        assert!(Window::new([usize::MAX, 1]).output([4, 4]).is_err());
    }

    #[test]
    fn taps_are_those_of_the_definition() {
        for (kernel, stride, pad, dilation) in
            [(3, 1, 1, 1), (3, 2, 4, 1), (2, 3, 0, 5), (5, 1, 7, 2), (1, 1, 3, 1)]
        {
            let window = Window {
                kernel: [kernel; 2],
                stride: [stride; 2],
                pad_before: [pad; 2],
                pad_after: [pad; 2],
                dilation: [dilation; 2],
            };
            let input = 7;
            for o in 0..window.output([input; 2]).unwrap()[0] {
                let positions = (0..kernel).map(|t| (o * stride + t * dilation) as i64 - pad as i64);
                let expected: Vec<i64> = positions.filter(|i| (0..input as i64).contains(i)).collect();
                let taps: Vec<i64> = window.taps(0, o, input).map(|i| i as i64).collect();
                assert_eq!(taps, expected, "{window} at {o}");
            }
        }
    }

    #[test]
    fn counts_leave_padding_out() {
        let window = Window { pad_before: [1; 2], pad_after: [1; 2], ..Window::new([3, 3]) };
        assert_eq!(window.counts([2, 3], [2, 3]), vec![4, 6, 4, 4, 6, 4]);
    }
}
