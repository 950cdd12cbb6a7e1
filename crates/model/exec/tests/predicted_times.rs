//! Predicted seconds against measured ones, on links shaped as a LAN and as a WAN.

use std::sync::LazyLock;

use veilflow_exec::{
    Held, Machine, Prediction, Session, SessionOptions, SupplierKind, Times, choose_tuning, online_cost,
};
use veilflow_ir::{Plan, Tensor, Weights};
use veilflow_net::{Channel, LinkOptions, LinkShape, Role, memory_pair_with};
use veilflow_passes::{Options, clear};
use veilflow_ring::RingVec;

/// How far off a prediction may be.
const TOLERANCE: f64 = 1.3;
/// Runs that may be disturbed by what else the machine does before one must be as predicted.
const ATTEMPTS: usize = 20;

static NETWORK: LazyLock<(Plan, Weights, Vec<RingVec>)> = LazyLock::new(|| {
    let onnx = include_bytes!("../../../../models/mnist/mnist-demo.onnx");
    let graph = veilflow_import_onnx::import_bytes(onnx).unwrap();
    let shape = graph.shape(graph.inputs()[0]).clone();
    let pixels = (0..shape.elements()).map(|i| (i * i % 97) as f32 / 97.0).collect();
    let input = vec![Tensor::new(shape, pixels).unwrap()];
    let compiled =
        veilflow_passes::compile(&graph, std::slice::from_ref(&input), &Options::default()).unwrap();
    let encoded = clear::encode(&compiled.plan, &input).unwrap();
    (compiled.plan, compiled.weights, encoded.into_iter().map(|e| e.values).collect())
});

/// Seconds that this thread was ready to run while others ran, where the system tells: Linux does.
fn waited() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|ns| ns.parse::<f64>().ok()).map_or(0.0, |ns| 1e-9 * ns)
}

/// A phase as it went.
#[derive(Debug, Clone, Copy)]
struct Measured {
    seconds: f64,
    waited: f64,
}

/// Both phases of a run at one party.
fn run(role: Role, channel: Channel, options: SessionOptions) -> [Measured; 2] {
    let (plan, weights, input) = &*NETWORK;
    let began = waited();
    let (weights, input) = match role {
        Role::P0 => (Held::Whole(weights), None),
        Role::P1 => (Held::Nothing, Some(&input[..])),
    };
    // The client asks for each phase, as it does of a server.
    let ask = |channel: &mut Channel| match role {
        Role::P0 => assert_eq!(channel.recv_vec(1).unwrap(), [1]),
        Role::P1 => channel.send(&[1]).and_then(|()| channel.flush()).unwrap(),
    };
    let mut session = Session::open_for(channel, role, plan, options).unwrap();
    ask(&mut session.preparer.channel);
    let prepared = session.preparer.prepare(plan, weights, &|_| {}).unwrap();
    let seconds = session.set_up.seconds + prepared.nodes.iter().map(|phase| phase.seconds).sum::<f64>();
    let ready = waited();
    let offline = Measured { seconds, waited: ready - began };
    ask(&mut session.online.party.channel);
    let outcome = session.online.run(prepared, plan, weights, input, &|_| {}).unwrap();
    let seconds = outcome.rest.seconds
        + outcome.check.seconds
        + outcome.nodes.iter().map(|phase| phase.seconds).sum::<f64>();
    [offline, Measured { seconds, waited: waited() - ready }]
}

/// Seconds of both phases, and how long either party was kept from running.
fn measure(options: SessionOptions) -> [Measured; 2] {
    let link = LinkOptions { shape: options.link, ..LinkOptions::default() };
    let (p0, p1) = memory_pair_with(&link).unwrap();
    let (server, client) = std::thread::scope(|scope| {
        let client = scope.spawn(|| run(Role::P1, p1, options));
        (run(Role::P0, p0, options), client.join().unwrap())
    });
    [0, 1].map(|phase| Measured {
        seconds: server[phase].seconds.max(client[phase].seconds),
        waited: server[phase].waited + client[phase].waited,
    })
}

/// Whether a phase took what was predicted. What else the machine does makes it longer, by no more than the
/// parties waited for a processor.
fn agrees(predicted: f64, measured: Measured) -> bool {
    measured.seconds * TOLERANCE >= predicted && measured.seconds - measured.waited <= predicted * TOLERANCE
}

/// Some run is as predicted for this machine as it is at that time, in each phase and in all.
fn is_as_predicted(link: LinkShape) {
    let plan = &NETWORK.0;
    let tuning = choose_tuning(Some(link), SupplierKind::He, |tuning| online_cost(plan, tuning));
    let options = SessionOptions { link: Some(link), tuning, ..SessionOptions::default() };
    let prediction = Prediction::of(plan, &options).unwrap();
    let mut tried = Vec::new();
    for _ in 0..ATTEMPTS {
        let machine = Machine::measure().unwrap();
        let times = Times::of(plan, &options, &prediction, &machine).unwrap();
        let [offline, online] = measure(options);
        let total =
            Measured { seconds: offline.seconds + online.seconds, waited: offline.waited + online.waited };
        let pairs = [(times.offline, offline), (times.online, online), (times.total(), total)];
        if pairs.iter().all(|(predicted, measured)| agrees(*predicted, *measured)) {
            return;
        }
        tried.push((machine, pairs));
    }
    panic!("no run on {link:?} is as predicted: {tried:#?}");
}

/// One after the other, so that they do not disturb each other.
#[test]
fn on_a_lan_and_on_a_wan() {
    is_as_predicted(LinkShape::lan());
    is_as_predicted(LinkShape::wan());
}
