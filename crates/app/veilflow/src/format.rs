//! The formats of float networks, and the files that hold them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use veilflow_import_onnx::external_files;
use veilflow_import_tf::Imported;
use veilflow_ir::Graph;
use veilflow_lowering::{ImportError, ImportOptions};

use crate::{Error, Result, folder};

/// A format of float networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Onnx,
    /// A TensorFlow graph frozen into one file.
    Frozen,
    /// A folder with a graph and its variables.
    SavedModel,
    Tflite,
}

impl Format {
    const ALL: [Self; 4] = [Self::Onnx, Self::Frozen, Self::SavedModel, Self::Tflite];

    /// The format of what lies at `path`.
    pub(crate) fn of(path: &Path) -> Self {
        let saved = path.file_name().is_some_and(|name| name == veilflow_import_tf::SAVED_MODEL);
        match path.extension().and_then(|e| e.to_str()) {
            _ if path.is_dir() || saved => Self::SavedModel,
            Some("pb") => Self::Frozen,
            Some("tflite") => Self::Tflite,
            _ => Self::Onnx,
        }
    }

    /// What a network of this format is called in a model's folder.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Onnx => folder::NETWORK,
            Self::Frozen => "model.pb",
            Self::SavedModel => "saved_model",
            Self::Tflite => "model.tflite",
        }
    }

    /// The network in a model's folder; the name of an ONNX file if there is none.
    pub(crate) fn in_folder(folder: &Path) -> PathBuf {
        let there = Self::ALL.iter().map(|format| folder.join(format.name())).find(|path| path.exists());
        there.unwrap_or_else(|| folder.join(folder::NETWORK))
    }
}

/// What a network was read from.
#[derive(Clone)]
pub(crate) enum Origin {
    File(Format, Arc<[u8]>),
    Folder(PathBuf),
}

impl Origin {
    /// Reads the file at `path`, or takes note of the folder.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Ok(match Format::of(path) {
            Format::SavedModel => Self::Folder(path.to_owned()),
            format => Self::File(format, folder::read_network(path)?.into()),
        })
    }

    /// Copies the network of a model's folder to another, unless there is none or the other has one.
    pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
        let network = Format::in_folder(from);
        if !network.exists() || Format::in_folder(to).exists() {
            return Ok(());
        }
        Self::open(&network)?.save(to, Some(from))
    }

    pub(crate) fn format(&self) -> Format {
        match self {
            Self::File(format, _) => *format,
            Self::Folder(_) => Format::SavedModel,
        }
    }

    /// The graph, and sentences on what was left out of it.
    pub(crate) fn import(
        &self,
        options: &ImportOptions,
    ) -> std::result::Result<(Graph, Vec<String>), ImportError> {
        let both = |Imported { graph, notes, .. }: Imported| (graph, notes);
        match self {
            Self::File(Format::Frozen, bytes) => veilflow_import_tf::import_frozen(bytes, options).map(both),
            Self::Folder(folder) => veilflow_import_tf::import(folder, options).map(both),
            Self::File(Format::Tflite, bytes) => {
                Ok((veilflow_import_tflite::import_bytes(bytes, options)?, Vec::new()))
            }
            Self::File(_, bytes) => {
                let graph = veilflow_import_onnx::import_bytes_with(bytes, options)?;
                Ok((graph, Vec::new()))
            }
        }
    }

    /// Writes the network to a model's folder. Files beside it lie in `beside`.
    pub(crate) fn save(&self, folder: &Path, beside: Option<&Path>) -> Result<()> {
        let to = folder.join(self.format().name());
        // A network that was compiled into this folder before, from another format, is no longer the model's.
        for other in Format::ALL.iter().filter(|&&other| other != self.format()) {
            let old = folder.join(other.name());
            let removed = if old.is_dir() { fs::remove_dir_all(&old) } else { fs::remove_file(&old) };
            match removed {
                Err(source) if source.kind() != ErrorKind::NotFound => {
                    return Err(Error::Write { path: old, source });
                }
                _ => {}
            }
        }
        match self {
            Self::File(format, bytes) => {
                folder::write(&to, bytes)?;
                let (Format::Onnx, Some(from)) = (format, beside) else { return Ok(()) };
                for name in external_files(bytes).map_err(|e| Error::Compile(e.into()))? {
                    copy(&from.join(&name), &folder.join(&name))?;
                }
                Ok(())
            }
            Self::Folder(from) => {
                if from.canonicalize().ok() == to.canonicalize().ok() && to.exists() {
                    return Ok(());
                }
                let from = if from.is_dir() { from.as_path() } else { from.parent().unwrap_or(from) };
                copy(&from.join(veilflow_import_tf::SAVED_MODEL), &to.join(veilflow_import_tf::SAVED_MODEL))?;
                let variables = from.join("variables");
                let Ok(entries) = fs::read_dir(&variables) else { return Ok(()) };
                for entry in entries {
                    let entry = entry.map_err(|source| Error::Read { path: variables.clone(), source })?;
                    copy(&entry.path(), &to.join("variables").join(entry.file_name()))?;
                }
                Ok(())
            }
        }
    }
}

/// Copies a file, readable by its owner alone, and makes the folders above the copy.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        folder::make(folder)?;
    }
    let bytes = fs::read(from).map_err(|source| Error::Read { path: from.to_owned(), source })?;
    folder::write(to, &bytes)
}
