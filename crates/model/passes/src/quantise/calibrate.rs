//! What the calibration inputs make of every tensor.

use veilflow_ir::{Graph, Tensor, ValueId};

use super::channels;
use crate::error::{PassError, Result};
use crate::float;

/// One tensor over all calibration inputs, by channel.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// The largest magnitude.
    pub(super) largest: Vec<f32>,
    /// The mean.
    pub(super) mean: Vec<f64>,
}

impl Seen {
    /// The largest magnitude of all channels.
    pub(super) fn range(&self) -> f32 {
        self.largest.iter().copied().fold(0.0, f32::max)
    }

    fn add(&mut self, tensor: &Tensor, (count, stride): (usize, usize), weight: f64) {
        self.largest.resize(count, 0.0);
        self.mean.resize(count, 0.0);
        let share = weight * count as f64 / tensor.data().len() as f64;
        for (i, plane) in tensor.data().chunks(stride).enumerate() {
            let (largest, mean) = (&mut self.largest[i % count], &mut self.mean[i % count]);
            *largest = plane.iter().fold(*largest, |m, v| m.max(v.abs()));
            *mean += share * plane.iter().map(|&v| f64::from(v)).sum::<f64>();
        }
    }
}

/// Runs the calibration inputs, and returns what was seen of every graph value.
pub(super) fn calibrate(graph: &Graph, calibration: &[Vec<Tensor>]) -> Result<Vec<Seen>> {
    if calibration.is_empty() {
        return Err(PassError::NoCalibration);
    }
    let mut seen = vec![Seen::default(); graph.values().len()];
    let mut infinite: Option<ValueId> = None;
    for inputs in calibration {
        float::run_observed(graph, inputs, |id, tensor| {
            if !tensor.max_abs().is_finite() {
                infinite.get_or_insert(id);
            }
            seen[id.index()].add(tensor, channels::layout(graph, id), 1.0 / calibration.len() as f64);
        })?;
    }
    match infinite {
        Some(id) => Err(PassError::NotFinite { value: graph.value(id).name.clone() }),
        None => Ok(seen),
    }
}
