//! Sessions as programs have them: what is prepared, what is refused and when, and how they end.

use std::sync::{Arc, Mutex};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use veilflow::{
    Client, CompileOptions, Connection, Error, Helper, HelperOptions, LinkShape, Listener, Machine, Model,
    NetError, Network, Options, OutOfRange, Precision, Result, Role, Served, Server, ServerEvent, Serving,
    ShareMemory, Supplier, compile, demo,
};

/// The quickest options between two parties.
fn quick() -> Options {
    Options { supplier: Supplier::Ot, timeout: Duration::from_secs(20), ..Options::default() }
}

type Serving1<'scope> = ScopedJoinHandle<'scope, Result<Vec<Served>>>;

/// A client of a server in a thread of its own.
fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    server: &'scope Server,
    options: &Options,
) -> (Serving1<'scope>, Client) {
    let (servers_end, clients_end) = Connection::pair();
    let serving = scope.spawn(|| server.session(servers_end)?.collect());
    (serving, Client::open(clients_end, server.plan(), options).unwrap())
}

#[test]
fn prepared_runs_are_counted_and_used_up() {
    let (model, options) = (demo::model().unwrap(), quick());
    let server = Server::new(model, &options).unwrap();
    std::thread::scope(|scope| {
        let (serving, mut client) = start(scope, &server, &options);
        let refused = client.prepare(Client::MAX_PREPARED + 1).unwrap_err();
        assert!(matches!(refused, Error::TooManyPrepared { runs: 6, limit: 5 }), "{refused}");
        client.prepare(2).unwrap();
        client.prepare(1).unwrap();
        assert_eq!(client.prepared(), 2, "those that are ready count");
        let first = client.infer(&demo::digit(0).unwrap()).unwrap();
        assert_eq!((first.outputs[0].top, client.prepared()), (0, 1));
        assert_eq!(client.infer(&demo::digit(1).unwrap()).unwrap().outputs[0].top, 1);
        // Without preparation a run prepares itself.
        let third = client.infer(&demo::digit(2).unwrap()).unwrap();
        assert_eq!(third.outputs[0].top, 2);
        assert_eq!(third.report.online().sent, first.report.online().sent);
        client.prepare(1).unwrap();
        client.finish().unwrap();
        let served = serving.join().unwrap().unwrap();
        assert_eq!(served.len(), 3);
        assert_eq!(served[0].report.online().received, first.report.online().sent);
    });
}

#[test]
fn a_client_may_take_its_time() {
    // Longer than either party waits for a message.
    let options = Options { timeout: Duration::from_millis(1500), ..quick() };
    let server = Server::new(demo::model().unwrap(), &options).unwrap();
    let (server, options) = (&server, &options);
    std::thread::scope(|scope| {
        for prepared in [0, 1] {
            scope.spawn(move || {
                std::thread::scope(|scope| {
                    let (serving, mut client) = start(scope, server, options);
                    client.prepare(prepared).unwrap();
                    std::thread::sleep(Duration::from_secs(4));
                    assert_eq!(client.infer(&demo::digit(4).unwrap()).unwrap().outputs[0].top, 4);
                    client.finish().unwrap();
                    assert_eq!(serving.join().unwrap().unwrap().len(), 1);
                });
            });
        }
    });
    let impatient = Server::new(demo::model().unwrap(), options).unwrap();
    let impatient = impatient.with_idle_limit(Duration::from_millis(300));
    std::thread::scope(|scope| {
        let (serving, mut client) = start(scope, &impatient, options);
        let ended = serving.join().unwrap().unwrap_err();
        assert!(matches!(ended, Error::Connection(NetError::Timeout { .. })), "{ended}");
        assert!(client.infer(&demo::digit(4).unwrap()).is_err());
    });
}

#[test]
fn what_is_refused_before_anything_is_sent_leaves_the_session_as_it_was() {
    let options = quick();
    let server = Server::new(demo::model().unwrap(), &options).unwrap();
    std::thread::scope(|scope| {
        let (serving, mut client) = start(scope, &server, &options);
        let refused = client.infer(&[0.0; 100]).unwrap_err().to_string();
        assert_eq!(refused, "the network takes 784 numbers (image 1x1x28x28), not 100");
        let half = client.plan().split(&demo::digit(6).unwrap(), OutOfRange::Refuse).unwrap().shares;
        let [_, second] = half;
        assert!(matches!(client.infer_shared(second), Err(Error::InputsAreOwn)));
        assert_eq!(client.infer(&demo::digit(6).unwrap()).unwrap().outputs[0].top, 6);
        // A client that is dropped says goodbye.
        drop(client);
        assert_eq!(serving.join().unwrap().unwrap().len(), 1);
    });
}

#[test]
fn correlations_made_just_in_time_are_not_prepared() {
    let options = Options { just_in_time: true, ..quick() };
    let server = Server::new(demo::model().unwrap(), &options).unwrap();
    std::thread::scope(|scope| {
        let (serving, mut client) = start(scope, &server, &options);
        assert!(matches!(client.prepare(1), Err(Error::JustInTime)));
        assert_eq!(client.infer(&demo::digit(9).unwrap()).unwrap().outputs[0].top, 9);
        client.finish().unwrap();
        serving.join().unwrap().unwrap();
    });
}

#[test]
fn a_difference_is_named_at_both_parties() {
    let server = Server::new(demo::model().unwrap(), &quick()).unwrap();
    let (servers_end, clients_end) = Connection::pair();
    std::thread::scope(|scope| {
        let serving = scope.spawn(|| server.session(servers_end).map(drop));
        let theirs = Options { threads: 2, ..quick() };
        let ends = [Client::open(clients_end, server.plan(), &theirs).map(drop), serving.join().unwrap()];
        for end in ends {
            let error = end.unwrap_err();
            let Error::Connection(NetError::Mismatch { what, .. }) = &error else { panic!("{error}") };
            assert!(what.contains("threads"), "{what}");
        }
    });
}

#[test]
fn a_server_that_fails_ends_its_client_long_before_the_deadline() {
    let options = quick();
    let server = Server::new(demo::model().unwrap(), &options).unwrap();
    let (servers_end, clients_end) = Connection::pair();
    let began = Instant::now();
    std::thread::scope(|scope| {
        // It leaves after the handshake.
        let serving = scope.spawn(|| server.session(servers_end).map(drop));
        let mut client = Client::open(clients_end, server.plan(), &options).unwrap();
        let ended = client.infer(&demo::digit(1).unwrap()).unwrap_err();
        // Whichever of its threads sees it first.
        let mut causes =
            std::iter::successors(Some(&ended as &(dyn std::error::Error + 'static)), |e| e.source());
        let closed =
            |e: &(dyn std::error::Error + 'static)| matches!(e.downcast_ref(), Some(NetError::Closed));
        let known = matches!(ended, Error::Connection(NetError::Closed)) || causes.any(closed);
        assert!(known, "{ended}");
        let again = client.infer(&demo::digit(1).unwrap()).unwrap_err();
        assert!(matches!(again, Error::Over), "{again}");
        serving.join().unwrap().unwrap();
    });
    assert!(began.elapsed() < options.timeout / 2);
}

#[test]
fn progress_goes_through_both_phases_of_every_step() {
    let options = quick();
    let server = Server::new(demo::model().unwrap(), &options).unwrap();
    std::thread::scope(|scope| {
        let (serving, mut client) = start(scope, &server, &options);
        let seen = Arc::<Mutex<Vec<(bool, usize)>>>::default();
        let steps = seen.clone();
        client.on_progress(move |p| {
            assert!(!p.layer.is_empty() && !p.op.is_empty());
            steps.lock().unwrap().push((p.online, p.step));
        });
        client.infer(&demo::digit(1).unwrap()).unwrap();
        let nodes = client.plan().nodes();
        let wanted: Vec<_> =
            [false, true].iter().flat_map(|&online| (0..nodes).map(move |n| (online, n))).collect();
        assert_eq!(*seen.lock().unwrap(), wanted);
        client.finish().unwrap();
        serving.join().unwrap().unwrap();
    });
}

/// Two inputs, x of shape 2x3 and y of shape 2x1, and their product z, as protobuf: see `onnx.proto`.
const PRODUCT: &[u8] = b"\x08\x08:X\n\x0e\n\x01x\n\x01y\x12\x01z\"\x03Mul\x12\x11product_of_inputsZ\x13\n\x01x\x12\x0e\n\x0c\
    \x08\x01\x12\x08\n\x02\x08\x02\n\x02\x08\x03Z\x13\n\x01y\x12\x0e\n\x0c\x08\x01\x12\x08\n\x02\x08\x02\n\x02\x08\x01b\x09\n\x01\
    z\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\x0d";

#[test]
fn a_sample_is_all_inputs_one_after_another() {
    let network = Network::from_onnx(PRODUCT).unwrap();
    let inputs: Vec<_> = network.inputs().iter().map(ToString::to_string).collect();
    assert_eq!(inputs, ["x 2x3", "y 2x1"]);
    let sample = [1.0, 0.5, -1.0, 0.25, 0.75, -0.5, 1.0, -0.5];
    let wanted = [1.0, 0.5, -1.0, -0.125, -0.375, 0.25];
    assert_eq!(network.run(&sample).unwrap(), [wanted]);
    let precision = Precision::Bits { weights: 11, activations: 12 };
    let compiling = CompileOptions { precision, ..CompileOptions::default() };
    let model = compile(&network, &[sample.to_vec()], &compiling).unwrap();
    // It has no one shape for the sample, but its folder is whole.
    let folder = tempfile::tempdir().unwrap();
    model.save(folder.path()).unwrap();
    let model = Model::load(folder.path()).unwrap();
    let options = quick();
    let server = Server::new(model.clone(), &options).unwrap();
    std::thread::scope(|scope| {
        let (serving, mut client) = start(scope, &server, &options);
        let answer = client.infer(&sample).unwrap();
        assert_eq!(answer.outputs, model.run(&sample).unwrap().outputs);
        let close = answer.outputs[0].values.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 0.01);
        assert!(close, "{:?}", answer.outputs);
        client.finish().unwrap();
        serving.join().unwrap().unwrap();
    });
    // One picture or array does not say which input it is for.
    let several = model.plan().picture(demo::PICTURES[7]).unwrap_err();
    assert!(matches!(several, Error::SeveralInputs { inputs: 2 }), "{several}");
}

#[test]
fn options_without_sense_are_refused() {
    let model = demo::model().unwrap();
    let refused = |options: Options| Server::new(model.clone(), &options).unwrap_err();
    assert!(matches!(refused(Options { supplier: Supplier::Helper, ..quick() }), Error::NoHelper));
    let helper = Helper::new(&HelperOptions::default());
    let unused = Options { supplier: Supplier::Ot, ..Options::with_helper(&helper) };
    assert!(matches!(refused(unused), Error::UnusedHelper { .. }));
    assert!(matches!(refused(Options { threads: 65, ..quick() }), Error::Option { name: "threads", .. }));
    let shared = Server::new(model.clone(), &Options { shared_inputs: true, ..quick() }).unwrap();
    assert!(matches!(shared.session(Connection::pair().0), Err(Error::NoShares)));
    // Halves of the weights need a supplier for either party, and the right party.
    let [first, second] = model.split().unwrap();
    let error = Server::new(first, &Options::default()).unwrap_err().to_string();
    assert!(error.contains("secret-shared weights cannot be run with the supplier he"), "{error}");
    let error = Server::new(second, &quick()).unwrap_err();
    assert!(matches!(error, Error::WrongHalf { party: 1, .. }), "{error}");
}

#[test]
fn a_server_listens_for_so_many_sessions_on_a_link_of_choice() {
    let link = LinkShape { bandwidth_bytes_per_s: 1e9, one_way_delay: Duration::from_millis(1) };
    let options = Options { link: Some(link), simulate_link: true, ..quick() };
    let server = Server::new(demo::model().unwrap(), &options).unwrap();
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let (runs, serving) = (Mutex::new(0), Serving { sessions: Some(2), at_once: 1 });
    std::thread::scope(|scope| {
        let served = scope.spawn(|| {
            server.serve(&listener, &serving, |event| match event {
                ServerEvent::Run { .. } => *runs.lock().unwrap() += 1,
                event => panic!("{event:?}"),
            })
        });
        for digit in [3, 5] {
            let mut client = Client::connect(listener.address(), server.plan(), &options).unwrap();
            let answer = client.infer(&demo::digit(digit).unwrap()).unwrap();
            assert_eq!(answer.outputs[0].top, digit);
            let online = answer.report.online();
            assert!(online.seconds > 0.001 * online.rounds as f64, "{online:?}");
            client.finish().unwrap();
        }
        served.join().unwrap().unwrap();
    });
    assert_eq!(*runs.lock().unwrap(), 2);
}

#[test]
fn a_store_must_have_the_servers_half() {
    let options = Options { shared_inputs: true, ..quick() };
    let model = demo::model().unwrap();
    let plan = model.plan().clone();
    let store = Arc::new(ShareMemory::default());
    let server = Server::new(model.clone(), &options).unwrap().with_shares(store.clone());
    let picture = demo::digit(8).unwrap();
    std::thread::scope(|scope| {
        let (serving, mut client) = start(scope, &server, &options);
        assert!(matches!(client.infer(&picture), Err(Error::InputsAreShared)));
        let [first, second] = plan.split(&picture, OutOfRange::Refuse).unwrap().shares;
        assert_eq!([first.party(), second.party()], [Role::P0, Role::P1]);
        let id = first.id();
        store.put(first);
        let answer = client.infer_shared(second).unwrap();
        let [_, lost] = plan.split(&picture, OutOfRange::Refuse).unwrap().shares;
        let error = client.infer_shared(lost).unwrap_err();
        assert!(matches!(error, Error::PeerLacksShare { .. }), "{error}");
        let error = serving.join().unwrap().unwrap_err();
        assert!(matches!(error, Error::NoSuchShare { .. }), "{error}");
        let ours = store.take(id).unwrap();
        assert_eq!(plan.open(&ours, &answer.output).unwrap().outputs, model.run(&picture).unwrap().outputs);
        assert!(plan.open(&ours, &ours).is_err(), "two halves of one party");
    });
}

/// Homomorphic replies hide the weights for so many runs together, whoever asks; a server counts, and stops.
#[test]
fn a_server_serves_no_more_runs_than_hide_its_weights() {
    let options = Options { supplier: Supplier::He, ..quick() };
    let model = demo::model().unwrap();
    let hiding = model.plan().inspect(&options, Machine::Reference).unwrap().hiding.unwrap();
    assert!(hiding.run_bits >= 40.0 && hiding.most_runs >= 1 << 20, "{hiding:?}");
    assert_eq!(model.plan().inspect(&quick(), Machine::Reference).unwrap().hiding, None);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.txt");
    std::fs::write(&file, (hiding.most_runs - 1).to_string()).unwrap();
    let server = Server::new(model, &options).unwrap().with_run_count(&file).unwrap();
    std::thread::scope(|scope| {
        let (serving, mut client) = start(scope, &server, &options);
        assert_eq!(client.infer(&demo::digit(3).unwrap()).unwrap().outputs[0].top, 3);
        client.infer(&demo::digit(3).unwrap()).unwrap_err();
        let told = serving.join().unwrap().unwrap_err().to_string();
        assert!(told.contains(&format!("have served the {} runs", hiding.most_runs)), "{told}");
    });
    let counted: u64 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    assert!(counted > hiding.most_runs, "{counted}");

    // What cannot be counted is not served.
    std::fs::write(&file, "some").unwrap();
    let server = server.with_run_count(&file).unwrap();
    std::thread::scope(|scope| {
        let (serving, mut client) = start(scope, &server, &options);
        client.infer(&demo::digit(3).unwrap()).unwrap_err();
        serving.join().unwrap().unwrap_err();
    });
}
