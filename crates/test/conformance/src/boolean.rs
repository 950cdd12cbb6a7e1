use veilflow_net::Role;
use veilflow_online::{
    AndGroup, BitToArithmetic, ProductJob, ProductShape, Reveal, SharePrivate, and_private, and_private_cost,
    and_shared, and_shared_cost, products, products_cost,
};
use veilflow_ring::{Ring, RingVec};

use crate::Suite;

impl Suite {
    /// Input by either party, output to either.
    pub fn share_and_reveal(&self) {
        self.each("share", |world, n, _, _| {
            let ring = Ring::new(world.width(1..=64)).unwrap();
            let x = world.values(ring, n);
            for owner in [Role::P0, Role::P1] {
                let share = SharePrivate::new(owner, ring);
                let got =
                    world.run_joined(&share.cost(n), |p| share.run(p, (p.role == owner).then_some(&x), n));
                world.assert_equal(&got, &x, "share_private");
                let shares = world.share(&x, veilflow_testkit::Sharing::Uniform);
                let reveal = Reveal::to(owner);
                let got = world.run(&reveal.cost(ring, n), |p| reveal.run(p, &shares[p.role.index()]));
                world.assert_equal(got[owner.index()].as_ref().unwrap(), &x, "reveal");
                assert!(got[owner.other().index()].is_none(), "only the receiver learns the value");
            }
        });
    }

    /// Products of private bits.
    pub fn and_private(&self) {
        self.each("and_private", |world, n, _, _| {
            let private = [world.bits(n), world.bits(n)];
            let got =
                world.run_joined_bits(&and_private_cost(n), |p| and_private(p, &private[p.role.index()]));
            world.assert_equal_bits(&got, &private[0].and(&private[1]), "and_private");
        });
    }

    /// Products of shared bits with a common factor, in several groups.
    pub fn and_shared(&self) {
        self.each("and_shared", |world, n, _, _| {
            let sizes = [(2u32, n), (1, n + 3), (3, 5)];
            let mut groups: [Vec<AndGroup>; 2] = [Vec::new(), Vec::new()];
            let mut want = Vec::new();
            for (rows, n) in sizes {
                let common = world.bits(n);
                let others: Vec<_> = (0..rows).map(|_| world.bits(n)).collect();
                want.push(others.iter().map(|o| o.and(&common)).collect::<Vec<_>>());
                let common = world.share_bits(&common);
                let others: Vec<_> = others.iter().map(|o| world.share_bits(o)).collect();
                for (role, common) in common.into_iter().enumerate() {
                    let others = others.iter().map(|o| o[role].clone()).collect();
                    groups[role].push(AndGroup { common, others });
                }
            }
            let [a, b] = world.run(&and_shared_cost(&sizes), |p| and_shared(p, &groups[p.role.index()]));
            for ((a, b), want) in a.iter().flatten().zip(b.iter().flatten()).zip(want.iter().flatten()) {
                world.assert_equal_bits(&a.xor(b), want, "and_shared");
            }
        });
    }

    /// Private bit times private element, both ways in one exchange, and beside them private bit times
    /// private bit if that can be dealt.
    pub fn products(&self) {
        self.each("products", |world, n, _, tuning| {
            let rings = [Ring::new(world.width(1..=64)).unwrap(), Ring::new(world.width(1..=64)).unwrap()];
            let elements = [world.values(rings[0], n), world.values(rings[1], n + 2)];
            let bits = [world.bits(n), world.bits(n + 2)];
            let out = Ring::new(world.width(1..=64)).unwrap();
            let factors = [world.bits(n), world.bits(n)];
            let mut shapes = vec![
                ProductShape::Element(Role::P0, rings[0].bits(), n),
                ProductShape::Element(Role::P1, rings[1].bits(), n + 2),
            ];
            shapes.extend(tuning.dealt.then_some(ProductShape::BothBits(out.bits(), n)));
            let cost = products_cost(&shapes);
            let [a, b] = world.run(&cost, |p| {
                let jobs = [Role::P0, Role::P1].map(|sender| {
                    let i = sender.index();
                    if p.role == sender {
                        ProductJob::Element(elements[i].clone())
                    } else {
                        ProductJob::Bit(bits[i].clone(), rings[i])
                    }
                });
                let mut jobs = Vec::from(jobs);
                if tuning.dealt {
                    jobs.push(ProductJob::BothBits(factors[p.role.index()].clone(), out));
                }
                products(p, jobs)
            });
            for i in 0..2 {
                let want = veilflow_spec::multiplex(&bits[i], &elements[i]);
                world.assert_equal(&a[i].add(&b[i]), &want, "products");
            }
            if tuning.dealt {
                let want = RingVec::from_bits(out, &factors[0].and(&factors[1]));
                world.assert_equal(&a[2].add(&b[2]), &want, "products of bits");
            }
        });
    }

    /// Boolean to arithmetic.
    pub fn bit_to_arithmetic(&self) {
        self.each("bit_to_arithmetic", |world, n, _, tuning| {
            let out = Ring::new(world.width(1..=64)).unwrap();
            let bits = world.bits(n);
            let shares = world.share_bits(&bits);
            let op = BitToArithmetic::new(out, tuning);
            let got = world.run_joined(&op.cost(n), |p| op.run(p, &shares[p.role.index()]));
            let want: RingVec = veilflow_spec::bit_to_arithmetic(&bits, out);
            world.assert_equal(&got, &want, "bit_to_arithmetic");
        });
    }
}
