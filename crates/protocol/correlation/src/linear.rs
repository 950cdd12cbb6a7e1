//! Pairs for linear layers.

use std::fmt;

use veilflow_net::Role;
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::LinearShape;

use crate::Demand;

/// A linear layer of the plan, as a supplier needs to know it. All of it is public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinearRequest {
    /// The layer's number in the plan: the key of its pool.
    pub layer: usize,
    /// The party that holds the weights.
    pub holder: Role,
    /// The layer.
    pub shape: LinearShape,
    /// The ring it works in.
    pub ring: Ring,
    /// Width of a weight: weights are in −2^(b−1)..2^(b−1).
    pub weight_bits: u32,
}

/// What one run consumes. A supplier that knows it beforehand sizes its batches to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// How many correlations of each kind.
    pub demand: Demand,
    /// The linear layers, each of which takes a pair.
    pub linear: Vec<LinearRequest>,
}

/// What a party has of a linear layer's weights.
#[derive(Clone, Copy)]
pub enum Possession<'a> {
    /// The party holds these weights.
    Mine(&'a [i64]),
    /// The other party holds them.
    Theirs,
}

impl fmt::Debug for Possession<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mine(_) => "Possession::Mine(..)",
            Self::Theirs => "Possession::Theirs",
        })
    }
}

/// One party's half of a linear layer's correlation. The party that holds the weights W has s, the other
/// party a mask r and W·r − s.
pub enum LinearPair {
    /// The half of the party that holds the weights.
    Holder {
        /// Uniform, one element an output.
        s: RingVec,
    },
    /// The other party's half.
    Other {
        /// Uniform, one element an input.
        mask: RingVec,
        /// W·r − s, one element an output.
        product: RingVec,
    },
}

impl fmt::Debug for LinearPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holder { s } => write!(f, "LinearPair::Holder({} outputs)", s.len()),
            Self::Other { product, .. } => write!(f, "LinearPair::Other({} outputs)", product.len()),
        }
    }
}
