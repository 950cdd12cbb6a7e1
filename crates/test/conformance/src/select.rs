use veilflow_online::{
    clip, clip_cost, clip_within, clip_within_cost, multiplex, multiplex_cost, relu, relu_cost,
    relu_truncate, relu_truncate_cost, relu_within, relu_within_cost,
};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec as spec;

use crate::Suite;

impl Suite {
    /// Bit times element.
    pub fn multiplex(&self) {
        self.each("multiplex", |world, n, sharing, tuning| {
            let ring = Ring::new(world.width(1..=64)).unwrap();
            let (x, b) = (world.values(ring, n), world.bits(n));
            let (shares, bits) = (world.share(&x, sharing), world.share_bits(&b));
            let cost = multiplex_cost(ring.bits(), n);
            let got = world
                .run_joined(&cost, tuning, |p| multiplex(p, &bits[p.role.index()], &shares[p.role.index()]));
            world.assert_equal(&got, &spec::multiplex(&b, &x), "multiplex");
        });
    }

    /// ReLU.
    pub fn relu(&self) {
        self.each("relu", |world, n, sharing, tuning| {
            let bits = world.width(1..=64);
            let x = world.values(Ring::new(bits).unwrap(), n);
            let shares = world.share(&x, sharing);
            let cost = relu_cost(bits, n, tuning);
            let got = world.run_joined(&cost, tuning, |p| relu(p, &shares[p.role.index()]));
            world.assert_equal(&got, &spec::relu(&x), &format!("relu {bits}"));
        });
    }

    /// ReLU of values whose low bits tell the sign.
    pub fn relu_within(&self) {
        self.each("relu_within", |world, n, sharing, tuning| {
            let bits = world.width(1..=64);
            let (ring, narrow) = (Ring::new(bits).unwrap(), Ring::new(world.width(1..=bits)).unwrap());
            let x = RingVec::from_signed(ring, &world.values(narrow, n).to_signed());
            let shares = world.share(&x, sharing);
            let compare = narrow.bits();
            let cost = relu_within_cost(bits, compare, n, tuning);
            let got = world.run_joined(&cost, tuning, |p| relu_within(p, &shares[p.role.index()], compare));
            world.assert_equal(&got, &spec::relu(&x), &format!("relu {bits} within {compare}"));
        });
    }

    /// ReLU and rescale in one.
    pub fn relu_truncate(&self) {
        self.each("relu_truncate", |world, n, sharing, tuning| {
            let bits = world.width(1..=64);
            let s = world.width(0..=bits - 1);
            let x = world.values(Ring::new(bits).unwrap(), n);
            let shares = world.share(&x, sharing);
            let cost = relu_truncate_cost(bits, s, n, tuning);
            let got = world.run_joined(&cost, tuning, |p| relu_truncate(p, &shares[p.role.index()], s));
            world.assert_equal(&got, &spec::relu_truncate(&x, s), &format!("{bits} by {s}"));
        });
    }

    /// Clip from 0 to a public constant.
    pub fn clip(&self) {
        self.each("clip", |world, n, sharing, tuning| {
            let bits = world.width(2..=64);
            let ring = Ring::new(bits).unwrap();
            let c = world.below(ring.mask() >> 1);
            let x = world.values(ring, n);
            let shares = world.share(&x, sharing);
            let cost = clip_cost(bits, n, tuning);
            let got = world.run_joined(&cost, tuning, |p| clip(p, &shares[p.role.index()], c));
            world.assert_equal(&got, &spec::clip(&x, c), &format!("clip {bits} at {c}"));

            // Values whose low bits tell both signs.
            let narrow = Ring::new(world.width(2..=bits)).unwrap();
            let c = world.below((narrow.mask() >> 2) + 1);
            let x = RingVec::from_signed(ring, &world.values(narrow, n).to_signed()).map(|v| {
                // x − c is at least −2^(k−1).
                let signed = ring.to_signed(v);
                if signed < 0 { (signed >> 1) as u64 } else { v }
            });
            let shares = world.share(&x, sharing);
            let compare = narrow.bits();
            let cost = clip_within_cost(bits, compare, n, tuning);
            let got =
                world.run_joined(&cost, tuning, |p| clip_within(p, &shares[p.role.index()], c, compare));
            world.assert_equal(&got, &spec::clip(&x, c), &format!("clip {bits} within {compare} at {c}"));
        });
    }
}
