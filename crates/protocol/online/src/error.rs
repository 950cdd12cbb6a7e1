use thiserror::Error;
use veilflow_correlation::CorrelationError;
use veilflow_net::NetError;
use veilflow_ring::WidthError;

/// The result of an online protocol.
pub type Result<T> = std::result::Result<T, OnlineError>;

/// What can go wrong in an online protocol.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OnlineError {
    /// The channel failed, or the peer did.
    #[error(transparent)]
    Net(#[from] NetError),
    /// Correlations are missing or do not fit.
    #[error(transparent)]
    Correlation(#[from] CorrelationError),
    /// A width is outside 1..=64 bits.
    #[error(transparent)]
    Width(#[from] WidthError),
    /// Arguments that no protocol run can make sense of.
    #[error("{op}: {reason}")]
    Argument {
        /// The operation.
        op: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl OnlineError {
    pub(crate) fn argument(op: &'static str, reason: impl Into<String>) -> Self {
        Self::Argument { op, reason: reason.into() }
    }
}
