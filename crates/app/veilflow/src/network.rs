//! The float network, as an exporter wrote it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use veilflow_data::{Preprocessing, Samples, load};
use veilflow_ir::Graph;
use veilflow_passes::float;

use crate::tensor::{only, tensors};
use crate::{Error, Result, TensorInfo, folder};

/// A float network: what [`compile`](crate::compile) takes. It holds the weights, so it is their owner's
/// alone.
///
/// A *sample* for it is flat: the elements of its inputs, one input after another, each in row-major order.
///
/// ```
/// use veilflow::{Network, demo};
///
/// let network = Network::from_onnx(demo::ONNX)?;
/// assert_eq!(network.inputs()[0].to_string(), "image 1x1x28x28");
/// let logits = network.run(&demo::digit(7)?)?.swap_remove(0);
/// assert_eq!(logits.len(), 10);
/// # veilflow::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct Network {
    graph: Arc<Graph>,
    onnx: Arc<[u8]>,
}

/// Names and shapes, no weights.
impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("inputs", &self.inputs()).finish_non_exhaustive()
    }
}

impl Network {
    /// Reads the ONNX file at `path`. docs/onnx.md of the repository lists what is supported: convolutional
    /// and recurrent networks with weights of type f32 inside the file.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Import`] with the node at fault.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::import(&folder::read_network(path)?, || path.display().to_string())
    }

    /// Reads an ONNX file from memory.
    ///
    /// # Errors
    /// [`Error::Import`] with the node at fault.
    pub fn from_onnx(file: &[u8]) -> Result<Self> {
        Self::import(file, || "the model".to_owned())
    }

    fn import(onnx: &[u8], name: impl FnOnce() -> String) -> Result<Self> {
        let refused = |e: veilflow_import_onnx::ImportError| Error::Import { name: name(), source: e.into() };
        let graph = Arc::new(veilflow_import_onnx::import_bytes(onnx).map_err(refused)?);
        Ok(Self { graph, onnx: onnx.into() })
    }

    /// Its inputs, in order.
    pub fn inputs(&self) -> Vec<TensorInfo> {
        let info = |&id| TensorInfo::new(&self.graph.value(id).name, self.graph.shape(id));
        self.graph.inputs().iter().map(info).collect()
    }

    /// Reads every sample in the file or folder `path`: npy, npz (`x` with labels `y`, or `input_0`,
    /// `input_1`, ...), png, jpeg, or a folder of pictures. Arrays of floats are taken as they are; pictures
    /// and bytes are preprocessed.
    ///
    /// # Errors
    /// [`Error::SeveralInputs`] for a network with more than one; [`Error::Data`] for files that do not fit.
    pub fn read_samples(&self, path: impl AsRef<Path>, preprocessing: &Preprocessing) -> Result<Samples> {
        Ok(load(path, &only(&self.inputs())?.shape, preprocessing)?)
    }

    /// Its outputs for a sample, in f32 and in the clear: flat vectors, before a softmax that the network may
    /// end with. This is what a compiled model approximates.
    ///
    /// # Errors
    /// [`Error::SampleLength`].
    pub fn run(&self, sample: &[f32]) -> Result<Vec<Vec<f32>>> {
        let outputs = float::run(&self.graph, &tensors(&self.inputs(), sample)?).map_err(Error::in_passes)?;
        Ok(outputs.into_iter().map(veilflow_ir::Tensor::into_data).collect())
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn onnx(&self) -> &[u8] {
        &self.onnx
    }
}
