use veilflow_online::{
    DivideFloor, DivideTowardZero, RangeClaim, SignExtend, TruncateExtend, TruncateReduce, ZeroExtend,
};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec as spec;
use veilflow_testkit::World;

use crate::{Suite, hold};

/// Values of `ring` that keep what each range claims.
pub(crate) fn ranges(world: &mut World, ring: Ring, n: usize) -> [(RangeClaim, RingVec); 3] {
    let third = ((1u128 << ring.bits()) / 3) as u64;
    [
        (RangeClaim::Any, world.values(ring, n)),
        (RangeClaim::Slack, world.bounded(ring, third, n)),
        (RangeClaim::NonNegative, world.values(ring, n).map(|v| v & (ring.mask() >> 1))),
    ]
}

impl Suite {
    /// Dropping low bits and the ring with them.
    pub fn truncate_reduce(&self) {
        self.each("truncate_reduce", |world, n, sharing, tuning| {
            let bits = world.width(1..=64);
            let s = world.width(0..=bits - 1);
            let ring = Ring::new(bits).unwrap();
            let x = world.values(ring, n);
            let op = TruncateReduce::new(ring, s, tuning).unwrap();
            hold(world, &op, (&x, sharing), &spec::truncate_reduce(&x, s), &format!("{op:?}"));
        });
    }

    /// Truncation into a wider ring.
    pub fn truncate_extend(&self) {
        self.each("truncate_extend", |world, n, sharing, tuning| {
            let bits = world.width(1..=64);
            let s = world.width(0..=bits - 1);
            let (ring, out) = (Ring::new(bits).unwrap(), Ring::new(world.width(bits - s..=64)).unwrap());
            for (claim, x) in ranges(world, ring, n) {
                let op = TruncateExtend::new(ring, s, out, claim, tuning).unwrap();
                hold(world, &op, (&x, sharing), &spec::truncate_extend(&x, s, out), &format!("{op:?}"));
            }
        });
    }

    /// Zero extension.
    pub fn zero_extend(&self) {
        self.each("zero_extend", |world, n, sharing, tuning| {
            let bits = world.width(1..=64);
            let (ring, out) = (Ring::new(bits).unwrap(), Ring::new(world.width(bits..=64)).unwrap());
            for (claim, x) in ranges(world, ring, n) {
                if claim == RangeClaim::Slack {
                    continue;
                }
                let op = ZeroExtend::new(ring, out, claim, tuning).unwrap();
                hold(world, &op, (&x, sharing), &spec::zero_extend(&x, out), &format!("{op:?}"));
            }
        });
    }

    /// Sign extension.
    pub fn sign_extend(&self) {
        self.each("sign_extend", |world, n, sharing, tuning| {
            let bits = world.width(1..=64);
            let (ring, out) = (Ring::new(bits).unwrap(), Ring::new(world.width(bits..=64)).unwrap());
            for (claim, x) in ranges(world, ring, n) {
                let op = SignExtend::new(ring, out, claim, tuning).unwrap();
                hold(world, &op, (&x, sharing), &spec::sign_extend(&x, out), &format!("{op:?}"));
            }
        });
    }

    /// Exact division by a public constant, powers of two among them.
    pub fn divide_floor(&self) {
        self.each("divide_floor", |world, n, sharing, tuning| {
            let bits = world.width(3..=60);
            let ring = Ring::new(bits).unwrap();
            let largest = (1u64 << (bits - 1)) - 1;
            let d = [1, 2, 3, 49, 169, 1000, largest, 1 << world.below(u64::from(bits - 1))]
                [world.below(8) as usize]
                .min(largest);
            for (claim, x) in ranges(world, ring, n) {
                let op = DivideFloor::new(ring, d, claim, tuning).unwrap();
                hold(world, &op, (&x, sharing), &spec::divide_floor(&x, d), &format!("{op:?}"));
            }
        });
    }

    /// Division by powers of two toward zero.
    pub fn divide_toward_zero(&self) {
        self.each("divide_toward_zero", |world, n, sharing, tuning| {
            let bits = world.width(2..=64);
            let s = world.width(0..=bits - 2);
            let ring = Ring::new(bits).unwrap();
            for (claim, x) in ranges(world, ring, n) {
                let op = DivideTowardZero::new(ring, s, claim, tuning).unwrap();
                let want = spec::divide_toward_zero(&x, s);
                hold(world, &op, (&x, sharing), &want, &format!("{op:?}"));
            }
        });
    }
}
