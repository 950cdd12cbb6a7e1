//! A party at the helper.

use veilflow_net::{Channel, Role};

use crate::key::Public;

/// A party whose hello has been read.
pub(crate) struct Party {
    pub(crate) role: Role,
    pub(crate) public: Public,
    pub(crate) channel: Channel,
}

impl Party {
    /// What errors call it.
    pub(crate) fn name(&self) -> &'static str {
        match self.role {
            Role::P0 => "server",
            Role::P1 => "client",
        }
    }
}
