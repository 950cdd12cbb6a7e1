//! What can go wrong.

use thiserror::Error;
use veilflow_net::NetError;

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, OtError>;

/// A failure of an oblivious transfer. No variant carries a secret.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OtError {
    /// The channel failed.
    #[error(transparent)]
    Net(#[from] NetError),

    /// A point of the peer's base OT message does not encode a usable group element.
    #[error("point {0} of the peer's base OT message is not a valid group element")]
    InvalidPoint(usize),

    /// The parameter k of SoftSpoken is not one of those offered.
    #[error("SoftSpoken parameter k must be 1, 2, 4 or 8, not {0}")]
    UnsupportedK(usize),

    /// The parties set the extension up with different k.
    #[error("SoftSpoken parameter k differs: ours is {ours}, the peer's is {theirs}")]
    KMismatch {
        /// Our k.
        ours: usize,
        /// The peer's k.
        theirs: usize,
    },

    /// The parties set silent OT up by different plans, or only one of them silent OT.
    #[error("the peer sets up another plan of silent OT than ours")]
    PlanMismatch,

    /// The extension failed before, so that the parties may not have used up the same OTs.
    #[error("the OT extension is unusable after an earlier failure")]
    Unusable,

    /// An input does not have one entry for each OT of the batch.
    #[error("{given} inputs for a batch of {batch} OTs")]
    Length {
        /// OTs in the batch.
        batch: usize,
        /// Inputs given.
        given: usize,
    },
}
