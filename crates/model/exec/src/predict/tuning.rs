//! The protocol choices that are quickest on a link.

use veilflow_correlation::{Cost, Flow};
use veilflow_net::LinkShape;
use veilflow_online::Tuning;

use crate::supplier::SupplierKind;

/// Time on the wire, in proportion to the least, that is given for fewer rounds: delays of real links vary
/// more than bandwidths.
const ROUNDS_BONUS: f64 = 1.1;

/// Without a link bytes decide, those of both parties and of a helper, but not at any price in rounds. By OT
/// they are fewest with leaves of 2 bits.
const FEWEST_BYTES: Tuning = Tuning { leaf_bits: 2, extra_levels: 2, dealt: false };

/// The protocol choices with which the conversation `cost` is quickest on `link`; of those about as quick,
/// the choices of fewest rounds. Without a link, the choices of fewest bytes with correlations from
/// `supplier`.
pub fn choose_tuning(
    link: Option<LinkShape>,
    supplier: SupplierKind,
    cost: impl Fn(Tuning) -> Cost,
) -> Tuning {
    let dealt = supplier == SupplierKind::Helper;
    match link {
        Some(link) => quickest(link, dealt, cost),
        None => fewest_bytes(dealt, cost),
    }
}

fn fewest_bytes(dealt: bool, cost: impl Fn(Tuning) -> Cost) -> Tuning {
    let leaves = if dealt { 2..=4 } else { 2..=2 };
    let choices = leaves.map(|leaf_bits| Tuning { leaf_bits, dealt, ..FEWEST_BYTES });
    choices.min_by_key(|&tuning| tuning.bytes(&cost(tuning))).unwrap_or(FEWEST_BYTES)
}

fn quickest(link: LinkShape, dealt: bool, cost: impl Fn(Tuning) -> Cost) -> Tuning {
    struct Judged {
        tuning: Tuning,
        seconds: f64,
        rounds: u64,
    }
    let choices = [2, 3, 4]
        .into_iter()
        .flat_map(|leaf_bits| [0, 1, 2].map(|extra_levels| Tuning { leaf_bits, extra_levels, dealt }));
    let judge = |tuning| {
        let cost = cost(tuning);
        Judged { tuning, seconds: wire_seconds(&cost, link), rounds: cost.volume().rounds }
    };
    let judged: Vec<Judged> = choices.map(judge).collect();
    let least = judged.iter().map(|j| j.seconds).fold(f64::INFINITY, f64::min);
    let near = judged.iter().filter(|j| j.seconds <= least * ROUNDS_BONUS);
    let best = near.min_by(|a, b| a.rounds.cmp(&b.rounds).then(a.seconds.total_cmp(&b.seconds)));
    best.map_or_else(Tuning::default, |j| j.tuning)
}

/// Seconds that a conversation spends on a link, if computing took none: each step waits for its slower
/// direction, and each round for the delay.
fn wire_seconds(cost: &Cost, link: LinkShape) -> f64 {
    let delay = link.one_way_delay.as_secs_f64();
    let step = |flow: &Flow| {
        let bytes = match *flow {
            Flow::From(_, bytes) | Flow::Helper(_, bytes) => bytes,
            Flow::Exchange(a, b) => a.max(b),
        };
        bytes as f64 / link.bandwidth_bytes_per_s
    };
    cost.flows.iter().map(step).sum::<f64>() + cost.volume().rounds as f64 * delay
}
