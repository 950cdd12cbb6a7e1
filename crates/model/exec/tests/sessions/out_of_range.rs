//! Any ring elements as input: secure runs equal the clear run bit for bit, however far values are from what
//! calibration saw, and runs of equal inputs are equal, whatever the shares are.

use veilflow_exec::{Held, Overflow, Prediction, SessionOptions, SupplierKind};
use veilflow_ir::plan::RangeCheck;
use veilflow_ir::{Encoded, Plan, Tensor};
use veilflow_net::{Role, memory_pair};
use veilflow_passes::{Compiled, clear};
use veilflow_prim::{Block, Prg};
use veilflow_ring::RingVec;

use crate::network::{INPUTS, STEPS, bounded, clipped, convolutional, pixels, recurrent, tensor};
use crate::parties::{encode, helped, open};

const SEED: u128 = 404;

/// Runs the network on all inputs in one session, and returns what the client learns: the outputs, and
/// whether a value left its range.
fn learned(net: &Compiled, options: SessionOptions, inputs: &[Vec<RingVec>]) -> Vec<(Vec<RingVec>, bool)> {
    let (to_client, to_server) = memory_pair();
    let party = |channel, role| {
        let mut session = open(channel, role, net, options).unwrap();
        let mut learned = Vec::new();
        for input in inputs {
            let (weights, input) = match role {
                Role::P0 => (Held::Whole(&net.weights), None),
                Role::P1 => (Held::Nothing, Some(&input[..])),
            };
            let prepared = session.preparer.prepare(&net.plan, weights, &|_| {}).unwrap();
            let outcome = session.online.run(prepared, &net.plan, weights, input, &|_| {}).unwrap();
            match (role, outcome.overflow, outcome.outputs) {
                (Role::P0, Overflow::Nothing, None) => {}
                (Role::P1, Overflow::Known(bit), Some(outputs)) => learned.push((outputs, bit)),
                (Role::P1, Overflow::Nothing, Some(outputs)) if net.plan.checks.ranges.is_empty() => {
                    learned.push((outputs, false));
                }
                (role, overflow, _) => panic!("{role:?} has {overflow:?}"),
            }
        }
        learned
    };
    std::thread::scope(|scope| {
        scope.spawn(|| party(to_client, Role::P0));
        party(to_server, Role::P1)
    })
}

/// An input scaled up, the ends of the ring, and random elements of it.
fn inputs(net: &Compiled, sample: &Tensor) -> Vec<Vec<RingVec>> {
    let scaled = |factor: f32| {
        let data = sample.data();
        encode(net, &Tensor::from_fn(sample.shape().clone(), |i| data[i] * factor))
    };
    let ring = net.plan.values[net.plan.inputs[0].value].ring();
    let elements = |f: &mut dyn FnMut() -> u64| {
        vec![RingVec::from_values(ring, (0..sample.data().len()).map(|_| f()).collect())]
    };
    let mut prg = Prg::from_seed(Block(SEED));
    let ends = prg.ring_vec(ring, sample.data().len());
    let mut ends = ends.values().iter().map(|v| (ring.mask() >> 1).wrapping_add(v & 1));
    vec![
        scaled(0.5),
        scaled(3.0),
        scaled(100.0),
        elements(&mut || ring.mask() >> 1),
        elements(&mut || (ring.mask() >> 1) + 1),
        elements(&mut || ends.next().unwrap()),
        vec![prg.ring_vec(ring, sample.data().len())],
        vec![prg.ring_vec(ring, sample.data().len())],
    ]
}

/// Each input twice, whose runs have other shares.
fn holds(net: &Compiled, sample: &Tensor, options: SessionOptions) {
    let inputs: Vec<_> = inputs(net, sample).into_iter().flat_map(|input| [input.clone(), input]).collect();
    let mut overflowed = 0;
    // Of values with fewer elements than a sample, all are checked.
    let all = |range: &RangeCheck| {
        let elements = net.plan.values[range.value()].shape.elements();
        net.plan.checks.of(elements) == elements
    };
    let all = net.plan.checks.ranges.iter().all(all);
    for (at, (input, (outputs, bit))) in inputs.iter().zip(learned(net, options, &inputs)).enumerate() {
        let encoded = input.iter().map(|values| Encoded { values: values.clone(), outside: 0 }).collect();
        let clear = clear::run_encoded(&net.plan, &net.weights, encoded).unwrap();
        assert!(outputs == clear.outputs, "input {at}, seed {SEED}, {options:?}\n{}", net.plan);
        // No false alarm; where all is checked, no miss.
        let flagged = clear.flagged.iter().any(|&elements| elements > 0);
        assert!(bit <= flagged && (bit == flagged || !all), "input {at}, seed {SEED}, {options:?}");
        assert_eq!(clear.noticed(&net.plan) > 0.0, flagged, "input {at}");
        overflowed += usize::from(bit);
    }
    assert!(overflowed > inputs.len() / 2, "only {overflowed} inputs left a range\n{}", net.plan);
    assert!(overflowed < inputs.len(), "no input is in range");
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
    for net in [recurrent(), clipped(), convolutional()] {
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
