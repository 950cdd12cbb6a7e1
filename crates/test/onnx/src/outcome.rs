//! What becomes of a test.

use std::panic::{AssertUnwindSafe, catch_unwind};

use veilflow_import_onnx::import_bytes_with;
use veilflow_ir::Tensor;
use veilflow_passes::{Compiled, Options, PassError, clear, compile_within, float, simplify};

use crate::case::Case;

/// The most root mean square error of an output, as a part of the reference's standard deviation.
pub const MOST_ERROR: f64 = 0.02;

/// The most error of the float graph, which computes in `f32`. Some references do in 16 bits.
const MOST_FLOAT_ERROR: f64 = 0.02;

/// What became of a test.
#[derive(Debug)]
pub enum Outcome {
    /// The fixed-point run is within [`MOST_ERROR`].
    Passed(Box<Compiled>),
    /// It compiles, but the fixed-point run is further off.
    Inexact(f64),
    /// The float graph computes something else.
    Wrong(f64),
    /// The model was refused, for a reason.
    Refused(String),
    /// A panic.
    Crashed(String),
    /// The result depends on no private input.
    Constant,
}

impl Outcome {
    /// One word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Passed(_) => "passed",
            Self::Inexact(_) => "inexact",
            Self::Wrong(_) => "wrong",
            Self::Refused(_) => "refused",
            Self::Crashed(_) => "crashed",
            Self::Constant => "constant",
        }
    }

    /// What there is to say beyond that.
    pub fn detail(&self) -> String {
        match self {
            Self::Passed(_) | Self::Constant => String::new(),
            Self::Inexact(error) | Self::Wrong(error) => format!("{:.1} % off", 100.0 * error),
            Self::Refused(reason) | Self::Crashed(reason) => reason.clone(),
        }
    }
}

/// Compiles a test and runs it in the clear.
pub fn run(case: &Case) -> Outcome {
    let run = catch_unwind(AssertUnwindSafe(|| attempt(case)));
    run.unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|&text| text.to_owned()));
        Outcome::Crashed(text.unwrap_or_default())
    })
}

fn attempt(case: &Case) -> Outcome {
    let graph = match import_bytes_with(&case.model, &case.options) {
        Ok(graph) => graph,
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    match simplify(&graph) {
        Ok(simple) if simple.outputs().iter().all(|o| simple.constant_of(o.value).is_some()) => {
            return Outcome::Constant;
        }
        _ => {}
    }
    let sample = vec![case.inputs.clone()];
    let outputs = match float::run(&graph, &sample[0]) {
        Ok(outputs) => outputs,
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    let soft: Vec<bool> = graph.outputs().iter().map(|output| output.softmax).collect();
    let finished = |outputs: Vec<Tensor>| -> Vec<Tensor> {
        let each = outputs.into_iter().zip(&soft);
        each.map(|(output, &soft)| if soft { float::softmax(&output) } else { output }).collect()
    };
    let error = error_of(&finished(outputs.clone()), &case.wanted);
    if error.is_nan() || error > MOST_FLOAT_ERROR {
        return Outcome::Wrong(error);
    }
    let compiled = match compile_within(&graph, &sample, &Options::default(), MOST_ERROR / 2.0) {
        Ok(compiled) => compiled,
        Err(PassError::ConstantOutput { .. }) => return Outcome::Constant,
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    let run = match clear::run(&compiled.plan, &compiled.weights, &sample[0]) {
        Ok(run) => run,
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    let fixed = run.decode(&compiled.plan).into_iter().zip(&outputs);
    let fixed = fixed.map(|(values, like)| Tensor::new(like.shape().clone(), values));
    let Ok(fixed) = fixed.collect::<Result<Vec<Tensor>, _>>() else {
        return Outcome::Refused("an output of another size".into());
    };
    let error = error_of(&finished(fixed), &case.wanted);
    if error.is_nan() || error > MOST_ERROR {
        Outcome::Inexact(error)
    } else {
        Outcome::Passed(Box::new(compiled))
    }
}

/// The error of the output that is furthest off: root mean square, as a part of the reference's standard
/// deviation, or of its size if it has none. Not a number if shapes differ.
fn error_of(outputs: &[Tensor], wanted: &[Option<Tensor>]) -> f64 {
    let mut worst: f64 = 0.0;
    for (output, wanted) in outputs.iter().zip(wanted) {
        let Some(wanted) = wanted else { continue };
        if output.shape() != wanted.shape() {
            return f64::NAN;
        }
        let count = wanted.data().len() as f64;
        let (mut error, mut spread, mut size) = (0.0, 0.0, 0.0);
        let mean = wanted.data().iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        for (&a, &w) in output.data().iter().zip(wanted.data()) {
            if !w.is_finite() {
                // No fixed-point number is infinite: nothing to compare.
                continue;
            }
            error += f64::from(a - w).powi(2);
            spread += (f64::from(w) - mean).powi(2);
            size += f64::from(w).powi(2);
        }
        let of = if spread > 1e-12 * size { spread } else { size };
        let relative = if error == 0.0 { 0.0 } else { (error / of).sqrt() };
        if relative.is_nan() {
            return f64::NAN;
        }
        worst = worst.max(relative);
    }
    worst
}
