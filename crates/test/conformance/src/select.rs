use veilflow_online::{Clip, Multiplex, Relu, ReluTruncate};
use veilflow_ring::Ring;
use veilflow_spec as spec;

use crate::{Suite, hold};

impl Suite {
    /// Bit times element.
    pub fn multiplex(&self) {
        self.each("multiplex", |world, n, sharing, _| {
            let ring = Ring::new(world.width(1..=64)).unwrap();
            let (x, b) = (world.values(ring, n), world.bits(n));
            let (shares, bits) = (world.share(&x, sharing), world.share_bits(&b));
            let multiplex = Multiplex::new(ring);
            let got = world.run_joined(&multiplex.cost(n), |p| {
                multiplex.run(p, &bits[p.role.index()], &shares[p.role.index()])
            });
            world.assert_equal(&got, &spec::multiplex(&b, &x), "multiplex");
        });
    }

    /// ReLU.
    pub fn relu(&self) {
        self.each("relu", |world, n, sharing, tuning| {
            let ring = Ring::new(world.width(1..=64)).unwrap();
            let x = world.values(ring, n);
            let relu = Relu::new(ring, tuning);
            hold(world, &relu, (&x, sharing), &spec::relu(&x), &format!("{relu:?}"));
        });
    }

    /// ReLU and rescale in one.
    pub fn relu_truncate(&self) {
        self.each("relu_truncate", |world, n, sharing, tuning| {
            let bits = world.width(1..=64);
            let s = world.width(0..=bits - 1);
            let ring = Ring::new(bits).unwrap();
            let x = world.values(ring, n);
            let relu = ReluTruncate::new(ring, s, tuning).unwrap();
            hold(world, &relu, (&x, sharing), &spec::relu_truncate(&x, s), &format!("{relu:?}"));
        });
    }

    /// Clip from 0 to a public constant, into a ring that may be narrower.
    pub fn clip(&self) {
        self.each("clip", |world, n, sharing, tuning| {
            let bits = world.width(1..=64);
            let (ring, out) = (Ring::new(bits).unwrap(), Ring::new(world.width(1..=bits)).unwrap());
            let c = world.below((out.mask() >> 1) + 1);
            let x = world.values(ring, n);
            let clip = Clip::new(ring, c, out, tuning).unwrap();
            hold(world, &clip, (&x, sharing), &spec::clip(&x, c).narrow(out), &format!("{clip:?}"));
        });
    }
}
