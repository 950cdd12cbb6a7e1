//! The tensors of a plan: formats, and numbers written in them.

use serde::{Deserialize, Serialize};
use veilflow_ring::{Ring, RingVec};

use super::interval::Interval;
use crate::Shape;

/// A tensor of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanValue {
    /// The dimensions.
    pub shape: Shape,
    /// Width ℓ in bits, 1..=64.
    pub width: u32,
    /// Fractional bits f. They are negative where integers stand for multiples of a power of two.
    pub scale: i32,
    /// The m for which the integers lie in −2^m..2^m, on every input like those of calibration.
    pub magnitude: u32,
    /// Whether the integers are never negative either.
    pub non_negative: bool,
}

/// Numbers as integers of a plan's tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The integers, rounded to nearest.
    pub values: RingVec,
    /// How many lie outside the tensor's range. Calibration saw nothing like them, so the result may be
    /// wrong.
    pub outside: usize,
}

impl PlanValue {
    /// The integers that the plan has room for: its declared range.
    pub fn range(&self) -> Interval {
        let end = 1 << self.magnitude;
        Interval { low: if self.non_negative { 0 } else { -end }, high: end - 1 }
    }

    /// Whether the plan has room for an integer.
    pub fn contains(&self, integer: i64) -> bool {
        let Interval { low, high } = self.range();
        (low..=high).contains(&integer.into())
    }

    /// The ring of this width. Panics if the plan doesn't verify.
    pub fn ring(&self) -> Ring {
        Ring::new(self.width).expect("a verified plan has widths of 1..=64 bits")
    }

    /// Rounds numbers to integers of this scale, and limits them to the tensor's range.
    pub fn encode(&self, numbers: &[f32]) -> Encoded {
        let factor = f64::from(self.scale).exp2();
        // Exact, since a magnitude is below 64: the ends of a range are powers of two, but for one.
        let range = self.range();
        let (low, high) = (range.low as i64, range.high as i64);
        let rounded = |x: &f32| (f64::from(*x) * factor).round();
        // Counted before they are limited. Casts saturate, and map what is not a number to 0.
        // As numbers, since the cast of a huge one would be in a range of 64 bits.
        let (least, most) = (range.low as f64, range.high as f64);
        let outside = |x: &&f32| !x.is_finite() || rounded(x) < least || rounded(x) > most;
        let integers: Vec<i64> = numbers.iter().map(|x| (rounded(x) as i64).clamp(low, high)).collect();
        let outside = numbers.iter().filter(outside).count();
        Encoded { values: RingVec::from_signed(self.ring(), &integers), outside }
    }

    /// The largest number, in magnitude, that the tensor has room for.
    pub fn limit(&self) -> f64 {
        f64::from(self.magnitude as i32 - self.scale).exp2()
    }

    /// The numbers that integers of this scale stand for.
    pub fn decode(&self, integers: &RingVec) -> Vec<f32> {
        let unit = (-f64::from(self.scale)).exp2();
        integers.to_signed().iter().map(|&v| (v as f64 * unit) as f32).collect()
    }
}
