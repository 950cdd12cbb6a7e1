//! How far outputs are from what they should be.

use anyhow::{Context, Result};
use veilflow_data::NamedArray;
use veilflow_ir::Tensor;
use veilflow_passes::float;

/// How far the output that is furthest off is.
#[derive(Default)]
pub struct Difference {
    /// Root mean square, as a part of the spread that it should have.
    pub relative: f64,
    /// The largest of an element.
    pub largest: f64,
}

/// The difference of runs from what they should give. Outputs are in the order of the arrays, unless shapes
/// say that it is another: then each is the array of its size that is nearest.
///
/// # Errors
/// If an output has no array of its size.
pub fn difference(runs: &[Vec<Tensor>], soft: &[bool], wanted: &[NamedArray]) -> Result<Difference> {
    let mut worst = Difference::default();
    let outputs: Vec<Vec<f32>> = (0..soft.len())
        .map(|i| {
            let finished = |t: &Tensor| if soft[i] { float::softmax(t) } else { t.clone() };
            runs.iter().flat_map(|run| finished(&run[i]).into_data()).collect()
        })
        .collect();
    let in_order = (0..outputs.len())
        .all(|i| wanted.get(i).is_some_and(|w| w.values.len() == outputs[i].len()))
        && wanted.iter().all(|array| array.name.starts_with("out_"));
    for (i, output) in outputs.iter().enumerate() {
        let named = wanted.iter().find(|w| w.name == format!("out_{i}")).filter(|_| in_order);
        let sized = wanted.iter().filter(|w| w.values.len() == output.len());
        let one = match named {
            Some(wanted) => of(output, wanted),
            None => {
                let each = sized.map(|wanted| of(output, wanted));
                let nearest = each.min_by(|a, b| a.relative.total_cmp(&b.relative));
                nearest
                    .with_context(|| format!("output {i} has {} elements, as no array has", output.len()))?
            }
        };
        worst.relative = worst.relative.max(one.relative);
        worst.largest = worst.largest.max(one.largest);
    }
    Ok(worst)
}

fn of(values: &[f32], wanted: &NamedArray) -> Difference {
    let mean = wanted.values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
    let (mut error, mut spread, mut largest) = (0.0, 0.0, 0.0f64);
    for (&a, &b) in values.iter().zip(&wanted.values) {
        error += f64::from(a - b).powi(2);
        largest = largest.max(f64::from(a - b).abs());
        spread += (f64::from(b) - mean).powi(2);
    }
    Difference { relative: (error / spread.max(1e-12)).sqrt(), largest }
}
