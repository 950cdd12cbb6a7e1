//! The ring Z_2^ℓ.

use crate::{Result, WidthError};

/// The ring Z_2^ℓ, 1 ≤ ℓ ≤ 64. Elements are `u64` values below 2^ℓ; the signed reading is two's complement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ring {
    bits: u32,
}

impl Ring {
    /// The ring of `bits`-bit integers. Errors unless `bits` is in 1..=64.
    pub fn new(bits: u32) -> Result<Self> {
        if (1..=64).contains(&bits) { Ok(Self { bits }) } else { Err(WidthError(bits)) }
    }

    /// The width ℓ in bits.
    pub fn bits(self) -> u32 {
        self.bits
    }

    /// 2^ℓ − 1.
    pub fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }

    /// ⌊2^ℓ/3⌋, the largest magnitude below 2^ℓ/3. Values within it leave enough of the ring free to tell
    /// wraps from the leading bits of shares, by
    /// [`RingVec::at_least_thirds`](crate::RingVec::at_least_thirds).
    pub fn third(self) -> u64 {
        self.mask() / 3
    }

    /// `x` mod 2^ℓ.
    pub fn reduce(self, x: u64) -> u64 {
        x & self.mask()
    }

    /// The two's-complement reading of a reduced element: in −2^(ℓ−1)..2^(ℓ−1).
    pub fn to_signed(self, x: u64) -> i64 {
        let shift = 64 - self.bits;
        ((x << shift) as i64) >> shift
    }

    /// The element congruent to `x` mod 2^ℓ.
    pub fn from_signed(self, x: i64) -> u64 {
        self.reduce(x as u64)
    }

    /// The sign bit of a reduced element.
    pub fn msb(self, x: u64) -> bool {
        (x >> (self.bits - 1)) & 1 == 1
    }

    /// a + b mod 2^ℓ.
    pub fn add(self, a: u64, b: u64) -> u64 {
        self.reduce(a.wrapping_add(b))
    }

    /// a − b mod 2^ℓ.
    pub fn sub(self, a: u64, b: u64) -> u64 {
        self.reduce(a.wrapping_sub(b))
    }

    /// a · b mod 2^ℓ.
    pub fn mul(self, a: u64, b: u64) -> u64 {
        self.reduce(a.wrapping_mul(b))
    }

    /// −a mod 2^ℓ.
    pub fn neg(self, a: u64) -> u64 {
        self.reduce(a.wrapping_neg())
    }
}
