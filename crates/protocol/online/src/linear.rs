//! Linear layers: the client opens its share masked, the server computes on plain integers. The server is who holds the weights.
//!
//! With the pair (client: r and W·r − s; server: s) the client sends x₁ − r, uniform to the server, which computes
//! W·(x₀ + x₁ − r) + s; the client keeps W·r − s. The sum is W·x. No ciphertext and no OT online (Delphi, USENIX
//! Security 2020, §4.1).

use veilflow_correlation::{CorrelationError, Cost, LinearPair, LinearRequest, Weights};
use veilflow_ring::RingVec;

use crate::{OnlineError, Party, Result};

/// Shares of W·x (spec: `linear`). `request` tells who holds the weights.
pub fn linear(
    party: &mut Party,
    request: &LinearRequest,
    weights: Weights<'_>,
    x: &RingVec,
) -> Result<RingVec> {
    let (shape, ring, layer) = (&request.shape, request.ring, request.layer);
    if x.len() != shape.in_len() || x.ring() != ring {
        return Err(OnlineError::argument("linear", format!("input does not fit layer {layer}")));
    }
    let misfit = CorrelationError::LinearPairShape { layer };
    match (party.pools.take_linear(layer, request.holder)?, weights) {
        (LinearPair::Other { mask, product }, Weights::Theirs) if party.role != request.holder => {
            if mask.len() != x.len() || mask.ring() != ring || product.len() != shape.out_len() {
                return Err(misfit.into());
            }
            party.channel.send(&x.sub(&mask).to_bytes())?;
            party.channel.flush()?;
            Ok(product)
        }
        (LinearPair::Holder { s }, Weights::Mine(weights)) if party.role == request.holder => {
            if s.len() != shape.out_len() || s.ring() != ring || weights.len() != shape.weight_len() {
                return Err(misfit.into());
            }
            let bytes = party.channel.recv_vec(RingVec::byte_len(ring, x.len()))?;
            let masked = RingVec::from_bytes(ring, &bytes, x.len()).add(x);
            Ok(veilflow_kernel::linear_in_threads(party.threads(), shape, weights, &masked).add(&s))
        }
        _ => Err(CorrelationError::Weights { layer, reason: "their holder alone must have them" }.into()),
    }
}

/// Cost of [`linear`], apart from its pair.
pub fn linear_cost(request: &LinearRequest) -> Cost {
    Cost::message(request.holder.other(), RingVec::byte_len(request.ring, request.shape.in_len()) as u64)
}
