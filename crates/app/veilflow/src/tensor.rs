//! Inputs and outputs of a network, as flat vectors.

use std::fmt;

use serde::{Deserialize, Serialize};
use veilflow_data::InputSpec;
use veilflow_ir::{Shape, Tensor};

use crate::{Error, Result};

/// An input or an output of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorInfo {
    /// Its name in the original network.
    pub name: String,
    /// Its dimensions, outermost first, such as `[1, 3, 224, 224]`.
    pub shape: Vec<usize>,
    /// Whether it holds indices, each as a row along the last dimension: a one in its place, and zeros. Files
    /// of samples hold the indices.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one_hot: bool,
}

impl TensorInfo {
    pub(crate) fn new(name: &str, shape: &Shape) -> Self {
        Self { name: name.to_owned(), shape: shape.to_vec(), one_hot: false }
    }

    pub(crate) fn one_hot(self, one_hot: bool) -> Self {
        Self { one_hot, ..self }
    }

    /// The number of its elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// As `image 1x1x28x28`.
impl fmt::Display for TensorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let mut dimensions = self.shape.iter().enumerate();
        dimensions.try_for_each(|(i, d)| write!(f, "{}{d}", if i == 0 { ' ' } else { 'x' }))
    }
}

/// What files of samples are read for.
pub(crate) fn specs(inputs: &[TensorInfo]) -> Vec<InputSpec<'_>> {
    inputs
        .iter()
        .map(|input| {
            let spec = InputSpec::new(&input.name, &input.shape);
            if input.one_hot { spec.one_hot() } else { spec }
        })
        .collect()
}

/// The only input; pictures are read for networks with one.
pub(crate) fn only(inputs: &[TensorInfo]) -> Result<&TensorInfo> {
    match inputs {
        [input] => Ok(input),
        _ => Err(Error::SeveralInputs { inputs: inputs.len() }),
    }
}

/// Cuts a sample into the network's inputs.
pub(crate) fn tensors(inputs: &[TensorInfo], sample: &[f32]) -> Result<Vec<Tensor>> {
    let expected = inputs.iter().map(TensorInfo::elements).sum();
    if sample.len() != expected {
        let inputs: Vec<String> = inputs.iter().map(TensorInfo::to_string).collect();
        return Err(Error::SampleLength { expected, actual: sample.len(), inputs: inputs.join(", ") });
    }
    let mut rest = sample;
    let mut take = |input: &TensorInfo| {
        let (values, after) = rest.split_at(input.elements());
        rest = after;
        let shape = Shape::new(input.shape.clone());
        shape.and_then(|shape| Tensor::new(shape, values.to_vec())).map_err(|e| Error::Compile(e.into()))
    };
    inputs.iter().map(&mut take).collect()
}
