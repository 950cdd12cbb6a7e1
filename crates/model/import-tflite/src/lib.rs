//! Reads TFLite models into the float graph, float ones and quantised ones.
//!
//! [`import`] takes a `.tflite` file, of which the options may name a signature. Inputs and outputs are
//! called as in its signature, or else as its tensors are. [`supported_ops`] lists the operators
//! understood; most are TensorFlow's, which `veilflow-import-tf` makes of ONNX's.
//!
//! # Quantised models
//! The private input and the outputs of a quantised model are its integers. Each operator computes what
//! TFLite's does: products of integers are exact, what they add up to is scaled and rounded to the nearest
//! integer of the output, and limited to its type. Ties, and scales that the plan's widths can't hold
//! exactly, may end one unit apart.
//!
//! # Why no generated code
//! TFLite's schema makes 20,000 lines of Rust, which read by `unsafe`. A dozen tables are needed, and files
//! come from strangers: `flat.rs` reads them in place, every offset checked. `tract-tflite` reads float
//! models of some thirty operators.
//!
//! # Malformed files
//! Any bytes give a graph or an error, in bounded time and memory.

mod codes;
mod constant;
mod convert;
mod flat;
mod ops;
mod options;
mod schema;

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use veilflow_ir::{Graph, Reason};
use veilflow_lowering::{Dialect, ImportError, ImportOptions, MAX_FILE_BYTES, Result, lower, source};

use crate::options::int;
use crate::schema::{Model, Tensor, kind};

/// The opset of ONNX whose ops the operators are made of.
const OPSET: i64 = 21;

/// What a TFLite file has at bytes 4 to 8.
pub const IDENTIFIER: &[u8; 4] = b"TFL3";

/// The names of the operators that can be imported.
pub fn supported_ops() -> Vec<&'static str> {
    ops::ops().iter().map(|(name, _)| *name).filter(|name| !ops::INTERNAL.contains(name)).collect()
}

/// Reads the model in file `path`.
///
/// # Errors
/// [`ImportError::Read`], and those of [`import_bytes`].
pub fn import(path: impl AsRef<Path>, options: &ImportOptions) -> Result<Graph> {
    let path = path.as_ref();
    let failed = |source| ImportError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(ImportError::TooLong { limit: MAX_FILE_BYTES });
    }
    import_bytes(&bytes, options)
}

/// Reads a model from memory.
///
/// # Errors
/// [`ImportError::Decode`] for bytes that are no TFLite model, and a variant for each way in which a model
/// can be unusable.
pub fn import_bytes(bytes: &[u8], options: &ImportOptions) -> Result<Graph> {
    let decode = |reason| ImportError::Decode { format: "a TFLite model", reason };
    if bytes.get(4..8) != Some(IDENTIFIER) {
        return Err(decode("it doesn't begin as one".into()));
    }
    let model = Model::read(bytes).map_err(decode)?;
    let ends = Ends::of(&model, options)?;
    let (mut graph, names) =
        convert::subgraph(&model, ends.graph, &mut convert::Budget::new()).map_err(ImportError::Model)?;
    ends.name(&model, &mut graph, &names)?;
    lower(graph, Dialect { ops: ops::ops(), opset: OPSET }, bytes.len(), options)
}

/// Where a model begins and ends: tensors, with the names that they are given.
struct Ends {
    graph: usize,
    inputs: Vec<(String, i32)>,
    outputs: Vec<(String, i32)>,
}

impl Ends {
    fn of(model: &Model<'_>, options: &ImportOptions) -> Result<Self> {
        let signature = match &options.signature {
            Some(name) => {
                let found = model.signatures.iter().find(|s| s.key == *name);
                Some(found.ok_or_else(|| {
                    let names: Vec<&str> = model.signatures.iter().map(|s| s.key.as_str()).collect();
                    ImportError::Model(
                        format!("has no signature `{name}`, only `{}`", names.join("`, `")).into(),
                    )
                })?)
            }
            None => model.signatures.first(),
        };
        let mut ends = match signature {
            Some(s) if !s.outputs.is_empty() => {
                let mut ends = Self { graph: s.graph, inputs: s.inputs.clone(), outputs: s.outputs.clone() };
                // TensorFlow lists them by name.
                ends.inputs.sort();
                ends.outputs.sort();
                ends
            }
            _ => {
                let graph =
                    model.graphs.first().ok_or_else(|| ImportError::Model("has no subgraph".into()))?;
                let named = |list: &[i32]| -> Result<Vec<(String, i32)>> {
                    list.iter().map(|&i| Ok((tensor(graph, i)?.name.clone(), i))).collect()
                };
                Self { graph: 0, inputs: named(&graph.inputs)?, outputs: named(&graph.outputs)? }
            }
        };
        if !options.outputs.is_empty() {
            // Others than the signature's are called as their tensors are.
            let graph =
                model.graphs.get(ends.graph).ok_or_else(|| ImportError::Model("has no subgraph".into()))?;
            let find = |name: &String| {
                let known = ends.outputs.iter().find(|(key, _)| key == name).cloned();
                let tensor = || graph.tensors.iter().position(|tensor| tensor.name == *name);
                let found = known.or_else(|| Some((name.clone(), i32::try_from(tensor()?).ok()?)));
                found.ok_or_else(|| ImportError::Model(format!("has no output or tensor `{name}`").into()))
            };
            ends.outputs = options.outputs.iter().map(find).collect::<Result<_>>()?;
        }
        if ends.outputs.is_empty() {
            return Err(ImportError::Model("outputs nothing".into()));
        }
        Ok(ends)
    }

    /// Gives a graph its inputs and outputs. Quantised ones are integers outside and lie around 0 inside.
    fn name(&self, model: &Model<'_>, graph: &mut source::Graph, names: &[String]) -> Result<()> {
        let from = &model.graphs[self.graph];
        graph.input.clear();
        graph.output.clear();
        // Tensors inside may be called as the ends are.
        let ends: HashSet<&str> =
            self.inputs.iter().chain(&self.outputs).map(|(key, _)| key.as_str()).collect();
        ends.iter().for_each(|key| graph.rename(key, &format!("{key}:tensor")));
        let inside = |index: i32| {
            let name = &names[usize::try_from(index).unwrap_or_default()];
            if ends.contains(name.as_str()) { format!("{name}:tensor") } else { name.clone() }
        };
        let node = |input: String, output: String, zero: i64| source::Node {
            input: vec![input],
            output: vec![output.clone()],
            name: Some(output),
            op_type: Some(if zero == 0 { "IDENTITY" } else { "SHIFT" }.into()),
            attribute: if zero == 0 { Vec::new() } else { vec![int("zero", zero)] },
            domain: None,
        };
        for (key, index) in &self.inputs {
            let tensor = tensor(from, *index)?;
            graph.node.push(node(key.clone(), inside(*index), -zero(tensor)));
            graph.input.push(input(key, tensor)?);
        }
        for (key, index) in &self.outputs {
            let tensor = tensor(from, *index)?;
            let is_input = self.inputs.iter().any(|(input, _)| input == key);
            let key = if is_input { format!("{key}:out") } else { key.clone() };
            graph.node.push(node(inside(*index), key.clone(), zero(tensor)));
            graph.output.push(source::ValueInfo { name: Some(key), r#type: None });
        }
        Ok(())
    }
}

fn tensor<'a>(graph: &'a schema::SubGraph<'_>, index: i32) -> Result<&'a Tensor> {
    let tensor = usize::try_from(index).ok().and_then(|i| graph.tensors.get(i));
    tensor.ok_or_else(|| ImportError::Model(Reason::from(format!("has no tensor {index}"))))
}

/// The integer that stands for zero, of a quantised tensor.
fn zero(tensor: &Tensor) -> i64 {
    match tensor.kind {
        kind::INT8 | kind::UINT8 | kind::INT16 if !tensor.scales.is_empty() => {
            tensor.zeros.first().copied().unwrap_or(0)
        }
        _ => 0,
    }
}

fn input(key: &str, tensor: &Tensor) -> Result<source::ValueInfo> {
    let kind = kind::onnx(tensor.kind).ok_or_else(|| ImportError::Input {
        input: key.to_owned(),
        reason: "its elements are no numbers".into(),
    })?;
    let dim =
        |&size: &i32| source::Dimension { dim_value: (size > 0).then_some(size.into()), dim_param: None };
    let shape = Some(source::TensorShape { dim: tensor.shape.iter().map(dim).collect() });
    let tensor_type = Some(source::TensorType { elem_type: Some(kind), shape });
    Ok(source::ValueInfo { name: Some(key.to_owned()), r#type: Some(source::Type { tensor_type }) })
}
