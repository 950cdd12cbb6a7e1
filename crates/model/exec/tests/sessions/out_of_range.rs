//! Any ring elements as input: secure runs equal the clear run bit for bit, however far values are from what
//! calibration saw, and runs of equal inputs are equal, whatever the shares are.

use veilflow_exec::{Prediction, SessionOptions, SupplierKind};
use veilflow_ir::{Encoded, Plan, Tensor};
use veilflow_passes::{Compiled, clear};
use veilflow_prim::{Block, Prg};
use veilflow_ring::RingVec;

use crate::any_input::{SEED, exact, learned};
use crate::network::{INPUTS, STEPS, bounded, clipped, compared, convolutional, pixels, recurrent, tensor};
use crate::parties::helped;

/// Exact on a supplier, while most inputs leave a range.
fn holds(net: &Compiled, sample: &Tensor, options: SessionOptions) {
    let [overflowed, runs] = exact(net, sample, options);
    assert!(overflowed > runs / 2, "only {overflowed} runs left a range\n{}", net.plan);
    assert!(overflowed < runs, "no input is in range");
}

fn every_supplier(net: &Compiled, sample: &Tensor) {
    for supplier in [SupplierKind::Ot, SupplierKind::Silent, SupplierKind::He] {
        holds(net, sample, SessionOptions { supplier, ..SessionOptions::default() });
    }
    holds(net, sample, helped());
}

#[test]
fn recurrent_networks() {
    every_supplier(recurrent(), &tensor(&[STEPS, INPUTS], 2.0, 90));
}

#[test]
fn networks_of_clips_pools_and_functions() {
    let net = clipped();
    for op in ["clip", "truncate-extend", "max-pool", "average-pool", "multiply", "apply", "extend"] {
        assert!(net.plan.nodes.iter().any(|node| node.op.name() == op), "no {op} in\n{}", net.plan);
    }
    every_supplier(net, &tensor(&[1, 2, 8, 8], 1.0, 91));
}

#[test]
fn networks_of_comparisons_and_private_products() {
    let net = compared();
    for op in ["positive", "matrix-product", "arg-max", "truncate-reduce", "multiply"] {
        assert!(net.plan.nodes.iter().any(|node| node.op.name() == op), "no {op} in\n{}", net.plan);
    }
    every_supplier(net, &tensor(&[2, 3, 4], 1.0, 92));
}

#[test]
fn convolutional_networks() {
    every_supplier(convolutional(), &pixels(3));
}

/// With bounded ranges, inputs at the ends of their range overflow nothing, and secure runs are exact there.
#[test]
fn nothing_leaves_a_bounded_range() {
    for net in bounded() {
        let value = &net.plan.values[net.plan.inputs[0].value];
        let (ring, range) = (value.ring(), value.range());
        let mut prg = Prg::from_seed(Block(SEED));
        let mut input = |pick: &mut dyn FnMut(u64) -> i128| {
            let random = prg.ring_vec(ring, value.shape.elements());
            let integers: Vec<i64> = random.values().iter().map(|&r| pick(r) as i64).collect();
            vec![RingVec::from_signed(ring, &integers)]
        };
        let inputs = [
            input(&mut |_| range.low),
            input(&mut |_| range.high),
            input(&mut |random| if random & 1 == 0 { range.low } else { range.high }),
            input(&mut |random| range.low + i128::from(random) % (range.high - range.low + 1)),
        ];
        for options in [SessionOptions { supplier: SupplierKind::Silent, ..Default::default() }, helped()] {
            for (input, (outputs, overflow)) in inputs.iter().zip(learned(&net, options, &inputs)) {
                let encoded = input.iter().map(|x| Encoded { values: x.clone(), outside: 0 }).collect();
                let clear = clear::run_encoded(&net.plan, &net.weights, encoded).unwrap();
                assert_eq!(clear.overflows, [], "{}", net.plan);
                assert!(outputs == clear.outputs && !overflow, "seed {SEED}, {options:?}\n{}", net.plan);
            }
        }
    }
}

/// No operation rests on what calibration saw: with other magnitudes written into the plan's values, from
/// which much could be claimed, each node sends and consumes the same.
#[test]
fn operations_do_not_read_what_calibration_saw() {
    for net in [recurrent(), clipped(), compared(), convolutional()] {
        for options in [SessionOptions::default(), helped()] {
            let described = |plan: &Plan| {
                let costs = Prediction::of(plan, &options).unwrap().online;
                // The last is the check's, which is there to ask what values declare.
                format!("{:?}", &costs[..plan.nodes.len()])
            };
            let wanted = described(&net.plan);
            for magnitude in [0, 1, 7] {
                let mut plan = net.plan.clone();
                for value in &mut plan.values {
                    value.magnitude = value.magnitude.min(magnitude);
                }
                assert!(described(&plan) == wanted, "{options:?}, magnitudes {magnitude}\n{plan}");
            }
        }
    }
}
