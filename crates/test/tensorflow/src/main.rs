//! `tensorflow-conformance FOLDER` runs TensorFlow and TFLite models in float and in fixed point, and compares
//! with what TensorFlow computed: those that `tools/tensorflow_models/generate.py` wrote, and any `NAME.tflite`
//! with a `NAME.io.npz` beside it.
#![allow(clippy::print_stdout)]

mod case;
mod compare;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Parser;
use veilflow_passes::{Options as CompileOptions, clear, compile_within, float};

use crate::case::Case;
use crate::compare::{Difference, difference};

/// Runs TensorFlow models beside TensorFlow's outputs.
#[derive(Parser)]
struct Options {
    /// The folder of models.
    folder: PathBuf,
    /// Only models whose path holds this.
    #[arg(long, default_value = "")]
    filter: String,
    /// The most error of an output of the fixed-point run, in percent of its spread.
    #[arg(long, default_value_t = 5.0)]
    max_error: f64,
    /// Only the float run.
    #[arg(long)]
    float: bool,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let mut failed = 0;
    let cases = case::find(&options.folder)?;
    let mut count = 0;
    for file in cases.iter().filter(|file| file.to_string_lossy().contains(&options.filter)) {
        let name = file.strip_prefix(&options.folder).unwrap_or(file).display();
        count += 1;
        match check(file, &options) {
            Ok(Some(told)) => println!("{name}: {told}"),
            Ok(None) => {}
            Err(error) => {
                println!("{name}: {error:#}");
                failed += 1;
            }
        }
    }
    println!("{} of {count} models as TensorFlow has them", count - failed);
    ensure!(failed == 0, "{failed} failed");
    Ok(())
}

/// One model; what there is to say of it.
fn check(file: &std::path::Path, options: &Options) -> Result<Option<String>> {
    let case = Case::read(file)?;
    let graph = &case.graph;
    let soft: Vec<bool> = graph.outputs().iter().map(|output| output.softmax).collect();
    let mut floats = Vec::new();
    for sample in &case.samples {
        floats.push(float::run(graph, sample)?);
    }
    let plain = difference(&floats, &soft, &case.wanted)?;
    let near = |d: &Difference, most: f64| if case.integers { d.largest <= 1.0 } else { d.relative <= most };
    let told = |d: &Difference| match case.integers {
        true => format!("{:.0} units ({:.2} %)", d.largest, 100.0 * d.relative),
        false => format!("{:.1e}", d.relative),
    };
    if options.float {
        ensure!(near(&plain, 1e-3), "the float run is off by {}", told(&plain));
        return Ok(Some(format!("float {}", told(&plain))));
    }
    let most = options.max_error / 100.0;
    let net = compile_within(graph, &case.samples, &CompileOptions::default(), most / 2.5)?;
    let mut fixed = Vec::new();
    for (sample, like) in case.samples.iter().zip(&floats) {
        let run = clear::run(&net.plan, &net.weights, sample)?;
        let outputs = run.decode(&net.plan).into_iter().zip(like);
        let outputs = outputs.map(|(values, like)| veilflow_ir::Tensor::new(like.shape().clone(), values));
        fixed.push(outputs.collect::<Result<Vec<_>, _>>()?);
    }
    let rounded = difference(&fixed, &soft, &case.wanted)?;
    let settings = net.plan.settings;
    let told = format!(
        "float {}, fixed point {} by {} and {} bits ({:.2} % of the spread)",
        told(&plain),
        told(&rounded),
        settings.weight_bits,
        settings.activation_bits,
        100.0 * rounded.relative
    );
    ensure!(near(&plain, 1e-3), "the float run is off: {told}");
    ensure!(near(&rounded, most), "the fixed-point run is off: {told}");
    Ok(Some(told))
}
