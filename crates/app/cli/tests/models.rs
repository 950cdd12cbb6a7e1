//! Models as people export them, through the commands: `models/generate.py` wrote them.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Server, json, text, veilflow};
use ndarray::{Array1, Array2};
use ndarray_npy::NpzWriter;

fn exported(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(name)
}

fn npz(file: &Path, write: impl FnOnce(&mut NpzWriter<fs::File>)) {
    let mut npz = NpzWriter::new(fs::File::create(file).unwrap());
    write(&mut npz);
    npz.finish().unwrap();
}

#[test]
fn private_indices_open_sizes_and_public_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let (onnx, data, dir) =
        (text(exported("tokens.onnx")), folder.path().join("ids.npz"), folder.path().join("out"));
    let open = veilflow(&["compile", &onnx, "--check"]);
    open.failed(&["leaves dimension 1 of input `ids` (`time`) open", "--dim time=100"]);
    let checked =
        veilflow(&["compile", &onnx, "--dim", "time=5", "--set", "sr=2", "--check", "--json"]).object();
    assert_eq!(checked["supported"], true);
    assert_eq!(checked["inputs"][0]["shape"], serde_json::json!([1, 5, 20]));
    assert_eq!(checked["inputs"][0]["one_hot"], true);

    let ids = Array2::from_shape_fn((8, 5), |(i, j)| ((7 * i + 3 * j) % 20) as i64);
    npz(&data, |npz| npz.add_array("ids", &ids).unwrap());
    let compile = [
        "compile",
        &onnx,
        "--dim",
        "time=5",
        "--set",
        "sr=2",
        "--calibrate",
        &text(&data),
        "-o",
        &text(&dir),
    ];
    let page = veilflow(&compile).succeeded().join("\n");
    assert!(page.contains("the dearest layers:") && page.lines().count() < 12, "{page}");

    // The private answer is the clear one, of which the float network's is close.
    let lines = veilflow(&["run", &text(&dir), "--input", &text(&data), "--json"]).succeeded();
    let clear = json(&lines[0]);
    assert!(clear["outputs"][0]["relative_error"].as_f64().unwrap() < 0.1, "{clear}");
    let server = Server::start(&dir, &["--sessions=1"]);
    let answer = common::client(&server.address, &dir.join("plan.vfp"), &data, &[]).finish().object();
    assert_eq!(answer["outputs"][0]["values"], clear["outputs"][0]["values"]);
    server.finish();

    // Indices that the table lacks, and files that hold something else.
    npz(&data, |npz| npz.add_array("ids", &Array2::from_elem((1, 5), 20i64)).unwrap());
    veilflow(&["run", &text(&dir), "--input", &text(&data)]).failed(&["index 20 isn't among the 20"]);
    npz(&data, |npz| npz.add_array("tokens", &ids).unwrap());
    veilflow(&["run", &text(&dir), "--input", &text(&data)])
        .failed(&["takes `ids` [1, 5]", "holds `tokens`"]);
}

#[test]
fn external_tensors_and_reference_outputs() {
    let folder = tempfile::tempdir().unwrap();
    let (data, wanted) = (folder.path().join("x.npz"), folder.path().join("y.npz"));
    let dir = text(folder.path().join("out"));
    let x = Array2::from_shape_fn((6, 8), |(i, j)| ((5 * i + 3 * j) % 11) as f64 / 8.0 - 0.5);
    npz(&data, |npz| npz.add_array("x", &x).unwrap());
    let data = text(&data);
    let onnx = text(exported("external.onnx"));
    veilflow(&["compile", &onnx, "--calibrate", &data, "-o", &dir]).succeeded();
    // The folder has the tensors that the model needs.
    assert!(Path::new(&dir).join("external.data").exists());
    veilflow(&["run", &dir, "--input", &data, "--limit=6", "--output", &text(&wanted)]).succeeded();
    let eval =
        |expect: &Path| veilflow(&["eval", &dir, "--data", &data, "--expect", &text(expect), "--json"]);
    let report = eval(&wanted).object();
    assert_eq!(report["references"][0]["relative_error"], 0.0);
    let other = folder.path().join("other.npz");
    npz(&other, |npz| npz.add_array("y", &Array1::<f32>::ones(24)).unwrap());
    eval(&other).failed(&["output `y` is off its reference", "more than the 2 % of --max-error"]);
    npz(&other, |npz| npz.add_array("z", &Array1::<f32>::ones(24)).unwrap());
    npz(&other, |npz| {
        npz.add_array("z", &Array1::<f32>::ones(24)).unwrap();
        npz.add_array("zz", &Array1::<f32>::ones(24)).unwrap();
    });
    eval(&other).failed(&["no array for output `y`; the file holds `z`, `zz`"]);

    // A file outside the model's folder is not read, whatever the model says.
    let bytes = fs::read(&onnx).unwrap();
    let from = b"external.data";
    let to = b"../../out.dat";
    let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
    let mut hostile = bytes.clone();
    hostile[at..at + to.len()].copy_from_slice(to);
    let file = folder.path().join("hostile.onnx");
    fs::write(&file, hostile).unwrap();
    veilflow(&["compile", &text(&file), "--check"]).failed(&["isn't in the model's folder"]);
}
