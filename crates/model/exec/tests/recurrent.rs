//! A recurrent network between two parties: what they learn, what they send and what they take.

mod network;

use std::collections::BTreeMap;

use network::{INPUTS, STEPS, network, tensor};
use veilflow_exec::{Held, Phase, Prediction, Session, SessionOptions, SupplierKind, SupplyCost};
use veilflow_net::{Channel, Role, memory_pair};
use veilflow_passes::{Compiled, clear};
use veilflow_ring::RingVec;

/// What one party saw of a run: set-up, offline and online by node, and the rest; and its output.
struct Seen {
    set_up: Phase,
    offline: Vec<Phase>,
    online: Vec<Phase>,
    outputs: Option<Vec<RingVec>>,
}

fn party(channel: Channel, role: Role, net: &Compiled, input: &[RingVec], options: SessionOptions) -> Seen {
    let mut session = Session::open_for(channel, role, &net.plan, options).unwrap();
    let weights = if role == Role::P0 { Held::Whole(&net.weights) } else { Held::Nothing };
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
