//! Real networks, and inputs far out of range: secure runs equal the clear run, on every supplier.
//!
//! Not part of the plain test run, since the networks aren't in the repository and it takes an hour of CPU:
//! `VEILFLOW_MODEL_PACK=… cargo test --release -p veilflow-exec --test out_of_range_pack -- --nocapture`.
#![allow(clippy::print_stdout)]

use std::fs::File;
use std::path::PathBuf;

use ndarray::{ArrayD, IxDyn, OwnedRepr};
use ndarray_npy::NpzReader;
use veilflow_exec::{SessionOptions, SupplierKind};
use veilflow_import_onnx::import_file;
use veilflow_ir::{Shape, Tensor};
use veilflow_passes::{Options, compile};

#[path = "sessions/any_input.rs"]
mod any_input;
#[path = "sessions/parties.rs"]
#[allow(dead_code)]
mod parties;

const NETWORKS: [&str; 12] = [
    "mnist-cnn",
    "kws/DS_CNN_S",
    "kws/GRU_S",
    "kws/Basic_LSTM_S",
    "har-fastgrnn/fastgrnn-scan",
    "har-fastgrnn/fastgrnn-unrolled-16steps",
    "har-fastgrnn/gru-h6",
    "har-fastgrnn/lstm-h5",
    "vww-rnnpool",
    "squeezenet1.0",
    "efficientnet-lite0",
    "opennsfw",
];

/// Networks with more multiplications take gigabytes of oblivious transfers, and are left to the others.
const MOST_BY_OT: u64 = 5_000_000;

fn pack() -> PathBuf {
    std::env::var_os("VEILFLOW_MODEL_PACK").expect("VEILFLOW_MODEL_PACK must name the model folder").into()
}

#[test]
fn secure_runs_are_exact_out_of_range() {
    let suppliers = [SupplierKind::He, SupplierKind::Ot, SupplierKind::Silent]
        .map(|supplier| SessionOptions { supplier, ..SessionOptions::default() });
    for name in NETWORKS {
        let graph = import_file(pack().join(format!("{name}.onnx"))).unwrap();
        let file = File::open(pack().join(format!("{name}.io.npz"))).unwrap();
        let mut npz = NpzReader::new(file).unwrap();
        let array: ArrayD<f32> = npz.by_name::<OwnedRepr<f32>, IxDyn>("input_0.npy").unwrap();
        let sample =
            Tensor::new(Shape::new(array.shape()).unwrap(), array.iter().copied().collect()).unwrap();
        let options = Options { weight_bits: 10, activation_bits: 10, ..Options::default() };
        let net = compile(&graph, &[vec![sample.clone()]], &options).unwrap();
        for options in suppliers.into_iter().chain([parties::helped()]) {
            let by_ot = matches!(options.supplier, SupplierKind::Ot | SupplierKind::Silent);
            if by_ot && net.plan.multiplications() > MOST_BY_OT {
                println!("{name}: {:?} left out", options.supplier);
                continue;
            }
            let [overflowed, runs] = any_input::exact(&net, &sample, options);
            println!("{name}: {:?}, {runs} runs exact, {overflowed} told of an overflow", options.supplier);
        }
    }
}
