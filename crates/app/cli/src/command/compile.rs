//! `veilflow compile`: ONNX to plan and weights.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use ndarray::ArrayD;
use ndarray_npy::WriteNpyExt;
use serde::Serialize;
use veilflow_exec::SupplierKind;
use veilflow_ir::Tensor;
use veilflow_passes::{Compiled, DEFAULT_ERROR, Options};

use crate::{model_dir, output};
use veilflow_data::Preprocessing;

/// Compile an ONNX model to a plan (public) and weights (the server's).
#[derive(Debug, Args)]
pub(crate) struct Compile {
    /// The model.
    model: PathBuf,
    /// Inputs like those to come, from which scales and widths are chosen: npy, npz (`x`, or `input_0`...), png, jpeg, or
    /// a folder of pictures.
    #[arg(long, value_name = "DATA")]
    calibrate: PathBuf,
    /// The folder to write.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Use at most so many calibration inputs.
    #[arg(long, default_value_t = 256, value_name = "N")]
    limit: usize,
    /// How pictures and bytes become inputs, such as `channels=bgr resize=short:256 crop=224 mean=104,117,123 std=1`;
    /// clients find it in the plan.
    #[arg(long, default_value = "", value_name = "WORDS")]
    preprocess: Preprocessing,
    /// Take the fewest bits with which the outputs for the calibration inputs are so close to the float model's: root mean
    /// square error in percent of the outputs' standard deviation.
    #[arg(long, default_value_t = 100.0 * DEFAULT_ERROR, value_name = "PERCENT", value_parser = percent)]
    max_error: f64,
    /// Width of weights in bits, sign included [default: by --max-error; 11 if --activation-bits is given].
    #[arg(long, conflicts_with = "max_error")]
    weight_bits: Option<u32>,
    /// Bits of the largest activation a tensor has room for [default: by --max-error; 12 if --weight-bits is given].
    #[arg(long, conflicts_with = "max_error")]
    activation_bits: Option<u32>,
    /// Bits of weights and activations inside a recurrent cell, if those are more.
    #[arg(long, default_value_t = Options::default().state_bits)]
    state_bits: u32,
    /// Room beyond the largest magnitude seen in calibration, in percent of it: 200 is twice as much.
    #[arg(long, default_value_t = Options::default().margin_percent, value_name = "PERCENT")]
    margin: u32,
    /// Reveal only the index of the largest output.
    #[arg(long)]
    arg_max: bool,
    /// Who is to supply correlations when the plan is run. With he, layers that homomorphic encryption cannot do are refused;
    /// silent and ot do any, and both parties must choose one of them then.
    #[arg(long, default_value_t = SupplierKind::default())]
    supplier: SupplierKind,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
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
}

fn percent(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err("must be 0 or more".to_owned()) }
}

/// How to make a plan.
pub(crate) struct Recipe {
    pub(crate) options: Options,
    /// Choose the fewest bits with at most this error; without it, the bits are those of `options`.
    pub(crate) most_error: Option<f64>,
    /// What must be able to run the plan.
    pub(crate) supplier: SupplierKind,
}

/// What both `compile` and the demo do: choose scales from samples, make the plan, check that its supplier can do it, and
/// write the folder.
pub(crate) fn compile(
    onnx: &[u8],
    calibration: &Path,
    limit: usize,
    recipe: &Recipe,
    dir: &Path,
) -> Result<Compiled> {
    let graph = veilflow_import_onnx::import_bytes(onnx)?;
    let preprocessing: Preprocessing = recipe.options.preprocessing.parse()?;
    ensure!(graph.inputs().len() == 1, "calibration files can be given for networks with one input only");
    let shape = graph.shape(graph.inputs()[0]);
    let mut samples = veilflow_data::load(calibration, shape, &preprocessing)?.inputs;
    samples.truncate(limit.max(1));
    let sample = ArrayD::from_shape_vec(shape.to_vec(), samples[0].clone())?;
    let tensors = samples.into_iter().map(|sample| Ok(vec![Tensor::new(shape.clone(), sample)?]));
    let tensors = tensors.collect::<Result<Vec<_>>>()?;
    let compiled = match recipe.most_error {
        Some(error) => veilflow_passes::compile_within(&graph, &tensors, &recipe.options, error)?,
        None => veilflow_passes::compile(&graph, &tensors, &recipe.options)?,
    };
    recipe.supplier.check(&compiled.plan).context(
        "the plan could not be run; choose fewer --weight-bits or --activation-bits, or compile with `--supplier silent` and \
         run both parties with it",
    )?;

    std::fs::create_dir_all(dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
    compiled.plan.save(dir.join(model_dir::PLAN))?;
    compiled.weights.save(dir.join(model_dir::WEIGHTS))?;
    model_dir::write(&dir.join(model_dir::MODEL), onnx)?;
    let mut bytes = std::io::Cursor::new(Vec::new());
    sample.write_npy(&mut bytes)?;
    model_dir::write(&dir.join(model_dir::SAMPLE), bytes.get_ref())?;
    Ok(compiled)
}

impl Compile {
    pub(crate) fn run(self) -> Result<()> {
        let onnx = model_dir::read_model(&self.model)?;
        let default = Options::default();
        let options = Options {
            weight_bits: self.weight_bits.unwrap_or(default.weight_bits),
            activation_bits: self.activation_bits.unwrap_or(default.activation_bits),
            state_bits: self.state_bits,
            margin_percent: self.margin,
            arg_max: self.arg_max,
            preprocessing: self.preprocess.to_string(),
        };
        let chosen = self.weight_bits.is_none() && self.activation_bits.is_none();
        let most_error = chosen.then_some(self.max_error / 100.0);
        let recipe = Recipe { options, most_error, supplier: self.supplier };
        let compiled = compile(&onnx, &self.calibrate, self.limit, &recipe, &self.output)
            .with_context(|| format!("cannot compile {}", self.model.display()))?;
        let plan = &compiled.plan;
        let summary = Summary {
            model: plan.name.clone(),
            plan: self.output.join(model_dir::PLAN),
            plan_hash: output::hex(&plan.hash()),
            weights: self.output.join(model_dir::WEIGHTS),
            calibration_inputs: plan.settings.calibration_inputs,
            weight_bits: plan.settings.weight_bits,
            activation_bits: plan.settings.activation_bits,
            relative_error: compiled.report.relative_error,
            imported_nodes: compiled.report.imported_nodes,
            plan_nodes: plan.nodes.len(),
            multiplications: plan.multiplications(),
            widths: plan.widths(),
            beyond_he: SupplierKind::He.check(plan).err().map(|reason| reason.to_string()),
        };
        if self.json {
            return output::print_json(&summary);
        }
        let mut table =
            output::table(&["layer", "largest seen", "fractional bits", "room, bits", "width, bits"]);
        for t in &compiled.report.tensors {
            table.add_row([
                t.layer.clone(),
                format!("{:.4}", t.largest),
                t.scale.to_string(),
                t.magnitude.to_string(),
                t.width.to_string(),
            ]);
        }
        output::print(&format!(
            "{table}\n{}: {} nodes, {} multiplications, widths {} to {} bits\n\
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
            model_dir::MODEL,
            model_dir::SAMPLE,
        ));
        if most_error.is_some_and(|most| summary.relative_error > most) {
            output::print(
                "that is more than --max-error: the network needs more bits than are chosen by themselves; try --weight-bits 15 \
                 --activation-bits 16, and check with `veilflow eval`",
            );
        }
        if let Some(reason) = summary.beyond_he {
            output::print(&format!("run both parties with `--supplier {}`: {reason}", self.supplier));
        }
        Ok(())
    }
}
