//! Pairs for linear layers by correlated OT: the weight bits of their holder, as a rule the server, choose
//! (SCI-OT, CrypTFlow2 §5).
//!
//! For bit i of weight q, of value fᵢ = 2^i (the sign bit: −2^i), the other party enters the row of its mask
//! r that the weight multiplies; it gets x, the holder x + bit·row, both mod 2^(ℓ−i). Summed with fᵢ the
//! holder has S = W·r + Σ fᵢ·x and the other Σ fᵢ·x: s := S and W·r − s = −Σ fᵢ·x. The holder sees masked
//! rows, the other masked weight bits. An OT costs 1 bit plus ℓ − i bits an output position, besides the
//! random OT.

use veilflow_correlation::{Cost, Flow, LinearPair, LinearRequest, Result};
use veilflow_kernel::OperandRows;
use veilflow_net::Channel;
use veilflow_ot::{RandomOtReceiver, RandomOtSender, cot_bytes};
use veilflow_prim::Prg;
use veilflow_ring::{Bits, Ring, RingVec};

use crate::error::ot_error;

/// Elements received at a time: bounds memory.
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

/// Output positions a weight contributes to.
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

/// The half of who holds the weights.
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

/// The half of who does not.
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

/// OTs that a layer takes.
pub(super) fn ots(request: &LinearRequest) -> usize {
    pieces(request).map(|piece| piece.count).sum()
}

/// The conversation, where `extend` tells the bytes by P0 and by P1 that so many OTs take.
pub(super) fn cost(request: &LinearRequest, mut extend: impl FnMut(usize) -> [u64; 2]) -> Cost {
    let mut cost = Cost::default();
    for piece in pieces(request) {
        let extension = extend(piece.count);
        let transfer = cot_bytes(piece.ring, piece.count, width(request));
        // Whoever speaks in the extension goes first; the holder's choices follow, then the other's rows.
        let (holder, other) = (request.holder, request.holder.other());
        cost.flows.push(Flow::From(other, extension[other.index()]));
        cost.flows.push(Flow::From(holder, extension[holder.index()] + transfer.receiver));
        cost.flows.push(Flow::From(other, transfer.sender));
    }
    cost
}
