//! Two parties, and a helper if they want one.

use std::sync::LazyLock;
use std::time::Duration;

use veilflow_correlation::Cost;
use veilflow_exec::{
    ExecError, Held, Links, Outcome, Overflow, Phase, Prediction, Session, SessionOptions, SupplierKind,
    SupplyCost,
};
use veilflow_helper::{Helper, HelperOptions};
use veilflow_ir::Tensor;
use veilflow_net::{Channel, Role, memory_pair};
use veilflow_online::Tuning;
use veilflow_passes::{Compiled, clear};
use veilflow_prim::Prg;
use veilflow_ring::RingVec;

/// One helper for all tests, which run at the same time.
static HELPER: LazyLock<Helper> = LazyLock::new(|| {
    Helper::new(HelperOptions { at_once: 64, threads: 1, timeout: Duration::from_secs(60), keep: 0 })
});

/// Options of a session with the helper.
pub(crate) fn helped() -> SessionOptions {
    let tuning = Tuning { dealt: true, ..Tuning::default() };
    SessionOptions { supplier: SupplierKind::Helper, tuning, ..SessionOptions::default() }
}

/// What a party brings to a session.
#[derive(Clone, Copy)]
pub(crate) struct Brings<'a> {
    pub(crate) weights: Held<'a>,
    pub(crate) input: Option<&'a [RingVec]>,
    pub(crate) options: SessionOptions,
}

/// What one party saw: the phases by node (and last the check, offline), the check, the rest, and its output.
pub(crate) struct Seen {
    pub(crate) set_up: Phase,
    pub(crate) offline: Vec<Phase>,
    pub(crate) online: Vec<Phase>,
    pub(crate) check: Phase,
    pub(crate) rest: Phase,
    pub(crate) overflow: Overflow,
    pub(crate) outputs: Option<Vec<RingVec>>,
}

/// A party's session, with a way to the helper.
pub(crate) fn open(
    channel: Channel,
    role: Role,
    net: &Compiled,
    options: SessionOptions,
) -> Result<Session, ExecError> {
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

fn party(channel: Channel, role: Role, net: &Compiled, brings: Brings<'_>) -> Seen {
    let Brings { weights, input, options } = brings;
    let mut session = open(channel, role, net, options).unwrap();
    let (offline, outcome) = if options.just_in_time {
        session.just_in_time(&net.plan, weights, input, &|_| {}).unwrap()
    } else {
        let prepared = session.preparer.prepare(&net.plan, weights, &|_| {}).unwrap();
        let offline = prepared.nodes.clone();
        (offline, session.online.run(prepared, &net.plan, weights, input, &|_| {}).unwrap())
    };
    let (set_up, Outcome { nodes, check, rest, outputs, overflow }) = (session.set_up, outcome);
    Seen { set_up, offline, online: nodes, check, rest, overflow, outputs }
}

/// A run of both parties: what the server saw, and what the client did.
pub(crate) fn both(net: &Compiled, [server, client]: [Brings<'_>; 2]) -> [Seen; 2] {
    let (to_client, to_server) = memory_pair();
    std::thread::scope(|scope| {
        let server = scope.spawn(move || party(to_client, Role::P0, net, server));
        let client = party(to_server, Role::P1, net, client);
        [server.join().unwrap(), client]
    })
}

/// An input as shares of it begin: at the plan's widths and scales.
pub(crate) fn encode(net: &Compiled, input: &Tensor) -> Vec<RingVec> {
    let encoded = clear::encode(&net.plan, std::slice::from_ref(input)).unwrap();
    encoded.into_iter().map(|input| input.values).collect()
}

/// What the plan computes in the clear.
pub(crate) fn expected(net: &Compiled, input: &Tensor) -> Vec<RingVec> {
    let clear = clear::run(&net.plan, &net.weights, std::slice::from_ref(input)).unwrap();
    assert_eq!(clear.overflows, []);
    clear.outputs
}

fn bytes<'a>(phases: impl IntoIterator<Item = &'a Phase>) -> Vec<[u64; 2]> {
    phases.into_iter().map(|p| [p.sent, p.received]).collect()
}

fn volumes<'a>(costs: impl IntoIterator<Item = &'a Cost>) -> Vec<[u64; 2]> {
    costs.into_iter().map(|c| c.volume().bytes).collect()
}

/// What both parties saw is what was predicted: bytes by node, a helper's in all, and online rounds.
pub(crate) fn assert_as_predicted(net: &Compiled, options: &SessionOptions, [server, client]: &[Seen; 2]) {
    let prediction = Prediction::of(&net.plan, options).unwrap();
    let offline: Vec<_> = prediction.offline.iter().map(SupplyCost::cost).collect();
    assert_eq!(bytes(&server.offline), volumes(&offline), "{options:?}");
    let (check, nodes) = prediction.online.split_last().unwrap();
    assert_eq!(bytes(&server.online), volumes(nodes), "{options:?}");
    let check = prediction.draw.clone().then(check.clone());
    assert_eq!(bytes([&server.check]), volumes([&check]), "{options:?}");
    assert_eq!(bytes([&server.rest]), volumes([&prediction.output]), "{options:?}");
    // The handshake comes on top.
    assert!(server.set_up.sent >= prediction.set_up.volume().bytes[0], "{options:?}");
    for (role, seen) in [(0, &server.offline), (1, &client.offline)] {
        let predicted: u64 = offline.iter().map(|c| c.volume().helper[role]).sum();
        assert_eq!(seen.iter().map(|p| p.helper).sum::<u64>(), predicted, "{options:?}");
    }
    let rounds =
        |seen: &Seen| seen.online.iter().chain([&seen.check, &seen.rest]).map(|p| p.rounds).sum::<u64>();
    let metered = rounds(server).max(rounds(client));
    assert_eq!(metered, prediction.online_cost().volume().rounds, "{options:?}");
}
