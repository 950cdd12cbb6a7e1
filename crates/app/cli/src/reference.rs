//! Outputs beside reference outputs.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use veilflow::TensorInfo;
use veilflow_data::{NamedArray, read_arrays};

/// Sums of squares over an output's elements.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Deviation {
    error: f64,
    spread: f64,
    size: f64,
    largest: f64,
}

impl Deviation {
    /// Of one output.
    pub(crate) fn of(wanted: &[f32], found: &[f32]) -> Self {
        let mut deviation = Self::default();
        deviation.add(wanted, found);
        deviation
    }

    /// Takes another output in.
    pub(crate) fn add(&mut self, wanted: &[f32], found: &[f32]) {
        let sum: f64 = wanted.iter().map(|&w| f64::from(w)).sum();
        // A single number has no spread but its size.
        let mean = if wanted.len() > 1 { sum / wanted.len() as f64 } else { 0.0 };
        for (&w, &f) in wanted.iter().zip(found) {
            let error = f64::from(w) - f64::from(f);
            self.error += error.powi(2);
            self.spread += (f64::from(w) - mean).powi(2);
            self.size += f64::from(w).powi(2);
            self.largest = self.largest.max(error.abs());
        }
    }

    /// The root mean square error as a part of the standard deviation.
    pub(crate) fn relative(self) -> f64 {
        let of = if self.spread > 0.0 { self.spread } else { self.size };
        if self.error == 0.0 { 0.0 } else { (self.error / of).sqrt() }
    }
}

/// How far an output is from its reference.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Compared {
    /// The output.
    pub(crate) name: String,
    /// The root mean square error as a part of the reference's standard deviation.
    pub(crate) relative_error: f64,
    /// The largest difference.
    pub(crate) largest_error: f64,
}

/// Reference outputs from a file.
pub(crate) struct Reference {
    /// For each output its elements, sample by sample.
    columns: Vec<(TensorInfo, Vec<f32>, Deviation)>,
}

impl Reference {
    /// Reads arrays by the names of the outputs, or `output_0`, ...; of one output also the only array.
    pub(crate) fn read(file: &Path, outputs: Vec<TensorInfo>) -> Result<Self> {
        let arrays = read_arrays(file)?;
        let mut columns = Vec::new();
        let count = outputs.len();
        for (i, info) in outputs.into_iter().enumerate() {
            let named = |name: &str| arrays.iter().find(|array| array.name == name);
            let only = if count == 1 && arrays.len() == 1 { arrays.first() } else { None };
            let array: &NamedArray =
                named(&info.name).or_else(|| named(&format!("output_{i}"))).or(only).with_context(|| {
                    let held: Vec<&str> = arrays.iter().map(|array| array.name.as_str()).collect();
                    format!("no array for output `{}`; the file holds `{}`", info.name, held.join("`, `"))
                })?;
            columns.push((info, array.values.clone(), Deviation::default()));
        }
        Ok(Self { columns })
    }

    /// Compares the outputs of sample `number` with it.
    pub(crate) fn compare(&mut self, number: usize, outputs: &[&[f32]]) -> Result<()> {
        for ((info, values, deviation), &found) in self.columns.iter_mut().zip(outputs) {
            let wanted = values.get(number * found.len()..(number + 1) * found.len());
            let Some(wanted) = wanted else {
                bail!("{} reference numbers for output `{}` are too few", values.len(), info.name);
            };
            deviation.add(wanted, found);
        }
        Ok(())
    }

    /// How far each output is off.
    pub(crate) fn compared(&self) -> Vec<Compared> {
        let each = self.columns.iter().map(|(info, _, deviation)| Compared {
            name: info.name.clone(),
            relative_error: deviation.relative(),
            largest_error: deviation.largest,
        });
        each.collect()
    }
}
