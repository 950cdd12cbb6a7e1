//! What the commands do and print, when nothing goes wrong: with real processes over real sockets.

mod common;

use std::fs::File;
use std::path::{Path, PathBuf};

use common::bench::{bench_model, costs};
use common::{
    Model, PREPROCESSING, Server, bundled, client, digits, json, learned, onnx, sample, text, veilflow,
};
use ndarray::{Array, Array1, Array3, Array4, Axis};
use ndarray_npy::NpzWriter;
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn the_demo_names_the_digit_exactly() {
    let report = veilflow(&["demo", "--json"]).object();
    assert_eq!(report["exact"], true);
    assert_eq!(report["digit"], 7);
    assert!(report["largest_difference_from_float"].as_f64().unwrap() < 0.1, "{report}");
    assert!(costs(&report).iter().all(|&n| n > 0), "{report}");
    assert!(report["peak_rss_bytes"].as_u64().unwrap() > 1 << 20);
    let layers = report["layers"].as_array().unwrap();
    assert!(layers.len() > 5, "{report}");
    let sum = |phase: &str| -> u64 {
        let bytes = |layer: &Value| {
            layer[phase]["sent"].as_u64().unwrap() + layer[phase]["received"].as_u64().unwrap()
        };
        layers.iter().map(bytes).sum()
    };
    // The client sees every byte, whoever sent it.
    assert_eq!([sum("offline"), sum("online")], [costs(&report)[0], costs(&report)[2]]);
}

#[test]
fn the_demo_shows_a_table_with_totals_last() {
    let output = veilflow(&["demo", "--digit=3"]).succeeded();
    let all = output.join("\n");
    assert!(all.contains("it is a 3"), "{all}");
    assert!(all.contains("bit for bit: yes"), "{all}");
    assert!(all.contains("Largest difference from the float model: 0.0"), "{all}");
    let rows: Vec<&String> = output.iter().filter(|line| line.chars().any(char::is_alphanumeric)).collect();
    assert!(rows.last().unwrap().trim_start().starts_with("total"), "{all}");
    for layer in ["set-up", "conv", "relu-truncate", "max-pool"] {
        assert!(all.contains(layer), "{layer}: {all}");
    }
}

/// Random numbers in −1..1, the same each time.
fn noise(len: usize, seed: u64) -> Vec<f32> {
    let at = |i: usize| {
        let mixed = (i as u64 + 1 + (seed << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..len).map(at).collect()
}

/// A network with every kind of layer, and inputs for it.
fn every_layer() -> (TempDir, PathBuf, PathBuf) {
    let ints = onnx::integers;
    let pads = || ints("pads", &[1, 1, 1, 1]);
    let window = |size| ints("kernel_shape", &[size, size]);
    let halved = || vec![window(2), ints("strides", &[2, 2])];
    let nodes = [
        onnx::node("first", "Conv", &["input", "w1", "b1"], "c1", &[pads()]),
        onnx::node("norm", "BatchNormalization", &["c1", "scale", "shift", "mean", "var"], "n1", &[]),
        onnx::node("relu", "Relu", &["n1"], "r1", &[]),
        onnx::node("depthwise", "Conv", &["r1", "w2"], "c2", &[pads(), onnx::number("group", 4)]),
        onnx::node("clip", "Clip", &["c2", "zero", "six"], "r2", &[]),
        onnx::node("residual", "Add", &["r1", "r2"], "sum", &[]),
        onnx::node("after", "Relu", &["sum"], "r3", &[]),
        onnx::node("largest", "MaxPool", &["r3"], "m", &halved()),
        onnx::node("average", "AveragePool", &["c2"], "a", &halved()),
        onnx::node("both", "Concat", &["m", "a"], "cat", &[onnx::number("axis", 1)]),
        onnx::node("blur", "AveragePool", &["cat"], "blurred", &[window(3), pads()]),
        onnx::node("centred", "Sub", &["blurred", "offset"], "less", &[]),
        onnx::node("overall", "GlobalAveragePool", &["less"], "g", &[]),
        onnx::node("flat", "Flatten", &["g"], "f", &[]),
        onnx::node("dense", "Gemm", &["f", "w3", "b3"], "logits", &[onnx::number("transB", 1)]),
        onnx::node("last", "Softmax", &["logits"], "output", &[]),
    ];
    let tensors = [
        onnx::tensor("w1", &[4, 2, 3, 3], &noise(72, 1)),
        onnx::tensor("b1", &[4], &noise(4, 2)),
        onnx::tensor("scale", &[4], &[0.5, 1.5, -1.0, 2.0]),
        onnx::tensor("shift", &[4], &noise(4, 3)),
        onnx::tensor("mean", &[4], &noise(4, 4)),
        onnx::tensor("var", &[4], &[1.0, 0.5, 2.0, 4.0]),
        onnx::tensor("w2", &[4, 1, 3, 3], &noise(36, 5)),
        onnx::tensor("zero", &[], &[0.0]),
        onnx::tensor("six", &[], &[6.0]),
        onnx::tensor("offset", &[1, 8, 1, 1], &noise(8, 6)),
        onnx::tensor("w3", &[5, 8], &noise(40, 7)),
        onnx::tensor("b3", &[5], &noise(5, 8)),
    ];
    let folder = tempfile::tempdir().unwrap();
    let (model, data) = (folder.path().join("every.onnx"), folder.path().join("data.npy"));
    std::fs::write(&model, onnx::model(&nodes, &tensors, &[1, 2, 8, 8], &[1, 5])).unwrap();
    let inputs = Array::from_shape_vec((12, 2, 8, 8), noise(12 * 128, 9)).unwrap();
    ndarray_npy::write_npy(&data, &inputs).unwrap();
    (folder, model, data)
}

#[test]
fn every_layer_runs_exactly() {
    let (folder, onnx, data) = every_layer();
    let model = Model::compile(&onnx, &data, &["--max-error=1"]);
    let report = client_run(&model, &data, &["--limit=12"]);
    for (index, report) in report.iter().enumerate() {
        assert_eq!(learned(report), model.clear(&noise(12 * 128, 9)[128 * index..][..128]), "input {index}");
        // The softmax is the client's, in the clear.
        let values: Vec<f64> =
            report["outputs"][0]["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        assert!((values.iter().sum::<f64>() - 1.0).abs() < 1e-4, "{values:?}");
    }
    let eval = veilflow(&["eval", &text(model.dir()), "--data", &text(&data), "--json"]).object();
    assert_eq!(eval["inputs"], 12);
    assert_eq!(eval["overflows"], serde_json::json!({}));
    assert!(eval["largest_error"].as_f64().unwrap() < 0.05, "{eval}");
    drop(folder);
}

/// One server and one client, both of which must succeed; the client's reports.
#[track_caller]
fn client_run(model: &Model, input: &Path, options: &[&str]) -> Vec<Value> {
    let server = Server::start(model.dir(), &["--sessions=1"]);
    let lines = client(&server.address, &model.plan(), input, options).finish().succeeded();
    assert_eq!(server.finish().succeeded().len(), lines.len(), "the server reports as many runs");
    lines.iter().map(|line| json(line)).collect()
}

#[test]
fn predictions_equal_the_meter() {
    let (_folder, onnx, data) = every_layer();
    for model in [Model::demo(&[]), Model::demo(&["--reveal", "arg-max"]), Model::compile(&onnx, &data, &[])]
    {
        for options in [
            &[][..],
            &["--leaf-bits=1"],
            &["--leaf-bits=4", "--threads=2"],
            &["--supplier=ot"],
            &["--supplier=ot", "--softspoken-k=8"],
            &["--supplier=helper"],
        ] {
            let dir = text(model.dir());
            let predicted = veilflow(&[&["inspect", &dir, "--json"], options].concat()).object();
            let of = |phase: &str| -> [u64; 2] {
                let phase = &predicted[phase];
                let bytes = ["bytes", "helper"].map(|who| phase[who].as_array().unwrap().as_slice()).concat();
                [bytes.iter().map(|b| b.as_u64().unwrap()).sum(), phase["rounds"].as_u64().unwrap()]
            };
            let [bytes, rounds, online @ ..] = costs(&bench_model(&model, options));
            assert_eq!(of("online"), online, "{options:?}");
            let [wanted_bytes, wanted_rounds] = of("offline");
            // The handshake is metered and not predicted.
            assert!(
                bytes.abs_diff(wanted_bytes) <= 550.max(wanted_bytes / 50),
                "{bytes} bytes, not {wanted_bytes}"
            );
            assert!(
                // The messages within a set-up are predicted as one exchange a direction.
                rounds.abs_diff(wanted_rounds) <= 5.max(wanted_rounds / 50),
                "{rounds} rounds, not {wanted_rounds}"
            );
        }
    }
}

#[test]
fn the_plan_is_told_in_words_too() {
    let model = Model::demo(&[]);
    let output = veilflow(&["inspect", &text(model.plan()), "--link=wan"]).succeeded().join("\n");
    for wanted in
        ["mnist-demo", &model.short_hash(), "relu-truncate", "online: ", "link wan", "preprocessing"]
    {
        assert!(output.contains(wanted), "{wanted:?}: {output}");
    }
}

#[test]
fn seconds_are_predicted_for_the_link_and_the_machine() {
    let model = Model::demo(&[]);
    let seconds = |options: &[&str]| {
        let report = veilflow(&[&["inspect", &text(model.plan()), "--json"], options].concat()).object();
        let of = |key: &str| report["seconds"][key].as_f64().unwrap();
        assert!((of("offline") + of("online") - of("total")).abs() < 1e-9, "{report}");
        (of("offline"), of("online"), report["calibrated"].as_bool().unwrap())
    };
    let [loopback, lan, wan] = ["none", "lan", "wan"].map(|link| seconds(&["--link", link]));
    // 16 rounds of set-up and offline, 38 online, of 40 ms each.
    assert!(loopback.0 < lan.0 && wan.0 > lan.0 + 0.5, "{lan:?} {wan:?}");
    assert!(loopback.1 < lan.1 && wan.1 > lan.1 + 1.4, "{lan:?} {wan:?}");
    // The same prediction on the same machine, unless it is measured.
    assert_eq!(lan, seconds(&["--link", "lan"]));
    let (offline, _, calibrated) = seconds(&["--link", "lan", "--calibrate"]);
    assert!(calibrated && !lan.2 && offline != lan.0, "{offline} {lan:?}");
}

#[test]
fn correlations_made_just_in_time_change_no_byte_online() {
    let model = Model::demo(&[]);
    let [ahead, just_in_time] = [&[][..], &["--just-in-time"]].map(|options| bench_model(&model, options));
    assert_eq!(costs(&ahead)[2..], costs(&just_in_time)[2..]);
}

#[test]
fn files_of_every_kind_give_the_same_result() {
    let model = Model::demo(&[]);
    let (images, labels) = digits();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let index = 11;
    let (input, image) = (sample(&images, index), images.index_axis(Axis(0), index).to_owned());
    let floats = Array::from_shape_vec((28, 28), input.clone()).unwrap();
    ndarray_npy::write_npy(path("floats.npy"), &floats).unwrap();
    ndarray_npy::write_npy(path("batch.npy"), &floats.to_shape((1, 1, 28, 28)).unwrap().to_owned()).unwrap();
    ndarray_npy::write_npy(path("bytes.npy"), &image).unwrap();
    let pixels = image::GrayImage::from_raw(28, 28, image.iter().copied().collect()).unwrap();
    pixels.save(path("digit.png")).unwrap();
    let npz = |name: &str| NpzWriter::new(File::create(path(name)).unwrap());
    let mut file = npz("floats.npz");
    file.add_array("x", &floats.to_shape((1, 28, 28)).unwrap().to_owned()).unwrap();
    file.add_array("y", &Array1::from_vec(vec![i64::from(labels[index])])).unwrap();
    file.finish().unwrap();
    let mut file = npz("bytes.npz");
    file.add_array("x", &image.to_shape((1, 28, 28)).unwrap().to_owned()).unwrap();
    file.add_array("y", &Array1::from_vec(vec![labels[index]])).unwrap();
    file.finish().unwrap();
    let mut file = npz("named.npz");
    file.add_array("input_0", &floats.to_shape((1, 1, 28, 28)).unwrap().to_owned()).unwrap();
    file.add_array("labels", &Array1::from_vec(vec![i64::from(labels[index])])).unwrap();
    file.finish().unwrap();
    std::fs::create_dir(path("folder")).unwrap();
    pixels.save(path("folder").join("only.png")).unwrap();

    let names = [
        "floats.npy",
        "batch.npy",
        "bytes.npy",
        "floats.npz",
        "bytes.npz",
        "named.npz",
        "digit.png",
        "folder",
    ];
    let wanted = model.clear(&input);
    let check = |name: &str, wanted: &[i64]| {
        let [report] = &client_run(&model, &path(name), &[])[..] else { panic!("{name}: one run") };
        assert_eq!(learned(report), wanted, "{name}");
        assert_eq!(report["outside"], 0, "{name}");
        let eval = veilflow(&["eval", &text(model.dir()), "--data", &text(path(name)), "--json"]).object();
        assert_eq!([&eval["inputs"], &eval["same_top"]], [1, 1], "{name}: {eval}");
        if name.ends_with(".npz") {
            let right = ["labelled", "float_right", "fixed_right"].map(|key| eval[key].as_u64().unwrap());
            assert_eq!(right, [1; 3], "{name}: {eval}");
        }
        let bench = bench_model(&model, &["--input", &text(path(name))]);
        assert_eq!(bench["top"], report["outputs"][0]["top"], "{name}");
    };
    for name in names {
        check(name, &wanted);
    }

    // JPEG loses some: what counts is the picture as it is read back.
    pixels.save(path("digit.jpeg")).unwrap();
    let read = image::open(path("digit.jpeg")).unwrap().to_luma8();
    let input: Vec<f32> = read.as_raw().iter().map(|&v| f32::from(v) / 255.0).collect();
    check("digit.jpeg", &model.clear(&input));
}

#[test]
fn preprocessing_can_be_overridden() {
    let model = Model::demo(&[]);
    let (images, _) = digits();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("inverted.npy");
    let inverted: Array3<u8> = images.slice(ndarray::s![4..5, .., ..]).mapv(|v| 255 - v);
    ndarray_npy::write_npy(&file, &inverted).unwrap();
    let reports = client_run(&model, &file, &["--preprocess", "mean=255 std=-255"]);
    assert_eq!(learned(&reports[0]), model.clear(&sample(&images, 4)));
}

#[test]
fn several_runs_of_a_session_are_each_exact() {
    let model = Model::demo(&[]);
    let (images, labels) = digits();
    for options in [&["--limit=3"][..], &["--limit=3", "--ahead=0"], &["--limit=6", "--ahead=4"]] {
        let reports = client_run(&model, &bundled("digits.npz"), options);
        assert_eq!(options[0], format!("--limit={}", reports.len()));
        for (index, report) in reports.iter().enumerate() {
            assert_eq!(learned(report), model.clear(&sample(&images, index)), "{options:?}, digit {index}");
            assert_eq!(report["outputs"][0]["top"], labels[index], "digit {index}");
            // The supplier is set up once a session.
            let set_up = &report["layers"][0];
            assert_eq!(set_up["layer"], "set-up");
            assert_eq!(set_up["offline"]["sent"].as_u64().unwrap() > 0, index == 0);
        }
    }
}

#[test]
fn clients_are_served_at_once_or_in_turn() {
    let model = Model::demo(&[]);
    let (images, _) = digits();
    let folder = tempfile::tempdir().unwrap();
    let inputs: Vec<(PathBuf, Vec<i64>)> = (0..4)
        .map(|index| {
            let (file, input) = (folder.path().join(format!("{index}.npy")), sample(&images, 10 * index));
            let wanted = model.clear(&input);
            ndarray_npy::write_npy(&file, &Array4::from_shape_vec((1, 1, 28, 28), input).unwrap()).unwrap();
            (file, wanted)
        })
        .collect();
    for at_once in ["--at-once=4", "--at-once=1"] {
        let server = Server::start(model.dir(), &["--sessions=4", at_once]);
        let clients: Vec<_> = inputs
            .iter()
            .map(|(file, _)| client(&server.address, &model.plan(), file, &["--threads=1"]))
            .collect();
        for (client, (_, wanted)) in clients.into_iter().zip(&inputs) {
            assert_eq!(&learned(&client.finish().object()), wanted, "{at_once}");
        }
        let reports = server.finish().succeeded();
        let mut sessions: Vec<u64> =
            reports.iter().map(|line| json(line)["session"].as_u64().unwrap()).collect();
        sessions.sort_unstable();
        assert_eq!(sessions, [1, 2, 3, 4]);
    }
}

#[test]
fn arg_max_reveals_the_class_alone() {
    let (model, whole) = (Model::demo(&["--arg-max"]), Model::demo(&[]));
    let (images, _) = digits();
    let reports = client_run(&model, &bundled("digits.npz"), &["--limit=5"]);
    for (index, report) in reports.iter().enumerate() {
        let input = sample(&images, index);
        let logits = whole.clear(&input);
        let top = (0..10).rev().max_by_key(|&i| logits[i]).unwrap();
        assert_eq!(learned(report), [top as i64], "digit {index}");
        assert_eq!(learned(report), model.clear(&input), "digit {index}");
    }
    let eval = |model: &Model| {
        let data = text(bundled("digits.npz"));
        veilflow(&["eval", &text(model.dir()), "--data", &data, "--limit=100", "--json"]).object()
    };
    let (class, logits) = (eval(&model), eval(&whole));
    assert_eq!(
        [&class["fixed_right"], &class["float_right"]],
        [&logits["fixed_right"], &logits["float_right"]]
    );
}

#[test]
fn the_largest_scores_alone_can_be_revealed_with_their_places() {
    let (model, whole) = (Model::demo(&["--reveal", "top-3"]), Model::demo(&[]));
    let (images, _) = digits();
    let reports = client_run(&model, &bundled("digits.npz"), &["--limit=3"]);
    for (index, report) in reports.iter().enumerate() {
        let input = sample(&images, index);
        let scores = whole.clear(&input);
        let mut order: Vec<usize> = (0..10).collect();
        order.sort_by_key(|&i| -scores[i]);
        let output = &report["outputs"][0];
        let places: Vec<usize> =
            output["places"].as_array().unwrap().iter().map(|p| p.as_u64().unwrap() as usize).collect();
        assert_eq!(places, order[..3], "digit {index}");
        assert_eq!(output["top"], order[0], "digit {index}");
        assert_eq!(learned(report), model.clear(&input), "digit {index}");
        assert_eq!(learned(report).len(), 3, "digit {index}");
    }
    veilflow(&["compile", "--reveal", "top-0", "x.onnx", "--calibrate", "x.npz", "-o", "x"])
        .misused(&["there is scores, top-K such as top-5, and arg-max"]);
    let (onnx, calibration) = (text(bundled("mnist-demo.onnx")), text(bundled("calibration.npz")));
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["compile", &onnx, "--calibrate", &calibration, "-o", &text(folder.path())];
    let preprocess = ["--preprocess", PREPROCESSING, "--reveal", "top-11"];
    veilflow(&[&arguments[..], &preprocess].concat())
        .failed(&["the 11 largest of output", "can't be revealed"]);
}

#[test]
fn inputs_out_of_range_are_refused_before_anything_is_sent_or_limited() {
    let model = Model::demo(&[]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("loud.npy");
    ndarray_npy::write_npy(&file, &ndarray::Array4::from_elem((1, 1, 28, 28), 1e4f32)).unwrap();
    // Nobody listens there, and nobody need.
    let arguments =
        ["infer", "--connect=127.0.0.1:1", "--plan", &text(model.plan()), "--input", &text(&file)];
    veilflow(&arguments).ended_with(3, &["784 of 784 elements of input", "are outside ±", "sample 0"]);

    // Limited, it is still louder than any digit: a value inside leaves its range, and the client learns
    // that.
    let server = Server::start(model.dir(), &["--sessions=1"]);
    let ended = client(&server.address, &model.plan(), &file, &["--out-of-range=clip"]).finish();
    server.finish().succeeded();
    ended.ended_with(4, &["a value inside the network left its range in 1 of 1 runs"]);
    let report = json(&ended.lines[0]);
    assert_eq!((&report["outside"], &report["overflow"]), (&784.into(), &true.into()));
    assert_eq!(learned(&report), model.clear(&vec![1e4; 784]), "exact all the same");
}

#[test]
fn an_error_that_cannot_be_met_is_refused_unless_it_is_accepted() {
    let dir = TempDir::new().unwrap();
    let (onnx, data) = (text(bundled("mnist-demo.onnx")), text(bundled("calibration.npz")));
    let folder = dir.path().join("precise");
    let base =
        ["compile", &onnx, "--calibrate", &data, "--limit=8", "--max-error=0.001", "-o", &text(&folder)];
    let preprocess = ["--preprocess", common::PREPROCESSING];
    veilflow(&[&base[..], &preprocess].concat()).failed(&["are off by", "--max-error", "--accept-error"]);
    assert!(!folder.exists(), "nothing is written");
    let told = veilflow(&[&base[..], &preprocess, &["--accept-error"]].concat()).succeeded().join("\n");
    assert!(told.contains("that is more than --max-error") && folder.exists(), "{told}");
}

#[test]
fn bounded_ranges_say_what_they_cost_and_reveal() {
    let dir = TempDir::new().unwrap();
    let (onnx, data) = (text(bundled("mnist-demo.onnx")), text(bundled("calibration.npz")));
    let folder = text(dir.path().join("bounded"));
    let base = ["compile", &onnx, "--calibrate", &data, "--preprocess", common::PREPROCESSING, "-o", &folder];
    let bits = ["--weight-bits=10", "--activation-bits=10"];
    let compile = |options: &[&str]| veilflow(&[&base, &bits[..], options].concat());
    let inspected = |key: &str| veilflow(&["inspect", &folder, "--json"]).object()[key].clone();
    let bytes = || -> u64 {
        let volumes = ["online", "offline"].map(|phase| inspected(phase)["bytes"].clone());
        volumes.iter().flat_map(|v| v.as_array().unwrap()).map(|b| b.as_u64().unwrap()).sum()
    };

    let calibrated = compile(&["--json"]).object();
    assert_eq!((&calibrated["ranges"], &calibrated["bounded"]), (&"calibrated".into(), &Value::Null));
    assert_eq!(inspected("ranges"), "calibrated");
    let plain = bytes();

    let bounded = compile(&["--ranges=bounded", "--json"]).object();
    assert_eq!(bounded["ranges"], "bounded");
    assert_eq!(inspected("ranges"), "bounded");
    let report = &bounded["bounded"];
    assert_eq!(report["total"]["calibrated"], plain);
    assert_eq!(report["total"]["bounded"], bytes());
    assert!(bytes() > plain, "{report}");
    let norms = report["norms"].as_array().unwrap();
    assert!(
        norms.len() > 2 && norms.iter().all(|n| (4..20).contains(&n["bits"].as_i64().unwrap())),
        "{report}"
    );

    let told = compile(&["--ranges=bounded"]).succeeded().join("\n");
    for words in ["no input in range can overflow anything", "it costs", "norms of layers"] {
        assert!(told.contains(words), "{told}");
    }
    compile(&["--ranges=loose"]).misused(&["ranges are calibrated or bounded, not `loose`"]);
}

#[test]
fn the_demo_model_keeps_its_accuracy() {
    let model = Model::demo(&[]);
    let data = text(bundled("digits.npz"));
    let eval = veilflow(&["eval", &text(model.dir()), "--data", &data, "--json"]).object();
    let of = |key: &str| eval[key].as_u64().unwrap();
    assert_eq!([of("inputs"), of("labelled")], [1200, 1200]);
    assert!(of("float_right") >= 1176, "at least 98 %: {eval}");
    assert!(of("fixed_right").abs_diff(of("float_right")) <= 2, "within 0.2 points: {eval}");
    assert_eq!(eval["overflows"], serde_json::json!({}));
}

#[test]
fn a_plan_beyond_homomorphic_encryption_is_refused_unless_another_supplier_is_named() {
    let dir = TempDir::new().unwrap();
    let (model, data) = (text(bundled("mnist-demo.onnx")), text(bundled("calibration.npz")));
    let folder = text(dir.path().join("wide"));
    let compile = |options: &[&str]| {
        let wide = ["--weight-bits=24", "--activation-bits=30", "--limit=4", "--json"];
        let base =
            ["compile", &model, "--calibrate", &data, "--preprocess", common::PREPROCESSING, "-o", &folder];
        veilflow(&[&base, &wide[..], options].concat())
    };
    compile(&[]).failed(&["fewer --weight-bits", "--supplier silent", "24-bit weights, 56-bit ring"]);
    assert!(!Path::new(&folder).exists(), "a refused plan is written");
    let summary = compile(&["--supplier=silent"]).object();
    assert!(summary["beyond_he"].as_str().unwrap().contains("56-bit ring"), "{summary}");
    for command in ["inspect", "serve"] {
        veilflow(&[command, &folder]).failed(&["56-bit ring"]);
    }
    let report = veilflow(&["bench", "model", "--plan", &folder, "--supplier=silent", "--json"]).object();
    assert_eq!(report["exact"], true, "{report}");
}

#[test]
fn a_folder_of_pictures_is_evaluated_with_labels() {
    let model = Model::demo(&[]);
    let folder = bundled("");
    let dir = TempDir::new().unwrap();
    let labels = dir.path().join("labels.txt");
    let eval = |labels: &str| {
        let data = text(&folder);
        veilflow(&["eval", &text(model.dir()), "--data", &data, "--labels", labels, "--json"])
    };
    let by_name = eval("names").object();
    let right =
        ["inputs", "labelled", "float_right", "fixed_right"].map(|key| by_name[key].as_u64().unwrap());
    assert_eq!(right, [10; 4], "{by_name}");
    assert_eq!(by_name["right_of_5"], serde_json::json!([10, 10]), "{by_name}");

    let write = |lines: &[String]| std::fs::write(&labels, lines.join("\n")).unwrap();
    let mut lines: Vec<String> = (0..10).map(|d| format!("digit_{d}.png {}", (d + d / 8) % 10)).collect();
    write(&lines);
    let by_file = eval(&text(&labels)).object();
    // The last two are labelled 9 and 0.
    assert_eq!([&by_file["float_right"], &by_file["fixed_right"]], [8, 8], "{by_file}");
    lines.push("digit_3.png 3".to_owned());
    write(&lines);
    eval(&text(&labels)).failed(&["digit_3.png twice"]);
    write(&lines[1..10]);
    eval(&text(&labels)).failed(&["no class for digit_0.png"]);
    write(&["digit_0.png zero".to_owned()]);
    eval(&text(&labels)).failed(&["line 1", "not a file name and a class number"]);
    let array = text(bundled("digits.npz"));
    veilflow(&["eval", &text(model.dir()), "--data", &array, "--labels", "names"]).failed(&["for pictures"]);
    std::fs::copy(bundled("digit_1.png"), dir.path().join("one.png")).unwrap();
    veilflow(&["eval", &text(model.dir()), "--data", &text(dir.path()), "--labels", "names"])
        .failed(&["one.png does not end with _CLASS"]);
}
