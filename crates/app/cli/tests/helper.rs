//! Three processes: server, client, helper. Results equal the clear run's; a helper that fails ends both
//! parties.

mod common;

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde_json::Value;
use veilflow_ir::Plan;

use common::proxy::{Fault, Moment, Proxy, Sent};
use common::{
    Finished, Helping, Model, Process, Server, bundled, client, digits, json, learned, sample, text, veilflow,
};

const LONG: &str = "--timeout=50";
/// What a party says whose helper has failed.
const HELPER: &str = "the connection to the helper failed";
/// What it says if it has learnt of that from its peer.
const CLOSED: &str = "the peer closed the connection";

fn digit() -> PathBuf {
    bundled("digit_7.png")
}

/// A server and a client that find the helper at these addresses.
fn parties(model: &Model, helper: [&str; 2], input: &Path, options: &[&str]) -> (Server, Process) {
    let [of_server, of_client] = helper.map(|address| format!("--helper={address}"));
    let options = |helper| [&["--supplier=helper", helper][..], options].concat();
    let server = Server::start(model.dir(), &[&["--sessions=1"][..], &options(of_server.as_str())].concat());
    let limited = ["--limit=2"];
    let client =
        client(&server.address, &model.plan(), input, &[&limited[..], &options(of_client.as_str())].concat());
    (server, client)
}

/// What both say at the end.
fn run(model: &Model, helper: [&str; 2], input: &Path, options: &[&str]) -> [Finished; 2] {
    let (server, client) = parties(model, helper, input, options);
    let client = client.finish();
    [server.finish(), client]
}

#[test]
fn sessions_at_once_are_exact_however_they_prepare() {
    let model = Model::demo(&[]);
    let mut helper = Helping::start(&["--sessions=3", "--threads=2"]);
    let (images, _) = digits();
    let wanted: Vec<_> = (0..2).map(|i| model.clear(&sample(&images, i))).collect();
    let all = bundled("digits.npz");
    let options = [&[LONG][..], &["--just-in-time"], &["--threads=2"]];
    let running = options.map(|options| parties(&model, [&helper.address; 2], &all, options));
    for (server, client) in running {
        let reports: Vec<_> = client.finish().succeeded().iter().map(|line| json(line)).collect();
        assert_eq!(reports.iter().map(learned).collect::<Vec<_>>(), wanted);
        server.finish().succeeded();
    }
    // The helper saw hellos, requests and masked weights: as many bytes in each session.
    let reports: Vec<_> = (0..3).map(|_| helper.process.json()).collect();
    for report in &reports {
        assert_eq!(report["received"], reports[0]["received"], "{report}");
        assert_eq!(report["sent"], reports[0]["sent"], "{report}");
        let masked = report["masked_weights"].as_u64().unwrap();
        assert!(masked > 0 && report["received"][0] == 61 + 33 + masked, "{report}");
    }
    helper.process.finish().succeeded();
}

#[test]
fn a_second_session_saves_exactly_the_masked_weights() {
    let model = Model::demo(&[]);
    let layers = Plan::load(model.plan()).unwrap();
    let layers =
        layers.nodes.iter().filter(|node| ["conv", "matmul"].contains(&node.op.name())).count() as u64;
    let (images, _) = digits();
    let wanted = model.clear(&sample(&images, 0));
    // With masks and masked weights kept, and without either.
    for (keeping, serving) in [
        ("--keep-weights=100", None),
        ("--keep-weights=off", None),
        ("--keep-weights=100", Some("--fresh-masks")),
    ] {
        let mut helper = Helping::start(&["--sessions=2", keeping]);
        let address = format!("--helper={}", helper.address);
        let options = ["--supplier=helper", &address];
        let mut of_server = [&["--sessions=2"][..], &options].concat();
        of_server.extend(serving);
        let mut server = Server::start(model.dir(), &of_server);
        let sessions = [(); 2].map(|()| {
            let client = client(
                &server.address,
                &model.plan(),
                &bundled("digits.npz"),
                &[&["--limit=1"][..], &options].concat(),
            );
            assert_eq!(learned(&client.finish().object()), wanted);
            let phases = server.process.json()["layers"].as_array().unwrap().clone();
            let offline: u64 = phases.iter().map(|layer| layer["offline"]["helper"].as_u64().unwrap()).sum();
            (offline, helper.process.json())
        });
        server.finish().succeeded();
        helper.process.finish().succeeded();
        let [(first, first_helped), (second, second_helped)] = sessions;
        let masked = first_helped["masked_weights"].as_u64().unwrap();
        let of = |report: &Value, way: &str, party: usize| report[way][party].as_u64().unwrap();
        assert!(masked > 10_000, "the model has more weights than {masked} bytes");
        assert_eq!(
            of(&first_helped, "received", 1),
            of(&second_helped, "received", 1),
            "the client's requests"
        );
        if keeping == "--keep-weights=off" || serving.is_some() {
            assert_eq!(second_helped["masked_weights"], masked);
            assert_eq!(first, second);
            continue;
        }
        assert_eq!(second_helped["masked_weights"], 0);
        assert_eq!(of(&first_helped, "received", 0) - of(&second_helped, "received", 0), masked);
        // What tells the server so is a digest a layer.
        assert_eq!(of(&second_helped, "sent", 0) - of(&first_helped, "sent", 0), 16 * layers);
        assert_eq!(first - second, masked - 16 * layers);
    }
}

#[test]
fn the_demo_runs_with_a_helper() {
    let report = veilflow(&["demo", "--helper", "--json"]).object();
    assert_eq!((report["digit"].as_u64(), report["exact"].as_bool()), (Some(7), Some(true)));
    assert_eq!(report["supplier"], "helper");
}

/// Batches that reach a party from the helper in a run.
fn batches(model: &Model, party: usize) -> usize {
    let helper = Helping::start(&["--sessions=1"]);
    let proxy = Proxy::start(&helper.address, None);
    let mut addresses = [helper.address.as_str(); 2];
    addresses[party] = &proxy.address;
    for ended in run(model, addresses, &digit(), &[]) {
        ended.succeeded();
    }
    helper.process.finish().succeeded();
    // The first is the answer to the hello, the second says which weights are known.
    let frames = proxy.frames(0, Sent::ByServer);
    assert!(frames > 6, "too few messages for these tests: {frames}");
    frames
}

/// Runs with a fault at message `frame` from the helper to a party; `during` happens once it has been
/// reached.
fn faulty(
    model: &Model,
    party: usize,
    frame: usize,
    fault: Fault,
    timeout: &str,
    during: impl FnOnce(&mut Helping),
) -> [Finished; 2] {
    // The parties' deadline is under test, not the helper's.
    let mut helper = Helping::start(&[LONG]);
    let moment = Moment { connection: 0, sent: Sent::ByServer, frame };
    let proxy = Proxy::start(&helper.address, Some((moment, fault)));
    let mut addresses = [helper.address.as_str(); 2];
    addresses[party] = &proxy.address;
    let (server, client) = parties(model, addresses, &digit(), &[timeout]);
    proxy.wait();
    during(&mut helper);
    let client = client.finish();
    let ended = [server.finish(), client];
    assert_eq!(ended[1].lines, [""; 0], "the client learns nothing");
    ended
}

#[test]
fn a_helper_that_is_killed_ends_both_parties() {
    let model = Model::demo(&[]);
    for party in [0, 1] {
        let frames = batches(&model, party);
        for frame in [0, 1, frames / 2, frames - 1] {
            let ended = faulty(&model, party, frame, Fault::Stall, LONG, |helper| helper.process.kill());
            // Whoever misses the helper second may first hear that the other has gone.
            assert!(ended.iter().any(|ended| ended.errors.contains(HELPER)), "{ended:?}");
            for ended in &ended {
                ended.failed(&[CLOSED]);
                ended.within(0.0);
            }
        }
    }
}

#[test]
fn a_helper_that_is_silent_ends_both_parties_at_their_deadline() {
    let model = Model::demo(&[]);
    for party in [0, 1] {
        let frames = batches(&model, party);
        for frame in [0, frames - 1] {
            let ended = faulty(&model, party, frame, Fault::Stall, "--timeout=1", |_| {});
            let silent = "the peer sent nothing we were waiting for within 1.0s";
            assert!(ended.iter().any(|e| e.errors.contains(silent)), "{ended:?}");
            for ended in &ended {
                ended.failed(&[]);
                ended.within(2.0);
            }
        }
    }
}

#[test]
fn batches_replayed_repeated_lost_or_short_end_both_parties() {
    let model = Model::demo(&[]);
    // An earlier session, as the server saw it.
    let helper = Helping::start(&["--sessions=1"]);
    let earlier = Proxy::start(&helper.address, None);
    for ended in run(&model, [&earlier.address, &helper.address], &digit(), &[]) {
        ended.succeeded();
    }
    let replayed = |frame| Fault::Replace(earlier.kept(frame).leak());
    let foreign = "a message of another session came from the helper";
    let order = "came from the helper in place of message";
    for (frame, fault, wanted) in [
        (0, replayed(0), foreign),
        (1, replayed(1), foreign),
        (2, replayed(2), foreign),
        (3, replayed(3), foreign),
        (1, Fault::Repeat, order),
        (2, Fault::Repeat, order),
        // After this nobody says a word.
        (1, Fault::Lose, HELPER),
        (2, Fault::Lose, order),
        (3, Fault::Cut, HELPER),
    ] {
        let ended = faulty(&model, 0, frame, fault, "--timeout=5", |_| {});
        ended[0].failed(&[wanted]);
        ended[1].failed(&[]);
        ended.iter().for_each(|ended| ended.within(5.0));
    }
}

#[test]
fn parties_that_meet_no_helper_or_different_ones_say_so() {
    let model = Model::demo(&[]);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for ended in run(&model, [&free; 2], &digit(), &["--timeout=1"]) {
        ended.failed(&["the helper cannot be reached", &free]);
        ended.within(2.0);
    }
    let helpers = [Helping::start(&[]), Helping::start(&[])];
    let ended = run(&model, [&helpers[0].address, &helpers[1].address], &digit(), &["--timeout=1"]);
    assert!(ended.iter().any(|ended| ended.errors.contains(HELPER)), "{ended:?}");
    for ended in ended {
        ended.failed(&[]);
        ended.within(2.0);
    }
}

#[test]
fn a_helper_without_room_refuses_and_strangers_harm_nobody() {
    use std::io::Write;

    let model = Model::demo(&[]);
    let mut helper = Helping::start(&["--at-once=1"]);
    let mut stranger = std::net::TcpStream::connect(&helper.address).unwrap();
    stranger.write_all(b"VEILFLOW\x01\0\0\0and no preamble at all, and no more frames than that").unwrap();
    // A session that holds the only place: its client is stopped by a proxy before its first batch.
    let moment = Moment { connection: 0, sent: Sent::ByServer, frame: 3 };
    let proxy = Proxy::start(&helper.address, Some((moment, Fault::Stall)));
    let held = parties(&model, [&helper.address, &proxy.address], &digit(), &[LONG]);
    proxy.wait();
    for ended in run(&model, [&helper.address; 2], &digit(), &["--timeout=5"]) {
        ended.failed(&["the helper refused the session: it serves as many as it may"]);
    }
    drop(held);
    // The place is free once the helper has noticed.
    let served = (0..50).any(|_| {
        let [server, client] = run(&model, [&helper.address; 2], &digit(), &["--timeout=5"]);
        server.status.success() && client.status.success()
    });
    assert!(served && helper.process.is_running());
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let model = Model::demo(&[]);
    let serve = |options: &[&str]| veilflow(&[&["serve", &text(model.dir())][..], options].concat());
    serve(&["--supplier=helper"]).failed(&["--supplier helper needs --helper ADDR"]);
    serve(&["--helper=127.0.0.1:1"]).failed(&["--helper ADDR is for --supplier helper"]);
    let infer = client("127.0.0.1:1", &model.plan(), &digit(), &["--supplier=helper"]).finish();
    infer.failed(&["--supplier helper needs --helper ADDR"]);
}
