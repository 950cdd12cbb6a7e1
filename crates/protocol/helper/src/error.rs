//! What can go wrong.

use thiserror::Error;
use veilflow_correlation::{CorrelationError, RequestError};
use veilflow_net::{NetError, Role};
use veilflow_spec::ShapeError;

/// The result of talking to a helper, or of being one.
pub type Result<T> = std::result::Result<T, HelperError>;

/// What can go wrong between a party and a helper.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HelperError {
    /// The connection between a party and the helper failed.
    #[error("the connection to the {with} failed")]
    Connection {
        /// Who is at its other end.
        with: &'static str,
        /// Why.
        source: NetError,
    },
    /// The channel between server and client failed.
    #[error(transparent)]
    Peer(#[from] NetError),
    /// Bytes that the format does not allow.
    #[error("malformed data between party and helper: {what}")]
    Malformed {
        /// What is wrong.
        what: String,
    },
    /// The other end speaks another version.
    #[error(
        "party and helper differ in version: ours is {ours}, theirs is {theirs}; run one release at both ends"
    )]
    Version {
        /// Ours.
        ours: u32,
        /// Theirs.
        theirs: u32,
    },
    /// The helper has no room for another session.
    #[error("the helper refused the session: it serves as many as it may; try again when one has ended")]
    Busy,
    /// A message of another session, which may be a replay.
    #[error("a message of another session came from the {from}")]
    ForeignSession {
        /// Who sent it.
        from: &'static str,
    },
    /// A message out of order, lost or repeated.
    #[error("message {got} came from the {from} in place of message {expected}")]
    OutOfOrder {
        /// Who sent it.
        from: &'static str,
        /// The number that was due.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// A batch of another length than asked for.
    #[error("the helper sent a batch of {got} bytes in place of {expected}")]
    BatchLength {
        /// The length that the request determines.
        expected: u64,
        /// The length announced.
        got: u64,
    },
    /// Masked weights of another length than the layer's.
    #[error("the {from} sent masked weights of {got} bytes in place of {expected}")]
    WeightsLength {
        /// Who sent them.
        from: &'static str,
        /// The length that the layer determines.
        expected: u64,
        /// The length announced.
        got: u64,
    },
    /// Two sessions gave the helper different weights for one layer of one model.
    #[error("another session brought other masked weights for a layer: new weights need new weight masks")]
    OtherWeights,
    /// Correlations are asked for in another order than announced.
    #[error("the correlations asked for are not those announced: ask in the order of the announcement")]
    NotAnnounced,
    /// Both ends took the same role.
    #[error("both parties of the session came to the helper as {role}: one must take the other role")]
    SameRole {
        /// That role.
        role: Role,
    },
    /// More than a helper makes or takes.
    #[error("too much for a helper: {what}")]
    TooLarge {
        /// The limit.
        what: &'static str,
    },
    /// A request for correlations that no helper makes.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A request for a layer that does not exist.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// So many requests that their numbers run out.
    #[error("the session has used up the numbers of its requests: open another session")]
    Exhausted,
}

impl From<HelperError> for CorrelationError {
    fn from(error: HelperError) -> Self {
        match error {
            HelperError::Peer(error) => Self::Net(error),
            source => Self::Supplier { supplier: "helper", source: source.into() },
        }
    }
}
