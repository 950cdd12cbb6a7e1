//! From a float network to a model that can be served.

use veilflow_data::Preprocessing;
use veilflow_ir::{PlanNode, PlanOp};
use veilflow_passes::{Check, Compiled, DEFAULT_ERROR, Revealing};

use crate::tensor::tensors;
use crate::{
    BoundedReport, Comparison, CompileReport, Error, Inspection, LayerNorm, Machine, Model, Network, Options,
    Plan, Ranges, Result, Supplier,
};

/// How bits of weights and activations are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Precision {
    /// The fewest with which the outputs for the calibration samples are within this root mean square error
    /// of the float network's, as a part of the outputs' standard deviation. Where no bits to choose from
    /// achieve it, the most are taken: [`CompileReport::relative_error`] then exceeds it.
    Within(f64),
    /// These.
    Bits {
        /// The width of a weight, sign included: 2..=24.
        weights: u32,
        /// Bits of the largest activation that a tensor has room for: 2..=30.
        activations: u32,
    },
}

impl Precision {
    /// A relative error that costs no accuracy, as a rule: 4 %, 28 dB of signal over noise, as 8-bit
    /// quantisation has.
    pub const DEFAULT_ERROR: f64 = DEFAULT_ERROR;
}

impl Default for Precision {
    fn default() -> Self {
        Self::Within(Self::DEFAULT_ERROR)
    }
}

/// How to compile. [`Default`] suits networks for pictures and for signals; preprocessing is stated where
/// inputs are pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct CompileOptions {
    /// Bits of weights and activations; within 4 % of the float network by default.
    pub precision: Precision,
    /// Bits of weights and activations inside a recurrent cell, if those are more: 2..=24, 16 by default.
    pub state_bits: u32,
    /// Room beyond the largest magnitude seen in calibration, in percent of it: 100..=100,000. 200, twice as
    /// much, by default.
    pub margin_percent: u32,
    /// What ranges follow from. Where they are bounded, no input in range can overflow anything.
    pub ranges: Ranges,
    /// How runs watch for values that leave their range: by a sample of each value by default.
    pub check: Check,
    /// Put numbers in the place of the network's names in the public plan. The network itself, which stays
    /// with the server, keeps them.
    pub anonymous: bool,
    /// What clients learn of the outputs: all scores by default.
    pub reveal: Revealing,
    /// How pictures and bytes become inputs; clients find it in the plan.
    pub preprocessing: Preprocessing,
    /// Who is to supply correlations when the model is run. A network that it cannot do is refused.
    pub supplier: Supplier,
}

impl Default for CompileOptions {
    fn default() -> Self {
        let default = veilflow_passes::Options::default();
        Self {
            precision: Precision::default(),
            state_bits: default.state_bits,
            margin_percent: default.margin_percent,
            ranges: default.ranges,
            check: default.check,
            anonymous: default.anonymous,
            reveal: default.reveal,
            preprocessing: Preprocessing::default(),
            supplier: Supplier::default(),
        }
    }
}

/// Compiles a network: chooses scales and widths from `calibration`, samples like those to come, and makes a
/// public plan and integer weights. Some dozens of samples are enough; compiling takes about as long as
/// running the float network on each a few times.
///
/// The fixed-point answer is right for inputs like those calibrated with. A margin is kept, and
/// [`Model::run`] tells which values leave their range; a result computed from such a value means nothing.
/// Where [`ranges`](CompileOptions::ranges) are bounded, none leaves its range on any input in range.
///
/// ```
/// use veilflow::{CompileOptions, Network, Precision, compile, demo};
///
/// let network = Network::from_onnx(demo::ONNX)?;
/// let preprocessing = demo::PREPROCESSING.parse()?;
/// let calibration = demo::calibration()?;
/// let precision = Precision::Bits { weights: 9, activations: 10 };
/// let options = CompileOptions { precision, preprocessing, ..CompileOptions::default() };
/// let model = compile(&network, &calibration.inputs[..8], &options)?;
/// assert_eq!(model.plan().inputs()[0].shape, [1, 1, 28, 28]);
/// assert!(model.compile_report().is_some_and(|report| report.relative_error < 0.1));
/// # veilflow::Result::Ok(())
/// ```
///
/// # Errors
/// [`Error::Compile`] for a network that fixed point cannot express, no calibration sample, one that makes a
/// tensor infinite, or options outside their range; [`Error::SampleLength`];
/// [`Error::BeyondSupplier`] with the layer that the supplier cannot do.
pub fn compile(network: &Network, calibration: &[Vec<f32>], options: &CompileOptions) -> Result<Model> {
    let mut wanted = veilflow_passes::Options {
        state_bits: options.state_bits,
        margin_percent: options.margin_percent,
        ranges: options.ranges,
        check: options.check,
        anonymous: options.anonymous,
        reveal: options.reveal,
        preprocessing: options.preprocessing.to_string(),
        ..veilflow_passes::Options::default()
    };
    let inputs = network.inputs();
    let samples = calibration.iter().map(|sample| tensors(&inputs, sample)).collect::<Result<Vec<_>>>()?;
    if let Precision::Bits { weights, activations } = options.precision {
        (wanted.weight_bits, wanted.activation_bits) = (weights, activations);
    }
    let compile = |wanted: &veilflow_passes::Options| {
        let compiled = match options.precision {
            Precision::Within(error) => {
                let fits = |plan: &veilflow_ir::Plan| options.supplier.kind().check(plan).is_ok();
                veilflow_passes::compile_within_fit(network.graph(), &samples, wanted, error, &fits)
            }
            Precision::Bits { .. } => veilflow_passes::compile(network.graph(), &samples, wanted),
        };
        compiled.map_err(Error::in_passes)
    };
    let Compiled { plan, weights, report } = compile(&wanted)?;
    let plan = Plan::new(plan);
    plan.check(options.supplier)?;
    let mut report = CompileReport::new(report);
    if options.ranges == Ranges::Bounded {
        wanted.ranges = Ranges::Calibrated;
        let calibrated = Plan::new(compile(&wanted)?.plan);
        report.bounded = Some(bounded_report([&calibrated, &plan], options.supplier)?);
    }
    let sample = calibration.first().cloned().unwrap_or_default();
    Ok(Model::compiled(plan, weights, report, network.clone(), sample))
}

/// What the second plan, of bounded ranges, costs next to the first, of calibrated ones, and what it reveals.
fn bounded_report(plans: [&Plan; 2], supplier: Supplier) -> Result<BoundedReport> {
    let options = Options { supplier, ..Options::default() };
    let [calibrated, bounded] = plans.map(|plan| plan.inspect(&options, Machine::Reference));
    let inspections = [&calibrated?, &bounded?];
    let compare = |bytes: fn(&Inspection) -> u64| {
        let [calibrated, bounded] = inspections.map(bytes);
        Comparison { calibrated, bounded }
    };
    let ir = plans[1].ir();
    let layers = ir.nodes.iter().filter(|node| matches!(node.op, PlanOp::Linear { weights_of: None, .. }));
    let norm = |node: &PlanNode| {
        let [input, output] = [node.inputs[0], node.output].map(|i| ir.values[i].magnitude.cast_signed());
        LayerNorm { layer: node.layer.clone(), bits: output - input }
    };
    Ok(BoundedReport {
        online: compare(|i| i.online.total()),
        total: compare(|i| i.online.total() + i.offline.total()),
        norms: layers.map(norm).collect(),
    })
}
