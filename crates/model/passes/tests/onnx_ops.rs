//! Small models, one for each way an ONNX op may be used: the float run of what import makes of it, before
//! and after simplification, equals onnxruntime's. `onnx/generate.py` wrote them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use veilflow_import_onnx::import_file;
use veilflow_ir::{Graph, Shape, Tensor};
use veilflow_passes::{float, simplify};

fn tensor(value: &Value) -> Tensor {
    let numbers = |key: &str| value[key].as_array().unwrap().iter();
    let dims: Vec<usize> = numbers("shape").map(|d| d.as_u64().unwrap() as usize).collect();
    let data = numbers("data").map(|v| v.as_f64().unwrap() as f32).collect();
    Tensor::new(Shape::new(dims).unwrap(), data).unwrap()
}

fn tensors(value: &Value) -> Vec<Tensor> {
    value.as_array().unwrap().iter().map(tensor).collect()
}

/// The largest difference of two lists of tensors of the same shapes.
fn difference(actual: &[Tensor], expected: &[Tensor]) -> f32 {
    let shapes = |tensors: &[Tensor]| tensors.iter().map(|t| t.shape().clone()).collect::<Vec<_>>();
    assert_eq!(shapes(actual), shapes(expected));
    let pairs = actual.iter().zip(expected).flat_map(|(a, b)| a.data().iter().zip(b.data()));
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn each_op_computes_what_onnxruntime_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx");
    let text = std::fs::read_to_string(folder.join("cases.json")).unwrap();
    let cases: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let mut failures = Vec::new();
    for (name, case) in &cases {
        let graph = match import_file(folder.join(format!("{name}.onnx"))) {
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
        if !(plain <= 2e-6 && simple <= 2e-6) {
            failures.push(format!("{name}: off by {plain:e}, simplified by {simple:e}"));
        }
    }
    assert_eq!(failures, Vec::<String>::new());
    assert!(cases.len() > 50);
}
