//! Tries choices of numbers for a network, and judges them by how close its outputs come to the float
//! graph's.

use veilflow_ir::{Graph, Tensor};

use super::calibrate::{Seen, calibrate};
use super::compiled::Compiled;
use super::equalise::equalise;
use super::network::quantise;
use super::options::{Options, Revealing};
use crate::error::{PassError, Result};
use crate::simplify::legalise;
use crate::{clear, float, simplify};

/// How many calibration inputs judge a choice.
const JUDGED_INPUTS: usize = 4;

/// Equalising costs about 2 % more bytes, since more tensors fill their ranges. So the squared error must
/// shrink to this part of it.
const WORTH_EQUALISING: f64 = 0.8;

/// The bits of weights and of activations to choose from, by rising cost. A bit of activations costs more
/// bytes than one of weights, since it is compared wherever values are. With fewer than ten bits the error
/// varies so much between inputs that a few of them prove little. With more than the last, layers take rings
/// too wide for homomorphic encryption to do well.
const LADDER: [(u32, u32); 6] = [(10, 10), (10, 11), (11, 12), (12, 12), (12, 13), (13, 14)];

/// A simplified graph, and what calibration saw of its values.
type Seeing = (Graph, Vec<Seen>);

/// A network and its calibration.
pub(super) struct Study<'a> {
    /// The calibration inputs that judge.
    judged: &'a [Vec<Tensor>],
    /// The number of all calibration inputs.
    inputs: usize,
    /// What the float graph makes of those that judge.
    wanted: Vec<Vec<Tensor>>,
    imported_nodes: usize,
    plain: Seeing,
    even: Seeing,
}

impl<'a> Study<'a> {
    pub(super) fn new(graph: &Graph, calibration: &'a [Vec<Tensor>]) -> Result<Self> {
        let simple = simplify(graph)?;
        if let Some(output) = simple.outputs().first()
            && simple.outputs().iter().all(|o| simple.constant_of(o.value).is_some())
        {
            return Err(PassError::ConstantOutput { output: simple.value(output.value).name.clone() });
        }
        let simple = legalise(&simple)?;
        let seen = calibrate(&simple, calibration)?;
        let even = equalise(&simple, &seen)?;
        let judged = &calibration[..calibration.len().min(JUDGED_INPUTS)];
        let wanted = judged.iter().map(|input| float::run(&simple, input)).collect::<Result<_, _>>()?;
        Ok(Self {
            judged,
            inputs: calibration.len(),
            wanted,
            imported_nodes: graph.nodes().len(),
            plain: (simple, seen),
            even,
        })
    }

    /// Compiles with the bits of `options`.
    pub(super) fn compile(&self, options: &Options) -> Result<Compiled> {
        let (seeing, error) = self.better(options)?;
        self.finish(seeing, options, error)
    }

    /// Compiles with the first bits of the ladder whose error is at most `most_error`, or with the last.
    pub(super) fn compile_within(&self, options: &Options, most_error: f64) -> Result<Compiled> {
        let at = |(weight_bits, activation_bits): (u32, u32)| Options {
            weight_bits,
            activation_bits,
            ..options.clone()
        };
        // Whether equalising helps hardly depends on the bits, so it is decided once.
        let middle = LADDER.len() / 2;
        let (seeing, error) = self.better(&at(LADDER[middle]))?;
        let (mut chosen, mut chosen_error) = (middle, error);
        // Errors nearly always fall along the ladder, so it is halved.
        let (mut low, mut high) = if error <= most_error { (0, middle) } else { (middle + 1, LADDER.len()) };
        while low < high {
            let rung = (low + high) / 2;
            let error = self.error(seeing, &at(LADDER[rung]))?;
            if error <= most_error {
                (high, chosen, chosen_error) = (rung, rung, error);
            } else {
                low = rung + 1;
                if chosen_error > most_error {
                    (chosen, chosen_error) = (rung, error);
                }
            }
        }
        self.finish(seeing, &at(LADDER[chosen]), chosen_error)
    }

    /// The network, equalised or not, and its error.
    fn better(&self, options: &Options) -> Result<(&Seeing, f64)> {
        let (plain, even) = (self.error(&self.plain, options)?, self.error(&self.even, options)?);
        let helps = even * even < WORTH_EQUALISING * plain * plain;
        Ok(if helps { (&self.even, even) } else { (&self.plain, plain) })
    }

    fn finish(&self, (graph, seen): &Seeing, options: &Options, error: f64) -> Result<Compiled> {
        let mut compiled = quantise(graph, seen, options, self.inputs)?;
        compiled.report.imported_nodes = self.imported_nodes;
        compiled.report.relative_error = error;
        Ok(compiled)
    }

    /// The relative error of the outputs for the inputs that judge.
    fn error(&self, (graph, seen): &Seeing, options: &Options) -> Result<f64> {
        let open = Options { reveal: Revealing::Scores, ..options.clone() };
        relative_error(&quantise(graph, seen, &open, self.inputs)?, self.judged, &self.wanted)
    }
}

/// The root mean square error of an output for `inputs`, as a part of the standard deviation of the `wanted`
/// ones; of the output that is furthest off. An output without spread is measured by its size.
pub(super) fn relative_error(
    compiled: &Compiled,
    inputs: &[Vec<Tensor>],
    wanted: &[Vec<Tensor>],
) -> Result<f64> {
    let mut sums = vec![Deviation::default(); compiled.plan.outputs.len()];
    for (input, wanted) in inputs.iter().zip(wanted) {
        let fixed = clear::run(&compiled.plan, &compiled.weights, input)?.decode(&compiled.plan);
        for (sums, (wanted, fixed)) in sums.iter_mut().zip(wanted.iter().zip(&fixed)) {
            sums.add(wanted.data(), fixed);
        }
    }
    Ok(sums.iter().map(Deviation::relative).fold(0.0, f64::max))
}

/// Sums of squares over an output's elements.
#[derive(Clone, Copy, Default)]
struct Deviation {
    error: f64,
    spread: f64,
    size: f64,
}

impl Deviation {
    fn add(&mut self, wanted: &[f32], fixed: &[f32]) {
        // A single number has no spread but its size.
        let sum: f64 = wanted.iter().map(|&w| f64::from(w)).sum();
        let mean = if wanted.len() > 1 { sum / wanted.len() as f64 } else { 0.0 };
        for (&w, &f) in wanted.iter().zip(fixed) {
            self.error += f64::from(w - f).powi(2);
            self.spread += (f64::from(w) - mean).powi(2);
            self.size += f64::from(w).powi(2);
        }
    }

    fn relative(&self) -> f64 {
        let of = if self.spread > 0.0 { self.spread } else { self.size };
        if self.error == 0.0 { 0.0 } else { (self.error / of).sqrt() }
    }
}
