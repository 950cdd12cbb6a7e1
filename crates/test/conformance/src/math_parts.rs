use veilflow_online::{Carries, Digits, HighBits, Lookup, MostSignificantIndex, MostSignificantOne};
use veilflow_ring::{Ring, bit_slices};
use veilflow_spec as spec;

use crate::{Suite, hold};

impl Suite {
    /// Carries at several places of one adder.
    pub fn carries(&self) {
        self.each("carries", |world, n, sharing, _| {
            let bits = world.width(1..=64);
            let ring = Ring::new(bits).unwrap();
            let x = world.values(ring, n);
            let shares = world.share(&x, sharing);
            let places: Vec<u32> = (1..=bits).filter(|_| world.below(3) == 0).collect();
            let carries = Carries::new(ring, places.clone()).unwrap();
            let [a, b] = world.run(&carries.cost(n), |p| carries.run(p, &shares[p.role.index()]));
            for ((a, b), &place) in a.iter().zip(&b).zip(&places) {
                let want = spec::carry(&shares[0], &shares[1], place);
                world.assert_equal_bits(&a.xor(b), &want, &format!("carry into bit {place} of {bits}"));
            }
        });
    }

    /// Digits of every width, and the bits above a place.
    pub fn digits(&self) {
        self.each("digits", |world, n, sharing, tuning| {
            let bits = world.width(1..=64);
            let ring = Ring::new(bits).unwrap();
            let x = world.values(ring, n);
            let shares = world.share(&x, sharing);
            let d = world.width(1..=bits);
            let digits = Digits::new(ring, d, tuning).unwrap();
            let [a, b] = world.run(&digits.cost(n), |p| digits.run(p, &shares[p.role.index()]));
            for ((a, b), want) in a.iter().zip(&b).zip(spec::digits(&x, d)) {
                world.assert_equal(&a.add(b), &want, &format!("digits of {d} in {bits}"));
            }
            let from = world.width(0..=bits - 1);
            let high = HighBits::new(ring, from, tuning);
            let [(carry, a), (other, b)] = world.run(&high.cost(n), |p| high.run(p, &shares[p.role.index()]));
            let carry = carry.zip(other).map(|(a, b)| a.xor(&b));
            assert_eq!(
                carry,
                (from > 0).then(|| spec::carry(&shares[0], &shares[1], from)),
                "{bits} from {from}"
            );
            for ((a, b), want) in
                a.iter().zip(&b).zip(&bit_slices(x.values(), bits as usize)[from as usize..])
            {
                world.assert_equal_bits(&a.xor(b), want, &format!("bits of {bits} from {from}"));
            }
        });
    }

    /// The most significant one, as a one-hot.
    pub fn most_significant_one(&self) {
        self.each("most_significant_one", |world, n, _, _| {
            let bits = world.width(1..=64);
            let ring = Ring::new(bits).unwrap();
            let shift = world.width(0..=bits - 1);
            let x = world.values(ring, n).map(|v| v >> shift);
            let rows = bit_slices(x.values(), bits as usize);
            let shares: Vec<_> = rows.iter().map(|row| world.share_bits(row)).collect();
            let one = MostSignificantOne::new(bits);
            let [a, b] = world.run(&one.cost(n), |p| {
                let rows: Vec<_> = shares.iter().map(|pair| pair[p.role.index()].clone()).collect();
                one.run(p, &rows)
            });
            for ((a, b), want) in a.iter().zip(&b).zip(spec::most_significant_one(&x)) {
                world.assert_equal_bits(&a.xor(b), &want, &format!("of {bits}"));
            }
        });
    }

    /// The most significant one, as an index.
    pub fn most_significant_index(&self) {
        self.each("most_significant_index", |world, n, sharing, tuning| {
            let ring = Ring::new(world.width(1..=64)).unwrap();
            let out = Ring::new(world.width(1..=16)).unwrap();
            let shift = world.width(0..=ring.bits() - 1);
            let x = world.values(ring, n).map(|v| v >> shift);
            let index = MostSignificantIndex::new(ring, out, tuning);
            let want = spec::most_significant_index(&x, out);
            let what = format!("of {} in {}", ring.bits(), out.bits());
            hold(world, &index, (&x, sharing), &want, &what);
        });
    }

    /// Tables of every index width, by both forms, with one and with several outputs.
    pub fn lookup(&self) {
        self.each("lookup", |world, n, sharing, tuning| {
            let index = Ring::new(world.width(1..=9)).unwrap();
            let mut columns = Vec::new();
            for _ in 0..=world.below(3) {
                let ring = Ring::new(world.width(1..=16)).unwrap();
                columns.push(world.values(ring, 1 << index.bits()));
            }
            let table = spec::Table::new(index, &columns).unwrap();
            let x = world.values(index, n);
            let shares = world.share(&x, sharing);
            let lookup = Lookup::new(&table, tuning).unwrap();
            let [a, b] = world.run(&lookup.cost(n), |p| lookup.run(p, &shares[p.role.index()]));
            for ((a, b), want) in a.iter().zip(&b).zip(spec::lookup(&table, &x)) {
                world.assert_equal(&a.add(b), &want, &format!("{} index bits", index.bits()));
            }
        });
    }
}
