//! What can go wrong.

use thiserror::Error;
use veilflow_net::NetError;

use crate::Kind;

/// What can go wrong with correlations.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CorrelationError {
    /// More was taken than was supplied: the demand was planned wrongly, or a pool is used twice.
    #[error("{wanted} {kind} are needed and {available} are left: supply an operation's whole demand first")]
    Exhausted {
        /// The pool.
        kind: Kind,
        /// What was asked for.
        wanted: usize,
        /// What was left.
        available: usize,
    },
    /// No pair was prepared for this linear layer.
    #[error("there is no pair for linear layer {layer}: supply one for each run of the layer")]
    NoLinearPair {
        /// The layer's number in the plan.
        layer: usize,
    },
    /// A pair does not have the lengths or the ring of the layer that takes it.
    #[error(
        "the pair for linear layer {layer} has not the layer's shape and ring: make it from the same plan"
    )]
    LinearPairShape {
        /// The layer's number in the plan.
        layer: usize,
    },
    /// Weights came from a party that should have none, or not from the party that should have them, or do
    /// not fit.
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
