//! A share of the weights, as a run reads it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use veilflow_net::Role;
use veilflow_prim::Prg;
use veilflow_ring::RingVec;

use super::id::SharingId;
use super::parts::sealed::Shared;
use super::party::Share;
use crate::error::{IrError, Result};
use crate::plan::Plan;
use crate::weights::{Parameters, Weights};

impl Weights {
    /// Splits the weights of `plan` into P0's share, which is uniform, and P1's, which is the rest.
    ///
    /// # Errors
    /// [`IrError::Format`] if they belong to another plan.
    pub fn split(&self, plan: &Plan, prg: &mut Prg) -> Result<[Share<Self>; 2]> {
        let numbers = plan.parameters().into_iter().filter_map(|size| Some((size, self.of(size.node)?)));
        let numbers = numbers.flat_map(|(size, p)| {
            let own: &[i64] = if size.weights_of.is_some() { &[] } else { &p.weights };
            [own, &p.bias]
        });
        let values: Vec<_> = Self::layout(plan)
            .into_iter()
            .zip(numbers)
            .map(|((ring, _), n)| RingVec::from_signed(ring, n))
            .collect();
        Share::split(plan, &values, prg)
    }
}

/// A party's share of the weights, ready to run. `Debug` tells whose share it is, and no numbers.
#[derive(Clone)]
pub struct WeightShare {
    plan: [u8; 32],
    sharing: SharingId,
    party: Role,
    nodes: BTreeMap<usize, Parameters>,
}

impl fmt::Debug for WeightShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WeightShare({:?}, sharing {})", self.party, self.sharing)
    }
}

impl WeightShare {
    /// The share of `plan`'s weights.
    ///
    /// # Errors
    /// [`IrError::Halves`] if it is of another plan.
    pub fn new(plan: &Plan, share: &Share<Weights>) -> Result<Self> {
        if share.plan_hash() != plan.hash() {
            return Err(IrError::Halves("the share of the weights is of another plan"));
        }
        let mut nodes: BTreeMap<usize, Parameters> = BTreeMap::new();
        for (size, parts) in plan.parameters().into_iter().zip(share.values().as_chunks().0) {
            let [own, bias]: &[RingVec; 2] = parts;
            let weights: Arc<[i64]> = match size.weights_of.and_then(|owner| nodes.get(&owner)) {
                Some(owner) => Arc::clone(&owner.weights),
                None => own.to_signed().into(),
            };
            nodes.insert(size.node, Parameters { weights, bias: bias.to_signed() });
        }
        Ok(Self { plan: share.plan_hash(), sharing: share.sharing(), party: share.party(), nodes })
    }

    /// Reads the file at `path` for `plan`.
    ///
    /// # Errors
    /// Those of [`Share::load`].
    pub fn load(plan: &Plan, path: impl AsRef<Path>) -> Result<Self> {
        Self::new(plan, &Share::load(plan, path)?)
    }

    /// Shares of a node's numbers, by its index in the plan: integers that are congruent to them mod 2^ℓ, for
    /// the width ℓ of the node's output. Bits beyond ℓ mean nothing.
    pub fn of(&self, node: usize) -> Option<&Parameters> {
        self.nodes.get(&node)
    }

    /// What both halves have in common.
    pub fn sharing(&self) -> SharingId {
        self.sharing
    }

    /// Whose it is.
    pub fn party(&self) -> Role {
        self.party
    }

    /// The hash of the plan it belongs to.
    pub fn plan_hash(&self) -> [u8; 32] {
        self.plan
    }
}
