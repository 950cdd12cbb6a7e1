//! Every way to divide a layer gives what the specification says, at the declared bytes.

use std::collections::BTreeSet;

use proptest::prelude::*;
use veilflow_correlation::LinearPair;
use veilflow_he::{Form, fresh_bits};
use veilflow_ring::RingVec;
use veilflow_spec::{Conv2dShape, LinearShape, MatMulShape};

use super::{both, conv, prg, request, run, toy_suite};
use crate::he::prices::Prices;
use crate::he::slots::InputSlots;
use crate::he::{HeClient, HeServer, HeSuite};

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
    /// An element is free in one polynomial, the first that has it; and the search knows how many bits there
    /// are.
    #[test]
    fn every_element_is_free_once(shape in shapes(), bits in 1..=30u32, set in 0..2usize, levels in 0..6u32, dear: bool) {
        let mut suite = toy_suite(set, levels);
        if dear {
            suite.prices.byte = 1e6;
        }
        let request = request(shape, bits, 4);
        let cut = suite.cut(&request).unwrap();
        let [mut coefficients, mut free_coefficients] = [0; 2];
        let mut seen = BTreeSet::new();
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
    let mut seen = BTreeSet::new();
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
