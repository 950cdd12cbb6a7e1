use std::sync::Mutex;

use veilflow_correlation::{LinearRequest, Possession};
use veilflow_net::{Channel, Role, memory_pair};
use veilflow_online::{AveragePool, Linear, LinearShared, MatMul, MaxPool, Operation, RangeClaim, Relu};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::{self as spec, Conv2dShape, LinearShape, MatMulShape, Pool2dShape};
use veilflow_testkit::{Sharing, World};

use crate::Suite;

/// A pooling whose windows overlap, are padded and cut short as the draw has it.
fn pool_shape(world: &mut World) -> Pool2dShape {
    loop {
        let mut size = |low: u64, high: u64| (low + world.below(high - low + 1)) as usize;
        let (kernel, stride) = ([size(1, 3), size(1, 3)], [size(1, 3), size(1, 3)]);
        let pad = [size(0, kernel[0] as u64 - 1), size(0, kernel[1] as u64 - 1)];
        let shape = Pool2dShape {
            channels: size(1, 3),
            in_height: size(1, 7),
            in_width: size(1, 7),
            kernel,
            stride,
            pad,
            out_height: size(1, 3),
            out_width: size(1, 3),
        };
        if shape.is_valid() {
            return shape;
        }
    }
}

fn linear_shape(world: &mut World) -> LinearShape {
    loop {
        let mut size = |low: u64, high: u64| (low + world.below(high - low + 1)) as usize;
        let groups = size(1, 2);
        let shape = if size(0, 2) == 0 {
            LinearShape::MatMul(MatMulShape { rows: size(1, 12), inner: size(1, 30), columns: size(1, 4) })
        } else {
            LinearShape::Conv2d(Conv2dShape {
                in_channels: groups * size(1, 3),
                in_height: size(1, 7),
                in_width: size(1, 7),
                out_channels: groups * size(1, 3),
                kernel: [size(1, 3), size(1, 3)],
                stride: [size(1, 2), size(1, 2)],
                pads: [size(0, 2), size(0, 2), size(0, 2), size(0, 2)],
                dilation: [size(1, 2), size(1, 2)],
                groups,
            })
        };
        if shape.validate().is_ok() {
            return shape;
        }
    }
}

impl Suite {
    /// Average pooling with padding counted or not.
    pub fn average_pool(&self) {
        self.each("average_pool", |world, _, sharing, tuning| {
            let shape = pool_shape(world);
            let bits = world.width(6..=48);
            let ring = Ring::new(bits).unwrap();
            let count_padding = world.below(2) == 0;
            let x = world.values(ring, shape.in_len());
            let shares = world.share(&x, sharing);
            let pool = AveragePool::new(ring, &shape, count_padding, RangeClaim::Any, tuning).unwrap();
            let got = world.run_joined(&pool.cost(), |p| pool.run(p, &shares[p.role.index()]));
            world.assert_equal(&got, &spec::average_pool(&x, &shape, count_padding), &format!("{shape:?}"));
        });
    }

    /// Maximum pooling.
    pub fn max_pool(&self) {
        self.each("max_pool", |world, _, sharing, tuning| {
            let shape = pool_shape(world);
            let bits = world.width(1..=48);
            let ring = Ring::new(bits).unwrap();
            let x = world.values(ring, shape.in_len());
            let shares = world.share(&x, sharing);
            let pool = MaxPool::new(ring, &shape, tuning).unwrap();
            let got = world.run_joined(&pool.cost(), |p| pool.run(p, &shares[p.role.index()]));
            world.assert_equal(&got, &spec::max_pool(&x, &shape), &format!("{shape:?}"));
        });
    }

    /// Convolutions and matrix products, with the pair from the supplier; either party holds the weights.
    pub fn linear(&self) {
        self.each("linear", |world, _, sharing, _| {
            let request = LinearRequest {
                layer: 3,
                holder: if world.below(2) == 0 { Role::P0 } else { Role::P1 },
                shape: linear_shape(world),
                ring: Ring::new(world.width(8..=64)).unwrap(),
                weight_bits: world.width(2..=8),
            };
            let (shape, ring) = (&request.shape, request.ring);
            let narrow = Ring::new(request.weight_bits).unwrap();
            let weights = world.values(narrow, shape.weight_len()).to_signed();
            let x = world.values(ring, shape.in_len());
            let shares = world.share(&x, sharing);
            let possession =
                |role| if role == request.holder { Possession::Mine(&weights) } else { Possession::Theirs };
            let seed = world.below(u64::MAX);
            let pairs = self.linear_pairs(&request, possession, seed);
            let pairs = pairs.map(|pair| Mutex::new(Some(pair)));
            let op = Linear::new(request.clone());
            let got = world.run_joined(&op.cost(), |p| {
                let pair = pairs[p.role.index()].lock().unwrap().take().unwrap();
                p.pools.put_linear(request.layer, request.holder, pair);
                op.run(p, possession(p.role), &shares[p.role.index()])
            });
            world.assert_equal(&got, &spec::linear(shape, &weights, &x), &format!("{request:?}"));
        });
    }

    /// The same of which each party has a share of the weights, with a pair from the supplier for either
    /// holder.
    pub fn linear_shared(&self) {
        self.each("linear_shared", |world, _, sharing, _| {
            let (shape, ring) = (linear_shape(world), Ring::new(world.width(8..=64)).unwrap());
            let weights = world.values(ring, shape.weight_len());
            let of_weights = Sharing::ALL[world.below(5) as usize];
            let halves = world.share(&weights, of_weights).map(|half| half.to_signed());
            let x = world.values(ring, shape.in_len());
            let shares = world.share(&x, sharing);
            let request = |holder| LinearRequest {
                layer: 3,
                holder,
                shape: shape.clone(),
                ring,
                weight_bits: ring.bits(),
            };
            let pairs = [Role::P0, Role::P1].map(|holder| {
                let mine = |role| {
                    if role == holder {
                        Possession::Mine(&halves[holder.index()])
                    } else {
                        Possession::Theirs
                    }
                };
                let seed = world.below(u64::MAX);
                self.linear_pairs(&request(holder), mine, seed).map(|pair| Mutex::new(Some(pair)))
            });
            let op = LinearShared::new(request(Role::P0));
            let got = world.run_joined(&op.cost(), |p| {
                for (holder, pair) in [Role::P0, Role::P1].into_iter().zip(&pairs) {
                    let pair = pair[p.role.index()].lock().unwrap().take().unwrap();
                    p.pools.put_linear(3, holder, pair);
                }
                op.run(p, &halves[p.role.index()], &shares[p.role.index()])
            });
            world.assert_equal(&got, &spec::linear(&shape, &weights.to_signed(), &x), &format!("{shape:?}"));
        });
    }

    /// Products of two shared matrices of mixed widths.
    pub fn matmul(&self) {
        self.each("matmul", |world, _, sharing, tuning| {
            let rings = [world.width(1..=32), world.width(1..=32)].map(|bits| Ring::new(bits).unwrap());
            let [rows, inner, columns] = [5, 7, 4].map(|most| 1 + world.below(most) as usize);
            let shape = MatMulShape { rows, inner, columns };
            let stack = 1 + world.below(3) as usize;
            let widest = rings[0].bits() + rings[1].bits();
            let out = Ring::new(world.width(rings[0].max(rings[1]).bits()..=widest)).unwrap();
            let [x, y] = [(rings[0], stack * rows * inner), (rings[1], stack * inner * columns)]
                .map(|(r, n)| world.values(r, n));
            let [x_shares, y_shares] = [&x, &y].map(|v| world.share(v, sharing));
            let op = MatMul::stacked(rings, out, stack, &shape, tuning).unwrap();
            let got = world
                .run_joined(&op.cost(), |p| op.run(p, &x_shares[p.role.index()], &y_shares[p.role.index()]));
            let mut wanted = RingVec::from_values(out, Vec::new());
            for s in 0..stack {
                let (x, y) =
                    (x.slice(s * rows * inner, rows * inner), y.slice(s * inner * columns, inner * columns));
                wanted.append(&spec::matmul_signed(&x, &y, &shape).narrow(out));
            }
            world.assert_equal(&got, &wanted, &format!("{stack} {shape:?} {rings:?} {out:?}"));
        });
    }

    /// Both halves of a pair, with the supplier's traffic held to its prediction.
    fn linear_pairs<'a>(
        &self,
        request: &LinearRequest,
        possession: impl Fn(Role) -> Possession<'a> + Sync,
        seed: u64,
    ) -> [veilflow_correlation::LinearPair; 2] {
        let (channel0, channel1) = memory_pair();
        let make = |role: Role, mut channel: Channel| {
            let mut supplier = (self.supplier)(role, &mut channel, seed);
            let before = (channel.meter(), supplier.helper_bytes());
            let pair = supplier.linear(&mut channel, request, possession(role)).unwrap();
            channel.flush().unwrap();
            let metered = [channel.meter().since(&before.0).sent, supplier.helper_bytes() - before.1];
            let predicted = supplier.costs().linear(request).volume();
            let predicted = [predicted.bytes, predicted.helper].map(|bytes| bytes[role.index()]);
            assert_eq!(metered, predicted, "offline bytes of {role:?}, helper's second, for {request:?}");
            (pair, channel)
        };
        let make = &make;
        std::thread::scope(|scope| {
            let other = scope.spawn(move || make(Role::P1, channel1));
            let first = make(Role::P0, channel0);
            let second = other.join().unwrap_or_else(|p| std::panic::resume_unwind(p));
            [first.0, second.0]
        })
    }

    /// Work split over threads: same values, bytes and rounds as in one.
    pub fn in_threads(&self) {
        self.each("in_threads", |world, n, sharing, tuning| {
            let (ring, n) = (Ring::new(world.width(2..=40)).unwrap(), 3 * n);
            let x = world.values(ring, n);
            let shares = world.share(&x, sharing);
            let threads = 1 + world.below(4) as usize;
            let relu = Relu::new(ring, tuning);
            let cost = relu.cost(x.len());
            // Twice, so that streams are used again.
            let twice = cost.clone().then(cost);
            let got = world.run_joined_in(threads, &twice, |p| {
                let y = p.run_in_threads(&relu, &shares[p.role.index()])?;
                p.run_in_threads(&relu, &y)
            });
            world.assert_equal(&got, &spec::relu(&x), &format!("{threads} threads"));
        });
    }
}
