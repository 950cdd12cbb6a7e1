//! Everything that can go wrong in a session.

use thiserror::Error;
use veilflow_correlation::CorrelationError;
use veilflow_net::NetError;
use veilflow_online::OnlineError;
use veilflow_prim::PrimError;

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, ExecError>;

/// A failure of a session or of a prediction. No variant carries a share, a weight or an input.
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
    Randomness(#[from] PrimError),
    /// The name is no supplier's.
    #[error("unknown supplier {name:?}: choose ot, silent, he or helper")]
    UnknownSupplier {
        /// The name given.
        name: String,
    },
    /// An option has a value that it cannot have.
    #[error("{option} cannot be {given}: choose {allowed}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// The value given.
        given: String,
        /// The values allowed, in words.
        allowed: &'static str,
    },
    /// The plan breaks its own rules.
    #[error(transparent)]
    Plan(#[from] veilflow_ir::IrError),
    /// Homomorphic encryption cannot compute a linear layer.
    #[error("the supplier he cannot do {layer} ({weight_bits}-bit weights, {ring_bits}-bit ring): {reason}")]
    Layer {
        /// The layer's name.
        layer: String,
        /// The width of its weights in bits.
        weight_bits: u32,
        /// The width of its ring in bits.
        ring_bits: u32,
        /// The reason.
        reason: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Weights are secret-shared, but the supplier makes pairs only for a server that has them whole.
    #[error("secret-shared weights cannot be run with the supplier he: choose helper, silent or ot")]
    SharedWeights,
    /// Correlations are to come from a helper, but there is no connection to one.
    #[error("the supplier helper needs a connection to a helper: set Links::helper")]
    NoHelper,
    /// The helper cannot be reached.
    #[error("the helper cannot be reached")]
    HelperUnreachable(#[source] NetError),
    /// The party's weights are not those that the session is about.
    #[error("{0}")]
    Weights(&'static str),
    /// The server was given an input, which only the client may have.
    #[error("the server must not have the input")]
    InputAtServer,
    /// The number of inputs is not the plan's.
    #[error("the plan takes {wanted} inputs, not {given}")]
    InputCount {
        /// The number that the plan takes.
        wanted: usize,
        /// The number given.
        given: usize,
    },
    /// An input does not have the plan's shape and width.
    #[error("input {name} must have {elements} elements of {bits} bits")]
    InputShape {
        /// The input's name.
        name: String,
        /// The number of elements that the plan takes.
        elements: usize,
        /// The width of an element in bits.
        bits: u32,
    },
    /// The operating system has no thread to give.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
    /// The stock of prepared runs has ended.
    #[error("no further run was prepared")]
    StockClosed,
    /// The client wants more runs prepared than it uses.
    #[error("the client prepares further ahead than the {limit} runs allowed")]
    TooFarAhead {
        /// The most runs that may be prepared and unused.
        limit: usize,
    },
    /// The client says that it has no room for another prepared run, but has used up all there are.
    #[error("the client keeps waiting for room for a prepared run, but none is prepared")]
    IdleClient,
    /// As many runs were prepared as these weights allow.
    #[error(
        "these weights have served the {most} runs within which homomorphic replies hide them: serve newly \
         trained ones, or choose another supplier"
    )]
    RunsUsedUp {
        /// So many they allow.
        most: u64,
    },
    /// The number of runs could not be written down, so none is prepared.
    #[error("the number of runs cannot be kept")]
    RunsNotKept(#[source] std::io::Error),
    /// The system does not tell how much CPU time a thread took.
    #[error("this system tells no thread's CPU time, so this machine cannot be measured")]
    NoThreadTime(#[source] std::io::Error),
    /// A node cannot be run, as in a plan that does not pass [`Plan::verify`](veilflow_ir::Plan::verify).
    #[error("{what}")]
    Misfit {
        /// What does not fit what.
        what: String,
    },
}
