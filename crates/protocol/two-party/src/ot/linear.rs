//! Pairs for linear layers by correlated OT (SCI-OT, CrypTFlow2 §5). The choices are the bits of the weights,
//! which one party holds, as a rule the server.
//!
//! Bit i of a weight has the value fᵢ = 2^i, the sign bit −2^i. For each bit the other party enters the row
//! of its mask r that the weight multiplies. It gets x, the holder gets x + bit·row, both mod 2^(ℓ−i). Both
//! add up their results times fᵢ: the holder has s = W·r + Σ fᵢ·x, and the other party has W·r − s = −Σ fᵢ·x.
//!
//! The holder sees masked rows, the other party masked weight bits. Besides its random OT, a bit costs 1 bit
//! and ℓ − i bits for each output position.

use veilflow_correlation::{Cost, Flow, LinearPair, LinearRequest, Result};
use veilflow_kernel::OperandRows;
use veilflow_net::Channel;
use veilflow_ot::{RandomOtReceiver, RandomOtSender, cot_bytes};
use veilflow_prim::Prg;
use veilflow_ring::{Bits, Ring, RingVec};

use crate::error::ot_error;

/// How many elements are received at a time, which bounds memory.
const PIECE: usize = 1 << 22;

/// One run of OTs: a bit position, and a range of weights.
struct Piece {
    bit: u32,
    ring: Ring,
    first: usize,
    count: usize,
}

/// The order in which both parties go through bits and weights.
fn pieces(request: &LinearRequest) -> impl Iterator<Item = Piece> {
    let (bits, weights) = (request.ring.bits(), request.shape.weight_len());
    let step = (PIECE / width(request)).max(1);
    (0..request.weight_bits.min(bits)).flat_map(move |bit| {
        let ring = Ring::new(bits - bit).expect("the bit is inside the ring");
        let piece = move |first| Piece { bit, ring, first, count: step.min(weights - first) };
        (0..weights).step_by(step).map(piece)
    })
}

/// How many output positions a weight contributes to.
pub(super) fn width(request: &LinearRequest) -> usize {
    request.shape.out_len() / request.shape.bias_len()
}

/// Adds fᵢ·values to the output rows of a piece's weights.
fn accumulate(request: &LinearRequest, piece: &Piece, values: &[u64], out: &mut [u64]) {
    let width = width(request);
    let per_output = request.shape.weight_len() / request.shape.bias_len();
    let factor = 1u64 << piece.bit;
    let factor = if piece.bit + 1 == request.weight_bits { factor.wrapping_neg() } else { factor };
    for (q, values) in (piece.first..).zip(values.chunks_exact(width)) {
        let row = &mut out[q / per_output * width..][..width];
        for (sum, v) in row.iter_mut().zip(values) {
            *sum = sum.wrapping_add(v.wrapping_mul(factor));
        }
    }
}

/// The half of the party that holds the weights.
pub(super) fn holder(
    ot: &mut dyn RandomOtReceiver,
    channel: &mut Channel,
    request: &LinearRequest,
    weights: &[i64],
) -> Result<LinearPair> {
    request.check_weights(weights)?;
    let mut s = vec![0u64; request.shape.out_len()];
    for piece in pieces(request) {
        let bits = weights[piece.first..][..piece.count].iter().map(|w| w >> piece.bit & 1 == 1);
        let choices: Bits = bits.collect();
        let ots = ot.random(channel, piece.count).map_err(ot_error)?;
        let values = ots.recv_correlated(channel, piece.ring, width(request), &choices).map_err(ot_error)?;
        accumulate(request, &piece, &values, &mut s);
    }
    Ok(LinearPair::Holder { s: RingVec::from_values(request.ring, s) })
}

/// The half of the other party.
pub(super) fn other(
    ot: &mut dyn RandomOtSender,
    channel: &mut Channel,
    request: &LinearRequest,
    prg: &mut Prg,
) -> Result<LinearPair> {
    let mask = prg.ring_vec(request.ring, request.shape.in_len());
    let rows = OperandRows::new(&request.shape, mask.values());
    let mut sum = vec![0u64; request.shape.out_len()];
    for piece in pieces(request) {
        let row = |i: usize, out: &mut [u64]| out.copy_from_slice(rows.row(piece.first + i));
        let ots = ot.random(channel, piece.count).map_err(ot_error)?;
        let values = ots.send_correlated(channel, piece.ring, rows.width(), row).map_err(ot_error)?;
        accumulate(request, &piece, &values, &mut sum);
    }
    Ok(LinearPair::Other { mask, product: RingVec::from_values(request.ring, sum).neg() })
}

/// How many OTs a layer takes.
pub(super) fn ots(request: &LinearRequest) -> usize {
    pieces(request).map(|piece| piece.count).sum()
}

/// The conversation. `extend` tells the bytes by P0 and by P1 that so many OTs take.
pub(super) fn cost(request: &LinearRequest, mut extend: impl FnMut(usize) -> [u64; 2]) -> Cost {
    let mut cost = Cost::default();
    for piece in pieces(request) {
        let extension = extend(piece.count);
        let transfer = cot_bytes(piece.ring, piece.count, width(request));
        // The party that speaks in the extension goes first. The holder's choices follow, then the other
        // party's rows.
        let (holder, other) = (request.holder, request.holder.other());
        cost.flows.push(Flow::From(other, extension[other.index()]));
        cost.flows.push(Flow::From(holder, extension[holder.index()] + transfer.receiver));
        cost.flows.push(Flow::From(other, transfer.sender));
    }
    cost
}
