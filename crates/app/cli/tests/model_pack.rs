//! Real networks, run securely between two processes, from the folder that `VEILFLOW_MODEL_PACK` names.
//!
//! Not part of the plain test run, since the models aren't in the repository:
//! `VEILFLOW_MODEL_PACK=… cargo test --release -p veilflow-cli --test model_pack -- --nocapture`.
#![allow(clippy::print_stdout)]

mod common;

use std::fs::File;
use std::path::PathBuf;

use common::{Helping, Model, Server, client, json, learned, text, veilflow};
use ndarray::{ArrayD, IxDyn, OwnedRepr};
use ndarray_npy::NpzReader;

fn pack(name: &str) -> PathBuf {
    let folder =
        std::env::var_os("VEILFLOW_MODEL_PACK").expect("VEILFLOW_MODEL_PACK must name the model folder");
    let file = PathBuf::from(folder).join(name);
    assert!(file.is_file(), "{} is missing", file.display());
    file
}

/// Inputs stored with a model, and onnxruntime's outputs.
fn stored(name: &str) -> Vec<[Vec<f32>; 2]> {
    let mut npz = NpzReader::new(File::open(pack(&format!("{name}.io.npz"))).unwrap()).unwrap();
    let count = npz.names().unwrap().iter().filter(|n| n.starts_with("input_")).count();
    let mut array = |key: String| -> Vec<f32> {
        let array: ArrayD<f32> = npz.by_name::<OwnedRepr<f32>, IxDyn>(&format!("{key}.npy")).unwrap();
        array.iter().copied().collect()
    };
    (0..count).map(|k| [array(format!("input_{k}")), array(format!("output_{k}"))]).collect()
}

fn top(values: &[f32]) -> usize {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap()
}

/// Compiles a model, calibrated with `calibration` stored inputs, and runs it securely on `runs` of them.
fn runs_exactly(name: &str, supplier: &str, calibration: &str, runs: usize) {
    let stored = stored(name);
    assert!(stored.len() >= runs, "{name} has {} stored inputs", stored.len());
    let inputs = pack(&format!("{name}.io.npz"));
    let model = Model::compile(&pack(&format!("{name}.onnx")), &inputs, &["--limit", calibration]);
    let helper = (supplier == "helper").then(|| Helping::start(&["--sessions=1", "--threads=2"]));
    let mut options = vec!["--threads=2".to_owned(), format!("--supplier={supplier}")];
    options.extend(helper.as_ref().map(|helper| format!("--helper={}", helper.address)));
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let server = Server::start(model.dir(), &[&["--sessions=1"], &options[..]].concat());
    let limit = runs.to_string();
    let options = [&["--limit", &limit], &options[..]].concat();
    let lines = client(&server.address, &model.plan(), &inputs, &options).finish().succeeded();
    server.finish().succeeded();
    if let Some(helper) = helper {
        helper.process.finish().succeeded();
    }
    assert_eq!(lines.len(), runs);
    for (index, (line, [input, output])) in lines.iter().zip(&stored).enumerate() {
        let report = json(line);
        assert_eq!(learned(&report), model.clear(input), "{name}, input {index}");
        assert_eq!(report["outputs"][0]["top"], top(output), "{name}, input {index}: {output:?}");
        assert_eq!(report["outside"], 0, "{name}, input {index}");
        let sum = |phase: &str, key: &str| -> f64 {
            report["layers"].as_array().unwrap().iter().map(|l| l[phase][key].as_f64().unwrap()).sum()
        };
        // Of the client's; the server's with a helper come on top.
        let bytes = ["sent", "received", "helper"];
        let megabytes = |phase| 1e-6 * bytes.map(|key| sum(phase, key)).iter().sum::<f64>();
        println!(
            "{name} by {supplier}, input {index}: offline {:.2} s, {:.1} MB; online {:.2} s, {:.2} MB",
            sum("offline", "seconds"),
            megabytes("offline"),
            sum("online", "seconds"),
            megabytes("online"),
        );
    }
}

#[test]
fn mnist_cnn_runs_exactly() {
    runs_exactly("mnist-cnn", "silent", "2", 2);
    runs_exactly("mnist-cnn", "he", "2", 3);
    runs_exactly("mnist-cnn", "helper", "2", 3);
}

#[test]
fn ds_cnn_runs_exactly() {
    runs_exactly("kws/DS_CNN_S", "silent", "2", 2);
    runs_exactly("kws/DS_CNN_S", "he", "2", 3);
    runs_exactly("kws/DS_CNN_S", "helper", "2", 3);
}

#[test]
fn activity_recognition_runs_exactly() {
    for supplier in ["silent", "helper"] {
        runs_exactly("har-fastgrnn/gru-h6", supplier, "5", 1);
    }
    for name in ["har-fastgrnn/fastgrnn-scan", "har-fastgrnn/gru-h6", "har-fastgrnn/lstm-h5"] {
        runs_exactly(name, "he", "5", 2);
    }
}

#[test]
fn recurrent_keyword_spotting_runs_exactly() {
    runs_exactly("kws/GRU_S", "he", "5", 2);
    runs_exactly("kws/Basic_LSTM_S", "he", "5", 2);
}

#[test]
fn person_detection_runs_exactly() {
    runs_exactly("vww-rnnpool", "he", "5", 1);
}

#[test]
fn squeezenet_runs_exactly() {
    runs_exactly("squeezenet1.0", "he", "2", 1);
    runs_exactly("squeezenet1.0", "helper", "2", 1);
}

#[test]
fn mnist_cnn_keeps_its_accuracy() {
    let digits = pack("mnist/mnist500.npz");
    let model = Model::compile(
        &pack("mnist-cnn.onnx"),
        &digits,
        &["--limit=50", "--preprocess", "channels=gray mean=33.3285 std=78.565"],
    );
    let eval = veilflow(&["eval", &text(model.dir()), "--data", &text(&digits), "--json"]).object();
    println!("{eval}");
    let of = |key: &str| eval[key].as_u64().unwrap();
    assert_eq!([of("inputs"), of("labelled")], [500; 2]);
    // As measured by others on the float model.
    assert_eq!(of("float_right"), 498);
    // 0.2 points of 500.
    assert!(of("fixed_right").abs_diff(of("float_right")) <= 1, "{eval}");
}
