//! Rectifiers by a masked opening on every value of 7 bits under every sharing, with correlations from the
//! test dealer.

use veilflow_correlation::{Cost, Kind};
use veilflow_online::{Clip, Operation, ReluTruncate, Tuning};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec as spec;
use veilflow_testkit::{World, dealer};

const BITS: u32 = 7;

/// Both parties' shares: all pairs.
fn every_sharing(ring: Ring) -> [RingVec; 2] {
    let size = ring.mask() + 1;
    [0, 1].map(|party| {
        let pairs = (0..size * size).map(|pair| if party == 0 { pair / size } else { pair % size });
        RingVec::from_values(ring, pairs.collect())
    })
}

fn tunings() -> impl Iterator<Item = Tuning> {
    let tuning = |leaf_bits, extra_levels| Tuning { leaf_bits, extra_levels, dealt: true };
    [2, 3, 4].into_iter().flat_map(move |leaf_bits| [0, 1].map(|extra| tuning(leaf_bits, extra)))
}

fn is_masked(cost: &Cost) -> bool {
    cost.demand.iter().any(|(kind, _)| matches!(kind, Kind::Rectifier(_)))
}

#[test]
fn every_value_under_every_sharing() {
    let ring = Ring::new(BITS).unwrap();
    let shares = every_sharing(ring);
    let x = shares[0].add(&shares[1]);
    let mut world = World::new("rectifiers", dealer);
    let mut masked = 0;
    let mut hold = |operation: &dyn Operation, shares: &[RingVec; 2], want: &RingVec, tuning| {
        let cost = operation.cost(want.len());
        masked += u32::from(is_masked(&cost));
        let got = world.run_joined(&cost, |p| operation.run(p, &shares[p.role.index()]));
        world.assert_equal(&got, want, &format!("{tuning:?}, {operation:?}"));
    };
    for tuning in tunings() {
        for shift in 0..BITS {
            let relu = ReluTruncate::new(ring, shift, tuning).unwrap();
            hold(&relu, &shares, &spec::relu_truncate(&x, shift), tuning);
        }
        for (limit, bits) in [(11, BITS), (11, 5), (0, 1), (63, BITS)] {
            let out = Ring::new(bits).unwrap();
            let clip = Clip::new(ring, limit, out, tuning).unwrap();
            hold(&clip, &shares, &spec::clip(&x, limit).narrow(out), tuning);
        }
    }
    // With wide leaves some are cheaper by a comparison and a selection.
    assert!(masked > 55, "only {masked} of 66 were masked");
}
