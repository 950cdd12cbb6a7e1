//! What goes wrong ends in a clear error, in bounded time, at whoever is left.

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, IxDyn};
use tempfile::TempDir;

use common::proxy::{Fault, Moment, Proxy, Sent};
use common::{Finished, Model, Server, bundled, client, digits, learned, onnx, sample, text, veilflow};

/// What a party says whose peer's process has ended.
const CLOSED: &str = "the peer closed the connection";
/// What a party says whose peer is silent.
const SILENT: &str = "the peer sent nothing we were waiting for within 1.0s";
/// For runs in which a process is killed or a connection closed: nobody should wait so long.
const LONG: &str = "--timeout=50";

fn digit() -> PathBuf {
    bundled("digit_7.png")
}

/// Messages by `sent` over the whole of a run: in the handshake, in both halves of the offline phase, and in
/// both of the online phase.
fn moments(model: &Model, sent: Sent) -> Vec<Moment> {
    let server = Server::start(model.dir(), &["--sessions=1"]);
    let proxy = Proxy::start(&server.address, None);
    client(&proxy.address, &model.plan(), &digit(), &[]).finish().object();
    server.finish().succeeded();
    // The session's own connection carries the handshake and the online phase, its first fork the offline
    // phase.
    let [online, offline] = [0, 1].map(|connection| {
        let frames = proxy.frames(connection, sent);
        assert!(frames > 10, "connection {connection} has too few messages for this test: {frames}");
        frames
    });
    let moment = |connection, frame| Moment { connection, sent, frame };
    vec![
        moment(0, 0),
        moment(1, offline / 3),
        moment(1, offline - 3),
        moment(0, online / 3),
        moment(0, online - 2),
    ]
}

/// The server still answers as it should.
fn serves_well(server: &mut Server, model: &Model) {
    let (images, _) = digits();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("input.npy");
    let input = sample(&images, 0);
    ndarray_npy::write_npy(&file, &ndarray::Array4::from_shape_vec((1, 1, 28, 28), input.clone()).unwrap())
        .unwrap();
    let report = client(&server.address, &model.plan(), &file, &[]).finish().object();
    assert_eq!(learned(&report), model.clear(&input));
    assert!(server.process.is_running());
}

#[test]
fn a_killed_server_ends_the_client() {
    let model = Model::demo(&[]);
    for moment in moments(&model, Sent::ByServer) {
        let mut server = Server::start(model.dir(), &["--sessions=1", LONG]);
        let proxy = Proxy::start(&server.address, Some((moment, Fault::Stall)));
        let client = client(&proxy.address, &model.plan(), &digit(), &[LONG]);
        proxy.wait();
        server.process.kill();
        let ended = client.finish();
        ended.failed(&[CLOSED]);
        ended.within(0.0);
        assert_eq!(ended.lines, [""; 0], "a client learns nothing before the end");
    }
}

#[test]
fn a_killed_client_ends_its_session() {
    let model = Model::demo(&[]);
    for moment in moments(&model, Sent::ByClient) {
        let server = Server::start(model.dir(), &["--sessions=1", LONG]);
        let proxy = Proxy::start(&server.address, Some((moment, Fault::Stall)));
        let mut client = client(&proxy.address, &model.plan(), &digit(), &[LONG]);
        proxy.wait();
        client.kill();
        let ended = server.finish();
        ended.failed(&["session 1: ", CLOSED, "1 of 1 sessions failed"]);
        ended.within(0.0);
    }
}

#[test]
fn a_killed_client_leaves_the_server_to_others() {
    let model = Model::demo(&[]);
    let mut server = Server::start(model.dir(), &[LONG]);
    for moment in moments(&model, Sent::ByClient) {
        let proxy = Proxy::start(&server.address, Some((moment, Fault::Stall)));
        let mut killed = client(&proxy.address, &model.plan(), &digit(), &[LONG]);
        proxy.wait();
        killed.kill();
        serves_well(&mut server, &model);
    }
}

#[test]
fn silence_ends_both_parties_at_their_deadline() {
    let model = Model::demo(&[]);
    let silent_from = |moment: Moment| {
        let server = Server::start(model.dir(), &["--sessions=1", "--timeout=1"]);
        let proxy = Proxy::start(&server.address, Some((moment, Fault::Stall)));
        let client = client(&proxy.address, &model.plan(), &digit(), &["--timeout=1"]).finish();
        let server = server.finish();
        client.failed(&[]);
        client.within(1.0);
        server.failed(&["1 of 1 sessions failed"]);
        server.within(2.0);
        // Who comes first to its deadline leaves, which the other may see before its own.
        let silent = [&client, &server].map(|ended| ended.errors.contains(SILENT));
        assert!(silent[0] || silent[1], "{moment:?}: {client:?} {server:?}");
        for ended in [&client, &server] {
            assert!(ended.errors.contains(SILENT) || ended.errors.contains(CLOSED), "{moment:?}: {ended:?}");
        }
    };
    // All at once: each does nothing but wait.
    std::thread::scope(|scope| {
        let silent_from = &silent_from;
        for moment in [Sent::ByClient, Sent::ByServer].into_iter().flat_map(|sent| moments(&model, sent)) {
            scope.spawn(move || silent_from(moment));
        }
    });
}

/// The party whose peer has left must say so. A server that has read the hello of a client that left over its
/// own waits for the client's next connection, and learns only at its deadline that none will come.
#[track_caller]
fn lost_its_peer(ended: &Finished, moment: Moment) {
    let after_hello = moment == Moment { connection: 0, sent: Sent::ByServer, frame: 0 };
    if after_hello && !ended.errors.contains(CLOSED) {
        ended.failed(&["the peer sent nothing we were waiting for within 3.0s"]);
    } else {
        ended.failed(&[CLOSED]);
    }
}

#[test]
fn a_broken_connection_ends_both_parties() {
    let model = Model::demo(&[]);
    for sent in [Sent::ByClient, Sent::ByServer] {
        for moment in moments(&model, sent) {
            let server = Server::start(model.dir(), &["--sessions=1", "--timeout=3"]);
            let proxy = Proxy::start(&server.address, Some((moment, Fault::Cut)));
            let client = client(&proxy.address, &model.plan(), &digit(), &[LONG]).finish();
            let server = server.finish();
            client.failed(&[CLOSED]);
            client.within(3.0);
            lost_its_peer(&server, moment);
            server.within(3.0);
        }
    }
}

#[test]
fn a_flipped_bit_in_a_header_is_noticed() {
    let model = Model::demo(&[]);
    for sent in [Sent::ByClient, Sent::ByServer] {
        for moment in moments(&model, sent) {
            let server = Server::start(model.dir(), &["--sessions=1", "--timeout=3"]);
            let proxy = Proxy::start(&server.address, Some((moment, Fault::FlipHeader)));
            let client = client(&proxy.address, &model.plan(), &digit(), &[LONG]).finish();
            let server = server.finish();
            let (reader, writer) =
                if sent == Sent::ByClient { (&server, &client) } else { (&client, &server) };
            reader.failed(&["the peer sent malformed data: a frame's header fails its check"]);
            lost_its_peer(writer, moment);
            client.within(3.0);
            server.within(3.0);
        }
    }
}

/// The next runs are prepared by the time one fails: whoever prepares has nothing to wait for but the
/// failure.
#[test]
fn a_failed_run_ends_those_prepared_after_it() {
    let model = Model::demo(&[]);
    for sent in [Sent::ByClient, Sent::ByServer] {
        let server = Server::start(model.dir(), &["--sessions=1", LONG]);
        let moment = Moment { connection: 0, sent, frame: 5 };
        let proxy = Proxy::start(&server.address, Some((moment, Fault::FlipHeaderLate)));
        let options = ["--limit=5", "--ahead=1", LONG];
        let client = client(&proxy.address, &model.plan(), &bundled("digits.npz"), &options).finish();
        let server = server.finish();
        let (reader, writer) = if sent == Sent::ByClient { (&server, &client) } else { (&client, &server) };
        reader.failed(&["the peer sent malformed data: a frame's header fails its check"]);
        writer.failed(&[CLOSED]);
        client.within(5.0);
        server.within(5.0);
        assert_eq!(client.lines, [""; 0]);
    }
}

#[test]
fn garbage_at_the_port_harms_nobody() {
    let model = Model::demo(&[]);
    let mut server = Server::start(model.dir(), &["--timeout=1"]);
    let random: Vec<u8> = (0..20_000u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
    // A true preamble, then no frames.
    let opened = [b"VEILFLOW\x01\0\0\0".as_slice(), &[7; 16], &[0; 8], &random].concat();
    // A connection of a session that doesn't exist; a preamble cut short; none.
    let stray = [b"VEILFLOW\x01\0\0\0".as_slice(), &[7; 24], &random].concat();
    let mut held = Vec::new();
    for garbage in [&random[..], &opened, &stray, b"GET / HTTP/1.1\r\n\r\n", &opened[..20], b""] {
        let mut connection = TcpStream::connect(&server.address).unwrap();
        // The server may have hung up already.
        let _ = connection.write_all(garbage);
        held.push(connection);
    }
    serves_well(&mut server, &model);
    drop(held);
    serves_well(&mut server, &model);
    server.process.kill();
    let ended = server.finish();
    assert!(ended.errors.contains("session 1: the peer sent malformed data"), "{}", ended.errors);
    assert!(!ended.errors.contains("panicked"), "{}", ended.errors);
}

#[test]
fn a_client_that_opens_a_session_and_stays_silent_is_given_up() {
    let model = Model::demo(&[]);
    let server = Server::start(model.dir(), &["--sessions=1", "--timeout=1"]);
    let mut connection = TcpStream::connect(&server.address).unwrap();
    connection.write_all(&[b"VEILFLOW\x01\0\0\0".as_slice(), &[7; 16], &[0; 8]].concat()).unwrap();
    let mut answer = [0; 13];
    connection.read_exact(&mut answer).unwrap();
    assert_eq!(&answer[..8], b"VEILFLOK");
    let ended = server.finish();
    ended.failed(&["session 1: ", SILENT]);
    ended.within(1.0);
}

#[test]
fn nobody_comes() {
    let model = Model::demo(&[]);
    let ended = Server::start(model.dir(), &["--sessions=1", "--timeout=0.3"]).finish();
    ended.failed(&["no client came"]);
    ended.within(0.3);
}

#[test]
fn a_client_gives_up_who_does_not_answer() {
    let model = Model::demo(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let ended = client(&address, &model.plan(), &digit(), &["--timeout=0.5"]).finish();
    ended.failed(&["cannot connect to", &address, "it does not answer"]);
    ended.within(0.5);

    // Answered, by something else.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let other = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        connection
    });
    let ended = client(&address, &model.plan(), &digit(), &["--timeout=5"]).finish();
    ended.failed(&["its answer is not that of a Veilflow server"]);
    drop(other.join().unwrap());

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let ended = client(&free, &model.plan(), &digit(), &["--timeout=0.5"]).finish();
    ended.failed(&["cannot connect to", &free, "refused"]);
    ended.within(0.5);
    client("nowhere.invalid:1", &model.plan(), &digit(), &["--timeout=0.5"])
        .finish()
        .failed(&["resolving the server's address"]);
}

#[test]
fn different_plans_are_named_on_both_sides() {
    let (model, other) = (Model::demo(&[]), Model::demo(&["--weight-bits=9"]));
    let server = Server::start(model.dir(), &["--sessions=1", LONG]);
    let client = client(&server.address, &other.plan(), &digit(), &[LONG]).finish();
    let (ours, theirs) = (model.short_hash(), other.short_hash());
    assert_ne!(ours, theirs);
    client.failed(&[&format!("plan hash differs: ours is {theirs}, the peer's is {ours}")]);
    server.finish().failed(&[&format!("plan hash differs: ours is {ours}, the peer's is {theirs}")]);
}

#[test]
fn different_parameters_are_named_on_both_sides() {
    let model = Model::demo(&[]);
    let refused = |ours: &[&str], theirs: &[&str], wanted: [&str; 2]| {
        let server = Server::start(model.dir(), &[&["--sessions=1", LONG], ours].concat());
        let client = client(&server.address, &model.plan(), &digit(), &[&[LONG], theirs].concat()).finish();
        client.failed(&["handshake: ", wanted[1]]);
        server.finish().failed(&["session 1: handshake: ", wanted[0]]);
    };
    for (name, ours, theirs) in [("leaf-bits", "2", "3"), ("threads", "1", "2")] {
        let option = |value: &str| format!("--{name}={value}");
        let error =
            |a: &str, b: &str| format!("parameter {name:?} differs: ours is {a:?}, the peer's is {b:?}");
        refused(&[&option(ours)], &[&option(theirs)], [&error(ours, theirs), &error(theirs, ours)]);
    }
    refused(
        &["--supplier=ot"],
        &["--supplier=silent"],
        [
            "parameter \"supplier\" differs: ours is \"ot\"",
            "parameter \"supplier\" differs: ours is \"silent\"",
        ],
    );
    let k = |k| format!("--softspoken-k={k}");
    let ends = ["ours is \"softspoken-2", "ours is \"softspoken-8"];
    refused(&["--supplier=ot", &k(2)], &["--supplier=ot", &k(8)], ends);
    refused(&[], &["--just-in-time"], ["the peer's is \"just-in-time\"", "ours is \"just-in-time\""]);
}

/// A copy of a model's folder in which the bytes of one file are changed.
fn with_file(model: &Model, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["plan.vfp", "weights.vfw", "model.onnx"] {
        fs::copy(model.dir().join(file), folder.path().join(file)).unwrap();
    }
    let path = folder.path().join(name);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(&path, bytes).unwrap();
    folder
}

/// A server that must not start.
#[track_caller]
fn does_not_serve(dir: &Path, wanted: &[&str]) {
    let ended = veilflow(&["serve", &text(dir), "--listen=127.0.0.1:0", "--sessions=1", LONG]);
    ended.failed(wanted);
    ended.within(0.0);
    assert_eq!(ended.lines, [""; 0], "it must not have listened");
}

#[test]
fn damaged_weights_are_not_served() {
    let model = Model::demo(&[]);
    let damaged = "weights.vfw";
    let length = fs::metadata(model.weights()).unwrap().len() as usize;
    for cut in [0, 10, 100, length / 2, length - 1] {
        let folder = with_file(&model, damaged, |bytes| bytes.truncate(cut));
        does_not_serve(folder.path(), &["cannot use the weights", damaged, "cut short"]);
    }
    let folder = with_file(&model, damaged, |bytes| bytes.push(0));
    does_not_serve(folder.path(), &["cannot use the weights", damaged, "the checksum differs"]);
    for flipped in [0, 20, length / 2, length - 1] {
        let folder = with_file(&model, damaged, |bytes| bytes[flipped] ^= 1);
        does_not_serve(folder.path(), &["cannot use the weights", damaged]);
    }
    let folder = with_file(&model, damaged, |_| {});
    fs::remove_file(folder.path().join(damaged)).unwrap();
    does_not_serve(folder.path(), &[damaged, "does not exist"]);
}

#[test]
fn weights_of_another_plan_are_not_served() {
    let (model, other) = (Model::demo(&[]), Model::demo(&["--weight-bits=9"]));
    let folder =
        with_file(&model, "weights.vfw", |bytes| bytes.clone_from(&fs::read(other.weights()).unwrap()));
    does_not_serve(folder.path(), &["cannot use the weights", "the weights belong to another plan"]);
}

#[test]
fn damaged_plans_are_not_used() {
    let model = Model::demo(&[]);
    let length = fs::metadata(model.plan()).unwrap().len() as usize;
    type Change<'a> = &'a dyn Fn(&mut Vec<u8>);
    let changes: [Change; 6] = [
        &|bytes| bytes.clear(),
        &|bytes| bytes.truncate(10),
        &|bytes| bytes.truncate(length / 2),
        &|bytes| bytes.truncate(length - 1),
        &|bytes| bytes[length / 2] ^= 1,
        &|bytes| bytes[length - 2] ^= 0x20,
    ];
    for change in changes {
        let folder = with_file(&model, "plan.vfp", change);
        does_not_serve(folder.path(), &["cannot use the plan", "plan.vfp"]);
        let plan = folder.path().join("plan.vfp");
        client("127.0.0.1:1", &plan, &digit(), &[LONG]).finish().failed(&["cannot use the plan", "plan.vfp"]);
        veilflow(&["inspect", &text(&plan)]).failed(&["cannot use the plan", "plan.vfp"]);
    }
    let folder = with_file(&model, "plan.vfp", |bytes| bytes[length / 2] ^= 1);
    does_not_serve(folder.path(), &["the checksum differs: damaged or cut short"]);
    veilflow(&["inspect", "no-such-folder"]).failed(&["no-such-folder", "does not exist"]);
    does_not_serve(Path::new("no-such-folder"), &["no-such-folder is no folder"]);
}

#[test]
fn an_address_that_is_taken() {
    let model = Model::demo(&[]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    veilflow(&["serve", &text(model.dir()), "--listen", &address]).failed(&[
        "cannot listen on",
        &address,
        "in use",
    ]);
}

#[test]
fn inputs_that_do_not_fit_are_refused_before_anything_is_sent() {
    let model = Model::demo(&[]);
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens: a client that got so far would say so.
    let refused = |name: &str, wanted: &[&str]| {
        let input = folder.path().join(name);
        let ended = client("127.0.0.1:1", &model.plan(), &input, &["--timeout=0.1"]).finish();
        ended.failed(wanted);
        assert!(!ended.errors.contains("cannot connect"), "{}", ended.errors);
    };
    let array = |name: &str, array: ArrayD<f32>| {
        ndarray_npy::write_npy(folder.path().join(name), &array).unwrap();
    };
    let file = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();

    array("shape.npy", ArrayD::zeros(IxDyn(&[1, 1, 28, 27])));
    refused("shape.npy", &["shape.npy", "[1, 1, 28, 27]", "does not hold inputs of shape"]);
    array("turned.npy", ArrayD::zeros(IxDyn(&[28, 1, 28, 2])));
    refused("turned.npy", &["turned.npy", "does not hold inputs of shape"]);
    array("none.npy", ArrayD::zeros(IxDyn(&[0, 1, 28, 28])));
    refused("none.npy", &["none.npy", "holds no input"]);
    for (name, value) in [("nan.npy", f32::NAN), ("infinite.npy", f32::INFINITY)] {
        let mut values = ArrayD::zeros(IxDyn(&[1, 1, 28, 28]));
        values[[0, 0, 9, 9]] = value;
        array(name, values);
        refused(name, &[name, "holds a number that is not finite"]);
    }
    let mut complex = b"\x93NUMPY\x01\0\x76\0".to_vec();
    complex
        .extend(format!("{:117}\n", "{'descr': '<c8', 'fortran_order': False, 'shape': (28, 28), }").bytes());
    complex.resize(complex.len() + 8 * 28 * 28, 0);
    file("kind.npy", &complex);
    refused("kind.npy", &["kind.npy", "neither floats of 32 or 64 bits nor integers"]);

    let good = fs::read(digit()).unwrap();
    file("cut.png", &good[..good.len() / 2]);
    file("noise.png", &[0x5a; 300]);
    file("empty.png", &[]);
    file("cut.npy", b"\x93NUMPY\x01\0");
    file("cut.npz", &fs::read(bundled("digits.npz")).unwrap()[..5000]);
    file("text.txt", b"7");
    for name in ["cut.png", "noise.png", "empty.png", "cut.npy", "cut.npz"] {
        refused(name, &["cannot read", name]);
    }
    refused("text.txt", &["text.txt", "none of npy, npz, png, jpeg"]);
    refused("missing.png", &["cannot open", "missing.png", "No such file"]);
    refused("missing.npy", &["cannot open", "missing.npy", "No such file"]);
    image::GrayImage::new(27, 28).save(folder.path().join("small.png")).unwrap();
    refused("small.png", &["small.png", "a 28x27 picture of 1 channels does not fit an input of shape"]);
}

#[test]
fn models_that_are_none_are_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let (model, output) = (folder.path().join("model.onnx"), folder.path().join("out"));
    let refused = |bytes: &[u8], wanted: &[&str]| {
        fs::write(&model, bytes).unwrap();
        let data = text(bundled("calibration.npz"));
        let ended = veilflow(&["compile", &text(&model), "--calibrate", &data, "-o", &text(&output)]);
        ended.failed(&[&["cannot compile", "model.onnx"], wanted].concat());
        assert!(!output.exists(), "a model that is refused leaves nothing behind");
    };
    refused(b"not a model", &["not an ONNX model, or a damaged one"]);
    refused(&[0xff; 1000], &["not an ONNX model, or a damaged one"]);
    refused(b"", &["the model names no opset"]);
    let good = fs::read(bundled("mnist-demo.onnx")).unwrap();
    for tenth in 1..10 {
        refused(&good[..good.len() * tenth / 10], &[]);
    }

    let dims = [1, 1, 28, 28];
    let nodes = [
        onnx::node("first", "Relu", &["input"], "a", &[]),
        onnx::node("second", "Det", &["a"], "output", &[]),
    ];
    let wanted = ["node `second`", "op Det isn't supported; supported are", "Conv", "MaxPool", "Transpose"];
    refused(&onnx::model(&nodes, &[], &dims, &dims), &wanted);
    // An output nobody computes, an input nobody defines, weights of another shape.
    let nodes = [onnx::node("only", "Relu", &["input"], "a", &[])];
    refused(&onnx::model(&nodes, &[], &dims, &dims), &["output"]);
    let nodes = [onnx::node("only", "Relu", &["nothing"], "output", &[])];
    refused(&onnx::model(&nodes, &[], &dims, &dims), &["node `only` (Relu)", "`nothing` isn't defined"]);
    let nodes = [onnx::node("only", "Conv", &["input", "w"], "output", &[])];
    let weights = [onnx::tensor("w", &[1, 2, 3, 3], &[0.5; 18])];
    refused(&onnx::model(&nodes, &weights, &dims, &dims), &["node `only` (conv)", "1x2x3x3"]);
}

#[test]
fn calibration_that_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = text(folder.path().join("out"));
    let (onnx, data) = (text(bundled("mnist-demo.onnx")), folder.path().join("data.npy"));
    let refused = |data: &Path, wanted: &[&str]| {
        veilflow(&["compile", &onnx, "--calibrate", &text(data), "-o", &output]).failed(wanted);
        assert!(!Path::new(&output).exists());
    };
    refused(&data, &["cannot open", "data.npy"]);
    ndarray_npy::write_npy(&data, &ArrayD::<f32>::zeros(IxDyn(&[4, 3, 28, 28]))).unwrap();
    refused(&data, &["data.npy", "does not hold inputs of shape"]);
    fs::create_dir(folder.path().join("empty")).unwrap();
    refused(&folder.path().join("empty"), &["holds no input"]);
}

#[test]
fn an_output_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (onnx, data) = (text(bundled("mnist-demo.onnx")), text(bundled("calibration.npz")));
    // Not by permissions, which a superuser would not feel.
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    for output in [file.clone(), file.join("below")] {
        let output = text(output);
        veilflow(&["compile", &onnx, "--calibrate", &data, "-o", &output])
            .failed(&["cannot make the folder", &output]);
    }
    let taken = folder.path().join("taken");
    fs::create_dir_all(taken.join("weights.vfw")).unwrap();
    veilflow(&["compile", &onnx, "--calibrate", &data, "-o", &text(&taken)]).failed(&["weights.vfw"]);
}

#[test]
fn impossible_benchmarks_are_refused() {
    for (arguments, wanted) in [
        (&["--op=truncate", "--width=8", "--shift=8"][..], "--shift 8 does not fit --width 8"),
        (&["--op=extend", "--width=40", "--shift=25"], "exceed 64 bits"),
        (&["--op=relu", "--count=0"], "--count must be"),
        (&["--op=conv", "--size=2", "--kernel=0"], "--kernel"),
        (&["--op=conv", "--size=0"], "the sizes describe no layer"),
        (&["--op=matmul", "--rows=0"], "the sizes describe no layer"),
        (&["--op=matmul", "--rows=4294967296", "--inner=4294967296"], "the sizes describe no layer"),
    ] {
        veilflow(&[&["bench", "op"], arguments].concat()).failed(&[wanted]);
    }
}
