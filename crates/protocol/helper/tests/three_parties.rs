//! Three parties in threads: what they make, what it costs, what the helper sees, and what goes wrong.

use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, ScopedJoinHandle};
use std::time::Duration;

use veilflow_correlation::{
    CorrelationError, Demand, Kind, LinearPair, LinearRequest, MaskDigits, Needs, Pools, Rectifier, Supplier,
    SupplyCosts, Weights,
};
use veilflow_helper::{Helper, HelperCosts, HelperError, HelperOptions, HelperSupplier, Served, Session};
use veilflow_net::{Channel, NetError, Role, Transport, memory_pair};
use veilflow_online::{Party, Tuning, linear, relu, relu_cost, reveal_to};
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::{Conv2dShape, LinearShape, MatMulShape};

/// Bytes of a hello, and before a batch.
const HELLO: usize = 61;
const HEAD: usize = 32;
const SHORT: Duration = Duration::from_millis(300);

type Arrival = JoinHandle<Result<Option<Served>, HelperError>>;
type Outcome<T> = Result<T, CorrelationError>;

fn demand() -> Demand {
    let mut demand = Demand::of(Kind::Triple { payload: 2 }, 1000);
    demand.add(Kind::Leaf { digit: 3, payload: 2 }, 99);
    demand.add(Kind::BitProduct { bits: 21 }, 101);
    demand.add(Kind::Rectifier(Rectifier { bits: 21, compare: 20, shift: 5, digit: 3 }), 67);
    demand.add(Kind::RingTriple { bits: 19 }, 67);
    demand.add(Kind::OneHot { bits: 4 }, 131);
    demand.add(Kind::MaskDigits(MaskDigits { bits: 18, from: 5, digit: 3 }), 66);
    for sender in [Role::P0, Role::P1] {
        demand.add(Kind::And { sender }, 77);
        demand.add(Kind::Product { sender, bits: 13 }, 65);
        demand.add(Kind::Table { sender, digit: 3, payload: 2 }, 130);
    }
    demand
}

fn layers() -> Vec<LinearRequest> {
    let conv = Conv2dShape {
        in_channels: 3,
        in_height: 6,
        in_width: 5,
        out_channels: 4,
        kernel: [3, 3],
        stride: [1, 2],
        pads: [1, 1, 1, 1],
        dilation: [1, 1],
        groups: 1,
    };
    let matrix = MatMulShape { rows: 7, inner: 11, columns: 2 };
    let request = |layer, shape, bits| LinearRequest {
        layer,
        holder: Role::P0,
        shape,
        ring: Ring::new(bits).unwrap(),
        weight_bits: 8,
    };
    vec![request(0, LinearShape::Conv2d(conv), 30), request(5, LinearShape::MatMul(matrix), 64)]
}

fn needs() -> Needs {
    Needs { demand: demand(), linear: layers() }
}

fn weights(request: &LinearRequest, seed: u128) -> Vec<i64> {
    let ring = Ring::new(request.weight_bits).unwrap();
    Prg::from_seed(Block(seed)).ring_vec(ring, request.shape.weight_len()).to_signed()
}

/// The ends of a party's connection to the helper.
fn links() -> ([Channel; 2], [Channel; 2]) {
    let ((a0, b0), (a1, b1)) = (memory_pair(), memory_pair());
    ([a0, a1], [b0, b1])
}

fn one_at_a_time() -> Helper {
    Helper::new(HelperOptions { at_once: 1, threads: 2, timeout: Duration::from_secs(20) })
}

/// A helper in threads of its own: what became of each party's arrival.
fn serve(ends: [Channel; 2]) -> [Arrival; 2] {
    let helper = Arc::new(one_at_a_time());
    ends.map(|end| {
        let helper = helper.clone();
        thread::spawn(move || arrive(&helper, end))
    })
}

/// Serves the session if the party at the other end completes it.
fn arrive(helper: &Helper, end: Channel) -> Result<Option<Served>, HelperError> {
    helper.welcome(end)?.map(Session::serve).transpose()
}

/// What the one arrival that served the session says of it.
fn ended_well(arrivals: [Arrival; 2]) -> Served {
    let served: Vec<Served> = arrivals.into_iter().filter_map(|a| a.join().unwrap().unwrap()).collect();
    let [served] = served[..] else { panic!("one arrival serves the session") };
    served
}

fn setup(
    role: Role,
    channel: &mut Channel,
    link: Channel,
    seed: u128,
) -> Result<HelperSupplier, HelperError> {
    HelperSupplier::setup(role, channel, link, Prg::from_seed(Block(seed << 1 | role.index() as u128)), 1)
}

/// Both parties do `act`, P0 in this thread.
fn both<T: Send>(links: [Channel; 2], act: impl Fn(Role, &mut Channel, Channel) -> T + Sync) -> [T; 2] {
    let (c0, mut c1) = memory_pair();
    let [l0, l1] = links;
    let act = &act;
    thread::scope(|scope| {
        let other: ScopedJoinHandle<'_, T> = scope.spawn(move || act(Role::P1, &mut c1, l1));
        let first = {
            // The channel goes with its party, so that its failure ends the other's wait.
            let mut c0 = c0;
            act(Role::P0, &mut c0, l0)
        };
        [first, other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))]
    })
}

/// A party's run: everything in `needs()`.
fn run(
    role: Role,
    supplier: &mut HelperSupplier,
    channel: &mut Channel,
    seed: u128,
) -> Outcome<(Pools, Vec<LinearPair>)> {
    let mut pools = Pools::default();
    supplier.fill(channel, &demand(), &mut pools)?;
    let mut pairs = Vec::new();
    for request in layers() {
        let weights = weights(&request, seed);
        let possession = if role == Role::P0 { Weights::Mine(&weights) } else { Weights::Theirs };
        pairs.push(supplier.linear(channel, &request, possession)?);
    }
    channel.flush()?;
    Ok((pools, pairs))
}

fn check_pairs([server, client]: [&[LinearPair]; 2], seed: u128) {
    for ((server, client), request) in server.iter().zip(client).zip(layers()) {
        let (LinearPair::Holder { s }, LinearPair::Other { mask, product }) = (server, client) else {
            panic!("a half in the wrong place")
        };
        let want = veilflow_spec::linear(&request.shape, &weights(&request, seed), mask);
        assert!(product.add(s) == want, "{request:?}");
    }
}

fn masks(pairs: &[LinearPair]) -> Vec<RingVec> {
    let parts = pairs.iter().map(|pair| match pair {
        LinearPair::Holder { s } => s.clone(),
        LinearPair::Other { mask, .. } => mask.clone(),
    });
    parts.collect()
}

#[test]
fn all_bytes_of_all_three_are_declared_announced_or_not() {
    for announced in [false, true] {
        let (links, ends) = links();
        let helper = serve(ends);
        let runs = both(links, |role, channel, link| {
            let mut supplier = setup(role, channel, link, 1).unwrap();
            let mut meters = vec![(channel.meter().sent, supplier.helper_bytes())];
            let mut outcomes = Vec::new();
            for _ in 0..2 {
                if announced {
                    supplier.announce(&[needs()]).unwrap();
                    assert_eq!(supplier.helper_bytes(), meters.last().unwrap().1, "nothing is used yet");
                }
                outcomes.push(run(role, &mut supplier, channel, 9).unwrap());
                meters.push((channel.meter().sent, supplier.helper_bytes()));
            }
            (meters, outcomes)
        });
        let mut costs = HelperCosts::default();
        let mut declared = costs.set_up();
        let mut totals = Vec::new();
        for step in 0..3 {
            if step > 0 {
                declared = declared.then(costs.fill(&demand()));
                for request in layers() {
                    declared = declared.then(costs.linear(&request));
                }
            }
            let volume = declared.volume();
            for role in [0, 1] {
                let metered = runs[role].0[step];
                assert_eq!(metered, (volume.bytes[role], volume.helper[role]), "step {step}, party {role}");
            }
            totals.push(volume.bytes[0] + volume.helper[0] + volume.helper[1]);
        }
        // The second run does without the masked weights.
        let masked: usize = layers().iter().map(|l| RingVec::byte_len(l.ring, l.shape.weight_len())).sum();
        assert_eq!(totals[1] - totals[0] - (totals[2] - totals[1]), masked as u64);

        let served = ended_well(helper);
        let volume = declared.volume();
        assert_eq!(served.meters.map(|meter| meter.bytes()), volume.helper, "the helper's own meter");

        let [server, client] = [&runs[0].1, &runs[1].1];
        for (server, client) in server.iter().zip(client) {
            check_pairs([&server.1, &client.1], 9);
        }
        for party in [server, client] {
            for (first, second) in masks(&party[0].1).iter().zip(masks(&party[1].1)) {
                assert!(*first != second, "a mask repeats");
            }
        }
    }
}

/// Keeps a copy of all that is written.
struct Recorder {
    inner: Box<dyn Transport>,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Transport for Recorder {
    fn write(&mut self, frame: Vec<u8>, timeout: Duration) -> Result<(), NetError> {
        self.written.lock().unwrap().extend_from_slice(&frame);
        self.inner.write(frame, timeout)
    }
    fn read(&mut self, out: &mut [u8], timeout: Duration) -> Result<usize, NetError> {
        self.inner.read(out, timeout)
    }
    fn fork(&mut self, timeout: Duration) -> Result<Box<dyn Transport>, NetError> {
        self.inner.fork(timeout)
    }
}

/// All that each party writes to the helper, frames and headers included, in a run with these weights and this input.
fn transcript(parties: u128, weights: u128, input: u128) -> [Vec<u8>; 2] {
    let (links, ends) = links();
    let helper = serve(ends);
    let written: [Arc<Mutex<Vec<u8>>>; 2] = Default::default();
    let mut recorders = written.iter().cloned();
    let links = links.map(|link| {
        let written = recorders.next().unwrap();
        link.map_transport(|inner| Box::new(Recorder { inner, written }))
    });
    both(links, |role, channel, link| {
        let mut supplier = setup(role, channel, link, parties).unwrap();
        supplier.announce(&[needs()]).unwrap();
        run(role, &mut supplier, channel, weights).unwrap();
        online(role, &mut supplier, channel, weights, input);
    });
    ended_well(helper);
    written.map(|w| w.lock().unwrap().clone())
}

/// A layer and a ReLU on the client's input, prepared and run.
fn online(role: Role, supplier: &mut HelperSupplier, channel: &mut Channel, seed: u128, input: u128) {
    let request = layers().remove(0);
    let weights = weights(&request, seed);
    let possession = if role == Role::P0 { Weights::Mine(&weights) } else { Weights::Theirs };
    let bits = request.ring.bits();
    let demand = relu_cost(bits, request.shape.out_len(), Tuning::default()).demand;
    let mut party = Party::new(role, channel.fork().unwrap(), Prg::from_seed(Block(input)));
    supplier.fill(channel, &demand, &mut party.pools).unwrap();
    let pair = supplier.linear(channel, &request, possession).unwrap();
    party.pools.put_linear(request.layer, request.holder, pair);
    let len = request.shape.in_len();
    let x = Prg::from_seed(Block(input)).ring_vec(request.ring, len);
    let share = if role == Role::P1 { x.clone() } else { RingVec::zeros(request.ring, len) };
    let y = linear(&mut party, &request, possession, &share).unwrap();
    let z = relu(&mut party, &y).unwrap();
    let result = reveal_to(&mut party, Role::P1, &z).unwrap();
    party.channel.flush().unwrap();
    if let Some(result) = result {
        let want = veilflow_spec::relu(&veilflow_spec::linear(&request.shape, &weights, &x));
        assert!(result == want, "input {input}");
    }
}

#[test]
fn what_the_helper_receives_depends_neither_on_weights_nor_on_input() {
    let [server, client] = transcript(3, 100, 1);
    assert_eq!([&server, &client], transcript(3, 200, 1).each_ref());
    assert_eq!([&server, &client], transcript(3, 100, 2).each_ref());
    // The transcript is all there is: a hello by the server, a hello and requests by the client.
    assert_eq!(server.len(), 12 + HELLO);
    assert!(client.len() > 12 + HELLO + 8 * 25);
    // It does depend on the parties' randomness, in keys and session.
    assert_ne!([server, client], transcript(4, 100, 1));
}

fn error_of<T>(outcome: Outcome<T>) -> String {
    let Err(error) = outcome else { panic!("this must fail") };
    let source = std::error::Error::source(&error).map_or_else(String::new, |s| {
        format!(": {s}{}", s.source().map_or_else(String::new, |s| format!(": {s}")))
    });
    format!("{error}{source}")
}

fn fill(supplier: &mut HelperSupplier, channel: &mut Channel, kind: Kind) -> Outcome<Pools> {
    let mut pools = Pools::default();
    supplier.fill(channel, &Demand::of(kind, 1000), &mut pools)?;
    Ok(pools)
}

/// What the server says when its two batches of triples pass through `tamper` on their way from the helper: the batches,
/// and one of the same number from an earlier session.
fn tampered(tamper: impl Fn(Vec<u8>, Vec<u8>, &[u8]) -> Vec<u8> + Send + Sync) -> String {
    let kind = Kind::Triple { payload: 1 };
    let (tamper, earlier) = (&tamper, &Mutex::new(Vec::new()));
    // The first session is honest and recorded, the second's batches are tampered with.
    for round in 0..2 {
        let ([mut to_helper, client_link], ends) = links();
        let (server_link, mut relay) = memory_pair();
        let helper = serve(ends);
        let outcome = thread::scope(|scope| {
            scope.spawn(move || {
                let hello = relay.recv_vec(HELLO).unwrap();
                to_helper.send(&hello).unwrap();
                let answer = to_helper.recv_vec(HELLO).unwrap();
                relay.send(&answer).unwrap();
                let mut batch = || to_helper.recv_vec(HEAD + 125).unwrap();
                let (first, second) = (batch(), batch());
                let mut earlier = earlier.lock().unwrap();
                let bytes = if round == 0 {
                    earlier.clone_from(&first);
                    [first, second].concat()
                } else {
                    tamper(first, second, &earlier)
                };
                relay.send(&bytes).unwrap();
                relay.flush().unwrap();
            });
            let mut links = [server_link, client_link];
            links[0].set_timeout(SHORT);
            both(links, |role, channel, link| {
                let mut supplier = setup(role, channel, link, round + 20).unwrap();
                fill(&mut supplier, channel, kind)?;
                fill(&mut supplier, channel, kind)
            })
        });
        drop(helper);
        let [server, client] = outcome;
        assert!(client.is_ok(), "the client is not concerned");
        if round == 1 {
            return error_of(server);
        }
        server.expect("the first session is honest");
    }
    unreachable!("the second round returns")
}

#[test]
fn batches_that_are_not_the_ones_asked_for_are_errors() {
    let foreign = tampered(|_, second, earlier| [earlier, &second].concat());
    assert!(foreign.contains("a message of another session came from the helper"), "{foreign}");
    let repeated = tampered(|first, _, _| [&first[..], &first].concat());
    assert!(repeated.contains("message 0 came from the helper in place of message 1"), "{repeated}");
    let lost = tampered(|_, second, _| second);
    assert!(lost.contains("message 1 came from the helper in place of message 0"), "{lost}");
    let short = tampered(|mut first, second, _| {
        first[24] -= 1;
        first.pop();
        [first, second].concat()
    });
    assert!(short.contains("the helper sent a batch of 124 bytes in place of 125"), "{short}");
    let cut = tampered(|first, _, _| first[..100].to_vec());
    assert!(cut.contains("the connection to the helper failed"), "{cut}");
}

#[test]
fn a_helper_that_leaves_or_is_silent_ends_both_parties() {
    for silent in [false, true] {
        let (mut links, ends) = links();
        links.iter_mut().for_each(|link| link.set_timeout(SHORT));
        let held = Mutex::new(Vec::new());
        let outcomes = thread::scope(|scope| {
            // It answers the hellos, with points of a helper that exists, then nothing.
            for mut end in ends {
                let held = &held;
                scope.spawn(move || {
                    let hello = end.recv_vec(HELLO).unwrap();
                    let mut answer = hello.clone();
                    answer[12] = 0;
                    end.send(&answer).unwrap();
                    end.flush().unwrap();
                    if silent {
                        held.lock().unwrap().push(end);
                    }
                });
            }
            both(links, |role, channel, link| {
                channel.set_timeout(Duration::from_secs(20));
                let mut supplier = setup(role, channel, link, 30).unwrap();
                // A correction for the one, then for the other.
                fill(&mut supplier, channel, Kind::Triple { payload: 1 })?;
                fill(&mut supplier, channel, Kind::And { sender: Role::P0 })
            })
        });
        for outcome in outcomes {
            let error = error_of(outcome);
            assert!(error.contains("the connection to the helper failed"), "{error}");
            let why = if silent { "sent nothing" } else { "closed" };
            assert!(error.contains(why), "{error}");
        }
    }
}

#[test]
fn weights_that_change_within_a_session_are_refused() {
    let (links, ends) = links();
    let helper = serve(ends);
    let outcomes = both(links, |role, channel, link| {
        let mut supplier = setup(role, channel, link, 40).unwrap();
        run(role, &mut supplier, channel, 1).unwrap();
        run(role, &mut supplier, channel, 2).map(drop)
    });
    ended_well(helper);
    assert!(error_of(outcomes.into_iter().next().unwrap()).contains("changed within a session"));
}

#[test]
fn another_order_than_announced_is_an_error() {
    let (links, ends) = links();
    let helper = serve(ends);
    let [_, client] = both(links, |role, channel, link| {
        let mut supplier = setup(role, channel, link, 50).unwrap();
        supplier.announce(&[needs()]).unwrap();
        fill(&mut supplier, channel, Kind::And { sender: Role::P1 })
    });
    drop(helper);
    assert!(error_of(client).contains("not those announced"));
}

#[test]
fn strangers_are_turned_away_and_the_session_beside_them_goes_on() {
    let helper = Arc::new(one_at_a_time());
    let welcome = |end: Channel| {
        let helper = helper.clone();
        thread::spawn(move || arrive(&helper, end))
    };
    // Garbage, and another version.
    let (mut stranger, end) = memory_pair();
    stranger.send(&[7; HELLO]).unwrap();
    stranger.flush().unwrap();
    assert!(matches!(welcome(end).join().unwrap(), Err(HelperError::Malformed { .. })));
    let (mut stranger, end) = memory_pair();
    stranger.send(&[&b"VFHELPER"[..], &[9; HELLO - 8]].concat()).unwrap();
    stranger.flush().unwrap();
    assert!(matches!(welcome(end).join().unwrap(), Err(HelperError::Version { theirs: 0x0909_0909, .. })));

    // One session is on; a second finds no room.
    let session = |expect_busy: bool| {
        let (links, ends) = links();
        let arrivals = ends.map(&welcome);
        let outcomes = both(links, |role, channel, link| {
            let outcome = setup(role, channel, link, 60);
            if expect_busy {
                assert!(matches!(outcome, Err(HelperError::Busy)), "{outcome:?}");
                return None;
            }
            Some(outcome.unwrap())
        });
        (outcomes, arrivals)
    };
    let (first, arrivals) = session(false);
    let (_, refused) = session(true);
    assert_eq!(
        refused.into_iter().map(|h| h.join().unwrap()).filter(Result::is_err).count(),
        1,
        "the pair is refused as one"
    );
    drop(first);
    ended_well(arrivals);
    // There is room again.
    let (third, arrivals) = session(false);
    drop(third);
    ended_well(arrivals);
}

#[test]
fn who_waits_too_long_for_its_peer_is_dismissed() {
    let helper = one_at_a_time();
    let (mut party, end) = memory_pair();
    let hello = [&b"VFHELPER"[..], &1u32.to_le_bytes(), &[0], &[5; 16], &[1; 32]].concat();
    party.send(&hello).unwrap();
    party.flush().unwrap();
    assert!(helper.welcome(end).unwrap().is_none());
    helper.dismiss(Duration::from_secs(3600));
    party.set_timeout(SHORT);
    assert!(matches!(party.recv_vec(1), Err(NetError::Timeout { .. })), "it still waits");
    let (mut again, end) = memory_pair();
    again.send(&hello).unwrap();
    again.flush().unwrap();
    assert!(matches!(helper.welcome(end), Err(HelperError::SameRole { role: Role::P0 })));

    let (mut party, end) = memory_pair();
    party.send(&hello).unwrap();
    party.flush().unwrap();
    assert!(helper.welcome(end).unwrap().is_none());
    helper.dismiss(Duration::ZERO);
    assert_eq!(party.recv_vec(1), Err(NetError::Closed));
}
