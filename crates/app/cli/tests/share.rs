//! Two servers and a helper run a network whose weights and inputs neither may see; what does not fit
//! together is refused.

mod common;

use std::path::{Path, PathBuf};

use common::{
    Finished, Helping, Model, Process, Server, bundled, digits, json, learned, sample, text, veilflow,
};
use serde_json::Value;
use tempfile::TempDir;

const LONG: &str = "--timeout=50";

/// A folder with others in it, by name.
struct Folders(TempDir);

impl Folders {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        text(self.path(name))
    }

    /// Splits a model's weights into the folders NAME.0 and NAME.1.
    fn share_weights(&self, model: &Model, name: &str) -> Value {
        let (dir, [out0, out1]) = (text(model.dir()), self.halves(name));
        veilflow(&["share", "weights", &dir, "--out0", &out0, "--out1", &out1, "--json"]).object()
    }

    /// Splits the first digits into the folders NAME.0 and NAME.1; the names of their sharings.
    fn share_input(&self, plan: &Path, name: &str, count: usize) -> Vec<String> {
        let (input, plan, limit) = (text(bundled("digits.npz")), text(plan), count.to_string());
        let [out0, out1] = self.halves(name);
        let mut arguments = vec!["share", "input", &input, "--plan", &plan, "--limit", &limit];
        arguments.extend(["--out0", &out0, "--out1", &out1, "--json"]);
        let lines = veilflow(&arguments).succeeded();
        lines.iter().map(|line| json(line)["sharing"].as_str().unwrap().to_owned()).collect()
    }

    fn halves(&self, name: &str) -> [String; 2] {
        [0, 1].map(|party| self.text(&format!("{name}.{party}")))
    }

    /// Where a party finds shares of inputs IN.P and leaves those of outputs, OUT.P.
    fn options(&self, input: &str, output: &str, party: usize) -> [String; 2] {
        let folder = |name: &str| self.text(&format!("{name}.{party}"));
        [format!("--input-shares={}", folder(input)), format!("--output-shares={}", folder(output))]
    }

    fn open(&self, plan: &Path, name: &str) -> Finished {
        let (plan, [first, second]) = (text(plan), self.halves(name));
        veilflow(&["share", "open", &first, &second, "--plan", &plan, "--json"])
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn words(options: &[String]) -> Vec<&str> {
    options.iter().map(String::as_str).collect()
}

/// Starts the party that connects.
fn connecting(address: &str, plan: &Path, options: &[&str]) -> Process {
    let plan = text(plan);
    let fixed = ["infer", "--connect", address, "--plan", &plan, "--json", LONG];
    Process::start(&[&fixed[..], options].concat())
}

/// What both parties say of a session in which party 0 serves `dirs[0]` and party 1 has the plan `dirs[1]`.
fn session(dirs: [&Path; 2], options: [&[&str]; 2]) -> [Finished; 2] {
    let server = Server::start(dirs[0], &[&["--sessions=1", LONG], options[0]].concat());
    let client = connecting(&server.address, dirs[1], options[1]).finish();
    [server.finish(), client]
}

/// Runs on shared inputs, and the integers of the outputs put together, in the order of `sharings`.
fn outsourced(
    folders: &Folders,
    model: &Model,
    dirs: [&Path; 2],
    common: &[&str],
    sharings: &[String],
) -> Vec<Vec<i64>> {
    let ends = [0, 1].map(|party| folders.options("in", "out", party));
    let options = ends.each_ref().map(|end| [common, &words(end)].concat());
    let ended = session(dirs, [&options[0], &options[1]]);
    let [server, client] = ended.map(Finished::succeeded);
    for (party, lines) in [(0, server), (1, client)] {
        assert_eq!(lines.len(), sharings.len());
        for line in lines {
            // Nobody but the data owner learns anything.
            let report = json(&line);
            assert!(report["outputs"].as_array().is_none_or(Vec::is_empty), "{line}");
            let file = PathBuf::from(report["output_share"].as_str().unwrap());
            assert_eq!(file.parent().unwrap(), folders.path(&format!("out.{party}")));
        }
    }
    let opened = folders.open(&model.plan(), "out").succeeded();
    let opened: Vec<_> = opened.iter().map(|line| json(line)).collect();
    assert_eq!(opened.len(), sharings.len());
    let of =
        |sharing: &String| opened.iter().find(|report| report["input"].as_str() == Some(sharing)).unwrap();
    sharings.iter().map(|sharing| learned(of(sharing))).collect()
}

fn expected(model: &Model, count: usize) -> Vec<Vec<i64>> {
    let (images, _) = digits();
    (0..count).map(|i| model.clear(&sample(&images, i))).collect()
}

#[test]
fn two_servers_run_shared_weights_on_shared_inputs() {
    let (model, folders) = (Model::demo(&[]), Folders::new());
    let report = folders.share_weights(&model, "model");
    assert_eq!(report["model"], "mnist-demo");
    let dirs = ["model.0", "model.1"].map(|name| folders.path(name));
    for dir in &dirs {
        assert_eq!(names(dir), ["plan.vfp", "weights.vfs"]);
    }
    let sharings = folders.share_input(&model.plan(), "in", 2);
    let helper = Helping::start(&["--sessions=2"]);
    let helped = ["--supplier=helper".to_owned(), format!("--helper={}", helper.address)];
    let dirs = [dirs[0].as_path(), &dirs[1]];
    for more in [&[][..], &["--just-in-time", "--threads=2"]] {
        // The second session overwrites the outputs of the first.
        let options = [&words(&helped)[..], more].concat();
        let outputs = outsourced(&folders, &model, dirs, &options, &sharings);
        assert_eq!(outputs, expected(&model, 2), "{more:?}");
    }
    helper.process.finish().succeeded();
}

#[test]
fn a_client_runs_shared_weights_on_its_own_input() {
    let (model, folders) = (Model::demo(&[]), Folders::new());
    folders.share_weights(&model, "model");
    let helper = Helping::start(&["--sessions=1"]);
    let helped = ["--supplier=helper".to_owned(), format!("--helper={}", helper.address)];
    let input = text(bundled("digits.npz"));
    let of_client = [&words(&helped)[..], &["--input", &input, "--limit=2"]].concat();
    let dirs = [folders.path("model.0"), folders.path("model.1")];
    let [server, client] = session([&dirs[0], &dirs[1]], [&words(&helped), &of_client]);
    let reports: Vec<_> = client.succeeded().iter().map(|line| learned(&json(line))).collect();
    assert_eq!(reports, expected(&model, 2));
    server.succeeded();
    helper.process.finish().succeeded();
}

#[test]
fn a_server_runs_its_weights_on_shared_inputs_with_any_supplier() {
    let (model, folders) = (Model::demo(&[]), Folders::new());
    let sharings = folders.share_input(&model.plan(), "in", 1);
    let dirs = [model.dir(), &model.plan()];
    let outputs = outsourced(&folders, &model, dirs, &["--supplier=ot"], &sharings);
    assert_eq!(outputs, expected(&model, 1));
}

#[test]
fn the_predicted_bytes_are_of_shared_weights() {
    let (model, folders) = (Model::demo(&[]), Folders::new());
    folders.share_weights(&model, "model");
    let online = |dir: &str| {
        let report = veilflow(&["inspect", dir, "--supplier=helper", "--json"]).object();
        [0, 1].map(|party| report["online"]["bytes"][party].as_u64().unwrap())
    };
    let [whole, half] = [online(&text(model.dir())), online(&folders.text("model.1"))];
    // The server opens its share of each layer's input too.
    assert!(half[0] > whole[0] && half[1] == whole[1], "{whole:?} {half:?}");
    let dir = folders.text("model.0");
    veilflow(&["inspect", &dir])
        .failed(&["secret-shared weights cannot be run with the supplier he: choose helper, silent or ot"]);
}

#[test]
fn halves_that_do_not_belong_together_are_refused() {
    let (model, folders) = (Model::demo(&[]), Folders::new());
    folders.share_weights(&model, "one");
    folders.share_weights(&model, "two");
    let input = text(bundled("digit_7.png"));
    // Refused before anybody calls the helper, or each other.
    let helped = ["--supplier=helper", "--helper=127.0.0.1:1"];
    let of_client = [&helped[..], &["--input", &input]].concat();
    let path = |name: &str| folders.path(name);
    for end in session([&path("one.0"), &path("two.1")], [&helped, &of_client]) {
        end.failed(&["parameter \"weights\"", "shared "]);
    }
    for end in session([&path("one.0"), &model.plan()], [&helped, &of_client]) {
        end.failed(&["parameter \"weights\"", "shared ", "\"server\""]);
    }
    let nowhere = "127.0.0.1:1";
    let wrong = "party 0's share of the weights; who serves needs party 0's, who connects party 1's";
    connecting(nowhere, &path("one.0"), &of_client).finish().failed(&[wrong]);
    let served = |dir: &str, options: &[&str]| {
        veilflow(&[&["serve", dir, "--listen=127.0.0.1:0", "--sessions=1"][..], options].concat())
    };
    served(&folders.text("one.1"), &helped).failed(&["party 1's share of the weights"]);
    let reason = "secret-shared weights cannot be run with the supplier he: choose helper, silent or ot";
    served(&folders.text("one.0"), &[]).failed(&[reason]);
    let of_client = ["--input", &input];
    connecting(nowhere, &path("one.1"), &of_client).finish().failed(&[reason]);
    // All weights beside half of them.
    std::fs::copy(model.weights(), path("one.0").join("weights.vfw")).unwrap();
    served(&folders.text("one.0"), &helped).failed(&["holds all weights and a share of them"]);
    let (dir, out) = (text(model.dir()), folders.text("same"));
    veilflow(&["share", "weights", &dir, "--out0", &out, "--out1", &out])
        .failed(&["both halves would be in"]);
    veilflow(&["share", "weights", &dir, "--out0", &dir, "--out1", &out]).failed(&["holds all weights"]);
    let half = folders.text("two.0");
    veilflow(&["share", "weights", &half, "--out0", &dir, "--out1", &out])
        .failed(&["holds a share of the weights, not all of them"]);
}

#[test]
fn inputs_that_do_not_fit_are_refused_by_both() {
    let (model, folders) = (Model::demo(&[]), Folders::new());
    let other = Model::demo(&["--weight-bits=9", "--activation-bits=10"]);
    folders.share_input(&model.plan(), "in", 1);
    folders.share_input(&model.plan(), "more", 1);
    folders.share_input(&other.plan(), "foreign", 1);
    let ot = ["--supplier=ot", "--just-in-time"];
    let with = |input: &str, party| {
        let options = folders.options(input, "out", party);
        [&ot[..], &words(&options)].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let run = |server: &str, client: &str| {
        let options = [with(server, 0), with(client, 1)];
        session([model.dir(), &model.plan()], [&words(&options[0]), &words(&options[1])])
    };
    // The server has another input's half.
    let [server, client] = run("in", "more");
    server.failed(&["the peer has a share of the input", "does not exist"]);
    client.failed(&["the party that serves has no usable share of the input"]);
    // It has both parties' halves under one name.
    let name = names(&folders.path("more.1")).swap_remove(0);
    std::fs::copy(folders.path("more.1").join(&name), folders.path("in.0").join(&name)).unwrap();
    let [server, client] = run("in", "more");
    server.failed(&["party 1's share of an input; who serves needs party 0's"]);
    client.failed(&["no usable share"]);
    // It is cut short.
    let cut = std::fs::read(folders.path("more.0").join(&name)).unwrap();
    std::fs::write(folders.path("more.0").join(&name), &cut[..cut.len() / 2]).unwrap();
    let [server, client] = run("more", "more");
    server.failed(&["cannot use the share", "veilflow-input-share file: the checksum differs"]);
    client.failed(&["no usable share"]);
    // One side shares inputs and the other does not.
    let shared = with("in", 0);
    let input = text(bundled("digit_7.png"));
    let own = [&ot[..], &["--input", &input]].concat();
    for end in session([model.dir(), &model.plan()], [&words(&shared), &own]) {
        end.failed(&["parameter \"input\"", "\"shared\"", "\"client\""]);
    }
    let nowhere = "127.0.0.1:1";
    let client = |input| connecting(nowhere, &model.plan(), &words(&with(input, 1))).finish();
    client("foreign").failed(&["the share belongs to another plan"]);
    std::fs::create_dir(folders.path("empty.1")).unwrap();
    client("empty").failed(&["holds no file *.vfi"]);
    client("missing").failed(&["is no folder"]);
    let shared = with("in", 1);
    let both = [&words(&shared)[..], &["--input", &input]].concat();
    connecting(nowhere, &model.plan(), &both).finish().misused(&["cannot be used with"]);
    connecting(nowhere, &model.plan(), &[]).finish().misused(&["--input"]);
}

#[test]
fn outputs_of_different_runs_are_not_put_together() {
    let (model, folders) = (Model::demo(&[]), Folders::new());
    let sharings = folders.share_input(&model.plan(), "in", 1);
    let run = || outsourced(&folders, &model, [model.dir(), &model.plan()], &["--supplier=ot"], &sharings);
    run();
    let file = format!("{}.vfo", sharings[0]);
    let [first, second] = ["out.0", "out.1"].map(|name| folders.path(name).join(&file));
    let (earlier, kept) = (folders.path("earlier"), std::fs::read(&first).unwrap());
    std::fs::write(&earlier, &kept).unwrap();
    run();
    let plan = text(model.plan());
    let open = |a: &Path, b: &Path| veilflow(&["share", "open", &text(a), &text(b), "--plan", &plan]);
    let printed = open(&first, &second).succeeded();
    assert!(printed.iter().any(|line| line.contains("class ")), "{printed:?}");
    open(&earlier, &second).failed(&["do not belong together: they are of different sharings"]);
    open(&first, &first).failed(&["they are the same party's"]);
    open(&first, &folders.path("out.1")).failed(&["two files are wanted, or two folders"]);
    std::fs::write(&earlier, &kept[..kept.len() - 1]).unwrap();
    open(&earlier, &second).failed(&["the checksum differs"]);
    std::fs::remove_file(&second).unwrap();
    folders.open(&model.plan(), "out").failed(&["holds no file *.vfo"]);
    std::fs::write(folders.path("out.1").join("other.vfo"), kept).unwrap();
    folders.open(&model.plan(), "out").failed(&["has no counterpart in"]);
}

/// One input out of range among others: nothing is split, as long as it is not asked for.
#[test]
fn inputs_out_of_range_are_split_only_where_they_may_be_limited() {
    let (model, folders) = (Model::demo(&[]), Folders::new());
    let mut inputs = ndarray::Array4::<f32>::zeros((2, 1, 28, 28));
    inputs[[1, 0, 3, 4]] = -1e4;
    let (file, plan) = (folders.path("inputs.npy"), text(model.plan()));
    ndarray_npy::write_npy(&file, &inputs).unwrap();
    let (file, [out0, out1]) = (text(&file), folders.halves("in"));
    let arguments =
        ["share", "input", &file, "--plan", &plan, "--limit=2", "--out0", &out0, "--out1", &out1, "--json"];
    veilflow(&arguments).ended_with(3, &["sample 1", "1 of 784 elements of input", "are outside ±"]);
    assert!(!Path::new(&out0).exists() && !Path::new(&out1).exists(), "nothing is written");

    let reports = veilflow(&[&arguments[..], &["--out-of-range=clip"]].concat()).succeeded();
    let outside: Vec<u64> = reports.iter().map(|line| json(line)["outside"].as_u64().unwrap()).collect();
    assert_eq!(outside, [0, 1]);
}
