//! Linear layers: who has not the weights opens its share masked, who has them computes on plain integers.
//!
//! With the pair (client: r and W·r − s; server: s) the client sends x₁ − r, uniform to the server, which computes
//! W·(x₀ + x₁ − r) + s; the client keeps W·r − s. The sum is W·x. No ciphertext and no OT online (Delphi, USENIX
//! Security 2020, §4.1). The server is who holds the weights.
//!
//! Where the weights are shared, W = W₀ + W₁ mod 2^ℓ, W·x is W₀·x + W₁·x: the same for either holder, with a pair each, in
//! one exchange. A party sees its peer's share of x masked, and computes one product, W_i·(x_i + (x_j − r_j)).

use veilflow_correlation::{CorrelationError, Cost, Demand, LinearPair, LinearRequest, Possession};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::LinearShape;

use crate::{OnlineError, Party, Result};

/// Shares of W·x (spec: `linear`). `request` tells who holds the weights.
pub fn linear(
    party: &mut Party,
    request: &LinearRequest,
    weights: Possession<'_>,
    x: &RingVec,
) -> Result<RingVec> {
    let (shape, ring, layer) = (&request.shape, request.ring, request.layer);
    if x.ring() != ring {
        return Err(misfit("linear", layer));
    }
    check("linear", layer, shape, x)?;
    match weights {
        Possession::Theirs if party.role != request.holder => {
            let (mask, product) = other_half(party, layer, shape, ring)?;
            party.channel.send(&x.sub(&mask).to_bytes())?;
            party.channel.flush()?;
            Ok(product)
        }
        Possession::Mine(weights) if party.role == request.holder => {
            let s = holder_half(party, layer, shape, weights, ring)?;
            let opened = party.channel.recv_vec(RingVec::byte_len(ring, x.len()))?;
            let opened = RingVec::from_bytes(ring, &opened, x.len());
            Ok(multiply(party, shape, weights, &opened.add(x)).add(&s))
        }
        _ => Err(CorrelationError::Weights { layer, reason: "their holder alone must have them" }.into()),
    }
}

/// Cost of [`linear`], apart from its pair.
pub fn linear_cost(request: &LinearRequest) -> Cost {
    Cost::message(request.holder.other(), RingVec::byte_len(request.ring, request.shape.in_len()) as u64)
}

/// Shares of W·x (spec: `linear`) of which each party has a share of the weights too: `weights` are its own, integers mod 2^ℓ of
/// x's ring. Takes a pair of `layer` for either holder.
pub fn linear_shared(
    party: &mut Party,
    layer: usize,
    shape: &LinearShape,
    weights: &[i64],
    x: &RingVec,
) -> Result<RingVec> {
    let ring = x.ring();
    check("linear_shared", layer, shape, x)?;
    let s = holder_half(party, layer, shape, weights, ring)?;
    let (mask, product) = other_half(party, layer, shape, ring)?;
    let opened = party.exchange(&x.sub(&mask).to_bytes(), RingVec::byte_len(ring, x.len()))?;
    let opened = RingVec::from_bytes(ring, &opened, x.len());
    Ok(multiply(party, shape, weights, &opened.add(x)).add(&s).add(&product))
}

/// Cost of [`linear_shared`], apart from its pairs.
pub fn linear_shared_cost(shape: &LinearShape, ring: Ring) -> Cost {
    let bytes = RingVec::byte_len(ring, shape.in_len()) as u64;
    Cost::exchange(bytes, bytes, Demand::default())
}

fn multiply(party: &Party, shape: &LinearShape, weights: &[i64], x: &RingVec) -> RingVec {
    veilflow_kernel::linear_in_threads(party.threads(), shape, weights, x)
}

fn misfit(what: &'static str, layer: usize) -> OnlineError {
    OnlineError::argument(what, format!("input does not fit layer {layer}"))
}

fn check(what: &'static str, layer: usize, shape: &LinearShape, x: &RingVec) -> Result<()> {
    if x.len() == shape.in_len() { Ok(()) } else { Err(misfit(what, layer)) }
}

/// s of the pair of a layer whose weights this party holds.
fn holder_half(
    party: &mut Party,
    layer: usize,
    shape: &LinearShape,
    weights: &[i64],
    ring: Ring,
) -> Result<RingVec> {
    match party.pools.take_linear(layer, party.role)? {
        LinearPair::Holder { s }
            if s.len() == shape.out_len() && s.ring() == ring && weights.len() == shape.weight_len() =>
        {
            Ok(s)
        }
        _ => Err(CorrelationError::LinearPairShape { layer }.into()),
    }
}

/// r and W·r − s of the pair of a layer whose weights the other party holds.
fn other_half(
    party: &mut Party,
    layer: usize,
    shape: &LinearShape,
    ring: Ring,
) -> Result<(RingVec, RingVec)> {
    match party.pools.take_linear(layer, party.role.other())? {
        LinearPair::Other { mask, product }
            if mask.len() == shape.in_len()
                && product.len() == shape.out_len()
                && [mask.ring(), product.ring()] == [ring; 2] =>
        {
            Ok((mask, product))
        }
        _ => Err(CorrelationError::LinearPairShape { layer }.into()),
    }
}
