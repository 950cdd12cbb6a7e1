//! Linear layers: the party without the weights opens its masked share, the party with them computes on plain
//! integers.
//!
//! With the pair (client: r and W·r − s; server: s) the client sends x₁ − r, uniform to the server, which
//! computes W·(x₀ + x₁ − r) + s; the client keeps W·r − s. The sum is W·x. No ciphertext and no OT online
//! (Delphi, USENIX Security 2020, §4.1). The server is the party that holds the weights.
//!
//! Where the weights are shared, W = W₀ + W₁ mod 2^ℓ, W·x is W₀·x + W₁·x: the same for either holder, with a
//! pair each, in one exchange. Party i sees its peer's share of x masked, and computes one product,
//! Wᵢ·(xᵢ + (xⱼ − rⱼ)).

use veilflow_correlation::{CorrelationError, Cost, Demand, LinearPair, LinearRequest, Possession};
use veilflow_ring::RingVec;

use crate::{OnlineError, Party, Result};

/// W·x (spec: `linear`), where one party holds W.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linear(LinearRequest);

impl Linear {
    /// The layer of `request`, which tells who holds the weights.
    pub fn new(request: LinearRequest) -> Self {
        Self(request)
    }

    /// Cost, apart from the pair.
    pub fn cost(&self) -> Cost {
        Cost::message(self.0.holder.other(), input_bytes(&self.0))
    }

    /// Shares of W·x, from shares of x. Takes the layer's pair.
    pub fn run(&self, party: &mut Party, weights: Possession<'_>, x: &RingVec) -> Result<RingVec> {
        let request = &self.0;
        check("linear", request, x)?;
        match weights {
            Possession::Theirs if party.role != request.holder => {
                let (mask, product) = other_half(party, request)?;
                party.channel.send(&x.sub(&mask).to_bytes())?;
                party.channel.flush()?;
                Ok(product)
            }
            Possession::Mine(weights) if party.role == request.holder => {
                let s = holder_half(party, request, weights)?;
                let opened = party.channel.recv_vec(RingVec::byte_len(x.ring(), x.len()))?;
                Ok(holders_share(party, request, weights, x, &opened).add(&s))
            }
            _ => {
                let reason = "their holder alone must have them";
                Err(CorrelationError::Weights { layer: request.layer, reason }.into())
            }
        }
    }
}

/// W·x (spec: `linear`), where each party has a share of W.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinearShared(LinearRequest);

impl LinearShared {
    /// The layer of `request`, whoever that names as the holder.
    pub fn new(request: LinearRequest) -> Self {
        Self(request)
    }

    /// Cost, apart from the pairs.
    pub fn cost(&self) -> Cost {
        Cost::exchange(input_bytes(&self.0), input_bytes(&self.0), Demand::default())
    }

    /// Shares of W·x, from shares of x; `weights` are this party's share, integers mod 2^ℓ of x's ring. Takes
    /// a pair of the layer for either holder.
    pub fn run(&self, party: &mut Party, weights: &[i64], x: &RingVec) -> Result<RingVec> {
        let request = &self.0;
        check("linear_shared", request, x)?;
        let s = holder_half(party, request, weights)?;
        let (mask, product) = other_half(party, request)?;
        let opened = party.exchange(&x.sub(&mask).to_bytes(), RingVec::byte_len(x.ring(), x.len()))?;
        Ok(holders_share(party, request, weights, x, &opened).add(&s).add(&product))
    }
}

fn input_bytes(request: &LinearRequest) -> u64 {
    RingVec::byte_len(request.ring, request.shape.in_len()) as u64
}

fn check(what: &'static str, request: &LinearRequest, x: &RingVec) -> Result<()> {
    if x.len() == request.shape.in_len() && x.ring() == request.ring {
        return Ok(());
    }
    Err(OnlineError::argument(what, format!("input does not fit layer {}", request.layer)))
}

/// W·(x + opened).
fn holders_share(
    party: &Party,
    request: &LinearRequest,
    weights: &[i64],
    x: &RingVec,
    opened: &[u8],
) -> RingVec {
    let x = RingVec::from_bytes(x.ring(), opened, x.len()).add(x);
    veilflow_kernel::linear_in_threads(party.threads(), &request.shape, weights, &x)
}

/// s of the pair of a layer whose weights this party holds.
fn holder_half(party: &mut Party, request: &LinearRequest, weights: &[i64]) -> Result<RingVec> {
    let shape = &request.shape;
    match party.pools.take_linear(request.layer, party.role)? {
        LinearPair::Holder { s }
            if s.len() == shape.out_len()
                && s.ring() == request.ring
                && weights.len() == shape.weight_len() =>
        {
            Ok(s)
        }
        _ => Err(CorrelationError::LinearPairShape { layer: request.layer }.into()),
    }
}

/// r and W·r − s of the pair of a layer whose weights the other party holds.
fn other_half(party: &mut Party, request: &LinearRequest) -> Result<(RingVec, RingVec)> {
    let shape = &request.shape;
    match party.pools.take_linear(request.layer, party.role.other())? {
        LinearPair::Other { mask, product }
            if mask.len() == shape.in_len()
                && product.len() == shape.out_len()
                && [mask.ring(), product.ring()] == [request.ring; 2] =>
        {
            Ok((mask, product))
        }
        _ => Err(CorrelationError::LinearPairShape { layer: request.layer }.into()),
    }
}
