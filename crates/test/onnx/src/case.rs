//! A test as it lies in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use veilflow_import_onnx::{ImportOptions, model_inputs, read_tensor};
use veilflow_ir::Tensor;

/// Which inputs of a test are private. Integers and truth values never are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Private {
    /// The first of floats.
    First,
    /// All of floats.
    All,
}

/// A test with a choice of private inputs.
pub struct Case {
    /// The test's name.
    pub name: String,
    /// The op that it is about: that of its first node, or `several`.
    pub op: String,
    /// Which inputs are private.
    pub private: Private,
    pub(crate) model: Vec<u8>,
    pub(crate) options: ImportOptions,
    /// Its private inputs.
    pub inputs: Vec<Tensor>,
    pub(crate) wanted: Vec<Option<Tensor>>,
}

/// The tests in a folder that `tools/onnx_conformance/export.py` wrote, in order of their names.
///
/// # Errors
/// If a file can't be read.
pub fn cases(folder: &Path) -> Result<Vec<Case>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut folders: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    folders.sort();
    let mut cases = Vec::new();
    for folder in folders {
        let both = load(&folder).with_context(|| format!("test {}", folder.display()))?;
        cases.extend(both);
    }
    Ok(cases)
}

fn load(folder: &Path) -> Result<Vec<Case>> {
    let name = folder.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
    let model = fs::read(folder.join("model.onnx"))?;
    let info = model_inputs(&model)?;
    let mut tensors = Vec::new();
    for (i, input) in info.inputs.iter().enumerate() {
        let bytes = fs::read(folder.join(format!("input_{i}.pb")))?;
        // Integers and empty tensors are known to whoever has the model.
        let float = read_tensor(&bytes).ok().filter(|(_, is_float)| *is_float).map(|(tensor, _)| tensor);
        tensors.push((input, bytes, float));
    }
    let mut wanted = Vec::new();
    while let Ok(bytes) = fs::read(folder.join(format!("output_{}.pb", wanted.len()))) {
        wanted.push(read_tensor(&bytes).ok().map(|(tensor, _)| tensor));
    }
    let floats = tensors.iter().filter(|(.., float)| float.is_some()).count();
    let choices: &[Private] = if floats > 1 { &[Private::First, Private::All] } else { &[Private::All] };
    let mut cases = Vec::new();
    for &private in choices {
        let (mut options, mut inputs) = (ImportOptions::default(), Vec::new());
        for (name, bytes, float) in &tensors {
            match float {
                Some(tensor) if private == Private::All || inputs.is_empty() => inputs.push(tensor.clone()),
                // What import can't read stays private, and is refused with the node that reads it.
                _ => _ = options.set_tensor(*name, bytes),
            }
        }
        let (op, wanted) = (info.op.clone(), wanted.clone());
        cases.push(Case { name: name.clone(), op, private, model: model.clone(), options, inputs, wanted });
    }
    Ok(cases)
}
