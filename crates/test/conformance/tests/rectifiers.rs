//! Rectifiers by a masked opening on every value of 7 bits under every sharing, with correlations from the test dealer.

use veilflow_correlation::{Cost, Kind};
use veilflow_online::{
    Tuning, clip, clip_cost, relu_truncate, relu_truncate_cost, relu_within, relu_within_cost,
};
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
    for tuning in tunings() {
        for shift in 0..BITS {
            let cost = relu_truncate_cost(BITS, shift, x.len(), tuning);
            masked += u32::from(is_masked(&cost));
            let got = world.run_joined(&cost, tuning, |p| relu_truncate(p, &shares[p.role.index()], shift));
            world.assert_equal(&got, &spec::relu_truncate(&x, shift), &format!("{tuning:?}, shift {shift}"));
        }
        // Of values that fit 5 bits.
        let narrow = Ring::new(5).unwrap();
        let small = RingVec::from_signed(ring, &x.narrow(narrow).to_signed());
        let shares = [shares[0].clone(), small.sub(&shares[0])];
        let cost = relu_within_cost(BITS, 5, x.len(), tuning);
        masked += u32::from(is_masked(&cost));
        let got = world.run_joined(&cost, tuning, |p| relu_within(p, &shares[p.role.index()], 5));
        world.assert_equal(&got, &spec::relu(&small), &format!("{tuning:?}, 5 bits"));
        let cost = clip_cost(BITS, x.len(), tuning);
        masked += u32::from(is_masked(&cost));
        let got = world.run_joined(&cost, tuning, |p| clip(p, &shares[p.role.index()], 11));
        world.assert_equal(&got, &spec::clip(&small, 11), &format!("{tuning:?}, clip"));
    }
    // With wide leaves some are cheaper by a comparison and a selection.
    assert!(masked > 45, "only {masked} of 54 were masked");
}
