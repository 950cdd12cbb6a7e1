//! Ring elements at exactly ℓ bits each: the form they travel in.

use crate::Ring;

/// Bytes that `count` elements of `ring` take when packed: ⌈count·ℓ/8⌉.
pub fn packed_len(ring: Ring, count: usize) -> usize {
    (count * ring.bits() as usize).div_ceil(8)
}

/// Packs reduced elements, ℓ bits each, least significant bit first, appending to `out`.
pub fn pack(ring: Ring, values: &[u64], out: &mut Vec<u8>) {
    let bits = ring.bits();
    let end = out.len() + packed_len(ring, values.len());
    out.reserve(end - out.len() + 8);
    // Fewer than 64 bits wait in `acc`, so that one more element always fits.
    let (mut acc, mut filled) = (0u128, 0u32);
    for &v in values {
        acc |= u128::from(ring.reduce(v)) << filled;
        filled += bits;
        if filled >= 64 {
            out.extend_from_slice(&(acc as u64).to_le_bytes());
            acc >>= 64;
            filled -= 64;
        }
    }
    out.extend_from_slice(&(acc as u64).to_le_bytes());
    out.truncate(end);
}

/// Reads `count` elements of `ring` from bytes made by [`pack`]. Panics if `bytes` is shorter than
/// [`packed_len`].
pub fn unpack(ring: Ring, bytes: &[u8], count: usize) -> Vec<u64> {
    assert!(bytes.len() >= packed_len(ring, count), "packed vector is short");
    let bits = ring.bits() as usize;
    let element = |i: usize| {
        let (byte, shift) = (i * bits / 8, i * bits % 8);
        // An element lies within 9 bytes; near the end there may be fewer left.
        let word = match bytes.get(byte..byte + 16) {
            Some(window) => window.try_into().map_or(0, u128::from_le_bytes),
            None => {
                let mut window = [0; 16];
                let rest = &bytes[byte..];
                window[..rest.len()].copy_from_slice(rest);
                u128::from_le_bytes(window)
            }
        };
        ring.reduce((word >> shift) as u64)
    };
    (0..count).map(element).collect()
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
