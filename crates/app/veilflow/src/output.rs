//! Results as numbers.

use serde::{Deserialize, Serialize};
use veilflow_ir::Plan;
use veilflow_ir::plan::Reveal;
use veilflow_ring::RingVec;

/// An output of a run, as whoever learns it reads it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Its name in the network.
    pub name: String,
    /// The integers that the run gave, signed: equal to those of the fixed-point run in the clear, bit for
    /// bit.
    pub integers: Vec<i64>,
    /// The numbers that they stand for, after the softmax if the network ends with one and all its elements
    /// are revealed. Of an arg-max the index.
    pub values: Vec<f32>,
    /// Where only the largest elements are revealed, in descending order, their places in the output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<Vec<usize>>,
    /// The index of the largest element, the first of equals.
    pub top: usize,
}

/// The outputs of a run of `plan`, in its order.
pub(crate) fn outputs(plan: &Plan, results: &[RingVec]) -> Vec<Output> {
    let outputs = plan.outputs.iter().zip(results).map(|(output, integers)| {
        let value = &plan.values[output.value];
        let (name, signed) = (output.name.clone(), integers.to_signed());
        match output.reveal {
            Reveal::Scores => {
                let decoded = value.decode(integers);
                let values = if output.softmax { softmax(&decoded) } else { decoded };
                Output { name, integers: signed, places: None, top: top(&values), values }
            }
            Reveal::TopK { of } => {
                let unit = (-f64::from(value.scale)).exp2();
                let largest = veilflow_spec::places(integers, of);
                let values = largest.iter().map(|&(_, v)| (v as f64 * unit) as f32).collect();
                let places: Vec<usize> = largest.iter().map(|&(place, _)| place).collect();
                let top = places.first().copied().unwrap_or_default();
                Output { name, integers: signed, values, places: Some(places), top }
            }
            Reveal::ArgMax => {
                let top = signed.first().map_or(0, |&index| index as usize);
                Output { name, values: value.decode(integers), integers: signed, places: None, top }
            }
        }
    });
    outputs.collect()
}

/// The index of the largest number, the first of equals.
fn top(values: &[f32]) -> usize {
    let larger = |best: usize, i: usize| if values[i] > values[best] { i } else { best };
    (0..values.len()).fold(0, larger)
}

fn softmax(values: &[f32]) -> Vec<f32> {
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = values.iter().map(|v| (v - largest).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_softmax_sums_to_one_and_keeps_the_order() {
        let powers = softmax(&[1000.0, 1001.0, 999.0]);
        assert!((powers.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{powers:?}");
        assert!((powers[1] / powers[0] - std::f32::consts::E).abs() < 1e-4, "{powers:?}");
        assert_eq!(top(&powers), 1);
        assert_eq!(top(&[2.0, 5.0, 5.0]), 1);
    }
}
