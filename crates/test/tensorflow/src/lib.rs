//! TensorFlow and TFLite models beside what TensorFlow computed for them.

mod case;
mod compare;

use std::path::Path;

use anyhow::Result;
use veilflow_ir::Tensor;
use veilflow_passes::{Compiled, Options, clear, compile_within, float};

pub use crate::case::{Case, find};
pub use crate::compare::{Difference, difference};

/// A model in float and in fixed point.
pub struct Beside {
    /// The model with its inputs.
    pub case: Case,
    /// How far the float run is off.
    pub float: Difference,
    /// How far the fixed-point run is off.
    pub fixed: Difference,
    /// What was compiled.
    pub net: Compiled,
}

/// What becomes of the float run alone.
///
/// # Errors
/// If the model can't be read or run.
pub fn run_float(case: &Case) -> Result<(Vec<Vec<Tensor>>, Difference)> {
    let runs =
        case.samples.iter().map(|sample| Ok(float::run(&case.graph, sample)?)).collect::<Result<Vec<_>>>()?;
    let difference = difference(&runs, &case.soft(), &case.wanted)?;
    Ok((runs, difference))
}

/// Compiles a model for an error of `most`, as a part of an output's spread, and runs it in the clear.
///
/// # Errors
/// If the model can't be read, compiled or run.
pub fn run(file: &Path, most: f64) -> Result<Beside> {
    let case = Case::read(file)?;
    let (floats, float) = run_float(&case)?;
    let net = compile_within(&case.graph, &case.samples, &Options::default(), most)?;
    let mut runs = Vec::new();
    for (sample, like) in case.samples.iter().zip(&floats) {
        let run = clear::run(&net.plan, &net.weights, sample)?;
        let outputs = run.decode(&net.plan).into_iter().zip(like);
        let outputs = outputs.map(|(values, like)| Tensor::new(like.shape().clone(), values));
        runs.push(outputs.collect::<Result<Vec<_>, _>>()?);
    }
    let fixed = difference(&runs, &case.soft(), &case.wanted)?;
    Ok(Beside { case, float, fixed, net })
}
