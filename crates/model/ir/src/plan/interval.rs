//! Ranges of integers, as wide as an operation can make them.

use std::ops::{Add, Neg};

use veilflow_ring::Ring;

/// All integers from `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// The least.
    pub low: i128,
    /// The largest, which is no less.
    pub high: i128,
}

impl Interval {
    /// More than any ring holds.
    pub const ANY: Self = Self { low: -(1 << 126), high: 1 << 126 };

    /// All from `low` to `high`, which is no less.
    pub fn new(low: i128, high: i128) -> Self {
        Self { low, high }
    }

    /// The integers from `low` to `high`, which is no less.
    pub fn from_to(low: i64, high: i64) -> Self {
        Self::new(low.into(), high.into())
    }

    /// The signed readings of `width` bits, of which there are 1 to 64.
    pub fn of_ring(width: u32) -> Self {
        let half = 1 << (width - 1);
        Self::new(-half, half - 1)
    }

    /// Whether it holds all of `other`.
    pub fn contains(self, other: Self) -> bool {
        self.low <= other.low && other.high <= self.high
    }

    /// Itself if a ring of `width` bits holds it, else that ring: what is left after reduction.
    pub(super) fn reduced(self, width: u32) -> Self {
        let ring = Self::of_ring(width);
        if ring.contains(self) { self } else { ring }
    }

    /// The least interval that holds both.
    pub fn hull(self, other: Self) -> Self {
        Self::new(self.low.min(other.low), self.high.max(other.high))
    }

    /// What an increasing function makes of it.
    pub(super) fn map(self, f: impl Fn(i128) -> i128) -> Self {
        Self::new(f(self.low), f(self.high))
    }

    /// Products of a member of each. Both are within 64 bits.
    pub fn multiply(self, other: Self) -> Self {
        let ends = [self.low, self.high].map(|a| [other.low, other.high].map(|b| a * b));
        let [[a, b], [c, d]] = ends;
        Self::new(a.min(b).min(c).min(d), a.max(b).max(c).max(d))
    }

    /// Sums of `least` to `most` of its members.
    pub fn sums(self, least: usize, most: usize) -> Self {
        let [few, many] = [least as i128, most as i128];
        Self::new((self.low * few).min(self.low * many), (self.high * few).max(self.high * many))
    }

    /// The least m for which it lies in −2^m..2^m.
    pub fn magnitude(self) -> u32 {
        let bits = |v: i128| 128 - v.leading_zeros();
        bits(self.high.max(0)).max(bits((-1 - self.low).max(0)))
    }

    /// Whether no member is negative.
    pub fn is_non_negative(self) -> bool {
        self.low >= 0
    }

    /// Whether every |member| is below a third of the ring.
    pub fn leaves_two_thirds(self, ring: Ring) -> bool {
        3 * self.high.max(-self.low) < 1 << ring.bits()
    }
}

/// Sums of a member of each.
impl Add for Interval {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::new(self.low + other.low, self.high + other.high)
    }
}

/// The negatives.
impl Neg for Interval {
    type Output = Self;

    fn neg(self) -> Self {
        Self::new(-self.high, -self.low)
    }
}
