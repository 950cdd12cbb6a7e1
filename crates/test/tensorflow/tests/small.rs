//! Small models that `tools/tensorflow_models/generate.py` wrote: what TensorFlow computes, securely too;
//! and damaged files of every kind.

use std::fs;
use std::path::{Path, PathBuf};

use veilflow_exec::SupplierKind;
use veilflow_lowering::ImportOptions;
use veilflow_onnx_conformance::secure;
use veilflow_tensorflow_conformance::{find, run};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

#[test]
fn models_compute_what_tensorflow_does() {
    let files = find(&data()).unwrap();
    assert_eq!(files.len(), 16);
    for file in files {
        let name = file.strip_prefix(data()).unwrap().display().to_string();
        let beside = run(&file, 0.02).unwrap_or_else(|e| panic!("{name}: {e:#}"));
        if beside.case.integers {
            assert_eq!(beside.float.largest, 0.0, "{name}");
        } else {
            assert!(beside.float.relative < 1e-5, "{name}: {}", beside.float.relative);
        }
        assert!(beside.fixed.relative < 0.03, "{name}: {}", beside.fixed.relative);
    }
}

#[test]
fn a_loop_and_a_quantised_network_run_securely() {
    for (name, supplier) in [
        ("lstm/frozen.pb", SupplierKind::He),
        ("cnn/model-int8.tflite", SupplierKind::Silent),
        ("embedding/saved_model", SupplierKind::He),
    ] {
        let beside = run(&data().join(name), 0.02).unwrap();
        secure(&beside.net, &beside.case.samples[0], supplier).unwrap_or_else(|e| panic!("{name}: {e:#}"));
    }
}

/// Every so many bytes one is changed, and the file is cut.
fn damaged(bytes: &[u8], mut read: impl FnMut(&[u8])) {
    let step = (bytes.len() / 400).max(1);
    for at in (0..bytes.len()).step_by(step) {
        for change in [1, 0x80, 0xff] {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= change;
            read(&damaged);
        }
        read(&bytes[..at]);
    }
}

#[test]
fn damaged_files_are_refused_or_read() {
    let options = ImportOptions::default();
    for name in
        ["cnn/model-int8.tflite", "lstm/model.tflite", "conv_mix/model.tflite", "embedding/model.tflite"]
    {
        damaged(&fs::read(data().join(name)).unwrap(), |bytes| {
            _ = veilflow_import_tflite::import_bytes(bytes, &options);
        });
    }
    for name in ["frozen_v1/frozen.pb", "dynamic_rnn_v1/frozen.pb", "partitioned/frozen.pb"] {
        damaged(&fs::read(data().join(name)).unwrap(), |bytes| {
            _ = veilflow_import_tf::import_frozen(bytes, &options);
        });
    }
}

#[test]
fn damaged_saved_models_are_refused_or_read() {
    let from = data().join("embedding/saved_model");
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("variables")).unwrap();
    let files = ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"];
    for file in files {
        fs::copy(from.join(file), folder.path().join(file)).unwrap();
    }
    let options = ImportOptions::default();
    assert!(veilflow_import_tf::import(folder.path(), &options).is_ok());
    for file in files {
        let whole = fs::read(from.join(file)).unwrap();
        damaged(&whole, |bytes| {
            fs::write(folder.path().join(file), bytes).unwrap();
            _ = veilflow_import_tf::import(folder.path(), &options);
        });
        fs::write(folder.path().join(file), whole).unwrap();
    }
}

#[test]
fn what_is_no_model_says_so() {
    let options = ImportOptions::default();
    let tflite =
        |bytes: &[u8]| veilflow_import_tflite::import_bytes(bytes, &options).unwrap_err().to_string();
    assert_eq!(tflite(b"nothing"), "not a TFLite model, or a damaged one: it doesn't begin as one");
    assert_eq!(
        tflite(b"\xff\0\0\0TFL3"),
        "not a TFLite model, or a damaged one: an offset leads out of the file"
    );
    let frozen = veilflow_import_tf::import_frozen(b"", &options).unwrap_err().to_string();
    assert_eq!(frozen, "the model has no nodes: it is no frozen TensorFlow graph");
    let mut named = ImportOptions::default();
    named.signature = Some("train".into());
    let unknown =
        veilflow_import_tf::import(data().join("lstm/saved_model"), &named).unwrap_err().to_string();
    assert!(
        unknown.starts_with("the model has no signature `train`: it has `serve`, `serving_default`"),
        "{unknown}"
    );
}
