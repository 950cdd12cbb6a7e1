use veilflow_online::{Outside, UpperBits, any, any_cost, beyond, beyond_cost};
use veilflow_prim::Block;
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec as spec;

use crate::Suite;

/// A share's bits at the places from `m` on.
fn rows(share: &RingVec, m: u32) -> Vec<Bits> {
    let row = |place: u32| share.values().iter().map(|v| v >> place & 1 == 1).collect();
    (m..share.ring().bits()).map(row).collect()
}

impl Suite {
    /// Bits above a place that differ from the one there, of groups of several widths.
    pub fn beyond(&self) {
        self.each("beyond", |world, n, sharing, _| {
            let mut groups = [Vec::new(), Vec::new()];
            let (mut want, mut sizes) = (Bits::default(), Vec::new());
            for _ in 0..3 {
                let bits = world.width(1..=64);
                let m = world.width(0..=bits - 1);
                let x = world.values(Ring::new(bits).unwrap(), n);
                let low = x.narrow(Ring::new(m + 1).unwrap());
                let (shares, positive) = (world.share(&x, sharing), world.share_bits(&spec::drelu(&low)));
                for ((group, share), positive) in groups.iter_mut().zip(&shares).zip(positive) {
                    group.push(UpperBits { rows: rows(share, m), positive });
                }
                sizes.push(((bits - m) as usize, n));
                want.append(&spec::beyond(&x, m));
            }
            let got = world.run_joined_bits(&beyond_cost(&sizes), |p| beyond(p, &groups[p.role.index()]));
            world.assert_equal_bits(&got, &want, &format!("beyond {sizes:?}"));
        });
    }

    /// Elements outside an interval.
    pub fn outside(&self) {
        self.each("outside", |world, n, sharing, tuning| {
            let ring = Ring::new(world.width(1..=64)).unwrap();
            let ends = world.values(ring, 2).to_signed();
            let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
            // Some next to the ends.
            let x = world.values(ring, n);
            let near = |(i, &v): (usize, &u64)| match i % 4 {
                0 => low.wrapping_add((i / 4 % 3) as i64 - 1).cast_unsigned(),
                1 => high.wrapping_add((i / 4 % 3) as i64 - 1).cast_unsigned(),
                _ => v,
            };
            let x = RingVec::from_values(ring, x.values().iter().enumerate().map(near).collect());
            let shares = world.share(&x, sharing);
            let outside = Outside::new(ring, low, high, tuning).unwrap();
            let got = world.run_joined_bits(&outside.cost(n), |p| outside.run(p, &shares[p.role.index()]));
            world.assert_equal_bits(&got, &spec::outside(&x, low, high), &format!("{outside:?}"));
        });
    }

    /// Whether any of some flags is set.
    pub fn any(&self) {
        self.each("any", |world, n, _, _| {
            let (set, at) = (world.below(3), world.below(n.max(1) as u64) as usize);
            let flags: Bits = match set {
                0 => Bits::zeros(n),
                1 => (0..n).map(|i| i == at).collect(),
                _ => world.bits(n),
            };
            let shares = world.share_bits(&flags);
            let seed = Block(world.below(u64::MAX).into());
            let got = world.run_joined_bits(&any_cost(), |p| any(p, &shares[p.role.index()], seed));
            let want = flags.iter().any(|flag| flag);
            world.assert_equal_bits(&got, &Bits::filled(want, 1), &format!("any of {n} flags"));
        });
    }
}
