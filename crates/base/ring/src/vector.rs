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

    /// The bits \[3·v ≥ `thirds`·2^ℓ\] of the elements v, unsigned.
    ///
    /// They tell how often 2^ℓ must be taken from the sum of two shares of a signed x, |x| ≤ [`Ring::third`],
    /// to reach x: never where both shares are below one third, twice where both are at least two thirds,
    /// else once (arXiv 2509.01178).
    pub fn at_least_thirds(&self, thirds: u32) -> Bits {
        let bound = u128::from(thirds) << self.ring.bits();
        self.values.iter().map(|&v| 3 * u128::from(v) >= bound).collect()
    }

    /// The vector itself if it is `kept`, else zeros of its shape. It makes shares of a public vector: one
    /// party keeps the vector, the other has zeros.
    #[must_use]
    pub fn kept_if(mut self, kept: bool) -> Self {
        if !kept {
            self.values.fill(0);
        }
        self
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirds_are_those_of_the_integers() {
        for bits in 1..=64 {
            let ring = Ring::new(bits).unwrap();
            let third = (1u128 << bits) / 3;
            assert_eq!(u128::from(ring.third()), third, "{bits} bits");
            for thirds in [1u32, 2] {
                // The least element that is large enough, and its neighbours.
                let least = (u128::from(thirds) << bits).div_ceil(3);
                for v in [0, least - 1, least, least + 1, u128::from(ring.mask())] {
                    let v = ring.reduce(v as u64);
                    let got = RingVec::from_values(ring, vec![v]).at_least_thirds(thirds).get(0);
                    assert_eq!(got, u128::from(v) >= least, "{v} of {bits} bits, {thirds} thirds");
                }
            }
        }
    }

    /// All values below a third, in all sharings.
    #[test]
    fn thirds_tell_how_often_shares_wrap() {
        for bits in 1..=8 {
            let ring = Ring::new(bits).unwrap();
            let all: Vec<u64> = (0..=ring.mask()).collect();
            let third = ring.third() as i64;
            for x in -third..=third {
                let first = RingVec::from_values(ring, all.clone());
                let second = first.map(|share| ring.from_signed(x).wrapping_sub(share));
                let [one, two] = [1, 2].map(|k| [&first, &second].map(|share| share.at_least_thirds(k)));
                for i in 0..all.len() {
                    let sum = (first.values()[i] + second.values()[i]) as i64;
                    let none = !one[0].get(i) && !one[1].get(i);
                    let wraps = if none { 0 } else { 1 + i64::from(two[0].get(i) && two[1].get(i)) };
                    assert_eq!(sum - (wraps << bits), x, "{bits} bits");
                }
            }
        }
    }

    #[test]
    fn what_is_not_kept_is_zero() {
        let ring = Ring::new(7).unwrap();
        let (x, bits) = (RingVec::from_values(ring, (0..99).collect()), Bits::filled(true, 99));
        assert!(x.clone().kept_if(true) == x && x.kept_if(false) == RingVec::zeros(ring, 99));
        assert!(bits.clone().kept_if(true) == bits && bits.kept_if(false) == Bits::zeros(99));
    }
}
