use veilflow_online::Multiply;
use veilflow_ring::{Ring, RingVec};
use veilflow_spec as spec;
use veilflow_testkit::{Sharing, World};

use crate::Suite;
use crate::width::ranges;

/// Holds a product to its declared cost, and its results on sharings of both factors to `want`.
fn hold(
    world: &mut World,
    op: &Multiply,
    [x, y]: [&RingVec; 2],
    sharing: Sharing,
    (want, what): (&RingVec, &str),
) {
    let [x_shares, y_shares] = [x, y].map(|v| world.share(v, sharing));
    let got = world
        .run_joined(&op.cost(x.len()), |p| op.run(p, &x_shares[p.role.index()], &y_shares[p.role.index()]));
    world.assert_equal(&got, want, what);
}

impl Suite {
    /// Products of mixed widths.
    pub fn multiply(&self) {
        self.each("multiply", |world, n, sharing, tuning| {
            let rings = [world.width(1..=32), world.width(1..=32)].map(|bits| Ring::new(bits).unwrap());
            let bits = rings.map(Ring::bits);
            let [xs, ys] = rings.map(|ring| ranges(world, ring, n));
            for ((claim_x, x), (claim_y, y)) in xs.iter().zip(&ys) {
                let claims = [*claim_x, *claim_y];
                let op = Multiply::unsigned(rings, claims, tuning).unwrap();
                let want = spec::multiply_unsigned(x, y);
                let what = format!("unsigned {bits:?} {claims:?}");
                hold(world, &op, [x, y], sharing, (&want, &what));
            }
            let [xs, ys] = rings.map(|ring| ranges(world, ring, n));
            for (claim_x, x) in &xs {
                for (claim_y, y) in &ys {
                    let claims = [*claim_x, *claim_y];
                    let out = Ring::new(world.width(bits[0].max(bits[1])..=bits[0] + bits[1])).unwrap();
                    let op = Multiply::signed_into(rings, claims, out, tuning).unwrap();
                    let want = spec::multiply_signed(x, y).narrow(out);
                    let what = format!("{bits:?} {claims:?} into {}", out.bits());
                    hold(world, &op, [x, y], sharing, (&want, &what));
                }
            }
            let [x, y] = rings.map(|ring| world.values(ring, n));
            let op = Multiply::signed(rings, tuning).unwrap();
            let want = spec::multiply_signed(&x, &y);
            hold(world, &op, [&x, &y], sharing, (&want, &format!("signed {bits:?}")));
        });
    }
}
