//! The server's numbers: weights and biases as integers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::container::{Format, Readers, write_atomically};
use crate::error::Result;
use crate::plan::{ParameterSizes, Plan, Ranges};

const FORMAT: Format = Format { name: "veilflow-weights", version: 1 };

/// The numbers of one node.
#[derive(Clone, PartialEq, Eq)]
pub struct Parameters {
    /// The weights, in the layout of [`LinearShape`](veilflow_spec::LinearShape). All nodes that take them
    /// have the same copy. An added constant has none.
    pub weights: Arc<[i64]>,
    /// An integer for each output channel or row, or the added constant, at the output's scale.
    pub bias: Vec<i64>,
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameters({} weights, {} biases)", self.weights.len(), self.bias.len())
    }
}

/// The numbers of all nodes of a plan. `Debug` prints only how many nodes have some.
#[derive(Clone, PartialEq, Eq)]
pub struct Weights {
    plan: [u8; 32],
    nodes: BTreeMap<usize, Parameters>,
    /// The nodes that take another's weights.
    takers: BTreeSet<usize>,
}

impl fmt::Debug for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Weights({} layers)", self.nodes.len())
    }
}

impl Weights {
    /// Weights for `plan`, by index of the node that needs them.
    ///
    /// # Errors
    /// [`IrError::Format`](crate::IrError::Format) if a node lacks its numbers or has too many, if a node
    /// that takes another's weights has other ones, if a weight doesn't fit its width, if numbers exceed the
    /// bounds that the plan says they keep, or if ranges are bounded and they may overflow.
    pub fn new(plan: &Plan, nodes: BTreeMap<usize, Parameters>) -> Result<Self> {
        let sizes = plan.parameters();
        let takers = sizes.iter().filter(|s| s.weights_of.is_some()).map(|s| s.node).collect();
        if sizes.len() != nodes.len() {
            return Err(FORMAT.error(format!("{} layers for a plan of {}", nodes.len(), sizes.len())));
        }
        for size in sizes {
            let layer = &plan.nodes[size.node].layer;
            let Some(parameters) = nodes.get(&size.node) else {
                return Err(FORMAT.error(format!("layer `{layer}` is missing")));
            };
            if (parameters.weights.len(), parameters.bias.len()) != (size.weights, size.bias) {
                return Err(FORMAT.error(format!("layer `{layer}` has the wrong size")));
            }
            if size.bounds.is_some_and(|bounds| !bounds.hold(&parameters.weights, &parameters.bias)) {
                return Err(FORMAT.error(format!("numbers of layer `{layer}` exceed the plan's bounds")));
            }
            let owns = |owner| {
                nodes.get(&owner).is_some_and(|o: &Parameters| Arc::ptr_eq(&o.weights, &parameters.weights))
            };
            if size.weights_of.is_some_and(|owner| !owns(owner)) {
                return Err(FORMAT.error(format!("layer `{layer}` has weights of its own")));
            }
            let limit = 1i64 << (size.weight_bits - 1);
            if size.weights_of.is_none() && parameters.weights.iter().any(|w| !(-limit..limit).contains(w)) {
                let bits = size.weight_bits;
                return Err(FORMAT.error(format!("a weight of layer `{layer}` doesn't fit {bits} bits")));
            }
            if plan.settings.ranges == Ranges::Bounded && !plan.keeps_range(size.node, parameters) {
                return Err(FORMAT.error(format!("layer `{layer}` may overflow with these numbers")));
            }
        }
        Ok(Self { plan: plan.hash(), nodes, takers })
    }

    /// The numbers of a node, by its index in the plan.
    pub fn of(&self, node: usize) -> Option<&Parameters> {
        self.nodes.get(&node)
    }

    /// The hash of the plan they belong to.
    pub fn plan_hash(&self) -> [u8; 32] {
        self.plan
    }

    /// The weights file: `veilflow-weights 1 CHECKSUM`, a line end, the plan's hash, then each layer's
    /// weights as 32-bit and its biases as 64-bit little-endian integers. Weights taken from another layer
    /// are not repeated.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = self.plan.to_vec();
        for (node, parameters) in &self.nodes {
            // Weights fit their width, at most 32 bits.
            let own: &[i64] = if self.takers.contains(node) { &[] } else { &parameters.weights };
            body.extend(own.iter().flat_map(|&w| (w as i32).to_le_bytes()));
            body.extend(parameters.bias.iter().flat_map(|b| b.to_le_bytes()));
        }
        FORMAT.encode(&body)
    }

    /// Reads a weights file for `plan` from memory.
    ///
    /// # Errors
    /// [`IrError::Format`](crate::IrError::Format) if the bytes are no undamaged weights file of this plan.
    pub fn decode(plan: &Plan, bytes: &[u8]) -> Result<Self> {
        let body = FORMAT.decode(bytes)?;
        let Some((hash, mut rest)) = body.split_at_checked(32) else {
            return Err(FORMAT.error("cut short"));
        };
        if hash != plan.hash() {
            return Err(FORMAT.error("the weights belong to another plan"));
        }
        let sizes = plan.parameters();
        let expected: usize = sizes.iter().map(byte_len).sum();
        if rest.len() != expected {
            return Err(FORMAT.error(format!("{} bytes of weights instead of {expected}", rest.len())));
        }
        let mut nodes: BTreeMap<usize, Parameters> = BTreeMap::new();
        for size in sizes {
            let (own, after) = rest.split_at(4 * size.own_weights());
            let (bias, after) = after.split_at(8 * size.bias);
            rest = after;
            let weights = match size.weights_of.and_then(|owner| nodes.get(&owner)) {
                Some(owner) => Arc::clone(&owner.weights),
                None => own.as_chunks().0.iter().map(|&b| i64::from(i32::from_le_bytes(b))).collect(),
            };
            let bias = bias.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect();
            nodes.insert(size.node, Parameters { weights, bias });
        }
        Self::new(plan, nodes)
    }

    /// Writes the weights file at once: a reader sees the old file or the new one.
    ///
    /// # Errors
    /// [`IrError::File`](crate::IrError::File).
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path.as_ref(), &self.encode(), Readers::Owner)
    }

    /// Reads the weights file at `path` for `plan`.
    ///
    /// # Errors
    /// [`IrError::File`](crate::IrError::File), and those of [`Weights::decode`].
    pub fn load(plan: &Plan, path: impl AsRef<Path>) -> Result<Self> {
        let expected: usize = plan.parameters().iter().map(byte_len).sum();
        let header_and_hash = 256;
        Self::decode(plan, &FORMAT.read(path.as_ref(), expected as u64 + header_and_hash)?)
    }
}

/// Bytes of a node's numbers in the file.
fn byte_len(size: &ParameterSizes) -> usize {
    4 * size.own_weights() + 8 * size.bias
}
