use thiserror::Error;
use veilflow_correlation::CorrelationError;
use veilflow_net::NetError;
use veilflow_online::OnlineError;

use crate::SupplierKind;

/// The result of running a plan.
pub type Result<T> = std::result::Result<T, ExecError>;

/// What can go wrong in a session.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExecError {
    /// The channel failed, the peer did, or the parties do not agree on what to run.
    #[error(transparent)]
    Net(#[from] NetError),
    /// Correlations could not be made or do not fit.
    #[error(transparent)]
    Correlation(#[from] CorrelationError),
    /// An online protocol failed.
    #[error(transparent)]
    Online(#[from] OnlineError),
    /// The operating system's randomness failed.
    #[error(transparent)]
    Randomness(#[from] veilflow_prim::PrimError),
    /// A supplier that does not exist.
    #[error("unknown supplier {name:?}: there is {known}")]
    UnknownSupplier {
        /// The name given.
        name: String,
        /// The names there are.
        known: &'static str,
    },
    /// A linear layer that the supplier cannot do.
    #[error(
        "layer {layer} ({weight_bits}-bit weights in a {ring_bits}-bit ring) is beyond the {supplier} supplier: {source}"
    )]
    Layer {
        /// The layer's name.
        layer: String,
        /// Width of its weights.
        weight_bits: u32,
        /// Width of its ring.
        ring_bits: u32,
        /// The supplier.
        supplier: SupplierKind,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Weights are shared, but the supplier makes pairs for a server's alone.
    #[error("secret-shared weights need --supplier helper, silent or ot, not {supplier}")]
    SharedWeights {
        /// The supplier.
        supplier: SupplierKind,
    },
    /// Correlations are to come from a helper, but there is no connection to one.
    #[error("the session has no connection to a helper")]
    NoHelper,
    /// The helper cannot be reached.
    #[error("the helper cannot be reached")]
    HelperUnreachable(#[source] NetError),
    /// The stock of prepared runs has ended.
    #[error("no further run was prepared")]
    StockClosed,
    /// The client wants more runs prepared than it uses.
    #[error("the client prepares further ahead than the {limit} runs allowed")]
    TooFarAhead {
        /// The most there may be.
        limit: usize,
    },
    /// The client says that it has no room for another prepared run, but has used up all there are.
    #[error("the client keeps waiting for room for a prepared run, but none is prepared")]
    IdleClient,
    /// Weights or input do not fit the plan.
    #[error("{what}")]
    Misfit {
        /// What does not fit what.
        what: String,
    },
}
