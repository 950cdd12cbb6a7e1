//! `veilflow compile`: a float network to plan and weights.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use serde::Serialize;
use veilflow::{
    BoundedReport, Check, Comparison, CompileOptions, Error, Model, Network, Precision, Preprocessing,
    Ranges, Revealing, Supplier, compile, folder,
};

use crate::dearest::Dearest;
use crate::flags::percent;
use crate::import::ImportFlags;
use crate::output;

/// Compile an ONNX, TensorFlow or TFLite model to a plan (public) and weights (the server's).
#[derive(Debug, Args)]
pub(crate) struct Compile {
    /// The model: an ONNX file, a SavedModel folder, a frozen TensorFlow graph (.pb), or a TFLite model
    /// (.tflite).
    model: PathBuf,
    #[command(flatten)]
    import: ImportFlags,
    /// Inputs like those to come, from which scales and widths are chosen: npy, npz (`x`, or `input_0`...),
    /// png, jpeg, or a folder of pictures.
    #[arg(long, value_name = "DATA")]
    calibrate: Option<PathBuf>,
    /// The folder to write.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Use at most so many calibration inputs.
    #[arg(long, default_value_t = 256, value_name = "N")]
    limit: usize,
    /// How pictures and bytes become inputs, such as
    /// `channels=bgr resize=short:256 crop=224 mean=104,117,123 std=1`; clients find it in the plan.
    #[arg(long, default_value = "", value_name = "WORDS")]
    preprocess: Preprocessing,
    /// Take the fewest bits with which the outputs for the calibration inputs are so close to the float
    /// model's: root mean square error in percent of the outputs' standard deviation.
    #[arg(long, default_value_t = 100.0 * Precision::DEFAULT_ERROR, value_name = "PERCENT", value_parser = percent)]
    max_error: f64,
    /// Write the folder even if no choice of bits meets --max-error.
    #[arg(long)]
    accept_error: bool,
    /// Width of weights in bits, sign included [default: by --max-error; 11 if --activation-bits is given].
    #[arg(long, conflicts_with = "max_error")]
    weight_bits: Option<u32>,
    /// Bits of the largest activation a tensor has room for [default: by --max-error; 12 if --weight-bits is
    /// given].
    #[arg(long, conflicts_with = "max_error")]
    activation_bits: Option<u32>,
    /// Bits of weights and activations inside a recurrent cell, if those are more.
    #[arg(long, default_value_t = CompileOptions::default().state_bits)]
    state_bits: u32,
    /// Room beyond the largest magnitude seen in calibration, in percent of it: 200 is twice as much.
    #[arg(long, default_value_t = CompileOptions::default().margin_percent, value_name = "PERCENT")]
    margin: u32,
    /// What ranges follow from: calibrated, what the calibration inputs reach, with margin; or bounded, what
    /// is possible: then no input in range can overflow anything. It takes more bytes, and the plan tells the
    /// norm of each layer to a power of two.
    #[arg(long, default_value_t = Ranges::Calibrated)]
    ranges: Ranges,
    /// How runs watch for values that leave their range, so that the client learns whether any did. Without a
    /// value: only tell whether every node of the model is supported, and list those that aren't.
    #[arg(long, value_enum, default_value_t, num_args = 0..=1, default_missing_value = "support")]
    check: CheckKind,
    /// Put numbers in the place of names in the plan, which clients see.
    #[arg(long)]
    anonymous: bool,
    /// What clients learn of the outputs: scores (all of them, with no more bits than activations have),
    /// top-K such as top-5 (the largest scores and their places), or arg-max (the place of the largest). What
    /// is not revealed never reaches a client.
    #[arg(long, default_value = "scores", value_name = "WHAT", value_parser = revealing)]
    reveal: Revealing,
    /// The same as --reveal arg-max.
    #[arg(long, conflicts_with = "reveal")]
    arg_max: bool,
    /// Who is to supply correlations when the plan is run. With he, layers that homomorphic encryption cannot
    /// do are refused; silent and ot do any, and both parties must choose one of them then.
    #[arg(long, default_value_t = Supplier::default())]
    supplier: Supplier,
    /// Also print every tensor's range and width.
    #[arg(long)]
    verbose: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Reads a `--reveal`.
fn revealing(text: &str) -> Result<Revealing, String> {
    match (text, text.strip_prefix("top-").map(str::parse)) {
        ("scores", _) => Ok(Revealing::Scores),
        ("arg-max", _) => Ok(Revealing::ArgMax),
        (_, Some(Ok(count @ 1..))) => Ok(Revealing::TopK(count)),
        _ => Err("there is scores, top-K such as top-5, and arg-max".to_owned()),
    }
}

/// How runs watch for values that leave their range.
#[derive(Debug, Clone, Copy, Default, PartialEq, clap::ValueEnum)]
enum CheckKind {
    /// Not at all.
    Off,
    /// Some thousand elements of each value.
    #[default]
    Sampled,
    /// All elements, in rings with room for whatever a layer can make: no first overflow is missed.
    Full,
    /// Only that the model is supported.
    #[value(hide = true)]
    Support,
}

impl From<CheckKind> for Check {
    fn from(kind: CheckKind) -> Self {
        match kind {
            CheckKind::Off | CheckKind::Support => Self::Off,
            CheckKind::Sampled => Self::Sampled,
            CheckKind::Full => Self::Full,
        }
    }
}

#[derive(Serialize)]
struct Summary {
    model: String,
    plan: PathBuf,
    plan_hash: String,
    weights: PathBuf,
    calibration_inputs: usize,
    weight_bits: u32,
    activation_bits: u32,
    /// Root mean square error of the calibration inputs' outputs, as a part of their standard deviation.
    relative_error: f64,
    imported_nodes: usize,
    plan_nodes: usize,
    multiplications: u64,
    widths: (u32, u32),
    /// Why the default supplier cannot run the plan, if it cannot.
    beyond_he: Option<String>,
    ranges: Ranges,
    /// What bounded ranges cost and reveal, if they are bounded.
    bounded: Option<BoundedReport>,
}

/// What bounded ranges cost and reveal, in words.
fn told(report: &BoundedReport, supplier: Supplier) -> String {
    let cost = |c: &Comparison| {
        format!(
            "{} instead of {} ({:+.1} %)",
            output::bytes(c.bounded),
            output::bytes(c.calibrated),
            100.0 * (c.ratio() - 1.0)
        )
    };
    let norms: Vec<String> = report.norms.iter().map(|n| format!("{} 2^{}", n.layer, n.bits)).collect();
    format!(
        "ranges are bounded: no input in range can overflow anything\n\
         with {supplier} it costs {} online, {} in all\n\
         the plan tells the norms of layers, to a power of two: {}",
        cost(&report.online),
        cost(&report.total),
        norms.join(", "),
    )
}

/// Tells what to do about a plan that its supplier cannot run, in words of the command.
fn refused(error: Error) -> anyhow::Error {
    match error {
        Error::BeyondSupplier { source, .. } => anyhow!(source).context(
            "the plan could not be run; choose fewer --weight-bits or --activation-bits (of a recurrence: --state-bits), or compile \
             with `--supplier silent` and run both parties with it",
        ),
        error => error.into(),
    }
}

impl Compile {
    /// Compiles the model, and writes the folder.
    fn compile(&self, network: &Network) -> Result<(Model, PathBuf)> {
        let calibrate =
            self.calibrate.as_deref().context("--calibrate is missing: name inputs like those to come")?;
        let mut samples = network.read_samples(calibrate, &self.preprocess)?.inputs;
        samples.truncate(self.limit.max(1));
        let precision = match (self.weight_bits, self.activation_bits) {
            (None, None) => Precision::Within(self.max_error / 100.0),
            (weights, activations) => {
                Precision::Bits { weights: weights.unwrap_or(11), activations: activations.unwrap_or(12) }
            }
        };
        let options = CompileOptions {
            precision,
            state_bits: self.state_bits,
            margin_percent: self.margin,
            ranges: self.ranges,
            check: self.check.into(),
            anonymous: self.anonymous,
            reveal: if self.arg_max { Revealing::ArgMax } else { self.reveal },
            preprocessing: self.preprocess.clone(),
            supplier: self.supplier,
        };
        let model = compile(network, &samples, &options).map_err(refused)?;
        let error = model.compile_report().map_or(0.0, |report| report.relative_error);
        if let (Precision::Within(most), false) = (precision, self.accept_error)
            && error > most
        {
            return Err(anyhow!(
                "outputs for the calibration inputs are off by {:.2} % of their spread, more than the {} % of --max-error: the \
                 network needs more bits than are chosen by themselves; try --weight-bits 15 --activation-bits 16, or take it as it \
                 is with --accept-error",
                100.0 * error,
                self.max_error,
            ));
        }
        let folder = self.output.clone().context("--output is missing: name the folder to write")?;
        model.save(&folder)?;
        Ok((model, folder))
    }

    /// Tells what the model takes and gives, all nodes of it being supported.
    fn tell(&self, network: &Network) -> Result<()> {
        let inputs = network.inputs();
        if self.json {
            return output::print_json(
                &serde_json::json!({ "supported": true, "inputs": inputs, "notes": network.notes() }),
            );
        }
        network.notes().iter().for_each(|note| output::print(note));
        let inputs: Vec<String> = inputs.iter().map(ToString::to_string).collect();
        output::print(&format!(
            "every node of {} is supported; its private inputs are {}",
            self.model.display(),
            inputs.join(", ")
        ));
        Ok(())
    }

    pub(crate) fn run(self) -> Result<()> {
        let failed = || format!("cannot compile {}", self.model.display());
        let network = self.import.open(&self.model).with_context(failed)?;
        if self.check == CheckKind::Support {
            return self.tell(&network);
        }
        if !self.json {
            network.notes().iter().for_each(|note| output::print(note));
        }
        let (model, folder) = self.compile(&network).with_context(failed)?;
        let (plan, report) = (model.plan(), model.compile_report().context("a compiled model has a report")?);
        let beyond_he = match plan.check(Supplier::He) {
            Ok(()) => None,
            Err(Error::BeyondSupplier { source, .. }) => Some(source.to_string()),
            Err(error) => Some(error.to_string()),
        };
        let summary = Summary {
            model: plan.name().to_owned(),
            plan: folder.join(folder::PLAN),
            plan_hash: plan.hash(),
            weights: folder.join(folder::WEIGHTS),
            calibration_inputs: plan.settings().calibration_inputs,
            weight_bits: plan.settings().weight_bits,
            activation_bits: plan.settings().activation_bits,
            relative_error: report.relative_error,
            imported_nodes: report.imported_nodes,
            plan_nodes: plan.nodes(),
            multiplications: plan.multiplications(),
            widths: plan.widths(),
            beyond_he,
            ranges: self.ranges,
            bounded: report.bounded.clone(),
        };
        if self.json {
            return output::print_json(&summary);
        }
        if self.verbose {
            let mut table =
                output::table(&["layer", "largest seen", "fractional bits", "room, bits", "width, bits"]);
            for t in &report.tensors {
                table.add_row([
                    t.layer.clone(),
                    format!("{:.4}", t.largest),
                    t.scale.to_string(),
                    t.magnitude.to_string(),
                    t.width.to_string(),
                ]);
            }
            output::print(&table.to_string());
        }
        if let Ok(dearest) = Dearest::of(plan, self.supplier) {
            output::print(&dearest.told());
        }
        output::print(&format!(
            "{}: {} nodes, {} multiplications, widths {} to {} bits\n\
             weights {} bits, activations {} bits: outputs off by {:.2} % of their spread over {} calibration inputs\n\
             wrote {} (public: give it to clients), {}, {} and {} (the server's alone)",
            summary.model,
            summary.plan_nodes,
            summary.multiplications,
            summary.widths.0,
            summary.widths.1,
            summary.weight_bits,
            summary.activation_bits,
            100.0 * summary.relative_error,
            summary.calibration_inputs,
            summary.plan.display(),
            summary.weights.display(),
            network.file_name(),
            folder::SAMPLE,
        ));
        if let Some(report) = &summary.bounded {
            output::print(&told(report, self.supplier));
        }
        let chosen = self.weight_bits.is_none() && self.activation_bits.is_none();
        if chosen && summary.relative_error > self.max_error / 100.0 {
            output::print("that is more than --max-error; check with `veilflow eval`");
        }
        if let Some(reason) = summary.beyond_he {
            output::print(&format!("run both parties with `--supplier {}`: {reason}", self.supplier));
        }
        Ok(())
    }
}
