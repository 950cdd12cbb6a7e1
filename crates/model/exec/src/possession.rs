//! Who holds the weights and the input of a run: one party, or each party a share.

use std::fmt;

use veilflow_ir::{Parameters, Plan, SharingId, WeightShare, Weights};
use veilflow_net::Role;

use crate::error::{ExecError, Result};

/// Where the weights of a session's runs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WeightsAt {
    /// The server, P0, has them.
    #[default]
    Server,
    /// Each party has its half of this sharing.
    Shared(SharingId),
}

impl fmt::Display for WeightsAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("server"),
            Self::Shared(sharing) => write!(f, "shared {sharing}"),
        }
    }
}

/// Where the inputs of a session's runs are, and where their outputs go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InputAt {
    /// The client, P1, has the input and learns the output.
    #[default]
    Client,
    /// Each party has a share of the input, and gets one of the output.
    Shared,
}

impl fmt::Display for InputAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Shared => "shared",
        })
    }
}

/// What a party has of a plan's weights.
#[derive(Debug, Clone, Copy)]
pub enum Held<'a> {
    /// It has none, because the server has them.
    Nothing,
    /// It has all.
    Whole(&'a Weights),
    /// It has its half of a sharing.
    Share(&'a WeightShare),
}

impl<'a> Held<'a> {
    /// Refuses weights that a party must not have, and the lack of those that it needs.
    pub(crate) fn check(self, role: Role, plan: &Plan, at: WeightsAt) -> Result<()> {
        let of_plan = match self {
            Self::Nothing => None,
            Self::Whole(weights) => Some(weights.plan_hash()),
            Self::Share(share) => Some(share.plan_hash()),
        };
        let reason = match (at, role, self) {
            (WeightsAt::Server, Role::P0, Self::Nothing) => "the server has no weights",
            (WeightsAt::Server, Role::P1, Self::Whole(_)) => "the client must not have weights",
            (WeightsAt::Server, _, Self::Share(_)) => {
                "the party has a share of the weights, but the session is about whole weights at the server"
            }
            (WeightsAt::Shared(_), _, Self::Nothing) => "the party has no share of the weights",
            (WeightsAt::Shared(_), _, Self::Whole(_)) => "a party must not have all of shared weights",
            (WeightsAt::Shared(_), _, Self::Share(share)) if share.party() != role => {
                "the share of the weights is the other party's"
            }
            (WeightsAt::Shared(sharing), _, Self::Share(share)) if share.sharing() != sharing => {
                "the share of the weights is of another sharing"
            }
            _ if of_plan.is_some_and(|hash| hash != plan.hash()) => "the weights belong to another plan",
            _ => return Ok(()),
        };
        Err(ExecError::Weights(reason))
    }

    /// The party's parameters of a node, or its shares of them.
    pub(crate) fn of(self, node: usize) -> Option<&'a Parameters> {
        match self {
            Self::Nothing => None,
            Self::Whole(weights) => weights.of(node),
            Self::Share(share) => share.of(node),
        }
    }
}
