use veilflow_online::{
    RangeClaim, carries, carries_cost, digits, digits_cost, divide_toward_zero, divide_toward_zero_cost,
    high_bits, high_bits_cost, lookup, lookup_cost, matmul_signed, matmul_signed_cost,
    most_significant_index, most_significant_index_cost, most_significant_one, most_significant_one_cost,
    multiply_cost, multiply_into, multiply_into_cost, multiply_signed, multiply_unsigned,
};
use veilflow_ring::{Ring, bit_slices};
use veilflow_spec as spec;

use crate::Suite;
use crate::width::ranges;

impl Suite {
    /// Carries at several places of one adder.
    pub fn carries(&self) {
        self.each("carries", |world, n, sharing, tuning| {
            let bits = world.width(1..=64);
            let x = world.values(Ring::new(bits).unwrap(), n);
            let shares = world.share(&x, sharing);
            let places: Vec<u32> = (1..=bits).filter(|_| world.below(3) == 0).collect();
            let cost = carries_cost(&places, n);
            let [a, b] = world.run(&cost, tuning, |p| carries(p, &shares[p.role.index()], &places));
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
            let x = world.values(Ring::new(bits).unwrap(), n);
            let shares = world.share(&x, sharing);
            let d = world.width(1..=bits);
            let [a, b] = world
                .run(&digits_cost(bits, d, n, tuning), tuning, |p| digits(p, &shares[p.role.index()], d));
            for ((a, b), want) in a.iter().zip(&b).zip(spec::digits(&x, d)) {
                world.assert_equal(&a.add(b), &want, &format!("digits of {d} in {bits}"));
            }
            let from = world.width(0..=bits - 1);
            let cost = high_bits_cost(bits, from, n, tuning);
            let [(_, a), (_, b)] = world.run(&cost, tuning, |p| high_bits(p, &shares[p.role.index()], from));
            for ((a, b), want) in
                a.iter().zip(&b).zip(&bit_slices(x.values(), bits as usize)[from as usize..])
            {
                world.assert_equal_bits(&a.xor(b), want, &format!("bits of {bits} from {from}"));
            }
        });
    }

    /// The most significant one, as a one-hot.
    pub fn most_significant_one(&self) {
        self.each("most_significant_one", |world, n, _, tuning| {
            let bits = world.width(1..=64);
            let ring = Ring::new(bits).unwrap();
            let shift = world.width(0..=bits - 1);
            let x = world.values(ring, n).map(|v| v >> shift);
            let rows = bit_slices(x.values(), bits as usize);
            let shares: Vec<_> = rows.iter().map(|row| world.share_bits(row)).collect();
            let [a, b] = world.run(&most_significant_one_cost(bits, n), tuning, |p| {
                let rows: Vec<_> = shares.iter().map(|pair| pair[p.role.index()].clone()).collect();
                most_significant_one(p, &rows)
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
            let shares = world.share(&x, sharing);
            let cost = most_significant_index_cost(ring.bits(), out.bits(), n, tuning);
            let got =
                world.run_joined(&cost, tuning, |p| most_significant_index(p, &shares[p.role.index()], out));
            let want = spec::most_significant_index(&x, out);
            world.assert_equal(&got, &want, &format!("of {} in {}", ring.bits(), out.bits()));
        });
    }

    /// Products of two shared matrices of mixed widths.
    pub fn matmul(&self) {
        self.each("matmul", |world, _, sharing, tuning| {
            let rings = [world.width(1..=32), world.width(1..=32)].map(|bits| Ring::new(bits).unwrap());
            let [rows, inner, columns] = [5, 7, 4].map(|most| 1 + world.below(most) as usize);
            let shape = spec::MatMulShape { rows, inner, columns };
            let [x, y] =
                [(rings[0], rows * inner), (rings[1], inner * columns)].map(|(r, n)| world.values(r, n));
            let [x_shares, y_shares] = [&x, &y].map(|v| world.share(v, sharing));
            let bits = rings.map(Ring::bits);
            let cost = matmul_signed_cost(bits, &shape, tuning);
            let got = world.run_joined(&cost, tuning, |p| {
                matmul_signed(p, &x_shares[p.role.index()], &y_shares[p.role.index()], &shape)
            });
            world.assert_equal(&got, &spec::matmul_signed(&x, &y, &shape), &format!("{shape:?} {bits:?}"));
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
            let cost = lookup_cost(&table, n, tuning);
            let [a, b] = world.run(&cost, tuning, |p| lookup(p, &table, &shares[p.role.index()]));
            for ((a, b), want) in a.iter().zip(&b).zip(spec::lookup(&table, &x)) {
                world.assert_equal(&a.add(b), &want, &format!("{} index bits", index.bits()));
            }
        });
    }

    /// Products of mixed widths.
    pub fn multiply(&self) {
        self.each("multiply", |world, n, sharing, tuning| {
            let rings = [world.width(1..=32), world.width(1..=32)].map(|bits| Ring::new(bits).unwrap());
            let bits = rings.map(Ring::bits);
            let [xs, ys] = rings.map(|ring| ranges(world, ring, n));
            for ((range_x, x), (range_y, y)) in xs.into_iter().zip(ys) {
                let ranges = [range_x, range_y];
                let [x_shares, y_shares] = [&x, &y].map(|v| world.share(v, sharing));
                let cost = multiply_cost(bits, ranges, n, tuning);
                let got = world.run_joined(&cost, tuning, |p| {
                    multiply_unsigned(p, &x_shares[p.role.index()], &y_shares[p.role.index()], ranges)
                });
                let want = spec::multiply_unsigned(&x, &y);
                world.assert_equal(&got, &want, &format!("unsigned {bits:?} {ranges:?}"));
            }
            let [xs, ys] = rings.map(|ring| ranges(world, ring, n));
            for (range_x, x) in &xs {
                for (range_y, y) in &ys {
                    let ranges = [*range_x, *range_y];
                    let out = world.width(bits[0].max(bits[1])..=bits[0] + bits[1]);
                    let [x_shares, y_shares] = [x, y].map(|v| world.share(v, sharing));
                    let cost = multiply_into_cost(bits, ranges, out, n, tuning);
                    let out = Ring::new(out).unwrap();
                    let got = world.run_joined(&cost, tuning, |p| {
                        multiply_into(p, &x_shares[p.role.index()], &y_shares[p.role.index()], ranges, out)
                    });
                    let want = spec::multiply_signed(x, y).narrow(out);
                    world.assert_equal(&got, &want, &format!("{bits:?} {ranges:?} into {}", out.bits()));
                }
            }
            let [x, y] = rings.map(|ring| world.values(ring, n));
            let [x_shares, y_shares] = [&x, &y].map(|v| world.share(v, sharing));
            let cost = multiply_cost(bits, [RangeClaim::Any; 2], n, tuning);
            let got = world.run_joined(&cost, tuning, |p| {
                multiply_signed(p, &x_shares[p.role.index()], &y_shares[p.role.index()])
            });
            world.assert_equal(&got, &spec::multiply_signed(&x, &y), &format!("signed {bits:?}"));
        });
    }

    /// Division by powers of two toward zero.
    pub fn divide_toward_zero(&self) {
        self.each("divide_toward_zero", |world, n, sharing, tuning| {
            let bits = world.width(2..=64);
            let s = world.width(0..=bits - 2);
            for (range, x) in ranges(world, Ring::new(bits).unwrap(), n) {
                let shares = world.share(&x, sharing);
                let cost = divide_toward_zero_cost(bits, s, range, n, tuning);
                let got = world
                    .run_joined(&cost, tuning, |p| divide_toward_zero(p, &shares[p.role.index()], s, range));
                world.assert_equal(
                    &got,
                    &spec::divide_toward_zero(&x, s),
                    &format!("{bits} by {s} {range:?}"),
                );
            }
        });
    }
}
