//! A demand as pieces, and the OTs that each takes.

use veilflow_correlation::{And, Demand, Kind, Product, Table, Triple};
use veilflow_net::Role;

/// How many OTs a direction makes between one message and the next. This bounds memory, and what waits in the
/// sender's queue.
const STEP: usize = 1 << 21;

pub(super) const ROLES: [Role; 2] = [Role::P0, Role::P1];

/// Correlations of one kind, and their number.
pub(super) type Piece = (Kind, usize);

/// Whether random OTs give such correlations. Others take a helper.
pub(super) fn makes(kind: Kind) -> bool {
    matches!(kind, Kind::Triple(_) | Kind::And(_) | Kind::Product(_) | Kind::Table(_))
}

/// What a piece takes of an OT of one direction: some low bits of each message, or its low word.
#[derive(Clone, Copy)]
pub(super) enum Take {
    Bits(usize),
    Word,
}

/// The runs of OTs from `sender` that a piece takes, each of the piece's length.
pub(super) fn takes((kind, _): Piece, sender: Role) -> Vec<Take> {
    match kind {
        Kind::Triple(Triple { payload }) => vec![Take::Bits(payload as usize)],
        Kind::And(And { sender: s }) if s == sender => vec![Take::Bits(1)],
        Kind::Product(Product { sender: s, .. }) if s == sender => vec![Take::Word],
        Kind::Table(Table { sender: s, digit, payload }) if s == sender => {
            vec![Take::Bits((payload as usize) << digit); digit as usize]
        }
        _ => Vec::new(),
    }
}

/// The lengths of the runs of OTs from `sender` that a piece takes.
pub(super) fn runs(piece: Piece, sender: Role) -> impl Iterator<Item = usize> {
    takes(piece, sender).into_iter().map(move |_| piece.1)
}

/// Cuts a demand into batches of pieces that each take about [`STEP`] OTs a direction.
pub(super) fn batches(demand: &Demand) -> Vec<Vec<Piece>> {
    let mut out: Vec<Vec<Piece>> = Vec::new();
    let mut room = 0;
    for (kind, count) in demand.iter() {
        for start in (0..count).step_by(STEP) {
            let piece = (kind, STEP.min(count - start));
            let ots = ROLES.map(|sender| runs(piece, sender).sum::<usize>());
            let most = ots[0].max(ots[1]);
            if out.is_empty() || most > room {
                out.push(Vec::new());
                room = STEP;
            }
            room = room.saturating_sub(most);
            out.last_mut().expect("there is a batch").push(piece);
        }
    }
    out
}
