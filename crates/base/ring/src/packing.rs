//! Ring elements at exactly ℓ bits each: the form they travel in.

use crate::Ring;

/// Bytes that `count` elements of `ring` take when packed: ⌈count·ℓ/8⌉.
pub fn packed_len(ring: Ring, count: usize) -> usize {
    (count * ring.bits() as usize).div_ceil(8)
}

/// Packs reduced elements, ℓ bits each, least significant bit first, appending to `out`.
pub fn pack(ring: Ring, values: &[u64], out: &mut Vec<u8>) {
    let bits = ring.bits();
    out.reserve(packed_len(ring, values.len()));
    if bits.is_multiple_of(8) {
        let bytes = bits as usize / 8;
        for v in values {
            out.extend_from_slice(&v.to_le_bytes()[..bytes]);
        }
        return;
    }
    let (mut acc, mut filled) = (0u128, 0u32);
    for &v in values {
        acc |= u128::from(ring.reduce(v)) << filled;
        filled += bits;
        while filled >= 8 {
            out.push(acc as u8);
            acc >>= 8;
            filled -= 8;
        }
    }
    if filled > 0 {
        out.push(acc as u8);
    }
}

/// Reads `count` elements of `ring` from bytes made by [`pack`]. Panics if `bytes` is shorter than [`packed_len`].
pub fn unpack(ring: Ring, bytes: &[u8], count: usize) -> Vec<u64> {
    assert!(bytes.len() >= packed_len(ring, count), "packed vector is short");
    let bits = ring.bits();
    let (mut acc, mut filled, mut next) = (0u128, 0u32, 0usize);
    (0..count)
        .map(|_| {
            while filled < bits {
                acc |= u128::from(bytes[next]) << filled;
                next += 1;
                filled += 8;
            }
            let v = ring.reduce(acc as u64);
            acc >>= bits;
            filled -= bits;
            v
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_round_trips() {
        for bits in 1..=64 {
            let ring = Ring::new(bits).unwrap();
            let values: Vec<u64> =
                (0..101u64).map(|i| ring.reduce(i.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
            let mut bytes = Vec::new();
            pack(ring, &values, &mut bytes);
            assert_eq!(bytes.len(), packed_len(ring, values.len()));
            assert_eq!(unpack(ring, &bytes, values.len()), values);
        }
    }
}
