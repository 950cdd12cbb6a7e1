//! Normalisation of rows: by their Euclidean length, or to mean zero and variance one.

use veilflow_ring::{Ring, RingVec};

use super::format::{EXTENSION, Fixed, MathError};
use super::mantissa::Mantissa;
use super::precise::FRACTION;

/// Widest sum of squares.
const MAX_SUM: u32 = 62;
/// Widest result, apart from its sign.
const MAX_RESULT: u32 = 17;
/// Longest row.
const MAX_WIDTH: usize = 1 << 12;

/// What a row is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Norm {
    /// √(Σ x²).
    L2,
    /// The standard deviation, after the mean was taken off: layer normalisation.
    Layer,
}

/// Rows divided by their norm.
///
/// L2 divides by the Euclidean length of the row, layer normalisation by its standard deviation:
///
/// $$ y_i = \frac{x_i}{\sqrt{\sum_j x_j^2 + \varepsilon}} \qquad
///    y_i = \frac{x_i - \mu}{\sqrt{\sigma^2 + \varepsilon_0}}
///        = \sqrt n \frac{n x_i - \sum_j x_j}{\sqrt{\sum_k (n x_k - \sum_j x_j)^2 + \varepsilon}} $$
///
/// Here n is the width of the row, $\mu$ its mean, $\sigma^2$ its variance, and $\varepsilon = n^3
/// \varepsilon_0 2^{2 \cdot \mathrm{scale}}$. What is squared, $c_i$, and the sum S under its root are
/// exact. The sum is normalised to $M = S 2^d$ with d even, its leading one at the top or next to it, and
/// $c_i$ is shifted by d/2. So the result is $c_i 2^{d/2}$ times the tabulated root, and errs by less than a
/// unit before it is rounded to nearest. A row of zeros gives zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalise {
    /// What is divided by.
    pub norm: Norm,
    /// The argument's format.
    pub input: Fixed,
    /// The result's format.
    pub output: Fixed,
    /// Elements of a row.
    pub width: usize,
    /// ε in units of the sum.
    pub epsilon: u64,
    /// The ring of c.
    pub centred: Ring,
    /// The ring of the sum, of an even width.
    pub sum: Ring,
    /// The ring of c·2^(d/2).
    pub shifted: Ring,
    /// Bits dropped at the end.
    pub dropped: u32,
    /// The ring in which the result comes out, before extension.
    pub result: Ring,
    /// The reciprocal root.
    pub root: Mantissa,
}

impl Normalise {
    /// The normalisation of rows of `width` elements; `epsilon` is added to the sum of squares, in its own
    /// units.
    ///
    /// # Errors
    /// Rows without an element, or whose results (up to √width for layer normalisation) do not fit their
    /// format; formats whose sum of squares exceeds 62 bits, or whose results 17.
    pub fn new(
        norm: Norm,
        input: Fixed,
        output: Fixed,
        width: usize,
        epsilon: u64,
    ) -> Result<Self, MathError> {
        input.check_input()?;
        output.check_output()?;
        if !(1..=MAX_WIDTH).contains(&width) {
            return Err(MathError::Width { width, most: MAX_WIDTH });
        }
        let log = width.next_power_of_two().ilog2();
        // √width is at most 2^reach.
        let (centred, reach) = match norm {
            Norm::L2 => (input.bits, 0),
            Norm::Layer => (input.bits + log + 1, log.div_ceil(2)),
        };
        let sum = (2 * centred - 1 + log).next_multiple_of(2);
        if sum > MAX_SUM || epsilon >> (sum - 2) != 0 {
            return Err(MathError::Sum { most: MAX_SUM });
        }
        let magnitude = output.scale + reach;
        if magnitude + 1 > output.bits || magnitude > MAX_RESULT {
            return Err(MathError::Row { width, bits: output.bits, scale: output.scale });
        }
        let scale = magnitude + 3;
        let factor = match norm {
            Norm::L2 => 1 << FRACTION,
            Norm::Layer => (((width as u128) << (2 * FRACTION)).isqrt() >> reach) as i128,
        };
        let shifted = sum / 2 + 1;
        let result = if output.bits > magnitude + EXTENSION { magnitude + 2 } else { output.bits };
        let ring = |bits| Ring::new(bits).expect("at most 64 bits");
        Ok(Self {
            norm,
            input,
            output,
            width,
            epsilon,
            centred: ring(centred),
            sum: ring(sum),
            shifted: ring(shifted),
            dropped: scale + shifted - 2 - magnitude,
            result: ring(result),
            root: Mantissa::root(sum, scale, factor),
        })
    }

    fn row(&self, x: &[i64]) -> Vec<u64> {
        let n = x.len() as i64;
        let sum: i64 = x.iter().sum();
        let centred = x.iter().map(|&x| if self.norm == Norm::L2 { x } else { n * x - sum });
        let centred: Vec<i64> = centred.collect();
        let squares = centred.iter().map(|c| c.unsigned_abs().pow(2)).sum::<u64>() + self.epsilon;
        let top = self.sum.bits() - 1;
        let distance = squares.checked_ilog2().map(|octave| (top - octave) & !1);
        let root = self.root.evaluate(distance.map_or(0, |d| squares << d), self.sum.bits());
        let result = |c: &i64| {
            let shifted = distance.map_or(0, |d| c << (d / 2)).cast_unsigned();
            let product = shifted.wrapping_mul(root).wrapping_add(1 << (self.dropped - 1));
            let narrow = self.result.reduce(product >> self.dropped);
            self.result.to_signed(narrow).cast_unsigned()
        };
        centred.iter().map(result).collect()
    }
}

/// Every row divided by its norm. Panics if x is of another format, or not of whole rows.
pub fn normalise(normalise: &Normalise, x: &RingVec) -> RingVec {
    assert_eq!(x.ring(), normalise.input.ring(), "an argument of the format");
    assert!(x.len().is_multiple_of(normalise.width), "whole rows");
    let results = x.to_signed().chunks(normalise.width).flat_map(|row| normalise.row(row)).collect();
    RingVec::from_values(normalise.output.ring(), results)
}
