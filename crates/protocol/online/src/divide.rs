//! Exact division of a shared value by a public constant (CrypTFlow2 §4.2).
//!
//! With xᵢ = qᵢ·d + rᵢ, 2^ℓ = Q·d + m, and the signed x = x₀ + x₁ − 2^ℓ·MW,
//!
//! ⌊x/d⌋ = q₀ + q₁ − Q·MW + ⌊t/d⌋ for t = r₀ + r₁ − m·MW.
//!
//! As t lies in (−2d, 2d), ⌊t/d⌋ = [t ≥ −d] + [t ≥ 0] + [t ≥ d] − 2: three comparisons of few bits instead of
//! one division.
//!
//! What is sent is sent by the wrap count, comparisons and conversions it is made of, so each side sees
//! masked bits and elements only.

use veilflow_correlation::Cost;
use veilflow_ring::{Ring, RingVec};

use crate::{
    BitToArithmetic, Drelu, Msb, OnlineError, Operation, Party, RangeClaim, Result, TruncateExtend, Tuning,
    WrapCount,
};

/// ⌊x / d⌋ of the signed reading (spec: `divide_floor`).
#[derive(Debug)]
pub struct DivideFloor(Box<dyn Operation>);

impl DivideFloor {
    /// Of elements of `ring` within `claim`, by 0 < `d` < 2^(ℓ−1); a power of two is a shift.
    pub fn new(ring: Ring, d: u64, claim: RangeClaim, tuning: Tuning) -> Result<Self> {
        let bits = ring.bits();
        // t ± d is signed: |t ± d| < 3d ≤ 2^(δ−1).
        let small = Ring::new(1 + (3 * u128::from(d)).next_power_of_two().trailing_zeros());
        let (Ok(small), true) = (small, d > 0 && u128::from(d) < 1 << (bits - 1)) else {
            let reason = format!("cannot divide {bits}-bit values by {d}");
            return Err(OnlineError::argument("divide_floor", reason));
        };
        if d.is_power_of_two() {
            return Ok(Self(Box::new(TruncateExtend::new(ring, d.trailing_zeros(), ring, claim, tuning)?)));
        }
        Ok(Self(Box::new(ByRemainders {
            ring,
            d,
            small,
            wraps: WrapCount::new(bits, claim, ring.max(small), tuning),
            reached: Drelu::new(small.bits(), tuning),
            steps: BitToArithmetic::new(ring, tuning),
        })))
    }
}

impl Operation for DivideFloor {
    fn cost(&self, n: usize) -> Cost {
        self.0.cost(n)
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        self.0.run(party, x)
    }
}

#[derive(Debug)]
struct ByRemainders {
    ring: Ring,
    d: u64,
    /// Of t and t ± d.
    small: Ring,
    wraps: WrapCount,
    reached: Drelu,
    steps: BitToArithmetic,
}

impl Operation for ByRemainders {
    fn cost(&self, n: usize) -> Cost {
        self.wraps.cost(n).then(self.reached.cost(3 * n)).then(self.steps.cost(3 * n))
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        let Self { ring, d, small, .. } = *self;
        let n = x.len();
        let wraps = self.wraps.run(party, x)?;
        let modulus = 1u128 << ring.bits();
        let (quotient, rest) = ((modulus / u128::from(d)) as u64, (modulus % u128::from(d)) as u64);
        let t = x.map_into(small, |v| v % d).sub(&wraps.narrow(small).scale(rest));
        let shift = party.only_p0(RingVec::from_values(small, vec![d; n]));
        let mut thresholds = t.add(&shift);
        thresholds.append(&t);
        thresholds.append(&t.sub(&shift));
        let reached = self.reached.run(party, &thresholds)?;
        let steps = self.steps.run(party, &reached)?;
        let steps = steps.slice(0, n).add(&steps.slice(n, n)).add(&steps.slice(2 * n, n));
        let two = party.only_p0(RingVec::from_values(ring, vec![2; n]));
        Ok(x.map(|v| v / d).sub(&wraps.narrow(ring).scale(quotient)).add(&steps).sub(&two))
    }
}

/// x / 2^s of the signed reading, toward zero, in the same ring (spec: `divide_toward_zero`).
///
/// To a negative x, 2^s − 1 is added before the shift toward −∞; the sum keeps x's range.
#[derive(Debug, Clone)]
pub struct DivideTowardZero {
    dropped: u32,
    /// The sign as an element, where x may be negative and there is something to drop.
    negative: Option<(Msb, BitToArithmetic)>,
    shift: TruncateExtend,
}

impl DivideTowardZero {
    /// Of elements of `ring` within `claim`, by 2^s with s + 1 < ℓ.
    pub fn new(ring: Ring, s: u32, claim: RangeClaim, tuning: Tuning) -> Result<Self> {
        if s + 1 >= ring.bits() {
            return Err(OnlineError::argument("divide_toward_zero", format!("cannot divide by 2^{s}")));
        }
        let sign = || (Msb::new(ring.bits(), tuning), BitToArithmetic::new(ring, tuning));
        let negative = (s > 0 && claim != RangeClaim::NonNegative).then(sign);
        let shift = TruncateExtend::new(ring, s, ring, claim, tuning)?;
        Ok(Self { dropped: s, negative, shift })
    }
}

impl Operation for DivideTowardZero {
    fn cost(&self, n: usize) -> Cost {
        let sign = |(sign, convert): &(Msb, BitToArithmetic)| sign.cost(n).then(convert.cost(n));
        self.negative.as_ref().map_or_else(Cost::default, sign).then(self.shift.cost(n))
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        let Some((sign, convert)) = &self.negative else { return self.shift.run(party, x) };
        let negative = sign.run(party, x)?;
        let added = convert.run(party, &negative)?.scale((1 << self.dropped) - 1);
        self.shift.run(party, &x.add(&added))
    }
}
