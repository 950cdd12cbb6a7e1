//! The public part of a compiled model.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use veilflow_data::{Preprocessing, Samples, load, picture};
use veilflow_passes::clear;
use veilflow_ring::RingVec;

use crate::tensor::{only, specs, tensors};
use crate::{Error, OutOfRange, PlanSettings, Result, Supplier, TensorInfo, folder};

/// The public program of a compiled model: architecture, widths and scales, no weights. Both parties run it;
/// the owner of the model gives it to clients, as a file or otherwise.
///
/// A *sample* for it is flat: the elements of its inputs, one input after another, each in row-major order.
///
/// ```
/// use veilflow::{Plan, demo};
///
/// let plan = demo::model()?.plan().clone();
/// let folder = tempfile::tempdir()?;
/// plan.save(folder.path().join("plan.vfp"))?;
/// assert_eq!(Plan::load(folder.path().join("plan.vfp"))?.hash(), plan.hash());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Plan(Arc<veilflow_ir::Plan>);

/// Its name and the beginning of its hash.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plan({}, {})", self.name(), &self.hash()[..16])
    }
}

impl Plan {
    pub(crate) fn new(plan: veilflow_ir::Plan) -> Self {
        Self(Arc::new(plan))
    }

    pub(crate) fn ir(&self) -> &veilflow_ir::Plan {
        &self.0
    }

    /// Reads and verifies the plan file at `path`, or the one in the folder `path`.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::Unusable`] for a file that is damaged or breaks a rule of plans.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let path = if path.is_dir() { path.join(folder::PLAN) } else { path.to_owned() };
        if !path.exists() {
            return Err(Error::Missing { path, remedy: "compile a model to have it made" });
        }
        let plan = veilflow_ir::Plan::load(&path);
        let plan = plan.map_err(|e| Error::Unusable { what: "plan", path, source: e.into() })?;
        Ok(Self::new(plan))
    }

    /// Writes the plan file; a reader sees the old file or the new one, never half.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.0.save(path).map_err(|e| folder::not_written(path, e))
    }

    /// The bytes of the plan file, to be sent to a client or kept in a database.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.encode()
    }

    /// Reads and verifies a plan file from memory, whoever it comes from.
    ///
    /// # Errors
    /// [`Error::Unusable`] for bytes that are damaged or break a rule of plans.
    pub fn from_bytes(file: &[u8]) -> Result<Self> {
        let plan = veilflow_ir::Plan::decode(file);
        let refused = |e: veilflow_ir::IrError| Error::Unusable {
            what: "plan",
            path: "in memory".into(),
            source: e.into(),
        };
        Ok(Self::new(plan.map_err(refused)?))
    }

    /// The network's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What identifies it, 64 hexadecimal digits: the parties of a session compare it.
    pub fn hash(&self) -> String {
        self.0.hash().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The words that say how pictures and bytes become inputs; empty if nothing was said.
    pub fn preprocessing(&self) -> &str {
        &self.0.preprocessing
    }

    /// Its inputs, in order.
    pub fn inputs(&self) -> Vec<TensorInfo> {
        let inputs = self.0.inputs.iter();
        inputs
            .map(|input| {
                TensorInfo::new(&input.name, &self.0.values[input.value].shape).one_hot(input.one_hot)
            })
            .collect()
    }

    /// Its outputs, in order.
    pub fn outputs(&self) -> Vec<TensorInfo> {
        let outputs = self.0.outputs.iter();
        outputs.map(|output| TensorInfo::new(&output.name, &self.0.values[output.value].shape)).collect()
    }

    /// How scales and widths were chosen.
    pub fn settings(&self) -> &PlanSettings {
        &self.0.settings
    }

    /// The number of its operations.
    pub fn nodes(&self) -> usize {
        self.0.nodes.len()
    }

    /// The number of weights and biases that its owner holds.
    pub fn parameters(&self) -> usize {
        self.0.parameters().iter().map(|p| p.weights + p.bias).sum()
    }

    /// Multiplications of all linear layers.
    pub fn multiplications(&self) -> u64 {
        self.0.multiplications()
    }

    /// The least and the largest width of its tensors, in bits.
    pub fn widths(&self) -> (u32, u32) {
        self.0.widths()
    }

    /// Whether this supplier can make what a run takes.
    ///
    /// # Errors
    /// [`Error::BeyondSupplier`] with the first layer that it cannot do, and why.
    pub fn check(&self, supplier: Supplier) -> Result<()> {
        let checked = supplier.kind().check(&self.0);
        checked.map_err(|e| Error::BeyondSupplier { supplier, source: e.into() })
    }

    /// Reads every sample in the file or folder `path`: npy, npz (arrays by the names of its inputs; of
    /// one input also `x`, or `input_0`, `input_1`, ...), png, jpeg, or a folder of pictures. Pictures and
    /// bytes are preprocessed as the plan says; other numbers are taken as they are.
    ///
    /// # Errors
    /// [`Error::Data`] for files that do not fit.
    pub fn read_samples(&self, path: impl AsRef<Path>) -> Result<Samples> {
        self.read_samples_as(path, &self.0.preprocessing.parse()?)
    }

    /// As [`Plan::read_samples`], preprocessed as `preprocessing` says.
    ///
    /// # Errors
    /// Those of [`Plan::read_samples`].
    pub fn read_samples_as(&self, path: impl AsRef<Path>, preprocessing: &Preprocessing) -> Result<Samples> {
        Ok(load(path, &specs(&self.inputs()), preprocessing)?)
    }

    /// A picture, the bytes of a png or jpeg file, as a sample: preprocessed as the plan says.
    ///
    /// ```
    /// use veilflow::demo;
    ///
    /// let plan = demo::model()?.plan().clone();
    /// assert_eq!(plan.picture(demo::PICTURES[7])?.len(), 28 * 28);
    /// # veilflow::Result::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`Error::SeveralInputs`] for a network with more than one; [`Error::Data`] for bytes that are no
    /// picture or do not fit.
    pub fn picture(&self, file: &[u8]) -> Result<Vec<f32>> {
        Ok(picture(file, &only(&self.inputs())?.shape, &self.0.preprocessing.parse()?)?)
    }

    /// Whether a sample is one that the plan has room for.
    ///
    /// ```
    /// use veilflow::{Error, demo};
    ///
    /// let plan = demo::model()?.plan().clone();
    /// plan.check_sample(&demo::digit(7)?)?;
    /// let refused = plan.check_sample(&vec![1e6; 28 * 28]);
    /// assert!(matches!(refused, Err(Error::OutOfRange { outside: 784, elements: 784, .. })));
    /// # veilflow::Result::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`Error::OutOfRange`] with the first input that has elements beyond its range;
    /// [`Error::SampleLength`].
    pub fn check_sample(&self, sample: &[f32]) -> Result<()> {
        self.encode(sample, OutOfRange::Refuse).map(|_| ())
    }

    /// A sample as integers, and how many elements were limited to what the plan has room for.
    pub(crate) fn encode(&self, sample: &[f32], out_of_range: OutOfRange) -> Result<(usize, Vec<RingVec>)> {
        let encoded = clear::encode(&self.0, &tensors(&self.inputs(), sample)?).map_err(Error::in_passes)?;
        if let (OutOfRange::Refuse, Some((encoded, input))) =
            (out_of_range, encoded.iter().zip(&self.0.inputs).find(|(encoded, _)| encoded.outside > 0))
        {
            return Err(Error::OutOfRange {
                input: input.name.clone(),
                outside: encoded.outside,
                elements: encoded.values.len(),
                limit: self.0.values[input.value].limit(),
            });
        }
        let outside = encoded.iter().map(|e| e.outside).sum();
        Ok((outside, encoded.into_iter().map(|e| e.values).collect()))
    }
}
