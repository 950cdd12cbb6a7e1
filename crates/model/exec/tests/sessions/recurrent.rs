//! A recurrent network, whose steps share weights, with every supplier.

use std::collections::BTreeMap;

use veilflow_exec::{Held, SessionOptions, SupplierKind};
use veilflow_passes::Compiled;

use crate::network::{INPUTS, STEPS, recurrent, tensor};
use crate::parties::{Brings, assert_as_predicted, both, encode, expected};

fn run(net: &Compiled, options: SessionOptions, seed: u32) {
    let input = tensor(&[STEPS, INPUTS], 2.0, seed);
    let encoded = encode(net, &input);
    let server = Brings { weights: Held::Whole(&net.weights), input: None, options };
    let client = Brings { weights: Held::Nothing, input: Some(&encoded), options };
    let seen = both(net, [server, client]);
    assert!(seen[0].outputs.is_none());
    assert!(seen[1].outputs == Some(expected(net, &input)), "seed {seed}, {options:?}\n{}", net.plan);
    assert_as_predicted(net, &options, &seen);
}

#[test]
fn recurrent_networks_run_with_every_supplier() {
    let net = recurrent();
    let names: BTreeMap<_, usize> = net.plan.nodes.iter().fold(BTreeMap::new(), |mut names, node| {
        *names.entry(node.op.name()).or_default() += 1;
        names
    });
    for op in ["multiply", "apply", "gather", "reduce-sum", "subtract-from"] {
        assert!(names.contains_key(op), "no {op} in\n{}", net.plan);
    }
    for (seed, supplier) in (90..).zip([SupplierKind::Ot, SupplierKind::Silent, SupplierKind::He]) {
        run(net, SessionOptions { supplier, ..SessionOptions::default() }, seed);
    }
    run(net, SessionOptions { just_in_time: true, threads: 2, ..SessionOptions::default() }, 99);
}
