//! Everything that can go wrong.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use veilflow_correlation::CorrelationError;
use veilflow_exec::ExecError;
use veilflow_net::NetError;
use veilflow_online::OnlineError;
use veilflow_prim::Prg;

use crate::{DataError, ShareId, Supplier};

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// What a part below this crate ended with.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Everything that can go wrong. No variant carries a weight, an input or a share.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A folder that is none.
    #[error("{} is no folder; {remedy}", path.display())]
    NoFolder {
        /// The path.
        path: PathBuf,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A folder without a file of a kind.
    #[error("{} holds no file *.{ending}", path.display())]
    NoFiles {
        /// The folder.
        path: PathBuf,
        /// How their names end.
        ending: &'static str,
    },
    /// A file that is not there.
    #[error("{} does not exist; {remedy}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A file that cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder that cannot be made.
    #[error("cannot make the folder {}", path.display())]
    MakeFolder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that is damaged, cut short, or another's.
    #[error("cannot use the {what} {}", path.display())]
    Unusable {
        /// What it should be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Cause,
    },
    /// A folder with all weights beside half of them.
    #[error("{} holds all weights and a share of them; a server has one of the two", path.display())]
    WeightsAndShare {
        /// The folder.
        path: PathBuf,
    },
    /// A folder with half of the weights where all are wanted.
    #[error("{} holds a share of the weights, not all of them", path.display())]
    ShareOnly {
        /// The folder.
        path: PathBuf,
    },
    /// A folder with all weights that is to have half of them.
    #[error("{} holds all weights; no half of them belongs there", path.display())]
    WholeWeights {
        /// The folder.
        path: PathBuf,
    },
    /// The other party's share.
    #[error("{holder} party {party}'s share of {of}; who serves needs party 0's, who connects party 1's")]
    WrongHalf {
        /// What it is, or where it lies, with a verb.
        holder: String,
        /// Whose it is: 0 or 1.
        party: usize,
        /// What it is a share of.
        of: &'static str,
    },
    /// Inputs, labels or pictures that cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A network that cannot be imported.
    #[error("cannot import {name}")]
    Import {
        /// The network's file, or what it is.
        name: String,
        /// Why, with the node at fault.
        source: Cause,
    },
    /// A network that cannot be compiled, or options outside their range.
    #[error(transparent)]
    Compile(Cause),
    /// A plan that the supplier cannot run.
    #[error(
        "the plan cannot be run with the supplier {supplier}; choose fewer bits of weights or activations, or \
         another supplier at both parties"
    )]
    BeyondSupplier {
        /// The supplier.
        supplier: Supplier,
        /// The layer that it cannot do, and why.
        source: Cause,
    },
    /// A network of several inputs where a picture gives one.
    #[error("the network has {inputs} inputs, and a picture is for one: give an npz file with their names")]
    SeveralInputs {
        /// How many it has.
        inputs: usize,
    },
    /// A sample of another length than the network's inputs together.
    #[error("the network takes {expected} numbers ({inputs}), not {actual}")]
    SampleLength {
        /// How many numbers all its inputs have.
        expected: usize,
        /// How many were given.
        actual: usize,
        /// The inputs, with their shapes.
        inputs: String,
    },
    /// Elements of a sample that the plan has no room for: calibration saw nothing like them.
    #[error(
        "{outside} of {elements} elements of input `{input}` are outside ±{limit:?}: scale them, limit them \
         (out-of-range: clip), or calibrate with inputs like these"
    )]
    OutOfRange {
        /// The input.
        input: String,
        /// So many of its elements are beyond the range.
        outside: usize,
        /// So many it has.
        elements: usize,
        /// The range reaches from minus this to this.
        limit: f64,
    },
    /// An option outside its range.
    #[error("{name} must be {allowed}, not {value}")]
    Option {
        /// The option.
        name: &'static str,
        /// Its value.
        value: usize,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Text that names no supplier.
    #[error(transparent)]
    UnknownSupplier(Cause),
    /// Shares that do not belong together, or do not fit the plan.
    #[error(transparent)]
    Share(Cause),
    /// A prediction that cannot be made, or runs that cannot be had like this.
    #[error(transparent)]
    Session(Cause),
    /// The connection, or what the parties chose: a peer that is silent, gone or speaks another language, or
    /// a handshake that finds different plans or options.
    #[error(transparent)]
    Connection(#[from] NetError),
    /// An address that cannot be listened at.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        source: NetError,
    },
    /// Nobody connected in time.
    #[error("no client came")]
    NoClient {
        /// How long was waited.
        source: NetError,
    },
    /// The supplier is a helper, but the options do not say where.
    #[error("the supplier is a helper, but the options name none: set Options::helper")]
    NoHelper,
    /// The options name a helper that the supplier does not use.
    #[error(
        "the options name a helper, but the supplier is {supplier}: choose Supplier::Helper, or name none"
    )]
    UnusedHelper {
        /// The supplier.
        supplier: Supplier,
    },
    /// More runs are to be prepared than the server would hold.
    #[error("at most {limit} runs can be prepared ahead, not {runs}")]
    TooManyPrepared {
        /// How many were asked for.
        runs: usize,
        /// The most there may be.
        limit: usize,
    },
    /// Preparation is asked for in a session that does not prepare.
    #[error(
        "this session makes correlations just in time: run without Options::just_in_time to prepare ahead"
    )]
    JustInTime,
    /// An own input in a session on shared inputs.
    #[error(
        "this session runs on secret-shared inputs: use Client::infer_shared, or clear Options::shared_inputs \
         at both parties"
    )]
    InputsAreShared,
    /// A shared input in a session on the client's own.
    #[error(
        "this session runs on the client's own inputs: use Client::infer, or set Options::shared_inputs at \
         both parties"
    )]
    InputsAreOwn,
    /// A server that is to run on shared inputs without having any.
    #[error(
        "the options say that inputs are secret-shared, but the server has no shares: give it some with \
         Server::with_shares"
    )]
    NoShares,
    /// The peer has a share of an input that is not here.
    #[error("the peer has a share of the input {sharing}, but {place} does not exist")]
    NoSuchShare {
        /// The sharing.
        sharing: ShareId,
        /// Where its other half should be.
        place: String,
    },
    /// This party has a share of an input, but the peer lacks the other.
    #[error("the party that serves has no usable share of the input {sharing}")]
    PeerLacksShare {
        /// The sharing.
        sharing: ShareId,
    },
    /// A share under another's number.
    #[error("{place} is of the sharing {actual}")]
    OtherSharing {
        /// Where it lies.
        place: String,
        /// The sharing it is of.
        actual: ShareId,
    },
    /// A session that an earlier error ended.
    #[error("the session has ended with an earlier error; connect again")]
    Over,
    /// Sessions that failed at a server or a helper.
    #[error("{failed} of {sessions} sessions failed")]
    SessionsFailed {
        /// How many failed.
        failed: usize,
        /// How many there were.
        sessions: usize,
    },
    /// A party that a helper turned away, or a session that failed there.
    #[error(transparent)]
    Helper(Cause),
    /// The operating system has no thread or no randomness to give.
    #[error(transparent)]
    System(Cause),
}

// No `From`: whoever uses this crate should not come to depend on the errors of those below.
impl Error {
    /// What a session ended with; what the channel failed with is told as such, however deep in a run.
    pub(crate) fn in_session(error: ExecError) -> Self {
        match error {
            ExecError::Net(error)
            | ExecError::Correlation(CorrelationError::Net(error))
            | ExecError::Online(OnlineError::Net(error))
            | ExecError::Online(OnlineError::Correlation(CorrelationError::Net(error))) => {
                Self::Connection(error)
            }
            other => Self::Session(other.into()),
        }
    }

    /// What a network could not be compiled or run for.
    pub(crate) fn in_passes(error: veilflow_passes::PassError) -> Self {
        Self::Compile(error.into())
    }

    /// What is wrong with shares.
    pub(crate) fn in_shares(error: veilflow_ir::IrError) -> Self {
        Self::Share(error.into())
    }
}

/// Fresh randomness.
pub(crate) fn randomness() -> Result<Prg> {
    Prg::from_entropy().map_err(|error| Error::System(error.into()))
}
