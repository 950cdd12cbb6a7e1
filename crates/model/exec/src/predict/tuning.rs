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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use veilflow_net::Role;

    use super::*;

    /// A message in each of `rounds` rounds, of `bytes` in all.
    fn talk(rounds: u32, bytes: u64) -> Cost {
        let turns = [Role::P0, Role::P1].into_iter().cycle().take(rounds as usize);
        let messages = turns.map(|from| Cost::message(from, bytes / u64::from(rounds)));
        messages.fold(Cost::default(), Cost::then)
    }

    /// A level beyond the fewest is a round more and saves bytes.
    fn levels(saved: u64) -> impl Fn(Tuning) -> Cost {
        move |tuning| talk(6 + tuning.extra_levels, 100_000 - saved * u64::from(tuning.extra_levels))
    }

    fn link(one_way_delay: Duration) -> Option<LinkShape> {
        Some(LinkShape { bandwidth_bytes_per_s: 1e6, one_way_delay })
    }

    #[test]
    fn long_delays_take_the_fewest_rounds_and_none_the_fewest_bytes() {
        let chosen = |delay, saved| choose_tuning(link(delay), SupplierKind::He, levels(saved)).extra_levels;
        assert_eq!(chosen(Duration::from_millis(40), 10_000), 0);
        assert_eq!(chosen(Duration::ZERO, 10_000), 2);
        // Less than a tenth of the time on the wire is not worth a round.
        assert_eq!(chosen(Duration::ZERO, 4_000), 0);
    }

    #[test]
    fn without_a_link_a_helper_changes_the_leaf_of_fewest_bytes() {
        let cost = |tuning: Tuning| talk(1, [0, 0, 300, 200, 250][tuning.leaf_bits as usize]);
        assert_eq!(choose_tuning(None, SupplierKind::Silent, cost), FEWEST_BYTES);
        let helped = Tuning { leaf_bits: 3, dealt: true, ..FEWEST_BYTES };
        assert_eq!(choose_tuning(None, SupplierKind::Helper, cost), helped);
    }
}
