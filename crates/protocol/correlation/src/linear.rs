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

#[cfg(test)]
mod tests {
    use veilflow_spec::MatMulShape;

    use super::*;

    fn request(weight_bits: u32) -> LinearRequest {
        let shape = LinearShape::MatMul(MatMulShape { rows: 1, inner: 2, columns: 1 });
        LinearRequest { layer: 3, holder: Role::P1, shape, ring: Ring::new(20).unwrap(), weight_bits }
    }

    #[test]
    fn the_holder_alone_has_weights() {
        let (request, weights) = (request(4), [1, 2]);
        assert_eq!(request.weights_at(Role::P1, Possession::Mine(&weights)).unwrap(), Some(&weights[..]));
        assert_eq!(request.weights_at(Role::P0, Possession::Theirs).unwrap(), None);
        for (role, weights) in [(Role::P0, Possession::Mine(&weights)), (Role::P1, Possession::Theirs)] {
            let refused = request.weights_at(role, weights);
            assert!(matches!(refused, Err(CorrelationError::Weights { layer: 3, .. })), "{role}");
        }
    }

    #[test]
    fn weights_are_as_many_and_as_wide_as_the_layer_says() {
        for (weight_bits, limit) in [(1, 1), (4, 8), (64, 1i128 << 63)] {
            let request = request(weight_bits);
            let ends = [-limit, limit - 1].map(|weight| weight as i64);
            assert!(request.check_weights(&ends).is_ok(), "{weight_bits} bits");
            for beyond in [-limit - 1, limit].map(i64::try_from).into_iter().flatten() {
                assert!(request.check_weights(&[0, beyond]).is_err(), "{beyond} in {weight_bits} bits");
            }
            assert!(request.check_weights(&[0]).is_err() && request.check_weights(&[0; 3]).is_err());
        }
    }
}
