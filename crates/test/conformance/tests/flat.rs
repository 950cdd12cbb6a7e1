//! A function that a step of its argument changes by less than shows: all its slopes are zero.

use veilflow_math::Apply;
use veilflow_online::{Operation, Tuning};
use veilflow_ring::RingVec;
use veilflow_spec::math::{self, Fixed, Function};
use veilflow_testkit::{Sharing, World, dealer};

#[test]
fn every_argument() {
    let (input, output) = (Fixed { bits: 8, scale: 0 }, Fixed { bits: 32, scale: 4 });
    let spline = Function::Reciprocal.spline(input, output).unwrap();
    assert_eq!(spline.pieces().slope_bits, 0);
    let x = RingVec::from_values(input.ring(), (0..256).collect());
    let mut world = World::new("flat", dealer);
    for dealt in [false, true] {
        let tuning = Tuning { dealt, ..Tuning::default() };
        let apply = Apply::new(&spline, tuning).unwrap();
        for sharing in Sharing::ALL {
            let shares = world.share(&x, sharing);
            let cost = apply.cost(x.len());
            let got = world.run_joined(&cost, |p| apply.run(p, &shares[p.role.index()]));
            world.assert_equal(&got, &math::apply(&spline, &x), &format!("{tuning:?} {sharing:?}"));
        }
    }
}
