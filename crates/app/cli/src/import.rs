//! Flags about the float network: sizes that its file leaves open, and inputs that are public.

use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result};
use clap::Args;
use veilflow::{ImportOptions, Network};

/// Sizes that the file leaves open, and inputs that are public.
#[derive(Debug, Clone, Args)]
pub(crate) struct ImportFlags {
    /// The size of a dimension that the file leaves open, by its symbol, as in `time=100`.
    #[arg(long = "dim", value_name = "NAME=SIZE", value_parser = size)]
    dims: Vec<(String, usize)>,
    /// The batch, where the file leaves it open.
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Make an input public, with this value in every run: a number, numbers between commas, or `@FILE` with
    /// a serialised TensorProto. As in `sr=16000`.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// How many values an input of integers may take, where no table of the model tells, as in `ids=256`.
    #[arg(long = "classes", value_name = "NAME=N", value_parser = size)]
    classes: Vec<(String, usize)>,
    /// The signature of a SavedModel or TFLite model.
    #[arg(long, value_name = "NAME")]
    signature: Option<String>,
    /// An output of a TensorFlow model that is wanted, by name; without it all are.
    #[arg(long = "output-name", value_name = "NAME")]
    outputs: Vec<String>,
}

/// Reads a `NAME=VALUE`.
fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("there is no `=`")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Reads a `NAME=SIZE`.
fn size(text: &str) -> Result<(String, usize), String> {
    let (name, value) = pair(text)?;
    match usize::from_str(&value) {
        Ok(size @ 1..) => Ok((name, size)),
        _ => Err(format!("`{value}` is no positive whole number")),
    }
}

impl ImportFlags {
    /// The float network in a file or folder.
    pub(crate) fn open(&self, file: &Path) -> Result<Network> {
        let mut options = ImportOptions::default();
        options.dims = self.dims.iter().cloned().collect();
        options.classes = self.classes.iter().cloned().collect();
        options.batch = self.batch;
        options.signature.clone_from(&self.signature);
        options.outputs.clone_from(&self.outputs);
        for (name, value) in &self.set {
            match value.strip_prefix('@') {
                Some(path) => {
                    let bytes = std::fs::read(path).with_context(|| format!("cannot read {path}"))?;
                    options.set_tensor(name, &bytes)?;
                }
                None => options.set_text(name, value)?,
            }
        }
        Ok(Network::open_with(file, &options)?)
    }
}
