use veilflow_online::{
    RangeClaim, arithmetic_shift, arithmetic_shift_cost, divide_floor, divide_floor_cost, sign_extend,
    sign_extend_cost, truncate_reduce, truncate_reduce_cost, zero_extend, zero_extend_cost,
};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec as spec;
use veilflow_testkit::World;

use crate::Suite;

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
            let x = world.values(Ring::new(bits).unwrap(), n);
            let shares = world.share(&x, sharing);
            let cost = truncate_reduce_cost(bits, s, n, tuning);
            let got = world.run_joined(&cost, tuning, |p| truncate_reduce(p, &shares[p.role.index()], s));
            world.assert_equal(&got, &spec::truncate_reduce(&x, s), &format!("{bits} by {s}"));
        });
    }

    /// Arithmetic shift in the same ring.
    pub fn arithmetic_shift(&self) {
        self.each("arithmetic_shift", |world, n, sharing, tuning| {
            let bits = world.width(1..=64);
            let s = world.width(0..=bits - 1);
            for (range, x) in ranges(world, Ring::new(bits).unwrap(), n) {
                let shares = world.share(&x, sharing);
                let cost = arithmetic_shift_cost(bits, s, range, n, tuning);
                let got = world
                    .run_joined(&cost, tuning, |p| arithmetic_shift(p, &shares[p.role.index()], s, range));
                world.assert_equal(&got, &spec::arithmetic_shift(&x, s), &format!("{bits} by {s} {range:?}"));
            }
        });
    }

    /// Zero extension.
    pub fn zero_extend(&self) {
        self.each("zero_extend", |world, n, sharing, tuning| {
            let bits = world.width(1..=64);
            let out = Ring::new(world.width(bits..=64)).unwrap();
            for (range, x) in ranges(world, Ring::new(bits).unwrap(), n) {
                if range == RangeClaim::Slack {
                    continue;
                }
                let shares = world.share(&x, sharing);
                let cost = zero_extend_cost(bits, out.bits(), range, n, tuning);
                let got =
                    world.run_joined(&cost, tuning, |p| zero_extend(p, &shares[p.role.index()], out, range));
                world.assert_equal(&got, &spec::zero_extend(&x, out), &format!("{bits} {range:?}"));
            }
        });
    }

    /// Sign extension.
    pub fn sign_extend(&self) {
        self.each("sign_extend", |world, n, sharing, tuning| {
            let bits = world.width(1..=64);
            let out = Ring::new(world.width(bits..=64)).unwrap();
            for (range, x) in ranges(world, Ring::new(bits).unwrap(), n) {
                let shares = world.share(&x, sharing);
                let cost = sign_extend_cost(bits, out.bits(), range, n, tuning);
                let got =
                    world.run_joined(&cost, tuning, |p| sign_extend(p, &shares[p.role.index()], out, range));
                world.assert_equal(&got, &spec::sign_extend(&x, out), &format!("{bits} {range:?}"));
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
            for (range, x) in ranges(world, ring, n) {
                let shares = world.share(&x, sharing);
                let cost = divide_floor_cost(bits, d, range, n, tuning);
                let got =
                    world.run_joined(&cost, tuning, |p| divide_floor(p, &shares[p.role.index()], d, range));
                world.assert_equal(&got, &spec::divide_floor(&x, d), &format!("{bits} by {d} {range:?}"));
            }
        });
    }
}
