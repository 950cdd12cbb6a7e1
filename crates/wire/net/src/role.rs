//! The two parties.

use std::fmt;

/// One of the two parties of a session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// The server, which as a rule holds the weights.
    P0,
    /// The client, which as a rule holds the input.
    P1,
}

impl Role {
    /// The other party.
    pub fn other(self) -> Self {
        match self {
            Self::P0 => Self::P1,
            Self::P1 => Self::P0,
        }
    }

    /// 0 for [`Role::P0`], 1 for [`Role::P1`].
    pub fn index(self) -> usize {
        match self {
            Self::P0 => 0,
            Self::P1 => 1,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P0 => "P0 (server)",
            Self::P1 => "P1 (client)",
        })
    }
}
