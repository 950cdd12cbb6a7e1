//! From floats to integers.

use veilflow_ir::Reason;
use veilflow_ir::plan::{Interval, layer_sums};
use veilflow_spec::LinearShape;

use super::fixed_op::Layer;

/// The largest scale, and the least with a minus sign: far beyond any use.
const MAX_SCALE: i32 = 48;

/// The least m ≥ 1 with `bound`·2^`scale` < 2^m.
pub(super) fn magnitude_of(bound: f64, scale: i32) -> u32 {
    let scaled = bound * f64::from(scale).exp2();
    // The magnitude is one more than the float's exponent, which is below 1024 since ranges are finite.
    if scaled < 1.0 { 1 } else { scaled.log2().floor() as u32 + 1 }
}

/// The finest scale at which `bound` takes at most `bits` bits.
pub(super) fn scale_for(bound: f64, bits: u32) -> i32 {
    if bound <= 0.0 {
        return bits as i32;
    }
    let largest = f64::from(bits).exp2() - 1.0;
    ((largest / bound).log2().floor() as i32).clamp(-MAX_SCALE, MAX_SCALE)
}

/// A number at a scale, rounded to nearest, or the nearest integer there is.
pub(super) fn to_integer(number: f32, scale: i32) -> i64 {
    (f64::from(number) * f64::from(scale).exp2()).round() as i64
}

/// What to add before dropping `shift` bits so that the result is rounded to nearest, not down.
pub(super) fn half_unit(shift: i32) -> i64 {
    if shift > 0 { 1 << (shift - 1).min(60) } else { 0 }
}

/// A linear layer in integers.
pub(super) struct FixedLayer {
    pub(super) shape: LinearShape,
    pub(super) weights: Vec<i64>,
    pub(super) bias: Vec<i64>,
    pub(super) weight_scale: i32,
}

impl FixedLayer {
    /// Symmetric weights of `weight_bits` bits at the finest scale that fits, and biases at the scale of the
    /// sums.
    pub(super) fn quantise(layer: &Layer, input_scale: i32, weight_bits: u32) -> Result<Self, Reason> {
        let largest = layer.weights.iter().fold(0.0f64, |m, &w| m.max(f64::from(w).abs()));
        let mut weight_scale = scale_for(largest, weight_bits - 1);
        let mut weights: Vec<i64> = layer.weights.iter().map(|&w| to_integer(w, weight_scale)).collect();
        // Weights like ±1 need no fraction, and then neither do the sums.
        let even = weights.iter().filter(|w| **w != 0).map(|w| w.trailing_zeros()).min();
        if let Some(even @ 1..) = even
            && layer.bias.iter().all(|&b| b == 0.0)
        {
            weights.iter_mut().for_each(|w| *w >>= even);
            weight_scale -= even as i32;
        }
        let bias: Vec<i64> = layer.bias.iter().map(|&b| to_integer(b, input_scale + weight_scale)).collect();
        if bias.iter().any(|b| b.unsigned_abs() >= 1 << 60) {
            return Err("a bias doesn't fit 60 bits beside the weights".into());
        }
        Ok(Self { shape: layer.shape.clone(), weights, bias, weight_scale })
    }

    /// Takes from the biases what the rounding of weights adds to the sums on average (Nagel et al., ICCV
    /// 2019, §4.2). `mean` has the mean of each input channel. After a ReLU means are far from zero, so most
    /// of the rounding error goes.
    pub(super) fn correct(&mut self, layer: &Layer, input_scale: i32, mean: &[f64]) {
        let unit = f64::from(-self.weight_scale).exp2();
        let bias_scale = f64::from(input_scale + self.weight_scale).exp2();
        let row = self.weights.len() / self.bias.len();
        let (taps, inputs, outputs) = match &self.shape {
            LinearShape::Conv2d(s) => {
                (s.kernel[0] * s.kernel[1], s.in_channels / s.groups, s.out_channels / s.groups)
            }
            LinearShape::MatMul(s) => (1, s.inner, s.rows),
        };
        let errors =
            self.weights.iter().zip(&layer.weights).map(|(&w, &exact)| w as f64 * unit - f64::from(exact));
        let errors: Vec<f64> = errors.collect();
        for (o, (errors, bias)) in errors.chunks_exact(row).zip(&mut self.bias).enumerate() {
            let mean = |i: usize| mean[o / outputs * inputs + i / taps];
            let excess: f64 = errors.iter().enumerate().map(|(i, e)| e * mean(i)).sum();
            *bias -= (excess * bias_scale).round() as i64;
        }
    }

    /// What sums over inputs in a range can be.
    pub(super) fn sums(&self, x: Interval) -> Interval {
        layer_sums(&self.weights, &self.bias, x)
    }
}
