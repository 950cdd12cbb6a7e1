//! Samples from the file that a flag names.

use std::path::Path;

use anyhow::{Context, Result};
use veilflow::{Plan, Preprocessing, Samples};

/// The samples in `file`, preprocessed as `preprocess` says or else the plan.
pub(crate) fn read(plan: &Plan, file: &Path, preprocess: Option<&Preprocessing>) -> Result<Samples> {
    let preprocessing = match preprocess {
        Some(preprocessing) => preprocessing.clone(),
        None => plan
            .preprocessing()
            .parse()
            .context("the plan's preprocessing is not readable; state --preprocess")?,
    };
    Ok(plan.read_samples_as(file, &preprocessing)?)
}
