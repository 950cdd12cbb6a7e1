//! Between elements and bit slices: slice j holds bit j of every element.

use crate::Bits;

/// Transposes a 64×64 bit matrix in place: bit j of word i goes to bit i of word j (Hacker's Delight, 7-3).
fn transpose64(m: &mut [u64; 64]) {
    let (mut width, mut mask) = (32, 0x0000_0000_ffff_ffffu64);
    while width != 0 {
        let mut k = 0;
        while k < 64 {
            let t = ((m[k] >> width) ^ m[k + width]) & mask;
            m[k] ^= t << width;
            m[k + width] ^= t;
            k = (k + width + 1) & !width;
        }
        width >>= 1;
        mask ^= mask << width;
    }
}

/// The low `count` bits of every element, as `count` rows of `values.len()` bits.
pub fn bit_slices(values: &[u64], count: usize) -> Vec<Bits> {
    assert!(count <= 64, "an element has 64 bits");
    let mut rows = vec![Vec::with_capacity(values.len().div_ceil(64)); count];
    for chunk in values.chunks(64) {
        let mut block = [0u64; 64];
        block[..chunk.len()].copy_from_slice(chunk);
        transpose64(&mut block);
        for (row, word) in rows.iter_mut().zip(block) {
            row.push(word);
        }
    }
    rows.into_iter().map(|words| Bits::from_words(words, values.len())).collect()
}

/// The inverse of [`bit_slices`]: element i gets bit j from row j. Panics if rows differ in length or exceed
/// 64.
pub fn from_bit_slices(rows: &[Bits]) -> Vec<u64> {
    assert!(rows.len() <= 64, "an element has 64 bits");
    let len = rows.first().map_or(0, Bits::len);
    assert!(rows.iter().all(|r| r.len() == len), "rows of different length");
    let mut out = Vec::with_capacity(len.next_multiple_of(64));
    for w in 0..len.div_ceil(64) {
        let mut block = [0u64; 64];
        for (slot, row) in block.iter_mut().zip(rows) {
            *slot = row.words()[w];
        }
        transpose64(&mut block);
        out.extend_from_slice(&block);
    }
    out.truncate(len);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_hold_the_bits_and_invert() {
        let values: Vec<u64> = (0..150u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let rows = bit_slices(&values, 64);
        for (j, row) in rows.iter().enumerate() {
            for (i, v) in values.iter().enumerate() {
                assert_eq!(row.get(i), (v >> j) & 1 == 1);
            }
        }
        assert_eq!(from_bit_slices(&rows), values);
    }
}
