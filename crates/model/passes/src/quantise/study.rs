//! Tries choices of numbers for a network, and judges them by how close its outputs come to the float
//! graph's.

use veilflow_ir::{Graph, Plan, Tensor};

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

/// The options with the bits of a rung of the ladder.
fn at(options: &Options, rung: usize) -> Options {
    let (weight_bits, activation_bits) = LADDER[rung];
    Options { weight_bits, activation_bits, ..options.clone() }
}

/// Whether fewer bits may have no such error.
fn is_about_bits(error: &PassError) -> bool {
    matches!(error, PassError::Unsupported { .. } | PassError::Ir(_))
}

/// A search along the ladder.
struct Search<'a> {
    study: &'a Study<'a>,
    seeing: &'a Seeing,
    options: &'a Options,
    fits: &'a dyn Fn(&Plan) -> bool,
    /// The rung of the least error so far, and that error.
    best: Option<(usize, f64)>,
    /// Why a rung had no plan.
    refusal: Option<PassError>,
}

impl Search<'_> {
    /// The error of a rung, unless it is known; `None` if there is no plan of it that fits.
    fn judge(&mut self, rung: usize, known: Option<f64>) -> Result<Option<f64>> {
        let options = Options { reveal: Revealing::Scores, ..at(self.options, rung) };
        let compiled = match quantise(&self.seeing.0, &self.seeing.1, &options, self.study.inputs) {
            Ok(compiled) => compiled,
            Err(error) if is_about_bits(&error) => {
                self.refusal = Some(error);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if !(self.fits)(&compiled.plan) {
            return Ok(None);
        }
        let error = match known {
            Some(error) => error,
            None => relative_error(&compiled, self.study.judged, &self.study.wanted)?,
        };
        if self.best.is_none_or(|(_, least)| error < least) {
            self.best = Some((rung, error));
        }
        Ok(Some(error))
    }
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

    /// Compiles with the first bits of the ladder whose error is at most `most_error`, or else with those of
    /// the least error. Bits for which there is no plan that `fits` are passed over.
    pub(super) fn compile_within(
        &self,
        options: &Options,
        most_error: f64,
        fits: &dyn Fn(&Plan) -> bool,
    ) -> Result<Compiled> {
        // Whether equalising helps hardly depends on the bits, so it is decided once.
        let middle = LADDER.len() / 2;
        let (seeing, error) = match self.better(&at(options, middle)) {
            Ok((seeing, error)) => (seeing, Some(error)),
            Err(error) if is_about_bits(&error) => (&self.plain, None),
            Err(error) => return Err(error),
        };
        let mut search = Search { study: self, seeing, options, fits, best: None, refusal: None };
        let good = |error: f64| error <= most_error;
        // Errors nearly always fall along the ladder, so it is halved.
        let (mut low, mut high, mut chosen) = match search.judge(middle, error)? {
            Some(error) if good(error) => (0, middle, Some((middle, error))),
            Some(_) => (middle + 1, LADDER.len(), None),
            None => (0, middle, None),
        };
        while low < high {
            let rung = (low + high) / 2;
            match search.judge(rung, None)? {
                Some(error) if good(error) => (high, chosen) = (rung, Some((rung, error))),
                Some(_) => low = rung + 1,
                // More bits are no more plannable.
                None => high = rung,
            }
        }
        match (chosen.or(search.best), search.refusal) {
            (Some((rung, error)), _) => self.finish(seeing, &at(options, rung), error),
            (None, Some(refusal)) => Err(refusal),
            // The caller learns what the least bits don't fit.
            (None, None) => self.finish(seeing, &at(options, 0), f64::INFINITY),
        }
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
/// ones over all elements and inputs; of the output that is furthest off. An output without spread is
/// measured by its size.
pub(super) fn relative_error(
    compiled: &Compiled,
    inputs: &[Vec<Tensor>],
    wanted: &[Vec<Tensor>],
) -> Result<f64> {
    let outputs = compiled.plan.outputs.len();
    let mean = |output: usize| {
        let all = wanted.iter().map(|wanted| wanted[output].data());
        let (sum, count) = all.fold((0.0, 0), |(sum, count), data| {
            (sum + data.iter().map(|&w| f64::from(w)).sum::<f64>(), count + data.len())
        });
        sum / count.max(1) as f64
    };
    let mut sums: Vec<Deviation> =
        (0..outputs).map(|o| Deviation { mean: mean(o), ..Deviation::default() }).collect();
    for (input, wanted) in inputs.iter().zip(wanted) {
        let fixed = clear::run(&compiled.plan, &compiled.weights, input)?.decode(&compiled.plan);
        for (sums, (wanted, fixed)) in sums.iter_mut().zip(wanted.iter().zip(&fixed)) {
            sums.add(wanted.data(), fixed);
        }
    }
    Ok(sums.iter().map(Deviation::relative).fold(0.0, f64::max))
}

/// A spread below this part of the size counts as that part: of an output that hardly varies, the last digits
/// are no news.
const LEAST_SPREAD: f64 = 0.01;

/// Sums of squares over an output's elements.
#[derive(Clone, Copy, Default)]
struct Deviation {
    /// The mean of what is wanted.
    mean: f64,
    error: f64,
    spread: f64,
    size: f64,
}

impl Deviation {
    fn add(&mut self, wanted: &[f32], fixed: &[f32]) {
        for (&w, &f) in wanted.iter().zip(fixed) {
            self.error += f64::from(w - f).powi(2);
            self.spread += (f64::from(w) - self.mean).powi(2);
            self.size += f64::from(w).powi(2);
        }
    }

    fn relative(&self) -> f64 {
        let of =
            if self.spread > 0.0 { self.spread.max(LEAST_SPREAD.powi(2) * self.size) } else { self.size };
        if self.error == 0.0 { 0.0 } else { (self.error / of).sqrt() }
    }
}
