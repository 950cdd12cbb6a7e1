//! A compiled model, as its owner has it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use veilflow_data::write_npy;
use veilflow_ir::Weights;
use veilflow_passes::clear;

use crate::output::outputs;
use crate::tensor::tensors;
use crate::{CompileReport, Error, Network, Output, Plan, Result, folder};

/// A compiled model with its weights: the server's. What a client needs of it is [`Model::plan`]. Cloning is
/// cheap.
///
/// ```
/// use veilflow::{Model, demo};
///
/// let model = demo::model()?;
/// let folder = tempfile::tempdir()?;
/// model.save(folder.path())?;
/// let loaded = Model::load(folder.path())?;
/// let sample = demo::digit(7)?;
/// assert_eq!(loaded.run(&sample)?.outputs[0].top, 7);
/// assert_eq!(loaded.run(&sample)?, model.run(&sample)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Model {
    plan: Plan,
    weights: Arc<Weights>,
    origin: Arc<Origin>,
}

/// Where a model comes from.
enum Origin {
    Compiled { network: Network, sample: Vec<f32>, report: CompileReport },
    Folder(PathBuf),
}

/// A fixed-point run in the clear.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClearRun {
    /// The outputs, equal to those of a private run bit for bit.
    pub outputs: Vec<Output>,
    /// The outputs before a softmax that the network may end with, flat: what [`Network::run`] gives,
    /// rounded.
    pub before_softmax: Vec<Vec<f32>>,
    /// Where values left the range that the plan has room for, in execution order. If this is not empty, the
    /// outputs may mean nothing: calibrate with inputs like this one.
    pub overflows: Vec<Overflow>,
    /// The probability that the check of a private run would have told the client so; `None` if the plan
    /// checks nothing.
    pub noticed: Option<f64>,
    /// The largest part of a checked value's elements that left their range.
    pub flagged_part: f64,
}

/// Values of a layer outside the range that the plan has room for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overflow {
    /// The layer, or the input's name.
    pub layer: String,
    /// How many elements.
    pub elements: usize,
}

/// Its plan; no weights.
impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Model({:?})", self.plan)
    }
}

impl Model {
    pub(crate) fn compiled(
        plan: Plan,
        weights: Weights,
        report: CompileReport,
        network: Network,
        sample: Vec<f32>,
    ) -> Self {
        let origin = Arc::new(Origin::Compiled { network, sample, report });
        Self { plan, weights: Arc::new(weights), origin }
    }

    /// Loads plan and weights from the folder that [`Model::save`] or `veilflow compile` wrote: see
    /// [`folder`].
    ///
    /// # Errors
    /// [`Error::NoFolder`], [`Error::Missing`]; [`Error::ShareOnly`] for a folder with half of the weights;
    /// [`Error::Unusable`] for files that are damaged or do not belong together.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if !path.is_dir() {
            let remedy = "compile a model and save it there";
            return Err(Error::NoFolder { path: path.to_owned(), remedy });
        }
        let plan = Plan::load(path)?;
        if path.join(folder::WEIGHT_SHARE).exists() {
            return Err(Error::ShareOnly { path: path.to_owned() });
        }
        let file = path.join(folder::WEIGHTS);
        if !file.exists() {
            return Err(Error::Missing { path: file, remedy: "is the folder a client's copy?" });
        }
        let weights = Weights::load(plan.ir(), &file);
        let weights =
            weights.map_err(|e| Error::Unusable { what: "weights", path: file, source: e.into() })?;
        Ok(Self { plan, weights: Arc::new(weights), origin: Arc::new(Origin::Folder(path.to_owned())) })
    }

    /// Writes the folder `path`: the public plan, and the server's weights, float network and a calibration
    /// sample, readable by their owner alone. Of a loaded model, the network and the sample are copied if
    /// they are there.
    ///
    /// # Errors
    /// [`Error::MakeFolder`], [`Error::Write`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        folder::make(path)?;
        self.plan.save(path.join(folder::PLAN))?;
        let file = path.join(folder::WEIGHTS);
        self.weights.save(&file).map_err(|e| folder::not_written(&file, e))?;
        match &*self.origin {
            Origin::Compiled { network, sample, .. } => {
                network.save(path)?;
                // A sample of several inputs has no one shape.
                if let [input] = &self.plan.inputs()[..] {
                    folder::write(&path.join(folder::SAMPLE), &write_npy(sample, &input.shape)?)?;
                }
            }
            Origin::Folder(from) => {
                crate::format::Origin::copy(from, path)?;
                for name in [folder::IMPORT, folder::SAMPLE] {
                    let (from, to) = (from.join(name), path.join(name));
                    if from.exists() && !to.exists() {
                        let bytes = std::fs::read(&from);
                        folder::write(&to, &bytes.map_err(|source| Error::Read { path: from, source })?)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The public part, for clients.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What compilation saw; `None` of a model that was loaded.
    pub fn compile_report(&self) -> Option<&CompileReport> {
        match &*self.origin {
            Origin::Compiled { report, .. } => Some(report),
            Origin::Folder(_) => None,
        }
    }

    /// The float network that it was compiled from.
    ///
    /// # Errors
    /// Those of [`Network::open`] if the model was loaded from a folder without it.
    pub fn network(&self) -> Result<Network> {
        match &*self.origin {
            Origin::Compiled { network, .. } => Ok(network.clone()),
            Origin::Folder(path) => Network::load(path),
        }
    }

    /// Runs the model on a sample without any secrecy, exactly as the parties would run it privately.
    ///
    /// # Errors
    /// [`Error::SampleLength`].
    pub fn run(&self, sample: &[f32]) -> Result<ClearRun> {
        let plan = self.plan.ir();
        let run = clear::run(plan, &self.weights, &tensors(&self.plan.inputs(), sample)?)
            .map_err(Error::in_passes)?;
        let overflow = |o: &clear::Overflow| Overflow { layer: o.layer.clone(), elements: o.elements };
        Ok(ClearRun {
            outputs: outputs(plan, &run.outputs),
            before_softmax: run.decode(plan),
            overflows: run.overflows.iter().map(overflow).collect(),
            noticed: (!plan.checks.ranges.is_empty()).then(|| run.noticed(plan)),
            flagged_part: run.flagged_part(plan),
        })
    }

    pub(crate) fn weights(&self) -> &Arc<Weights> {
        &self.weights
    }
}
