//! Pairs for linear layers.

use std::fmt;

use veilflow_net::Role;
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::LinearShape;

use crate::{CorrelationError, Demand, Result};

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

impl LinearRequest {
    /// The weights at the holder, nothing at the other party.
    ///
    /// # Errors
    /// [`CorrelationError::Weights`] unless the holder alone has weights.
    pub fn weights_at<'w>(&self, role: Role, weights: Possession<'w>) -> Result<Option<&'w [i64]>> {
        match (self.holder == role, weights) {
            (true, Possession::Mine(weights)) => Ok(Some(weights)),
            (false, Possession::Theirs) => Ok(None),
            _ => Err(self.refuse("their holder alone must have them")),
        }
    }

    /// Whether weights are those of such a layer, by number and width.
    ///
    /// # Errors
    /// [`CorrelationError::Weights`] if they are not.
    pub fn check_weights(&self, weights: &[i64]) -> Result<()> {
        if weights.len() != self.shape.weight_len() {
            return Err(self.refuse("their number is not the layer's"));
        }
        let limit = 1i128 << (self.weight_bits - 1);
        if weights.iter().any(|&w| !(-limit..limit).contains(&i128::from(w))) {
            return Err(self.refuse("one exceeds the layer's weight width"));
        }
        Ok(())
    }

    fn refuse(&self, reason: &'static str) -> CorrelationError {
        CorrelationError::Weights { layer: self.layer, reason }
    }
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
