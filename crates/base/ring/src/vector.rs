//! Vectors over one ring.

use std::fmt;

use crate::{Bits, Ring, pack, packed_len, unpack};

/// A vector of elements of one ring.
///
/// Invariant: every value is below 2^ℓ.
#[derive(Clone, PartialEq, Eq)]
pub struct RingVec {
    ring: Ring,
    values: Vec<u64>,
}

impl fmt::Debug for RingVec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RingVec(len {}, {} bits)", self.values.len(), self.ring.bits())
    }
}

impl RingVec {
    /// `len` zeros.
    pub fn zeros(ring: Ring, len: usize) -> Self {
        Self { ring, values: vec![0; len] }
    }

    /// The values, each reduced into the ring.
    pub fn from_values(ring: Ring, mut values: Vec<u64>) -> Self {
        let mask = ring.mask();
        for v in &mut values {
            *v &= mask;
        }
        Self { ring, values }
    }

    /// The elements congruent to signed integers.
    pub fn from_signed(ring: Ring, values: &[i64]) -> Self {
        Self { ring, values: values.iter().map(|&v| ring.from_signed(v)).collect() }
    }

    /// Bits as 0/1 elements.
    pub fn from_bits(ring: Ring, bits: &Bits) -> Self {
        Self { ring, values: bits.iter().map(u64::from).collect() }
    }

    /// The ring.
    pub fn ring(&self) -> Ring {
        self.ring
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The reduced elements.
    pub fn values(&self) -> &[u64] {
        &self.values
    }

    /// The reduced elements, by value.
    pub fn into_values(self) -> Vec<u64> {
        self.values
    }

    /// The two's-complement readings.
    pub fn to_signed(&self) -> Vec<i64> {
        self.values.iter().map(|&v| self.ring.to_signed(v)).collect()
    }

    /// Applies `f` to every element, reducing the result into `ring`.
    pub fn map_into(&self, ring: Ring, f: impl Fn(u64) -> u64) -> Self {
        let mask = ring.mask();
        Self { ring, values: self.values.iter().map(|&v| f(v) & mask).collect() }
    }

    /// Applies `f` to every element, reducing the result into the same ring.
    pub fn map(&self, f: impl Fn(u64) -> u64) -> Self {
        self.map_into(self.ring, f)
    }

    /// Combines two vectors element by element. Panics on different rings or lengths (as do `add`, `sub`).
    pub fn zip_map(&self, other: &Self, f: impl Fn(u64, u64) -> u64) -> Self {
        assert_eq!(self.ring, other.ring, "vectors over different rings");
        assert_eq!(self.len(), other.len(), "vectors of different length");
        let mask = self.ring.mask();
        let values = self.values.iter().zip(&other.values).map(|(&a, &b)| f(a, b) & mask).collect();
        Self { ring: self.ring, values }
    }

    /// Element-wise sum.
    pub fn add(&self, other: &Self) -> Self {
        self.zip_map(other, u64::wrapping_add)
    }

    /// Element-wise difference.
    pub fn sub(&self, other: &Self) -> Self {
        self.zip_map(other, u64::wrapping_sub)
    }

    /// Element-wise negation.
    pub fn neg(&self) -> Self {
        self.map(u64::wrapping_neg)
    }

    /// Every element times `factor`.
    pub fn scale(&self, factor: u64) -> Self {
        self.map(|v| v.wrapping_mul(factor))
    }

    /// The same integers modulo a ring that is not wider; drops high bits. Panics if `ring` is wider.
    pub fn narrow(&self, ring: Ring) -> Self {
        assert!(ring.bits() <= self.ring.bits(), "narrow to a wider ring");
        self.map_into(ring, |v| v)
    }

    /// Elements `start..start + len`. Panics if out of range.
    pub fn slice(&self, start: usize, len: usize) -> Self {
        Self { ring: self.ring, values: self.values[start..start + len].to_vec() }
    }

    /// The elements at `indices`. Panics if one is out of range.
    pub fn gather(&self, indices: impl IntoIterator<Item = usize>) -> Self {
        Self { ring: self.ring, values: indices.into_iter().map(|i| self.values[i]).collect() }
    }

    /// Appends `other`. Panics on different rings.
    pub fn append(&mut self, other: &Self) {
        assert_eq!(self.ring, other.ring, "vectors over different rings");
        self.values.extend_from_slice(&other.values);
    }

    /// The packed form: ⌈len·ℓ/8⌉ bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        pack(self.ring, &self.values, &mut out);
        out
    }

    /// Reads `len` elements from the packed form. Panics if `bytes` is shorter than [`packed_len`] says.
    pub fn from_bytes(ring: Ring, bytes: &[u8], len: usize) -> Self {
        Self { ring, values: unpack(ring, bytes, len) }
    }

    /// Bytes of the packed form of `len` elements.
    pub fn byte_len(ring: Ring, len: usize) -> usize {
        packed_len(ring, len)
    }
}
