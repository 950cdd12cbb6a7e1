//! A share of the weights: the ring in which each is shared, and what a layer reads of it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use veilflow_net::Role;
use veilflow_prim::Prg;
use veilflow_ring::{Ring, RingVec};

use crate::plan::{ParameterSizes, Plan};
use crate::share::{Share, SharingId};
use crate::{Error, Parameters, Weights};

/// The ring of node `size.node`'s weights: of the layers that take them, the widest. Its low bits are a sharing in a narrower one.
fn weight_ring(plan: &Plan, sizes: &[ParameterSizes], size: &ParameterSizes) -> Ring {
    let taking = sizes.iter().filter(|s| s.weights_of == Some(size.node));
    taking.map(|s| node_ring(plan, s.node)).fold(node_ring(plan, size.node), Ord::max)
}

/// The ring of a node's output, where its biases are added.
fn node_ring(plan: &Plan, node: usize) -> Ring {
    plan.values[plan.nodes[node].output].ring()
}

/// For every node with parameters its weights, none if they are another's, then its biases.
pub(crate) fn layout(plan: &Plan) -> Vec<(Ring, usize)> {
    let sizes = plan.parameters();
    let of_node = |size: &ParameterSizes| {
        let own = if size.weights_of.is_some() { 0 } else { size.weights };
        [(weight_ring(plan, &sizes, size), own), (node_ring(plan, size.node), size.bias)]
    };
    sizes.iter().flat_map(of_node).collect()
}

impl Weights {
    /// Splits the weights of `plan` between two parties: P0's share, uniform, and P1's, the rest.
    ///
    /// # Errors
    /// [`Error::Format`] if they belong to another plan.
    pub fn split(&self, plan: &Plan, prg: &mut Prg) -> Result<[Share<Self>; 2], Error> {
        let numbers = plan.parameters().into_iter().filter_map(|size| Some((size, self.of(size.node)?)));
        let numbers = numbers.flat_map(|(size, p)| {
            let own: &[i64] = if size.weights_of.is_some() { &[] } else { &p.weights };
            [own, &p.bias]
        });
        let values: Vec<_> = layout(plan)
            .into_iter()
            .zip(numbers)
            .map(|((ring, _), n)| RingVec::from_signed(ring, n))
            .collect();
        Share::split(plan, &values, prg)
    }
}

/// A party's share of the weights, ready to run. `Debug` tells whose it is, no numbers.
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
    /// [`Error::Halves`] if it is of another plan.
    pub fn new(plan: &Plan, share: &Share<Weights>) -> Result<Self, Error> {
        if share.plan_hash() != plan.hash() {
            return Err(Error::Halves("the share of the weights is of another plan"));
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
    pub fn load(plan: &Plan, path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::new(plan, &Share::load(plan, path)?)
    }

    /// Shares of a node's numbers, by its index in the plan: integers congruent to them mod 2^ℓ of the node's output, of which the
    /// bits beyond say nothing.
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
