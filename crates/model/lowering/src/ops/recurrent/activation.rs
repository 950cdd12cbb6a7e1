//! The activations of gates and states.

use veilflow_ir::{Function, Op, ValueId};

use super::super::activation::{exponential, signed, soft};
use crate::error::{Refusal, Result};
use crate::lowering::Lowering;

/// An activation, with the numbers α and β that some have.
#[derive(Clone, Copy)]
pub(super) enum Activation {
    Function(Function),
    Relu,
    Affine(f32, f32),
    LeakyRelu(f32),
    ThresholdedRelu(f32),
    ScaledTanh(f32, f32),
    HardSigmoid(f32, f32),
    Elu(f32),
    Softsign,
    Softplus,
}

/// The numbers that a node gives its activations, in the order of those that have them.
pub(super) struct Numbers {
    alpha: std::vec::IntoIter<f32>,
    beta: std::vec::IntoIter<f32>,
}

impl Numbers {
    pub(super) fn read(node: &mut Lowering<'_>) -> Result<Self, Refusal> {
        let mut list = |name| node.attributes.floats(name).map(|list| list.unwrap_or_default().into_iter());
        Ok(Self { alpha: list("activation_alpha")?, beta: list("activation_beta")? })
    }
}

impl Activation {
    /// An activation by the name that ONNX has for it.
    pub(super) fn named(name: &str, numbers: &mut Numbers) -> Result<Self, Refusal> {
        let mut alpha = |default| numbers.alpha.next().unwrap_or(default);
        let mut beta = |default| numbers.beta.next().unwrap_or(default);
        Ok(match name.to_ascii_lowercase().as_str() {
            "sigmoid" => Self::Function(Function::Sigmoid),
            "tanh" => Self::Function(Function::Tanh),
            "relu" => Self::Relu,
            "affine" => Self::Affine(alpha(1.0), beta(0.0)),
            "leakyrelu" => Self::LeakyRelu(alpha(0.01)),
            "thresholdedrelu" => Self::ThresholdedRelu(alpha(1.0)),
            "scaledtanh" => Self::ScaledTanh(alpha(1.0), beta(1.0)),
            "hardsigmoid" => Self::HardSigmoid(alpha(0.2), beta(0.5)),
            "elu" => Self::Elu(alpha(1.0)),
            "softsign" => Self::Softsign,
            "softplus" => Self::Softplus,
            _ => return Err(format!("activation `{name}` isn't supported").into()),
        })
    }

    /// The activation of every element of x, named by the suffix.
    pub(super) fn apply(self, node: &mut Lowering<'_>, suffix: &str, x: ValueId) -> Result<ValueId, Refusal> {
        match self {
            Self::Function(function) => node.step(suffix, Op::Apply { function }, &[x]),
            Self::Relu => node.step(suffix, Op::Relu, &[x]),
            Self::Affine(alpha, beta) => {
                let x = node.scaled(x, alpha)?;
                node.shifted(x, beta)
            }
            Self::LeakyRelu(alpha) => {
                // αx + (1 − α)·relu(x).
                let (slope, positive) = (node.scaled(x, alpha)?, node.relu(x)?);
                let rest = node.scaled(positive, 1.0 - alpha)?;
                node.add(slope, rest)
            }
            Self::ThresholdedRelu(alpha) => {
                let above = node.shifted(x, -alpha)?;
                let bit = node.positive(above)?;
                node.mul(bit, x)
            }
            Self::ScaledTanh(alpha, beta) => {
                let x = node.scaled(x, beta)?;
                let tanh = node.function(Function::Tanh, x)?;
                node.scaled(tanh, alpha)
            }
            Self::HardSigmoid(alpha, beta) => {
                let x = node.scaled(x, alpha)?;
                let x = node.shifted(x, beta)?;
                node.limited(x, 0.0, 1.0)
            }
            Self::Elu(alpha) => exponential(node, x, [alpha, 1.0, 1.0]),
            Self::Softsign => signed(node, x),
            Self::Softplus => soft(node, x),
        }
    }
}
