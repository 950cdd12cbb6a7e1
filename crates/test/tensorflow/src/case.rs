//! A model with inputs, and what TensorFlow computed for them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use veilflow_data::{NamedArray, read_arrays};
use veilflow_ir::{Graph, Tensor};
use veilflow_lowering::ImportOptions;

/// The names of models in a folder of `generate.py`.
const NAMED: [&str; 4] = ["saved_model", "frozen.pb", "model.tflite", "model-int8.tflite"];

/// A model with its inputs and outputs.
pub struct Case {
    /// The graph.
    pub graph: Graph,
    /// The inputs of each sample.
    pub samples: Vec<Vec<Tensor>>,
    /// What the outputs should be, all samples one after the other.
    pub wanted: Vec<NamedArray>,
    /// Whether outputs are integers of a quantised model.
    pub integers: bool,
}

/// The arrays that go with a model.
fn arrays_of(file: &Path) -> PathBuf {
    let name = file.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    match name {
        "model-int8.tflite" => file.with_file_name("io-int8.npz"),
        name if NAMED.contains(&name) => file.with_file_name("io.npz"),
        _ => file.with_extension("io.npz"),
    }
}

/// The models below a folder that have arrays beside them.
///
/// # Errors
/// If a folder can't be read.
pub fn find(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            let is_model = path.is_dir() && path.join("saved_model.pb").exists()
                || path.extension().is_some_and(|e| e == "tflite" || e == "pb");
            if is_model && arrays_of(&path).exists() {
                found.push(path);
            } else if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

impl Case {
    /// Which outputs end with a softmax that is left to their reader.
    pub fn soft(&self) -> Vec<bool> {
        self.graph.outputs().iter().map(|output| output.softmax).collect()
    }

    /// Reads a model and the arrays beside it.
    ///
    /// # Errors
    /// If either is missing, or the model is refused.
    pub fn read(file: &Path) -> Result<Self> {
        let arrays = read_arrays(arrays_of(file))?;
        let options = ImportOptions::default();
        let graph = match file.extension().is_some_and(|e| e == "tflite") {
            true => veilflow_import_tflite::import(file, &options)?,
            false => veilflow_import_tf::import(file, &options)?.graph,
        };
        let (wanted, given): (Vec<NamedArray>, Vec<NamedArray>) = arrays
            .into_iter()
            .partition(|array| array.name.starts_with("out_") || array.name.starts_with("out:"));
        let samples = samples(&graph, &given)?;
        let integers = wanted.iter().all(|array| array.values.iter().all(|v| v.fract() == 0.0));
        Ok(Self { graph, samples, wanted, integers })
    }
}

/// The inputs of each sample: the arrays have one more dimension in front.
fn samples(graph: &Graph, arrays: &[NamedArray]) -> Result<Vec<Vec<Tensor>>> {
    let mut samples: Vec<Vec<Tensor>> = Vec::new();
    for &id in graph.inputs() {
        let (name, shape) = (&graph.value(id).name, graph.shape(id));
        let named = arrays.iter().find(|array| array.name.trim_start_matches("in:") == name);
        let only = if let [only] = arrays { Some(only) } else { None };
        let array = named.or(only).with_context(|| format!("no array for input `{name}`"))?;
        let classes = if graph.is_one_hot(id) { shape.last().copied() } else { None };
        let size = shape.elements() / classes.unwrap_or(1);
        ensure!(
            array.values.len() % size == 0,
            "input `{name}` has shape {shape}, its array {:?}",
            array.shape
        );
        for (i, values) in array.values.chunks(size).enumerate() {
            let values = match classes {
                Some(classes) => {
                    let row = |&v: &f32| (0..classes).map(move |k| f32::from(u8::from(k as f32 == v)));
                    values.iter().flat_map(row).collect()
                }
                None => values.to_vec(),
            };
            if samples.len() == i {
                samples.push(Vec::new());
            }
            samples[i].push(Tensor::new(shape.clone(), values)?);
        }
    }
    Ok(samples)
}
