//! A recurrent network between two parties: what they learn, what they send and what they take.

use std::collections::BTreeMap;
use std::sync::Arc;

use veilflow_exec::{Phase, Prediction, Session, SessionOptions, SupplierKind, SupplyCost};
use veilflow_ir::{Function, Graph, Op, Shape, Tensor, ValueId};
use veilflow_net::{Channel, Role, memory_pair};
use veilflow_passes::{Compiled, Options, clear, compile};
use veilflow_ring::RingVec;

const STEPS: usize = 3;
const STATE: usize = 4;
const INPUTS: usize = 2;

fn shape(dims: &[usize]) -> Shape {
    Shape::new(dims).unwrap()
}

/// Numbers in −`size`..`size`, different for each seed.
fn tensor(dims: &[usize], size: f32, seed: u32) -> Tensor {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    Tensor::from_fn(shape(dims), |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 8) as f32 / (1 << 23) as f32 - 1.0) * size
    })
}

struct Builder {
    graph: Graph,
    names: u32,
}

impl Builder {
    fn constant(&mut self, dims: &[usize], size: f32) -> ValueId {
        self.names += 1;
        let tensor = tensor(dims, size, self.names);
        self.graph.constant(format!("c{}", self.names), Arc::new(tensor)).unwrap()
    }

    fn node(&mut self, op: Op, inputs: &[ValueId]) -> ValueId {
        self.names += 1;
        let name = format!("n{}", self.names);
        self.graph.node(name.clone(), name, op, inputs).unwrap()
    }

    fn slice(&mut self, x: ValueId, axis: usize, from: usize, count: usize) -> ValueId {
        self.node(Op::Gather { axis, indices: (from..from + count).collect() }, &[x])
    }
}

/// A gated cell, a sum of squares over its states, and a dense layer: every op that recurrent networks bring.
fn network() -> Compiled {
    let mut b = Builder { graph: Graph::new("gated"), names: 0 };
    let x = b.graph.input("x", shape(&[STEPS, INPUTS])).unwrap();
    let (w, u) = (b.constant(&[INPUTS, 2 * STATE], 0.8), b.constant(&[STATE, 2 * STATE], 0.8));
    let (v, scale, one) =
        (b.constant(&[INPUTS, STATE], 0.8), b.constant(&[1, STATE], 0.9), b.constant(&[1, 1], 0.7));
    let all = b.node(Op::MatMul, &[x, w]);
    let first = b.slice(x, 0, 0, 1);
    let mut h = b.node(Op::MatMul, &[first, v]);
    let mut states = Vec::new();
    for step in 0..STEPS {
        let (wx, uh) = (b.slice(all, 0, step, 1), b.node(Op::MatMul, &[h, u]));
        let sum = b.node(Op::Add, &[wx, uh]);
        let [gate, new] = [0, STATE].map(|from| b.slice(sum, 1, from, STATE));
        let gate = b.node(Op::Apply { function: Function::Sigmoid }, &[gate]);
        let new = b.node(Op::Apply { function: Function::Tanh }, &[new]);
        let rest = b.node(Op::Sub, &[one, gate]);
        let new = b.node(Op::Mul, &[new, scale]);
        let [kept, fresh] = [[gate, h], [rest, new]].map(|pair| b.node(Op::Mul, &pair));
        h = b.node(Op::Add, &[kept, fresh]);
        states.push(h);
    }
    let states = b.node(Op::Concat { axis: 0 }, &states);
    let states = b.node(Op::Sub, &[one, states]);
    let squares = b.node(Op::Mul, &[states, states]);
    let energy = b.node(Op::ReduceSum { axes: vec![0] }, &[squares]);
    // Broadcast over the states' rows.
    let scaled = b.node(Op::Mul, &[states, energy]);
    let flat = b.node(Op::Reshape { shape: shape(&[1, STEPS * STATE]) }, &[scaled]);
    let d = b.constant(&[STEPS * STATE, 3], 0.8);
    let y = b.node(Op::MatMul, &[flat, d]);
    b.graph.output(y, false);
    let calibration: Vec<_> = (200..240).map(|seed| vec![tensor(&[STEPS, INPUTS], 2.0, seed)]).collect();
    compile(&b.graph, &calibration, &Options::default()).unwrap()
}

/// What one party saw of a run: set-up, offline and online by node, and the rest; and its output.
struct Seen {
    set_up: Phase,
    offline: Vec<Phase>,
    online: Vec<Phase>,
    outputs: Option<Vec<RingVec>>,
}

fn party(channel: Channel, role: Role, net: &Compiled, input: &[RingVec], options: SessionOptions) -> Seen {
    let mut session = Session::open_for(channel, role, &net.plan, options).unwrap();
    let weights = (role == Role::P0).then_some(&net.weights);
    let input = (role == Role::P1).then_some(input);
    let (offline, outcome) = if options.just_in_time {
        session.just_in_time(&net.plan, weights, input, &|_| {}).unwrap()
    } else {
        let prepared = session.preparer.prepare(&net.plan, weights, &|_| {}).unwrap();
        let offline = prepared.nodes.clone();
        (offline, session.online.run(prepared, &net.plan, weights, input, &|_| {}).unwrap())
    };
    Seen { set_up: session.set_up, offline, online: outcome.nodes, outputs: outcome.outputs }
}

fn run(net: &Compiled, options: SessionOptions, seed: u32) {
    let input = tensor(&[STEPS, INPUTS], 2.0, seed);
    let expected = clear::run(&net.plan, &net.weights, std::slice::from_ref(&input)).unwrap();
    assert_eq!(expected.overflows, [], "seed {seed}");
    let encoded: Vec<RingVec> =
        clear::encode(&net.plan, &[input]).unwrap().into_iter().map(|e| e.values).collect();
    let (server, client) = memory_pair();
    let [server, client] = std::thread::scope(|scope| {
        let server = scope.spawn(|| party(server, Role::P0, net, &encoded, options));
        let client = party(client, Role::P1, net, &encoded, options);
        [server.join().unwrap(), client]
    });
    assert!(client.outputs == Some(expected.outputs), "seed {seed}, {options:?}\n{}", net.plan);
    assert!(server.outputs.is_none());

    let prediction = Prediction::of(&net.plan, &options).unwrap();
    let bytes = |phases: &[Phase]| -> Vec<[u64; 2]> { phases.iter().map(|p| [p.sent, p.received]).collect() };
    let costs = |costs: &[veilflow_correlation::Cost]| -> Vec<[u64; 2]> {
        costs.iter().map(|c| c.volume().bytes).collect()
    };
    assert_eq!(bytes(&server.online), costs(&prediction.online), "{options:?}");
    let offline: Vec<_> = prediction.offline.iter().map(SupplyCost::cost).collect();
    assert_eq!(bytes(&server.offline), costs(&offline), "{options:?}");
    assert!(server.set_up.sent >= prediction.set_up.volume().bytes[0]);
    assert_eq!(client.offline.len(), net.plan.nodes.len());
}

#[test]
fn recurrent_networks_run_with_every_supplier() {
    let net = network();
    let names: BTreeMap<_, usize> = net.plan.nodes.iter().fold(BTreeMap::new(), |mut names, node| {
        *names.entry(node.op.name()).or_default() += 1;
        names
    });
    for op in ["multiply", "apply", "gather", "reduce-sum", "subtract-from"] {
        assert!(names.contains_key(op), "no {op} in\n{}", net.plan);
    }
    for (seed, supplier) in (90..).zip([SupplierKind::Ot, SupplierKind::Silent, SupplierKind::He]) {
        run(&net, SessionOptions { supplier, ..SessionOptions::default() }, seed);
    }
    run(&net, SessionOptions { just_in_time: true, threads: 2, ..SessionOptions::default() }, 99);
}
