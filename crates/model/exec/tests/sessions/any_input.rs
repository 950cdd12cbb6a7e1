//! Runs of any ring elements, held to the run in the clear.

use veilflow_exec::{Held, Overflow, SessionOptions};
use veilflow_ir::plan::RangeCheck;
use veilflow_ir::{Encoded, Tensor};
use veilflow_net::{Role, memory_pair};
use veilflow_passes::{Compiled, clear};
use veilflow_prim::{Block, Prg};
use veilflow_ring::RingVec;

use crate::parties::{encode, open};

pub(crate) const SEED: u128 = 404;

/// Runs the network on all inputs in one session, and returns what the client learns: the outputs, and
/// whether a value left its range.
pub(crate) fn learned(
    net: &Compiled,
    options: SessionOptions,
    inputs: &[Vec<RingVec>],
) -> Vec<(Vec<RingVec>, bool)> {
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
pub(crate) fn inputs(net: &Compiled, sample: &Tensor) -> Vec<Vec<RingVec>> {
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

/// Each input twice, whose runs have other shares. Returns how many runs told that a value left its range,
/// and how many there were.
pub(crate) fn exact(net: &Compiled, sample: &Tensor, options: SessionOptions) -> [usize; 2] {
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
    [overflowed, inputs.len()]
}
