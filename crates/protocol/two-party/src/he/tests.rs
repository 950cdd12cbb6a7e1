//! Pairs against the specification, bytes against the meter, and faults.

use std::sync::Arc;
use std::thread;

use proptest::prelude::*;
use veilflow_correlation::{CorrelationError, Flow, LinearPair, LinearRequest};
use veilflow_he::{Form, HeError, Parameters, fresh_bits};
use veilflow_net::{Channel, Meter, Role, memory_pair};
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::{Conv2dShape, LinearShape, MatMulShape};

use super::cut::InputSlots;
use super::search::Prices;
use super::suite::Set;
use super::*;

/// Degrees too small to be secure, at which many tiles and wraps occur in small layers.
fn toys() -> [Arc<Parameters>; 3] {
    [(64, 2), (128, 2), (128, 3)]
        .map(|(degree, primes)| Arc::new(Parameters::insecure_for_tests(degree, primes)))
}

/// A suite of one toy set with up to `levels` levels of packing, and the wide one in case it does not fit.
fn toy_suite(set: usize, levels: u32) -> HeSuite {
    let [small, large, wide] = toys();
    let parameters = [small, large][set].clone();
    let sets = vec![Set { parameters, levels }, Set { parameters: wide, levels: 0 }];
    HeSuite { sets, prices: Prices::MEASURED }
}

fn both<A: Send, B: Send>(
    client: impl FnOnce(&mut Channel) -> A + Send,
    server: impl FnOnce(&mut Channel) -> B + Send,
) -> (A, B) {
    let (mut a, mut b) = memory_pair();
    thread::scope(move |scope| {
        let handle = scope.spawn(move || client(&mut a));
        let theirs = server(&mut b);
        drop(b);
        (handle.join().expect("the client panicked"), theirs)
    })
}

fn prg(seed: u128) -> Prg {
    Prg::from_seed(Block(seed))
}

/// Makes a pair and holds it to the specification and the declared cost.
fn run(request: &LinearRequest, weights: &[i64], suite: &HeSuite) {
    let (client, server) = both(
        |channel| {
            let mut client = HeClient::setup(channel, prg(1), suite)?;
            let setup = channel.meter();
            Ok::<_, CorrelationError>((client.client_linear(channel, request)?, setup, channel.meter()))
        },
        |channel| HeServer::setup(channel, prg(2), suite)?.server_linear(channel, request, weights),
    );
    let ((client, setup, meter), server) = (client.unwrap(), server.unwrap());
    let (LinearPair::Other { mask, product }, LinearPair::Holder { s }) = (client, server) else {
        panic!("halves of the wrong kind")
    };
    let want = veilflow_spec::linear(&request.shape, weights, &mask).sub(&s);
    let wrong = product.values().iter().zip(want.values()).filter(|(a, b)| a != b).count();
    assert_eq!(wrong, 0, "outputs of {request:?} that differ, of {}", want.len());
    assert_eq!(setup.sent, suite.setup_cost().volume().bytes[1]);
    let volume = suite.linear_cost(request).unwrap().volume();
    let metered = meter - setup;
    assert_eq!(
        Meter { rounds: meter.rounds, ..metered },
        Meter { sent: volume.bytes[1], received: volume.bytes[0], rounds: volume.rounds }
    );
}

fn request(shape: LinearShape, bits: u32, weight_bits: u32) -> LinearRequest {
    LinearRequest { layer: 3, holder: Role::P0, shape, ring: Ring::new(bits).unwrap(), weight_bits }
}

fn shapes() -> impl Strategy<Value = LinearShape> {
    let conv =
        (1..4usize, 1..5usize, 1..5usize, (1..11usize, 1..11usize), [1..4usize, 1..4], [1..4usize, 1..4])
            .prop_flat_map(|(groups, i, o, (h, w), kernel, stride)| {
                ([0..4usize, 0..4, 0..4, 0..4], [1..3usize, 1..3]).prop_map(move |(pads, dilation)| {
                    LinearShape::Conv2d(Conv2dShape {
                        in_channels: groups * i,
                        in_height: h,
                        in_width: w,
                        out_channels: groups * o,
                        kernel,
                        stride,
                        pads,
                        dilation,
                        groups,
                    })
                })
            });
    let matmul = (1..30usize, 1..90usize, 1..9usize)
        .prop_map(|(rows, inner, columns)| LinearShape::MatMul(MatMulShape { rows, inner, columns }));
    prop_oneof![4 => conv, 1 => matmul].prop_filter("the layer must be valid", |s| s.validate().is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn every_layer_is_exact(shape in shapes(), bits in 1..=37u32, weight_bits in 1..=12u32, seed: u64, top: bool, set in 0..2usize, levels in 0..6u32) {
        let mut random = prg(seed.into());
        let lowest = -1i64 << (weight_bits - 1);
        let weight = |_| if top { lowest } else { random.u64() as i64 >> (64 - weight_bits) };
        let weights: Vec<i64> = (0..shape.weight_len()).map(weight).collect();
        run(&request(shape, bits, weight_bits), &weights, &toy_suite(set, levels));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    /// An element is free in one polynomial, the first that has it; and the search knows how many bits there are.
    #[test]
    fn every_element_is_free_once(shape in shapes(), bits in 1..=30u32, set in 0..2usize, levels in 0..6u32, dear: bool) {
        let mut suite = toy_suite(set, levels);
        if dear {
            suite.prices.byte = 1e6;
        }
        let request = request(shape, bits, 4);
        let cut = suite.cut(&request).unwrap();
        let [mut coefficients, mut free_coefficients] = [0; 2];
        let mut seen = std::collections::BTreeSet::new();
        for (planes, tile) in cut.inputs() {
            let InputSlots { slots, free, given } = cut.input_slots(&tile, &planes);
            prop_assert_eq!((slots.free.len(), slots.given.len()), (free.len(), given.len()));
            coefficients += free.len() + given.len();
            free_coefficients += free.len();
            for element in given.into_iter().flatten() {
                prop_assert!(seen.contains(&element), "{} was not masked yet", element);
            }
            for element in free {
                prop_assert!(seen.insert(element), "{} is masked twice", element);
            }
        }
        let [of_free, of_given] = fresh_bits(&cut.parameters, &cut.budget).map(f64::from);
        let exact = (coefficients - free_coefficients) as f64 * of_given + free_coefficients as f64 * of_free;
        let known = cut.division.input_bits(&cut.geometry, &cut.parameters, &cut.budget);
        prop_assert!((known - exact).abs() <= exact * 1e-9, "{} for {}", known, exact);
    }
}

fn conv(
    channels: usize,
    size: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    groups: usize,
) -> LinearShape {
    LinearShape::Conv2d(Conv2dShape {
        in_channels: channels,
        in_height: size,
        in_width: size,
        out_channels: outputs,
        kernel: [kernel; 2],
        stride: [stride; 2],
        pads: [kernel / 2; 4],
        dilation: [1; 2],
        groups,
    })
}

#[test]
fn real_parameters_are_exact() {
    let cases = [
        (conv(3, 60, 8, 7, 2, 1), 25),
        (conv(16, 7, 24, 1, 1, 1), 22),
        (conv(12, 14, 12, 3, 1, 12), 27),
        (conv(4, 70, 2, 3, 1, 1), 32),
        (LinearShape::MatMul(MatMulShape { rows: 100, inner: 300, columns: 1 }), 37),
    ];
    for (shape, bits) in cases {
        let mut random = prg(u128::from(bits));
        let weights: Vec<i64> = (0..shape.weight_len()).map(|_| random.u64() as i64 >> 54).collect();
        let request = request(shape, bits, 10);
        run(&request, &weights, &HeSuite::for_layers(std::slice::from_ref(&request), 25.0).unwrap());
    }
}

/// Layers of networks for ImageNet all fit, at the widths and sizes they have there.
#[test]
fn layers_of_imagenet_networks_fit() {
    for (shape, bits, weight_bits) in [
        (conv(3, 224, 64, 7, 2, 1), 27, 10),
        (conv(512, 7, 512, 3, 1, 1), 27, 12),
        (conv(2048, 7, 512, 1, 1, 1), 32, 10),
        (conv(64, 56, 64, 3, 1, 1), 32, 10),
        (conv(672, 14, 672, 5, 1, 672), 24, 10),
        (LinearShape::MatMul(MatMulShape { rows: 1000, inner: 2048, columns: 1 }), 37, 12),
    ] {
        let request = request(shape, bits, weight_bits);
        assert_eq!(HeSuite::check(&request), Ok(()), "{request:?}");
    }
}

#[test]
fn what_does_not_fit_is_refused_with_the_reason() {
    let check = |shape, bits, weight_bits| HeSuite::check(&request(shape, bits, weight_bits));
    let fc = |inner| LinearShape::MatMul(MatMulShape { rows: 1, inner, columns: 1 });
    assert!(matches!(check(fc(9), 41, 8), Err(HeError::Ring { bits: 41, limit: 40 })));
    assert!(matches!(check(fc(9), 8, 49), Err(HeError::Weights { bits: 49, limit: 48 })));
    assert!(matches!(check(fc(1 << 20), 40, 40), Err(HeError::Noise { degree: 8192, .. })));
    let LinearShape::Conv2d(mut wide) = conv(1, 401, 1, 3, 1, 1) else { unreachable!() };
    wide.dilation = [200; 2];
    wide.pads = [0; 4];
    let error = check(LinearShape::Conv2d(wide), 20, 8).unwrap_err();
    assert!(matches!(error, HeError::Window { degree: 8192, .. }), "{error}");
}

#[test]
fn weights_that_do_not_fit_are_refused() {
    let suite = toy_suite(0, 0);
    let request = request(conv(2, 3, 2, 1, 1, 1), 20, 4);
    for weights in [vec![0; 3], vec![0, 0, 0, 8], vec![-9, 0, 0, 0]] {
        let (_, outcome) = both(
            |channel| HeClient::setup(channel, prg(1), &suite).map(|_| ()),
            |channel| HeServer::setup(channel, prg(2), &suite)?.server_linear(channel, &request, &weights),
        );
        assert!(matches!(outcome, Err(CorrelationError::Weights { layer: 3, .. })));
    }
}

#[test]
fn malformed_and_missing_messages_are_errors() {
    let suite = toy_suite(0, 0);
    let request = request(conv(2, 3, 2, 1, 1, 1), 20, 4);
    let Flow::From(Role::P1, inputs) = suite.linear_cost(&request).unwrap().flows[0] else {
        panic!("the client starts")
    };
    let serve = |channel: &mut Channel| -> Result<LinearPair, CorrelationError> {
        let server = HeServer::setup(channel, prg(2), &suite)?;
        server.with_threads(2).server_linear(channel, &request, &[1; 4])
    };
    let keys = suite.setup_cost().volume().bytes[1];

    let (_, outcome) = both(|channel| channel.send(&vec![0xff; keys as usize]), serve);
    assert!(matches!(
        outcome,
        Err(CorrelationError::Supplier { supplier: "he", .. } | CorrelationError::Net(_))
    ));
    for (len, byte) in [(inputs, 0xff), (inputs - 1, 0)] {
        let (_, outcome) = both(
            |channel| {
                HeClient::setup(channel, prg(1), &suite).unwrap();
                channel.send(&vec![byte; len as usize]).and_then(|()| channel.flush()).unwrap();
            },
            serve,
        );
        let error = outcome.unwrap_err();
        let expected = matches!(&error, CorrelationError::Supplier { .. }) == (byte == 0xff);
        assert!(expected, "{error}");
    }
    let (outcome, _) = both(
        |channel| HeClient::setup(channel, prg(1), &suite)?.client_linear(channel, &request),
        |channel| HeServer::setup(channel, prg(2), &suite).map(|_| channel.send(&[0; 5])),
    );
    assert!(matches!(outcome, Err(CorrelationError::Net(_))));
}

#[test]
fn nothing_secret_is_printed() {
    let suite = toy_suite(0, 0);
    let (client, server) = both(
        |c| HeClient::setup(c, prg(1), &suite).unwrap(),
        |c| HeServer::setup(c, prg(2), &suite).unwrap(),
    );
    let suite = format!("{suite:?}");
    assert_eq!(format!("{client:?}"), format!("HeClient({suite})"));
    assert_eq!(format!("{server:?}"), format!("HeServer({suite})"));
    assert!(suite.contains("Parameters(degree 64, 100 bits)"), "{suite}");
}

#[test]
fn one_key_serves_many_layers() {
    let suite = toy_suite(0, 0);
    let requests = [request(conv(2, 5, 3, 3, 1, 1), 20, 6), request(conv(1, 4, 2, 1, 2, 1), 33, 6)];
    let weights: Vec<Vec<i64>> =
        requests.iter().map(|r| (0..r.shape.weight_len() as i64).map(|i| i % 17).collect()).collect();
    let (client, server) = both(
        |channel| {
            let mut client = HeClient::setup(channel, prg(1), &suite).unwrap();
            requests.each_ref().map(|r| client.client_linear(channel, r).unwrap())
        },
        |channel| {
            let mut server = HeServer::setup(channel, prg(2), &suite).unwrap();
            [0, 1].map(|i| server.server_linear(channel, &requests[i], &weights[i]).unwrap())
        },
    );
    for (i, (client, server)) in client.into_iter().zip(server).enumerate() {
        let (LinearPair::Other { mask, product }, LinearPair::Holder { s }) = (client, server) else {
            panic!("halves of the wrong kind")
        };
        let want: RingVec = veilflow_spec::linear(&requests[i].shape, &weights[i], &mask).sub(&s);
        assert!(product == want, "layer {i}");
    }
}

/// Masks, shares and products come out of all that is sent.
#[test]
fn threads_change_nothing() {
    let shapes = [conv(3, 17, 5, 3, 1, 1), conv(6, 5, 40, 1, 1, 2), conv(40, 9, 9, 3, 2, 1)];
    for (shape, (set, levels)) in shapes.into_iter().zip([(0, 0), (1, 0), (1, 4)]) {
        let (suite, request) = (toy_suite(set, levels), request(shape, 20, 8));
        let weights: Vec<i64> = (0..request.shape.weight_len() as i64).map(|i| i * 7 % 256 - 128).collect();
        let pair = |threads: usize| {
            let (client, server) = both(
                |channel| {
                    let client = HeClient::setup(channel, prg(1), &suite).unwrap();
                    client.with_threads(threads).client_linear(channel, &request).unwrap()
                },
                |channel| {
                    let server = HeServer::setup(channel, prg(2), &suite).unwrap();
                    server.with_threads(threads).server_linear(channel, &request, &weights).unwrap()
                },
            );
            let (LinearPair::Other { mask, product }, LinearPair::Holder { s }) = (client, server) else {
                panic!("halves of the wrong kind")
            };
            [mask, product, s]
        };
        let one = pair(1);
        for threads in [2, 3, 7] {
            assert!(pair(threads) == one, "{request:?} in {threads} threads");
        }
    }
}

/// With room for all layers, for one, and for none; packed and not; by points and by monomials.
#[test]
fn kept_weights_change_nothing() {
    let shapes = [conv(6, 5, 9, 3, 1, 3), conv(40, 9, 9, 3, 1, 1), conv(2, 3, 2, 1, 1, 1)];
    for (set, levels) in [(0, 0), (1, 4)] {
        let suite = toy_suite(set, levels);
        let requests = shapes.clone().map(|shape| request(shape, 20, 8));
        let weights = requests.each_ref().map(|request| -> Vec<i64> {
            (0..request.shape.weight_len() as i64).map(|i| i * 7 % 256 - 128).collect()
        });
        let run = |cache: &Arc<WeightCache>| {
            let (_, shares) = both(
                |channel| {
                    let mut client = HeClient::setup(channel, prg(1), &suite).unwrap();
                    requests.iter().for_each(|r| drop(client.client_linear(channel, r).unwrap()));
                },
                |channel| {
                    let server = HeServer::setup(channel, prg(2), &suite).unwrap();
                    let mut server = server.with_threads(2).with_cache(Arc::clone(cache));
                    [0, 1, 2].map(|i| {
                        let request = LinearRequest { layer: i, ..requests[i].clone() };
                        match server.server_linear(channel, &request, &weights[i]).unwrap() {
                            LinearPair::Holder { s } => s,
                            LinearPair::Other { .. } => panic!("a half of the wrong kind"),
                        }
                    })
                },
            );
            shares
        };
        let none = Arc::new(WeightCache::new(0));
        let want = run(&none);
        let all = Arc::new(WeightCache::new(1 << 30));
        run(&all);
        let (limit, used) = (all.used() / 2, all.used());
        let some = Arc::new(WeightCache::new(limit));
        for (cache, least, most) in [(none, 0, 0), (some, 1, limit), (all, used, used)] {
            for _ in 0..2 {
                assert!(run(&cache) == want, "{cache:?}");
                assert!((least..=most).contains(&cache.used()), "{cache:?}");
            }
        }
    }
}

/// By prices that make them the cheapest, every way to divide a layer occurs, and is exact.
#[test]
fn every_way_to_divide_a_layer_is_exact() {
    let fc = LinearShape::MatMul(MatMulShape { rows: 40, inner: 70, columns: 1 });
    let pointwise = [conv(9, 3, 12, 1, 1, 1), conv(16, 9, 16, 1, 1, 1), conv(8, 13, 8, 1, 1, 1)];
    let shapes = [[conv(3, 17, 4, 3, 1, 1), conv(6, 5, 6, 3, 1, 6), fc], pointwise].concat();
    let measured = Prices::MEASURED;
    let dear_bytes = Prices { byte: 1e6, ..measured };
    let prices = [
        measured,
        dear_bytes,
        Prices { butterfly: 1e6, ..measured },
        Prices { monomial: 1e6, ..measured },
        Prices { monomial: 0.0, ..dear_bytes },
        Prices { monomial: 1e6, ..dear_bytes },
    ];
    let mut seen = std::collections::BTreeSet::new();
    for (set, levels) in [(0, 0), (0, 4), (1, 6)] {
        for prices in prices {
            let suite = HeSuite { prices, ..toy_suite(set, levels) };
            for shape in &shapes {
                let request = request(shape.clone(), 20, 8);
                let cut = suite.cut(&request).unwrap();
                let (packed, tiled) = (cut.budget.levels > 0, cut.tiles().len() > 1);
                seen.insert((cut.form == Form::Points, packed, tiled));
                let mut random = prg(levels.into());
                let weights: Vec<i64> = (0..shape.weight_len()).map(|_| random.u64() as i64 >> 56).collect();
                run(&request, &weights, &suite);
            }
        }
    }
    assert_eq!(seen.len(), 8, "(by points, packed, tiled): {seen:?}");
}
