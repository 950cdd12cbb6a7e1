use thiserror::Error;
use veilflow_net::NetError;

use crate::Kind;

/// What can go wrong with correlations.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CorrelationError {
    /// More was taken than was supplied: the demand was planned wrongly, or a pool is used twice.
    #[error("pool of {kind} is exhausted: {wanted} wanted, {available} available")]
    Exhausted {
        /// The pool.
        kind: Kind,
        /// What was asked for.
        wanted: usize,
        /// What was left.
        available: usize,
    },
    /// No pair was prepared for this linear layer.
    #[error("no linear-layer pair is available for layer {layer}")]
    NoLinearPair {
        /// The layer's number in the plan.
        layer: usize,
    },
    /// A pair does not have the lengths or the ring of the layer that takes it.
    #[error("the linear-layer pair for layer {layer} does not fit the layer")]
    LinearPairShape {
        /// The layer's number in the plan.
        layer: usize,
    },
    /// Weights were passed by the party that has none, or withheld by the one that has them, or do not fit.
    #[error("the weights of layer {layer} do not fit: {reason}")]
    Weights {
        /// The layer's number in the plan.
        layer: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A kind that the supplier does not make.
    #[error("the {supplier} supplier makes no {kind}")]
    Unsupported {
        /// The supplier's name.
        supplier: &'static str,
        /// What was asked for.
        kind: Kind,
    },
    /// The channel failed.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The supplier's own protocol failed.
    #[error("the {supplier} supplier failed")]
    Supplier {
        /// The supplier's name.
        supplier: &'static str,
        /// Its error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
