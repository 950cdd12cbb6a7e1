//! What is positive, as a number that selects, with every supplier.

use std::collections::BTreeMap;

use veilflow_exec::{Held, SessionOptions, SupplierKind};
use veilflow_ir::plan::{
    Checks, Plan, PlanInput, PlanNode, PlanOp, PlanOutput, PlanValue, RangeCheck, Ranges, Reveal, Settings,
};
use veilflow_ir::{Shape, Weights};
use veilflow_passes::{CompileReport, Compiled};

use crate::any_input::exact;
use crate::network::tensor;
use crate::parties::{Brings, assert_as_predicted, both, encode, expected, helped};

const SHAPE: [usize; 3] = [2, 3, 4];

fn value(shape: &[usize], width: u32, scale: i32, magnitude: u32, non_negative: bool) -> PlanValue {
    PlanValue { shape: Shape::new(shape).unwrap(), width, scale, magnitude, non_negative }
}

/// A network of these values and nodes, each a layer of its own, whose first value is the input and whose
/// last is the output. The first is checked.
fn network(values: Vec<PlanValue>, nodes: Vec<(PlanOp, Vec<usize>)>, ranges: Ranges) -> Compiled {
    let settings = Settings {
        weight_bits: 8,
        activation_bits: 8,
        state_bits: 8,
        margin_percent: 200,
        calibration_inputs: 1,
        ranges,
    };
    let node = |(i, (op, inputs))| PlanNode { layer: format!("n{i}"), op, inputs, output: i };
    let last =
        PlanOutput { name: "y".to_owned(), value: values.len() - 1, softmax: false, reveal: Reveal::Scores };
    let plan = Plan {
        name: "selected".to_owned(),
        preprocessing: String::new(),
        settings,
        values,
        inputs: vec![PlanInput { name: "x".to_owned(), value: 0, one_hot: false }],
        nodes: (1..).zip(nodes).map(node).collect(),
        outputs: vec![last],
        checks: Checks { sample: None, ranges: vec![RangeCheck::Magnitude { value: 0 }] },
    };
    plan.verify().unwrap();
    let weights = Weights::new(&plan, BTreeMap::new()).unwrap();
    let report =
        CompileReport { imported_nodes: 0, relative_error: 0.0, simplified_nodes: 0, tensors: Vec::new() };
    Compiled { plan, weights, report }
}

/// [x > 0]·x, and whether that is positive. The ranges are proven.
fn gated() -> Compiled {
    let values = vec![
        value(&SHAPE, 20, 8, 10, false),
        value(&SHAPE, 7, 0, 1, true),
        value(&SHAPE, 20, 8, 10, false),
        value(&SHAPE, 2, 0, 1, true),
    ];
    let nodes = vec![
        (PlanOp::Positive { to: 7 }, vec![0]),
        (PlanOp::Multiply { width: 20 }, vec![1, 0]),
        (PlanOp::Positive { to: 2 }, vec![2]),
    ];
    network(values, nodes, Ranges::Bounded)
}

/// As predicted on an input in range, and exact on any.
fn holds(net: &Compiled, options: SessionOptions) {
    let input = tensor(&SHAPE, 1.0, 71);
    let encoded = encode(net, &input);
    let server = Brings { weights: Held::Whole(&net.weights), input: None, options };
    let client = Brings { weights: Held::Nothing, input: Some(&encoded), options };
    let seen = both(net, [server, client]);
    assert!(seen[1].outputs == Some(expected(net, &input)), "{options:?}\n{}", net.plan);
    assert_as_predicted(net, &options, &seen);
    let [overflowed, runs] = exact(net, &input, options);
    assert!(overflowed > 0 && overflowed < runs, "{overflowed} of {runs}");
}

fn every_supplier(net: &Compiled) {
    for supplier in [SupplierKind::Ot, SupplierKind::Silent, SupplierKind::He] {
        holds(net, SessionOptions { supplier, ..SessionOptions::default() });
    }
    holds(net, helped());
    holds(net, SessionOptions { threads: 2, just_in_time: true, ..SessionOptions::default() });
}

#[test]
fn signs_select() {
    every_supplier(&gated());
}
