//! Comparison, sign, wrap and carry.

use veilflow_ring::{Bits, Ring, RingVec};

/// Whether a < b of the unsigned readings, element by element. Panics on different lengths.
pub fn less_than(a: &RingVec, b: &RingVec) -> Bits {
    assert_eq!(a.len(), b.len(), "vectors of different length");
    a.values().iter().zip(b.values()).map(|(x, y)| x < y).collect()
}

/// The sign bit of every element.
pub fn msb(x: &RingVec) -> Bits {
    x.values().iter().map(|&v| x.ring().msb(v)).collect()
}

/// The derivative of ReLU: [x ≥ 0] of the signed reading.
pub fn drelu(x: &RingVec) -> Bits {
    msb(x).not()
}

/// \[x > 0\] of the signed reading, as 0 or 1 in `out`.
pub fn is_positive(x: &RingVec, out: Ring) -> RingVec {
    RingVec::from_values(out, x.to_signed().into_iter().map(|v| u64::from(v > 0)).collect())
}

/// [x₀ + x₁ ≥ 2^s] for the low `s` bits of each share: the carry into bit `s`. For s = ℓ this is [`wrap`].
pub fn carry(x0: &RingVec, x1: &RingVec, s: u32) -> Bits {
    let low = |v: u64| if s == 0 { 0 } else { u128::from(v & (u64::MAX >> (64 - s))) };
    x0.values().iter().zip(x1.values()).map(|(&a, &b)| low(a) + low(b) >= 1u128 << s).collect()
}

/// [x₀ + x₁ ≥ 2^ℓ]: whether adding the shares leaves the ring.
pub fn wrap(x0: &RingVec, x1: &RingVec) -> Bits {
    carry(x0, x1, x0.ring().bits())
}

/// MW = wrap + MSB in {0, 1, 2}: how often 2^ℓ must be taken from x₀ + x₁ to reach the signed reading of x.
pub fn msb_wrap_count(x0: &RingVec, x1: &RingVec, out: Ring) -> RingVec {
    let w = wrap(x0, x1);
    let m = msb(&x0.add(x1));
    RingVec::from_values(out, w.iter().zip(m.iter()).map(|(w, m)| u64::from(w) + u64::from(m)).collect())
}

/// For each row of `width` consecutive elements, the index of its largest; the lowest index wins ties.
///
/// A tournament in which neighbours meet and the winner is decided by the sign of their difference mod 2^ℓ;
/// it is the true maximum whenever differences fit ℓ bits. Panics unless `width` divides the length.
pub fn arg_max(x: &RingVec, width: usize, out: Ring) -> RingVec {
    assert!(width > 0 && x.len().is_multiple_of(width), "rows of {width} do not divide {}", x.len());
    let ring = x.ring();
    let winners = x.values().chunks(width).map(|row| {
        let mut field: Vec<(u64, u64)> = (0u64..).zip(row.iter().copied()).collect();
        while field.len() > 1 {
            field = field
                .chunks(2)
                .map(|pair| match pair {
                    [a, b] if ring.msb(ring.sub(a.1, b.1)) => *b,
                    [a, ..] => *a,
                    [] => unreachable!("chunks are never empty"),
                })
                .collect();
        }
        field[0].0
    });
    RingVec::from_values(out, winners.collect())
}
