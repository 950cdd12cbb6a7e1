//! `tensorflow-conformance FOLDER` runs TensorFlow and TFLite models in float and in fixed point, and
//! compares with what TensorFlow computed: those that `tools/tensorflow_models/generate.py` wrote, and any
//! `NAME.tflite` with a `NAME.io.npz` beside it.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::Parser;
use veilflow_tensorflow_conformance::{Case, Difference, find, run, run_float};

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
    let cases = find(&options.folder)?;
    let mut count = 0;
    for file in cases.iter().filter(|file| file.to_string_lossy().contains(&options.filter)) {
        let name = file.strip_prefix(&options.folder).unwrap_or(file).display();
        count += 1;
        match check(file, &options) {
            Ok(told) => println!("{name}: {told}"),
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
fn check(file: &Path, options: &Options) -> Result<String> {
    let near =
        |d: &Difference, most: f64, integers| if integers { d.largest <= 1.0 } else { d.relative <= most };
    let told = |d: &Difference, integers| match integers {
        true => format!("{:.0} units ({:.2} %)", d.largest, 100.0 * d.relative),
        false => format!("{:.1e}", d.relative),
    };
    if options.float {
        let case = Case::read(file)?;
        let (_, plain) = run_float(&case)?;
        ensure!(near(&plain, 1e-3, case.integers), "the float run is off by {}", told(&plain, case.integers));
        return Ok(format!("float {}", told(&plain, case.integers)));
    }
    let most = options.max_error / 100.0;
    let beside = run(file, most / 2.5)?;
    let (settings, integers) = (beside.net.plan.settings, beside.case.integers);
    let text = format!(
        "float {}, fixed point {} by {} and {} bits",
        told(&beside.float, integers),
        told(&beside.fixed, integers),
        settings.weight_bits,
        settings.activation_bits
    );
    ensure!(near(&beside.float, 1e-3, integers), "the float run is off: {text}");
    ensure!(near(&beside.fixed, most, integers), "the fixed-point run is off: {text}");
    Ok(text)
}
