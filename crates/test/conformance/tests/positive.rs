//! Signs of every value of few bits under every sharing, with correlations from the test dealer.

use veilflow_online::{IsPositive, Operation, Tuning};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec as spec;
use veilflow_testkit::{World, dealer};

/// Both parties' shares: all pairs.
fn every_sharing(ring: Ring) -> [RingVec; 2] {
    let size = ring.mask() + 1;
    [0, 1].map(|party| {
        let pairs = (0..size * size).map(|pair| if party == 0 { pair / size } else { pair % size });
        RingVec::from_values(ring, pairs.collect())
    })
}

#[test]
fn every_value_under_every_sharing() {
    let mut world = World::new("positive", dealer);
    for bits in 1..=6 {
        let (ring, out) = (Ring::new(bits).unwrap(), Ring::new(2 + bits % 3).unwrap());
        let shares = every_sharing(ring);
        let x = shares[0].add(&shares[1]);
        // Plain arithmetic, apart from the law.
        let least = 1i64 << (bits - 1);
        let plain = x.values().iter().map(|&v| u64::from((1..least).contains(&(v as i64)))).collect();
        let want = RingVec::from_values(out, plain);
        assert_eq!(spec::is_positive(&x, out), want);
        for dealt in [false, true] {
            for (leaf_bits, extra_levels) in [(1, 0), (2, 0), (2, 3), (3, 1), (4, 0)] {
                let positive = IsPositive::new(ring, out, Tuning { leaf_bits, extra_levels, dealt });
                let cost = positive.cost(x.len());
                let got = world.run_joined(&cost, |p| positive.run(p, &shares[p.role.index()]));
                world.assert_equal(&got, &want, &format!("{positive:?}"));
            }
        }
    }
}
