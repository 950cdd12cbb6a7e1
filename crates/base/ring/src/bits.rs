//! Packed bit vectors.

use std::fmt;

/// A packed bit vector, least significant bit of word 0 first.
///
/// Invariant: the bits of the last word past `len` are zero, and `words.len() == len.div_ceil(64)`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl fmt::Debug for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bits(len {})", self.len)
    }
}

impl Bits {
    /// `len` zero bits.
    pub fn zeros(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)], len }
    }

    /// `len` copies of `bit`.
    pub fn filled(bit: bool, len: usize) -> Self {
        let mut out = Self { words: vec![if bit { u64::MAX } else { 0 }; len.div_ceil(64)], len };
        out.clear_tail();
        out
    }

    /// The first `len` bits of `words`; missing words are zero, surplus bits are cleared.
    pub fn from_words(mut words: Vec<u64>, len: usize) -> Self {
        words.resize(len.div_ceil(64), 0);
        let mut out = Self { words, len };
        out.clear_tail();
        out
    }

    /// `len` bits from bytes, least significant bit of byte 0 first. Missing bytes are zero.
    pub fn from_bytes(bytes: &[u8], len: usize) -> Self {
        let words = bytes
            .chunks(8)
            .map(|c| {
                let mut w = [0u8; 8];
                w[..c.len()].copy_from_slice(c);
                u64::from_le_bytes(w)
            })
            .collect();
        Self::from_words(words, len)
    }

    /// The bits as `len.div_ceil(8)` bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 * self.words.len());
        self.words.iter().for_each(|w| out.extend_from_slice(&w.to_le_bytes()));
        out.truncate(self.len.div_ceil(8));
        out
    }

    fn clear_tail(&mut self) {
        let tail = self.len % 64;
        if tail != 0
            && let Some(last) = self.words.last_mut()
        {
            *last &= u64::MAX >> (64 - tail);
        }
    }

    /// Number of bits.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The packed words.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Bit `i`. Panics if `i >= len`.
    pub fn get(&self, i: usize) -> bool {
        assert!(i < self.len, "bit index {i} out of {}", self.len);
        (self.words[i / 64] >> (i % 64)) & 1 == 1
    }

    /// Sets bit `i`. Panics if `i >= len`.
    pub fn set(&mut self, i: usize, bit: bool) {
        assert!(i < self.len, "bit index {i} out of {}", self.len);
        let (word, at) = (&mut self.words[i / 64], i % 64);
        *word = *word & !(1 << at) | u64::from(bit) << at;
    }

    /// Every bit in order.
    pub fn iter(&self) -> impl Iterator<Item = bool> + '_ {
        (0..self.len).map(|i| (self.words[i / 64] >> (i % 64)) & 1 == 1)
    }

    fn zip(&self, other: &Self, f: impl Fn(u64, u64) -> u64) -> Self {
        assert_eq!(self.len, other.len, "bit vectors of different length");
        Self { words: self.words.iter().zip(&other.words).map(|(&a, &b)| f(a, b)).collect(), len: self.len }
    }

    /// Bitwise exclusive or. Panics on different lengths (as do `and`, `xor_assign`).
    pub fn xor(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a ^ b)
    }

    /// Bitwise and.
    pub fn and(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    /// In-place exclusive or.
    pub fn xor_assign(&mut self, other: &Self) {
        assert_eq!(self.len, other.len, "bit vectors of different length");
        for (a, &b) in self.words.iter_mut().zip(&other.words) {
            *a ^= b;
        }
    }

    /// Bitwise complement.
    pub fn not(&self) -> Self {
        let mut out = Self { words: self.words.iter().map(|w| !w).collect(), len: self.len };
        out.clear_tail();
        out
    }

    /// The bits themselves if they are `kept`, else as many zeros. It makes shares of public bits: one party
    /// keeps the bits, the other has zeros.
    #[must_use]
    pub fn kept_if(mut self, kept: bool) -> Self {
        if !kept {
            self.words.fill(0);
        }
        self
    }

    /// Bits `start..start + len`, shifted to the front. Panics if out of range.
    pub fn slice(&self, start: usize, len: usize) -> Self {
        assert!(start + len <= self.len, "slice {start}+{len} out of {}", self.len);
        let (word, shift) = (start / 64, start % 64);
        let mut words: Vec<u64> = self.words[word..(start + len).div_ceil(64).max(word)].to_vec();
        if shift != 0 {
            for i in 0..words.len() {
                let high = words.get(i + 1).copied().unwrap_or(0);
                words[i] = (words[i] >> shift) | (high << (64 - shift));
            }
        }
        Self::from_words(words, len)
    }

    /// Appends the bits of `other`.
    pub fn append(&mut self, other: &Self) {
        let shift = self.len % 64;
        if shift == 0 {
            self.words.extend_from_slice(&other.words);
        } else {
            for &w in &other.words {
                if let Some(last) = self.words.last_mut() {
                    *last |= w << shift;
                }
                self.words.push(w >> (64 - shift));
            }
        }
        self.len += other.len;
        self.words.truncate(self.len.div_ceil(64));
    }

    /// The rows one after another in one vector.
    pub fn concat<'a>(rows: impl IntoIterator<Item = &'a Bits>) -> Self {
        let mut out = Self::default();
        for row in rows {
            out.append(row);
        }
        out
    }
}

impl FromIterator<bool> for Bits {
    fn from_iter<I: IntoIterator<Item = bool>>(iter: I) -> Self {
        let mut words = Vec::new();
        let mut len = 0;
        for bit in iter {
            if len % 64 == 0 {
                words.push(0u64);
            }
            words[len / 64] |= u64::from(bit) << (len % 64);
            len += 1;
        }
        Self { words, len }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slice_append_and_bytes_agree_with_bools() {
        let bools: Vec<bool> = (0..300).map(|i| (i * i + i / 3) % 5 < 2).collect();
        let bits: Bits = bools.iter().copied().collect();
        for start in [0, 1, 63, 64, 65, 128, 200] {
            for len in [0, 1, 7, 63, 64, 65, 100] {
                let want: Bits = bools[start..start + len].iter().copied().collect();
                assert!(bits.slice(start, len) == want, "{start}+{len}");
                let mut joined = bits.slice(0, start);
                joined.append(&want);
                assert!(joined == bits.slice(0, start + len), "append {start}+{len}");
                assert!(Bits::from_bytes(&want.to_bytes(), len) == want);
            }
        }
        assert!(bits.not().xor(&bits) == Bits::filled(true, 300));
    }
}
