//! The frozen keyword spotters of the model pack: the float run is TensorFlow's, and two run securely.
//!
//!     VEILFLOW_MODEL_PACK=FOLDER cargo test --release -p veilflow-tensorflow-conformance --test pack

use std::path::PathBuf;

use veilflow_data::{NamedArray, read_arrays};
use veilflow_exec::SupplierKind;
use veilflow_ir::Tensor;
use veilflow_lowering::ImportOptions;
use veilflow_onnx_conformance::secure;
use veilflow_passes::{Options, compile_within, float};
use veilflow_tensorflow_conformance::difference;

const NETWORKS: [&str; 7] = ["Basic_LSTM_S", "CNN_S", "CRNN_S", "DNN_S", "DS_CNN_S", "GRU_S", "LSTM_S"];

fn pack() -> PathBuf {
    let folder = std::env::var_os("VEILFLOW_MODEL_PACK").expect("VEILFLOW_MODEL_PACK names the model pack");
    PathBuf::from(folder).join("kws")
}

#[test]
fn frozen_keyword_spotters_are_tensorflows() {
    for name in NETWORKS {
        let import =
            veilflow_import_tf::import(pack().join(format!("{name}.pb")), &ImportOptions::default()).unwrap();
        assert!(
            import.notes[0].starts_with("the private graph begins behind `Mfcc`"),
            "{name}: {:?}",
            import.notes
        );
        let graph = import.graph;
        let arrays = read_arrays(pack().join(format!("{name}_ref.npz"))).unwrap();
        let array = |wanted: &str| -> &NamedArray { arrays.iter().find(|a| a.name == wanted).unwrap() };
        let shape = graph.shape(graph.inputs()[0]).clone();
        let samples: Vec<Vec<Tensor>> = array("mfcc")
            .values
            .chunks(shape.elements())
            .map(|values| vec![Tensor::new(shape.clone(), values.to_vec()).unwrap()])
            .collect();
        let runs: Vec<Vec<Tensor>> =
            samples.iter().map(|sample| float::run(&graph, sample).unwrap()).collect();
        let plain = difference(&runs, &[true], std::slice::from_ref(array("softmax"))).unwrap();
        assert!(plain.largest < 1e-4, "{name} is off by {}", plain.largest);
        let net = compile_within(&graph, &samples, &Options::default(), 0.02).unwrap();
        if let "GRU_S" | "DS_CNN_S" = name {
            for supplier in [SupplierKind::He, SupplierKind::Silent] {
                secure(&net, &samples[0], supplier)
                    .unwrap_or_else(|e| panic!("{name} by {supplier:?}: {e:#}"));
            }
        }
    }
}
