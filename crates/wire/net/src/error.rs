//! Everything that can go wrong between two parties.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::Role;

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, NetError>;

/// A failure of the connection or of the peer. No variant carries payload bytes.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The peer closed the channel, or its process ended.
    #[error("the peer closed the connection")]
    Closed,

    /// The peer stayed silent, or sent too slowly, until the deadline.
    #[error("the peer sent nothing we were waiting for within {waited:.1?}")]
    Timeout {
        /// How long we waited.
        waited: Duration,
    },

    /// The peer reads so slowly that our queue of outgoing bytes stayed full until the deadline.
    #[error("the peer read nothing for {waited:.1?} while {limit} bytes waited to be sent to it")]
    QueueFull {
        /// How long we waited.
        waited: Duration,
        /// The capacity of the queue in bytes.
        limit: usize,
    },

    /// The bytes are not what the format prescribes.
    #[error("the peer sent malformed data: {what}")]
    Malformed {
        /// What was being read and what is wrong with it.
        what: String,
    },

    /// The two parties do not agree on what to run.
    #[error("handshake: {what} differs: ours is {ours}, the peer's is {theirs}")]
    Mismatch {
        /// The thing that differs.
        what: String,
        /// Our value.
        ours: String,
        /// The peer's value.
        theirs: String,
    },

    /// Both ends of the connection took the same role.
    #[error("handshake: both parties claim the role {role}")]
    SameRole {
        /// The role both claim.
        role: Role,
    },

    /// Our own hello breaks the limits of the format.
    #[error("handshake: our hello is too large: {what}")]
    HelloTooLarge {
        /// The limit broken.
        what: String,
    },

    /// No connection came about until the deadline.
    #[error("cannot connect to {addr} within {waited:.1?}: {reason}")]
    Connect {
        /// The address last tried.
        addr: SocketAddr,
        /// How long we tried.
        waited: Duration,
        /// What the last attempt failed with.
        reason: String,
    },

    /// The peer answered our connection but refused it.
    #[error("the server refused the connection: {reason}")]
    Refused {
        /// The server's reason.
        reason: String,
    },

    /// A link shape outside of what can be simulated.
    #[error("link shape: {what}")]
    Shape {
        /// The figure at fault.
        what: String,
    },

    /// The operating system failed us.
    #[error("{context}: {message}")]
    Io {
        /// What we were doing.
        context: &'static str,
        /// The system's kind of failure.
        kind: io::ErrorKind,
        /// The system's message.
        message: String,
    },
}

impl NetError {
    /// Wraps a system error. The kinds that mean that the peer has gone become [`NetError::Closed`].
    pub(crate) fn io(context: &'static str, error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::BrokenPipe
            | Kind::NotConnected
            | Kind::UnexpectedEof
            | Kind::WriteZero => Self::Closed,
            kind => Self::Io { context, kind, message: error.to_string() },
        }
    }

    pub(crate) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed { what: what.into() }
    }
}
