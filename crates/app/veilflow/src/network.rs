//! The float network, as an exporter wrote it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use veilflow_data::{Preprocessing, Samples, load};
use veilflow_ir::Graph;
use veilflow_lowering::{ImportError, ImportOptions};
use veilflow_passes::float;

use crate::format::{Format, Origin};
use crate::tensor::{specs, tensors};
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
    origin: Origin,
    options: Arc<ImportOptions>,
    notes: Arc<[String]>,
}

/// Names and shapes, no weights.
impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("inputs", &self.inputs()).finish_non_exhaustive()
    }
}

impl Network {
    /// Reads the model at `path`: an ONNX file, the folder of a TensorFlow SavedModel, a frozen TensorFlow
    /// graph (`.pb`), or a TFLite model (`.tflite`). docs/onnx.md and docs/tensorflow.md of the repository
    /// list what is supported.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Import`] with the nodes at fault.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, &ImportOptions::default())
    }

    /// As [`open`](Self::open), with sizes that the file leaves open, and inputs that are public. Tensors
    /// that lie in files of their own are read from the file's folder.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, options: &ImportOptions) -> Result<Self> {
        let path = path.as_ref();
        let mut options = options.clone();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        options.folder.get_or_insert_with(|| folder.to_owned());
        Self::import(Origin::open(path)?, options, || path.display().to_string())
    }

    /// Reads an ONNX file from memory.
    ///
    /// # Errors
    /// [`Error::Import`] with the nodes at fault.
    pub fn from_onnx(file: &[u8]) -> Result<Self> {
        Self::from_onnx_with(file, &ImportOptions::default())
    }

    /// As [`from_onnx`](Self::from_onnx), with what is known beyond the file.
    ///
    /// ```
    /// use veilflow::{ImportOptions, Network, demo};
    ///
    /// let mut options = ImportOptions::default();
    /// options.dims.insert("time".into(), 100);
    /// let error = Network::from_onnx_with(demo::ONNX, &options).unwrap_err();
    /// assert!(format!("{error:?}").contains("no dimension `time` open"));
    /// ```
    ///
    /// # Errors
    /// Those of [`from_onnx`](Self::from_onnx).
    pub fn from_onnx_with(file: &[u8], options: &ImportOptions) -> Result<Self> {
        let origin = Origin::File(Format::Onnx, file.into());
        Self::import(origin, options.clone(), || "the model".to_owned())
    }

    fn import(origin: Origin, options: ImportOptions, name: impl FnOnce() -> String) -> Result<Self> {
        let refused = |e: ImportError| Error::Import { name: name(), source: e.into() };
        let (graph, notes) = origin.import(&options).map_err(refused)?;
        Ok(Self { graph: Arc::new(graph), origin, options: Arc::new(options), notes: notes.into() })
    }

    /// Reads the network of a model's folder, as it was imported when it was compiled.
    pub(crate) fn load(folder: &Path) -> Result<Self> {
        let file = folder.join(folder::IMPORT);
        let options = if file.exists() {
            let read = std::fs::read(&file).map_err(|source| Error::Read { path: file.clone(), source })?;
            let what = "import options";
            let options = serde_json::from_slice(&read);
            options.map_err(|e| Error::Unusable { what, path: file, source: e.into() })?
        } else {
            ImportOptions::default()
        };
        Self::open_with(Format::in_folder(folder), &options)
    }

    /// Writes the network to a model's folder: its files, and what import was told.
    pub(crate) fn save(&self, folder: &Path) -> Result<()> {
        self.origin.save(folder, self.options.folder.as_deref())?;
        let options = serde_json::to_vec_pretty(&*self.options).map_err(|e| Error::Compile(e.into()))?;
        folder::write(&folder.join(folder::IMPORT), &options)
    }

    /// What its owner should know of how it was read, such as where the private graph begins.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What its file or folder is called in a compiled model's folder.
    pub fn file_name(&self) -> &'static str {
        self.origin.format().name()
    }

    /// Its inputs, in order.
    pub fn inputs(&self) -> Vec<TensorInfo> {
        let info = |&id| {
            let info = TensorInfo::new(&self.graph.value(id).name, self.graph.shape(id));
            info.one_hot(self.graph.is_one_hot(id))
        };
        self.graph.inputs().iter().map(info).collect()
    }

    /// Reads every sample in the file or folder `path`: npy, npz (arrays by the names of its inputs; of one
    /// input also `x` with labels `y`, or `input_0`, `input_1`, ...), png, jpeg, or a folder of pictures.
    /// Pictures and bytes are preprocessed; other numbers are taken as they are.
    ///
    /// # Errors
    /// [`Error::Data`] for files that do not fit.
    pub fn read_samples(&self, path: impl AsRef<Path>, preprocessing: &Preprocessing) -> Result<Samples> {
        Ok(load(path, &specs(&self.inputs()), preprocessing)?)
    }

    /// Its outputs for a sample, in f32 and in the clear: flat vectors, before a softmax that the network
    /// may end with. This is what a compiled model approximates.
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
}
