use veilflow_online::{
    ArgMax, Carry, CompareTree, Drelu, IsPositive, Msb, MsbAndCarry, RangeClaim, TopK, WrapCount,
};
use veilflow_ring::Ring;
use veilflow_spec as spec;

use crate::{Suite, hold};

impl Suite {
    /// Comparison of private values, with the low part from the same tree.
    pub fn less_than(&self) {
        self.each("less_than", |world, n, _, tuning| {
            let k = world.width(1..=64);
            let ring = Ring::new(k).unwrap();
            let s = world.width(1..=k);
            let mut private = [world.values(ring, n), world.values(ring, n)];
            // Equal operands, and operands that differ in one bit only, must occur.
            if world.below(2) == 0 {
                let bit = world.below(u64::from(k));
                private[1] = private[0].map(|v| if v % 3 == 0 { v } else { v ^ 1 << bit });
            }
            let tree = CompareTree::new(k, Some(s), tuning);
            let [a, b] = world.run(&tree.cost(n), |p| tree.run(p, private[p.role.index()].values()));
            let want = spec::less_than(&private[0], &private[1]);
            world.assert_equal_bits(&a.0.xor(&b.0), &want, &format!("less_than k {k} s {s}"));
            let low = Ring::new(s).unwrap();
            let want = spec::less_than(&private[0].narrow(low), &private[1].narrow(low));
            world.assert_equal_bits(
                &a.1.unwrap().xor(&b.1.unwrap()),
                &want,
                &format!("low part k {k} s {s}"),
            );
        });
    }

    /// Carry out of any number of low bits, the wrap among them.
    pub fn carry(&self) {
        self.each("carry", |world, n, sharing, tuning| {
            let bits = world.width(1..=64);
            let s = world.width(0..=bits);
            let x = world.values(Ring::new(bits).unwrap(), n);
            let shares = world.share(&x, sharing);
            let carry = Carry::new(s, tuning);
            let got = world.run_joined_bits(&carry.cost(n), |p| carry.run(p, &shares[p.role.index()]));
            let want = spec::carry(&shares[0], &shares[1], s);
            world.assert_equal_bits(&got, &want, &format!("carry {bits} {s}"));
        });
    }

    /// The largest elements with their places.
    pub fn top_k(&self) {
        self.each("top_k", |world, _, sharing, tuning| {
            let ring = Ring::new(world.width(1..=40)).unwrap();
            let n = 1 + world.below(40) as usize;
            let k = 1 + world.below(n.min(9) as u64) as usize;
            let x = world.values(ring, n);
            let shares = world.share(&x, sharing);
            let top_k = TopK::new(ring, n, k, tuning).unwrap();
            let got = world.run_joined(&top_k.cost(), |p| top_k.run(p, &shares[p.role.index()]));
            world.assert_equal(&got, &spec::top_k(&x, k), &format!("{k} of {n} elements of {ring:?}"));
        });
    }

    /// Sign bit, and its complement.
    pub fn msb(&self) {
        self.each("msb", |world, n, sharing, tuning| {
            let bits = world.width(1..=64);
            let x = world.values(Ring::new(bits).unwrap(), n);
            let shares = world.share(&x, sharing);
            let msb = Msb::new(bits, tuning);
            let got = world.run_joined_bits(&msb.cost(n), |p| msb.run(p, &shares[p.role.index()]));
            world.assert_equal_bits(&got, &spec::msb(&x), "msb");
            let drelu = Drelu::new(bits, tuning);
            let got = world.run_joined_bits(&drelu.cost(n), |p| drelu.run(p, &shares[p.role.index()]));
            world.assert_equal_bits(&got, &spec::drelu(&x), "drelu");
        });
    }

    /// Whether elements are positive, in rings of every width.
    pub fn is_positive(&self) {
        self.each("is_positive", |world, n, sharing, tuning| {
            let [ring, out] = [0; 2].map(|_| Ring::new(world.width(1..=64)).unwrap());
            let x = world.values(ring, n);
            let positive = IsPositive::new(ring, out, tuning);
            hold(world, &positive, (&x, sharing), &spec::is_positive(&x, out), &format!("{positive:?}"));
        });
    }

    /// Sign and low carry from one tree: at the price of the sign plus at most one node.
    pub fn msb_and_carry(&self) {
        self.each("msb_and_carry", |world, n, sharing, tuning| {
            let bits = world.width(2..=64);
            let s = world.width(1..=bits - 1);
            let x = world.values(Ring::new(bits).unwrap(), n);
            let shares = world.share(&x, sharing);
            let cost = CompareTree::new(bits - 1, Some(s), tuning).cost(n);
            let both = MsbAndCarry::new(bits, s, tuning);
            let [a, b] = world.run(&cost, |p| both.run(p, &shares[p.role.index()]));
            world.assert_equal_bits(&a.0.xor(&b.0), &spec::msb(&x), "msb");
            let want = spec::carry(&shares[0], &shares[1], s);
            world.assert_equal_bits(&a.1.xor(&b.1), &want, &format!("carry {bits} {s}"));
        });
    }

    /// How often the modulus must be removed, for all that may be known of the value.
    pub fn wrap_count(&self) {
        self.each("wrap_count", |world, n, sharing, tuning| {
            let bits = world.width(1..=64);
            let (ring, out) = (Ring::new(bits).unwrap(), Ring::new(world.width(1..=64)).unwrap());
            // The largest magnitude below 2^ℓ / 3.
            let third = ((1u128 << bits) / 3) as u64;
            let values = [
                (RangeClaim::Any, world.values(ring, n)),
                (RangeClaim::Slack, world.bounded(ring, third, n)),
                (RangeClaim::NonNegative, world.values(ring, n).map(|v| v & (ring.mask() >> 1))),
            ];
            for (range, x) in values {
                let shares = world.share(&x, sharing);
                let count = WrapCount::new(bits, range, out, tuning);
                let got = world.run_joined(&count.cost(n), |p| count.run(p, &shares[p.role.index()]));
                let want = spec::msb_wrap_count(&shares[0], &shares[1], out);
                world.assert_equal(&got, &want, &format!("wrap_count {bits} {range:?}"));
            }
        });
    }

    /// Index of the largest.
    pub fn arg_max(&self) {
        self.each("arg_max", |world, n, sharing, tuning| {
            let (ring, out) = (Ring::new(world.width(1..=40)).unwrap(), Ring::new(16).unwrap());
            let width = 1 + world.below(12) as usize;
            let rows = n.div_ceil(20);
            let mut x = world.values(ring, rows * width);
            if world.below(2) == 0 {
                x = x.map(|v| v % 3);
            }
            let shares = world.share(&x, sharing);
            let arg_max = ArgMax::new(ring, width, out, tuning).unwrap();
            let got = world.run_joined(&arg_max.cost(rows), |p| arg_max.run(p, &shares[p.role.index()]));
            world.assert_equal(&got, &spec::arg_max(&x, width, out), "arg_max");
        });
    }
}
