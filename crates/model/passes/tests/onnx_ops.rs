//! Small models, one for each way an ONNX op may be used: the float run of what import makes of it, before
//! and after simplification, equals onnxruntime's. `onnx/generate.py` wrote them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use veilflow_import_onnx::import_file;
use veilflow_ir::{Graph, Shape, Tensor};
use veilflow_passes::{Options, clear, compile, float, simplify};

fn tensor(value: &Value) -> Tensor {
    let numbers = |key: &str| value[key].as_array().unwrap().iter();
    let dims: Vec<usize> = numbers("shape").map(|d| d.as_u64().unwrap() as usize).collect();
    let data = numbers("data").map(|v| v.as_f64().unwrap() as f32).collect();
    Tensor::new(Shape::new(dims).unwrap(), data).unwrap()
}

fn tensors(value: &Value) -> Vec<Tensor> {
    value.as_array().unwrap().iter().map(tensor).collect()
}

/// The largest difference of two lists of tensors of the same shapes, as a part of the number where that is
/// beyond 1.
fn difference(actual: &[Tensor], expected: &[Tensor]) -> f32 {
    let shapes = |tensors: &[Tensor]| tensors.iter().map(|t| t.shape().clone()).collect::<Vec<_>>();
    assert_eq!(shapes(actual), shapes(expected));
    let pairs = actual.iter().zip(expected).flat_map(|(a, b)| a.data().iter().zip(b.data()));
    pairs.map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f32::max)
}

fn cases() -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(folder().join("cases.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx")
}

#[test]
fn each_op_computes_what_onnxruntime_does() {
    let mut failures = Vec::new();
    for (name, case) in &cases() {
        let graph = match import_file(folder().join(format!("{name}.onnx"))) {
            Ok(graph) => graph,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        let (inputs, expected) = (tensors(&case["inputs"]), tensors(&case["outputs"]));
        let simple = simplify(&graph).unwrap();
        simple.verify().unwrap();
        let run = |graph: &Graph| difference(&float::run(graph, &inputs).unwrap(), &expected);
        let (plain, simple) = (run(&graph), run(&simple));
        if !(plain <= 5e-6 && simple <= 5e-6) {
            failures.push(format!("{name}: off by {plain:e}, simplified by {simple:e}"));
        }
    }
    assert_eq!(failures, Vec::<String>::new());
    assert!(cases().len() > 150);
}

/// In fixed point each is close as well: of the outputs' spread, the root mean square error is a small part.
#[test]
fn each_op_is_close_in_fixed_point() {
    let options = Options { weight_bits: 14, activation_bits: 15, ..Options::default() };
    let mut failures = Vec::new();
    for (name, case) in &cases() {
        let graph = import_file(folder().join(format!("{name}.onnx"))).unwrap();
        let (inputs, expected) = (tensors(&case["inputs"]), tensors(&case["outputs"]));
        let compiled = match compile(&graph, std::slice::from_ref(&inputs), &options) {
            Ok(compiled) => compiled,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        let run = clear::run(&compiled.plan, &compiled.weights, &inputs).unwrap();
        let outputs = run.decode(&compiled.plan).into_iter().zip(&expected).zip(graph.outputs());
        for ((values, expected), output) in outputs {
            let values = Tensor::new(expected.shape().clone(), values).unwrap();
            let values = if output.softmax { float::softmax(&values) } else { values };
            let count = expected.data().len() as f64;
            let mean = expected.data().iter().map(|&v| f64::from(v)).sum::<f64>() / count;
            let square = |v: f64| v * v;
            let error: f64 =
                values.data().iter().zip(expected.data()).map(|(&a, &b)| square(f64::from(a - b))).sum();
            let spread: f64 = expected.data().iter().map(|&v| square(f64::from(v) - mean)).sum();
            let size: f64 = expected.data().iter().map(|&v| square(f64::from(v))).sum();
            let relative = (error / spread.max(1e-4 * size).max(1e-12)).sqrt();
            if relative > 0.01 {
                failures.push(format!("{name}: off by {:.2} %", 100.0 * relative));
            }
        }
    }
    assert_eq!(failures, Vec::<String>::new());
}
