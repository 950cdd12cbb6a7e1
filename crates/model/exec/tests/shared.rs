//! Weights and inputs that neither party may see whole: each has a share.

mod network;

use std::sync::LazyLock;
use std::time::Duration;

use network::{INPUTS, STEPS, network, tensor};
use veilflow_correlation::Cost;
use veilflow_exec::{
    ExecError, Held, InputAt, Links, Phase, Prediction, Session, SessionOptions, SupplierKind, SupplyCost,
    WeightsAt,
};
use veilflow_helper::{Helper, HelperOptions};
use veilflow_ir::{InputShare, OutputShare, PlanOp, SharingId, Tensor, WeightShare};
use veilflow_net::{Channel, NetError, Role, memory_pair};
use veilflow_online::Tuning;
use veilflow_passes::{Compiled, Options, clear};
use veilflow_prim::{Block, Prg};
use veilflow_ring::RingVec;

const SEED: u128 = 77;

/// One helper for all tests of this file, which run at the same time.
static HELPER: LazyLock<Helper> = LazyLock::new(|| {
    Helper::new(HelperOptions { at_once: 64, threads: 1, timeout: Duration::from_secs(60), keep: 0 })
});

static RECURRENT: LazyLock<Compiled> = LazyLock::new(network);

static CONVOLUTIONAL: LazyLock<Compiled> = LazyLock::new(|| {
    let onnx = include_bytes!("../../../../models/mnist/mnist-demo.onnx");
    let graph = veilflow_import_onnx::import_bytes(onnx).unwrap();
    let calibration: Vec<_> = (0..4).map(|seed| vec![pixels(seed)]).collect();
    veilflow_passes::compile(&graph, &calibration, &Options::default()).unwrap()
});

fn pixels(seed: u32) -> Tensor {
    let noise = tensor(&[1, 1, 28, 28], 0.5, seed);
    Tensor::from_fn(noise.shape().clone(), |i| noise.data()[i] + 0.5)
}

/// What a party brings to a session.
#[derive(Clone, Copy)]
struct Brings<'a> {
    weights: Held<'a>,
    input: Option<&'a [RingVec]>,
    options: SessionOptions,
}

/// What one party saw: offline, online by node, the rest; and its output.
struct Seen {
    offline: Vec<Phase>,
    online: Vec<Phase>,
    rest: Phase,
    outputs: Option<Vec<RingVec>>,
}

fn open(channel: Channel, role: Role, net: &Compiled, options: SessionOptions) -> Result<Session, ExecError> {
    let (link, helpers_end) = memory_pair();
    let connect = || {
        std::thread::spawn(move || {
            if let Some(session) = HELPER.welcome(helpers_end).expect("an honest hello") {
                session.serve(Prg::from_entropy().unwrap()).expect("an honest session");
            }
        });
        Ok(link)
    };
    let links = Links { helper: Some(Box::new(connect)), ..channel.into() };
    Session::open_for(links, role, &net.plan, options)
}

fn party(channel: Channel, role: Role, net: &Compiled, brings: Brings<'_>) -> Result<Seen, ExecError> {
    let Brings { weights, input, options } = brings;
    let mut session = open(channel, role, net, options)?;
    let (offline, outcome) = if options.just_in_time {
        session.just_in_time(&net.plan, weights, input, &|_| {})?
    } else {
        let prepared = session.preparer.prepare(&net.plan, weights, &|_| {})?;
        let offline = prepared.nodes.clone();
        (offline, session.online.run(prepared, &net.plan, weights, input, &|_| {})?)
    };
    Ok(Seen { offline, online: outcome.nodes, rest: outcome.rest, outputs: outcome.outputs })
}

fn both(net: &Compiled, brings: [Brings<'_>; 2]) -> [Result<Seen, ExecError>; 2] {
    let (server, client) = memory_pair();
    std::thread::scope(|scope| {
        let server = scope.spawn(move || party(server, Role::P0, net, brings[0]));
        let client = party(client, Role::P1, net, brings[1]);
        [server.join().unwrap(), client]
    })
}

fn bytes(phases: &[Phase]) -> Vec<[u64; 2]> {
    phases.iter().map(|p| [p.sent, p.received]).collect()
}

fn volumes<'a>(costs: impl IntoIterator<Item = &'a Cost>) -> Vec<[u64; 2]> {
    costs.into_iter().map(|c| c.volume().bytes).collect()
}

/// All four ways to hold weights and input: outputs equal the clear run's, bytes and rounds what was
/// predicted.
fn runs_whoever_holds_what(net: &Compiled, input: &Tensor, common: SessionOptions) {
    let plan = &net.plan;
    let expected = clear::run(plan, &net.weights, std::slice::from_ref(input)).unwrap();
    let whole: Vec<RingVec> =
        clear::encode(plan, std::slice::from_ref(input)).unwrap().into_iter().map(|e| e.values).collect();
    let mut prg = Prg::from_seed(Block(SEED));
    let weights = net.weights.split(plan, &mut prg).unwrap();
    let weights = weights.each_ref().map(|half| WeightShare::new(plan, half).unwrap());
    let inputs = InputShare::split(plan, &whole, &mut prg).unwrap();
    let weights_at = [WeightsAt::Server, WeightsAt::Shared(weights[0].sharing())];
    for (at, input_at) in
        weights_at.into_iter().flat_map(|w| [InputAt::Client, InputAt::Shared].map(|i| (w, i)))
    {
        let options = SessionOptions { weights: at, input: input_at, ..common };
        let brings = [Role::P0, Role::P1].map(|role| Brings {
            weights: match (at, role) {
                (WeightsAt::Shared(_), _) => Held::Share(&weights[role.index()]),
                (WeightsAt::Server, Role::P0) => Held::Whole(&net.weights),
                (WeightsAt::Server, Role::P1) => Held::Nothing,
            },
            input: match (input_at, role) {
                (InputAt::Shared, _) => Some(inputs[role.index()].values()),
                (InputAt::Client, Role::P0) => None,
                (InputAt::Client, Role::P1) => Some(&whole),
            },
            options,
        });
        let [server, client] = both(net, brings).map(Result::unwrap);
        let outputs = match input_at {
            InputAt::Client => {
                assert!(server.outputs.is_none());
                client.outputs.unwrap()
            }
            InputAt::Shared => {
                let run = SharingId::random(&mut prg);
                let half = |role, values: Option<Vec<RingVec>>| {
                    OutputShare::new(plan, run, role, values.unwrap()).unwrap()
                };
                let (server, client) = (half(Role::P0, server.outputs), half(Role::P1, client.outputs));
                assert!(server.values() != expected.outputs && client.values() != expected.outputs);
                server.join(&client).unwrap()
            }
        };
        assert!(outputs == expected.outputs, "{options:?}, seed {SEED}\n{plan}");

        let prediction = Prediction::of(plan, &options).unwrap();
        let offline: Vec<_> = prediction.offline.iter().map(SupplyCost::cost).collect();
        assert_eq!(bytes(&server.offline), volumes(&offline), "{options:?}");
        assert_eq!(bytes(&server.online), volumes(&prediction.online), "{options:?}");
        assert_eq!([server.rest.sent, server.rest.received], prediction.output.volume().bytes, "{options:?}");
        for (role, seen) in [(0, &server.offline), (1, &client.offline)] {
            let predicted: u64 = offline.iter().map(|c| c.volume().helper[role]).sum();
            assert_eq!(seen.iter().map(|p| p.helper).sum::<u64>(), predicted, "{options:?}");
        }
        let rounds = |seen: &[Phase], rest: &Phase| seen.iter().map(|p| p.rounds).sum::<u64>() + rest.rounds;
        let metered = rounds(&server.online, &server.rest).max(rounds(&client.online, &client.rest));
        assert_eq!(metered, prediction.online_cost().volume().rounds, "{options:?}");
    }
}

fn helped() -> SessionOptions {
    let tuning = Tuning { dealt: true, ..Tuning::default() };
    SessionOptions { supplier: SupplierKind::Helper, tuning, ..SessionOptions::default() }
}

#[test]
fn recurrent_networks() {
    let net = &*RECURRENT;
    let is = |wanted: fn(&PlanOp) -> bool| net.plan.nodes.iter().any(|node| wanted(&node.op));
    // Layers of one sharing, and constants of either sign.
    assert!(is(|op| matches!(op, PlanOp::Linear { weights_of: Some(_), .. })), "{}", net.plan);
    assert!(is(|op| matches!(op, PlanOp::SubtractFrom { .. })), "{}", net.plan);
    assert!(is(|op| matches!(op, PlanOp::AddConstant { .. })), "{}", net.plan);
    runs_whoever_holds_what(net, &tensor(&[STEPS, INPUTS], 2.0, 90), helped());
}

#[test]
fn convolutional_networks_in_threads_just_in_time() {
    let options = SessionOptions { threads: 2, just_in_time: true, ..helped() };
    runs_whoever_holds_what(&CONVOLUTIONAL, &pixels(3), options);
}

#[test]
fn parties_of_different_sharings_do_not_begin() {
    let net = &*CONVOLUTIONAL;
    let mut prg = Prg::from_seed(Block(SEED));
    let mut shared = || WeightsAt::Shared(SharingId::random(&mut prg));
    let (one, other) = (shared(), shared());
    let with = |weights, input| SessionOptions { weights, input, ..helped() };
    for (server, client, what) in [
        (with(one, InputAt::Shared), with(other, InputAt::Shared), r#"parameter "weights""#),
        (with(one, InputAt::Client), with(WeightsAt::Server, InputAt::Client), r#"parameter "weights""#),
        (with(one, InputAt::Client), with(one, InputAt::Shared), r#"parameter "input""#),
    ] {
        let (p0, p1) = memory_pair();
        let outcomes = std::thread::scope(|scope| {
            let p0 = scope.spawn(|| open(p0, Role::P0, net, server).map(|_| ()));
            [open(p1, Role::P1, net, client).map(|_| ()), p0.join().unwrap()]
        });
        for outcome in outcomes {
            let Err(ExecError::Net(NetError::Mismatch { what: found, .. })) = outcome else {
                panic!("{outcome:?} instead of a difference in {what}")
            };
            assert_eq!(found, what);
        }
    }
}

#[test]
fn networks_without_a_helper() {
    let options = SessionOptions { supplier: SupplierKind::Ot, ..SessionOptions::default() };
    runs_whoever_holds_what(&RECURRENT, &tensor(&[STEPS, INPUTS], 2.0, 91), options);
    let options = SessionOptions { supplier: SupplierKind::Silent, threads: 2, ..SessionOptions::default() };
    runs_whoever_holds_what(&CONVOLUTIONAL, &pixels(5), options);
}

#[test]
fn homomorphic_layers_of_shared_weights_are_refused_before_anything_is_sent() {
    let net = &*CONVOLUTIONAL;
    let weights = WeightsAt::Shared(SharingId::from([7; 16]));
    let options = SessionOptions { weights, ..SessionOptions::default() };
    // Nobody is at the other end.
    let (channel, _) = memory_pair();
    let outcome = Session::open_for(channel, Role::P0, &net.plan, options).map(|_| ());
    let message = outcome.unwrap_err().to_string();
    assert_eq!(
        message,
        "secret-shared weights cannot be run with the supplier he: choose helper, silent or ot"
    );
    assert!(matches!(Prediction::of(&net.plan, &options), Err(ExecError::SharedWeights)));
    // Inputs alone can be shared with any.
    let options = SessionOptions { input: InputAt::Shared, ..SessionOptions::default() };
    options.check(&net.plan).unwrap();
}

/// What a party has that the session is not about is refused before anything is sent to the peer or asked of
/// the helper.
#[test]
fn what_does_not_fit_the_session_is_refused() {
    let net = &*CONVOLUTIONAL;
    let plan = &net.plan;
    let mut prg = Prg::from_seed(Block(SEED));
    let mut split =
        || net.weights.split(plan, &mut prg).unwrap().map(|h| WeightShare::new(plan, &h).unwrap());
    let (ours, others) = (split(), split());
    let at = WeightsAt::Shared(ours[0].sharing());
    let foreign = &RECURRENT.weights;
    let cases: [(WeightsAt, Role, Held<'_>, &str); 8] = [
        (at, Role::P0, Held::Nothing, "no share of the weights"),
        (at, Role::P0, Held::Whole(&net.weights), "must not have all of shared weights"),
        (at, Role::P0, Held::Share(&ours[1]), "the other party's"),
        (at, Role::P0, Held::Share(&others[0]), "another sharing"),
        (WeightsAt::Server, Role::P0, Held::Share(&ours[0]), "whole weights at the server"),
        (WeightsAt::Server, Role::P0, Held::Nothing, "the server has no weights"),
        (WeightsAt::Server, Role::P0, Held::Whole(foreign), "another plan"),
        (WeightsAt::Server, Role::P1, Held::Whole(&net.weights), "the client must not have weights"),
    ];
    for (weights, role, held, wanted) in cases {
        let options = SessionOptions { weights, ..helped() };
        let (p0, p1) = memory_pair();
        let [mut session, _peer] = std::thread::scope(|scope| {
            let peer = scope.spawn(|| open(p1, role.other(), net, options).unwrap());
            [open(p0, role, net, options).unwrap(), peer.join().unwrap()]
        });
        let before = session.preparer.channel.meter().sent;
        let message = session.preparer.prepare(plan, held, &|_| {}).unwrap_err().to_string();
        assert!(message.contains(wanted), "{message}");
        assert_eq!(session.preparer.channel.meter().sent, before);
    }
}
