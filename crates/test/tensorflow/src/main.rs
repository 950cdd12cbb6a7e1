//! `tensorflow-conformance FOLDER` runs the models that `tools/tensorflow_models/generate.py` wrote, in float and
//! in fixed point, and compares with what TensorFlow computed.
#![allow(clippy::print_stdout)]

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use veilflow_data::{NamedArray, read_arrays};
use veilflow_import_tf::{Imported, import};
use veilflow_ir::{Graph, Shape, Tensor};
use veilflow_passes::{Options as CompileOptions, clear, compile, float};

/// Runs TensorFlow models beside TensorFlow's outputs.
#[derive(Parser)]
struct Options {
    /// The folder that tools/tensorflow_models/generate.py wrote.
    folder: PathBuf,
    /// Only models whose path holds this.
    #[arg(long, default_value = "")]
    filter: String,
}

/// The files of a folder that hold a model.
const FILES: [&str; 4] = ["saved_model", "frozen.pb", "model.tflite", "model-int8.tflite"];

fn main() -> Result<()> {
    let options = Options::parse();
    let mut folders: Vec<PathBuf> =
        fs::read_dir(&options.folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    folders.sort();
    let mut failed = 0;
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        for file in FILES.map(|file| folder.join(file)).iter().filter(|file| file.exists()) {
            let name = file.strip_prefix(&options.folder).unwrap_or(file).display().to_string();
            if !name.contains(&options.filter) {
                continue;
            }
            match check(file) {
                Ok((float, fixed)) => {
                    println!("{name}: float {:.1e}, fixed point {:.2} %", float, 100.0 * fixed);
                    failed += usize::from(float > 1e-4 || fixed > 0.05);
                }
                Err(error) => {
                    println!("{name}: {error:#}");
                    failed += 1;
                }
            }
        }
    }
    ensure!(failed == 0, "{failed} failed");
    Ok(())
}

/// The largest errors of an output of the float run and of the fixed-point run, of the spread of all its samples.
fn check(file: &Path) -> Result<(f64, f64)> {
    let arrays = read_arrays(file.with_file_name("io.npz"))?;
    let Imported { graph, .. } = import(file, &Default::default())?;
    let samples = samples(&graph, &arrays)?;
    let wanted = |i: usize| arrays.iter().find(|array| array.name == format!("out_{i}"));
    let mut floats = Vec::new();
    for sample in &samples {
        floats.push(float::run(&graph, sample)?);
    }
    let soft: Vec<bool> = graph.outputs().iter().map(|output| output.softmax).collect();
    let plain = worst(&floats, &soft, wanted)?;
    let net = compile(&graph, &samples, &CompileOptions::default())?;
    let mut fixed = Vec::new();
    for (sample, like) in samples.iter().zip(&floats) {
        let run = clear::run(&net.plan, &net.weights, sample)?;
        let outputs = run.decode(&net.plan).into_iter().zip(like);
        let outputs = outputs.map(|(values, like)| Tensor::new(like.shape().clone(), values));
        fixed.push(outputs.collect::<Result<Vec<_>, _>>()?);
    }
    Ok((plain, worst(&fixed, &soft, wanted)?))
}

/// The inputs of each sample: the arrays have one more dimension in front.
fn samples(graph: &Graph, arrays: &[NamedArray]) -> Result<Vec<Vec<Tensor>>> {
    let mut samples: Vec<Vec<Tensor>> = Vec::new();
    for &id in graph.inputs() {
        let (name, shape) = (&graph.value(id).name, graph.shape(id));
        let array =
            arrays.iter().find(|array| array.name == *name).with_context(|| format!("no array `{name}`"))?;
        let classes = if graph.is_one_hot(id) { shape.last().copied() } else { None };
        let size = shape.elements() / classes.unwrap_or(1);
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

/// The error of the output that is furthest off, root mean square, of the spread of what it should be.
fn worst<'a>(
    runs: &[Vec<Tensor>],
    soft: &[bool],
    wanted: impl Fn(usize) -> Option<&'a NamedArray>,
) -> Result<f64> {
    let mut worst: f64 = 0.0;
    for (i, &soft) in soft.iter().enumerate() {
        let wanted = wanted(i).with_context(|| format!("no array `out_{i}`"))?;
        let finished = |tensor: &Tensor| if soft { float::softmax(tensor) } else { tensor.clone() };
        let values: Vec<f32> = runs.iter().flat_map(|run| finished(&run[i]).into_data()).collect();
        let shape = Shape::new(&wanted.shape[1..])?;
        ensure!(*runs[0][i].shape() == shape, "output {i} has shape {}, not {shape}", runs[0][i].shape());
        let mean = wanted.values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
        let (mut error, mut spread) = (0.0, 0.0);
        for (&a, &b) in values.iter().zip(&wanted.values) {
            error += f64::from(a - b).powi(2);
            spread += (f64::from(b) - mean).powi(2);
        }
        worst = worst.max((error / spread.max(1e-12)).sqrt());
    }
    Ok(worst)
}
